import { afterEach, describe, expect, test } from 'vitest'
import { Program, killPrograms } from './program.ts'

const SLOW = new URL('slow-close.ts', import.meta.url)

afterEach(killPrograms)

describe('EX2 the end of a program', () => {
  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ] as const)(
    'EX2 %s drains it to the end; %s in the middle of that changes nothing',
    async (first, second) => {
      const program = new Program(SLOW)
      await program.printed(/ready/)
      program.child.kill(first)
      await program.printed(/draining/)
      program.child.kill(second)
      expect(await program.exit, program.err).toBe(0)
      expect(program.out).toBe('ready\ndraining\ndrained\n')
    },
    60_000,
  )

  test('EX2 a drain that fails ends with 1', async () => {
    const program = new Program(SLOW, {}, ['fail'])
    await program.printed(/ready/)
    program.child.kill('SIGTERM')
    expect(await program.exit).toBe(1)
  }, 60_000)

  test('EX2 a server that can do its work no longer is closed, and ends with 1 and one line', async () => {
    const program = new Program(SLOW, {}, ['dead'])
    expect(await program.exit).toBe(1)
    expect(program.out).toBe('ready\ndraining\n')
    expect(program.err).toBe('The log is given up. This server ends: start it again\n')
  }, 60_000)
})

describe('EX2 the small examples', () => {
  test.each([
    ['counter', /counter runs on (http:\S+)/, '/health/live'],
    ['chat', /chat is open: (http:\S+)\//, '/'],
  ])(
    'EX2 the %s prints its address, serves, and ends with 0; a given key is never printed',
    async (name, address, path) => {
      const main = new URL(`../../${name}/src/main.ts`, import.meta.url)
      const env = { PORT: '0', API_KEY: 'a-given-key-of-some-length' }
      const program = new Program(main, env)
      const response = await fetch((await program.printed(address)) + path)
      expect(response.status).toBe(200)
      await response.arrayBuffer()
      program.child.kill('SIGINT')
      expect(await program.exit, program.err).toBe(0)
      expect(program.err).toBe('')
      expect(program.out).not.toContain(env.API_KEY)
    },
    60_000,
  )

  test.each(['counter', 'chat'])(
    'EX2 the %s that cannot start says so in one line and ends with 1',
    async (name) => {
      const main = new URL(`../../${name}/src/main.ts`, import.meta.url)
      const program = new Program(main, { PORT: '70000' })
      expect(await program.exit).toBe(1)
      expect(program.err).toBe("Expected PORT from 0 to 65535, got '70000'\n")
    },
    60_000,
  )
})
