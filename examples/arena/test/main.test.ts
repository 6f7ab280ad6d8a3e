import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Program, killPrograms } from './support/program.ts'

afterEach(killPrograms)

describe('AR16 the program', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'AR16 EX3 prints its addresses and where its log is, serves what they promise, and ends with 0 on %s',
    async (signal) => {
      const program = new Program({ PORT: '0' })
      const watch = await program.printed(/(http:\S+\/watch\/\w+)/)
      const roomId = watch.split('/').at(-1) ?? ''
      const { origin } = new URL(watch)
      const key = await program.printed(/API key\s+(\S+)/)
      expect(program.out).toContain(
        'Log              in memory, ends with this process (set MONGODB_URI to keep it)',
      )
      for (const path of ['/', '/watch', `/watch/${roomId}`, `/play/${roomId}`]) {
        const page = await fetch(origin + path)
        expect(page.status, path).toBe(200)
        expect(page.headers.get('content-type'), path).toContain('text/html')
      }
      expect((await fetch(`${origin}/nothing`)).status).toBe(404)
      const { rooms } = (await (await fetch(`${origin}/rooms`)).json()) as {
        rooms: { clients: number; metadata: unknown }[]
      }
      expect(rooms[0]).toMatchObject({ clients: 8, metadata: { title: 'Main Ring', bots: 8 } })
      const headers = { 'x-api-key': key }
      const started = await fetch(`${origin}/demo/start`, { method: 'POST', headers })
      expect(started.status).toBe(200)
      program.child.kill(signal)
      // The terminal and npm may both pass on the same Ctrl-C.
      program.child.kill(signal)
      expect(await program.exit, program.err).toBe(0)
      expect(program.err).toBe('')
    },
    60_000,
  )

  test('AR16 a port that is taken is said in one line, with exit code 1', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const program = new Program({ PORT: String(port) })
    expect(await program.exit).toBe(1)
    expect(program.err.trim().split('\n')).toHaveLength(1)
    expect(program.err).toContain(String(port))
    expect(program.err).toContain('PORT')
    holder.close()
  }, 60_000)

  test.each([
    [{ NODE_ENV: 'production' }, 'API_KEY is required when NODE_ENV is production'],
    [{ MONGODB_URI: 'mysql://u:secret@127.0.0.1/x' }, 'Expected a MongoDB connection string'],
    [{ MONGODB_URI: 'mongodb://u:secret@127.0.0.1:1/x' }, 'mongodb://***@127.0.0.1:1/x'],
    [{ ALLOWED_ORIGINS: 'nonsense' }, 'nonsense'],
  ])(
    'AR16 %j is said in one line, with exit code 1',
    async (env, message) => {
      const program = new Program({ PORT: '0', ...env })
      expect(await program.exit).toBe(1)
      expect(program.err.trim().split('\n')).toHaveLength(1)
      expect(program.err).toContain(message)
      expect(program.err).not.toContain('secret')
    },
    60_000,
  )

  test('AR16 a given key is never printed', async () => {
    const key = 'a-given-key-of-some-length'
    const program = new Program({ PORT: '0', API_KEY: key, NODE_ENV: 'production' })
    await program.printed(/\/watch\/\w+/)
    program.child.kill('SIGTERM')
    expect(await program.exit).toBe(0)
    expect(program.out + program.err).not.toContain(key)
  }, 60_000)
})
