import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/server/main.ts', import.meta.url))
const children = new Set<ChildProcess>()

/** Runs the real program from source; `out` and `err` fill as it prints. */
class Program {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  out = ''
  err = ''

  constructor(env: Record<string, string>) {
    const flags = ['--conditions=source', '--import', 'tsx']
    const { PATH = '' } = process.env
    this.child = spawn(process.execPath, [...flags, MAIN], { env: { PATH, ...env } })
    children.add(this.child)
    this.child.stdout?.on('data', (chunk) => (this.out += String(chunk)))
    this.child.stderr?.on('data', (chunk) => (this.err += String(chunk)))
    this.exit = once(this.child, 'exit').then(([code]) => code as number | null)
  }

  async printed(pattern: RegExp): Promise<string> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const match = pattern.exec(this.out)
      if (match) return match[1] ?? match[0]
      if (this.child.exitCode !== null) break
      await new Promise((resolve) => {
        setTimeout(resolve, 50)
      })
    }
    throw new Error(`Expected ${String(pattern)}, got ${this.out}${this.err}`)
  }
}

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})

describe('AR16 the program', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'AR16 prints its addresses, serves what they promise, and ends with 0 on %s',
    async (signal) => {
      const program = new Program({ PORT: '0' })
      const watch = await program.printed(/(http:\S+\/watch\/\w+)/)
      const roomId = watch.split('/').at(-1) ?? ''
      const { origin } = new URL(watch)
      const key = await program.printed(/API key\s+(\S+)/)
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
    [{ MONGODB_URI: 'mongodb://127.0.0.1/x' }, 'MONGODB_URI is set'],
    [{ ALLOWED_ORIGINS: 'nonsense' }, 'nonsense'],
  ])(
    'AR16 %j is said in one line, with exit code 1',
    async (env, message) => {
      const program = new Program({ PORT: '0', ...env })
      expect(await program.exit).toBe(1)
      expect(program.err.trim().split('\n')).toHaveLength(1)
      expect(program.err).toContain(message)
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
