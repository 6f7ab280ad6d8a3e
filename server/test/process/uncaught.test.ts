import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('misbehaving-program.ts', import.meta.url))
type Line = { level: string; err?: string; where?: string; roomId?: string; ticked?: number }
let lines: Line[] = []

async function run(...args: string[]): Promise<{ lines: Line[]; code: number }> {
  const options = ['--conditions=source', '--import', 'tsx', program, ...args]
  const running = promisify(execFile)(process.execPath, options, { timeout: 60_000 })
  const { stdout, code } = await running.then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  )
  const said = stdout.trim().split('\n').filter(Boolean)
  return { lines: said.map((line) => JSON.parse(line) as Line), code }
}

const told = (err: string): Line[] => lines.filter((line) => line.err === err)

describe('RM41 nothing that a game does ends the process, or is lost', () => {
  beforeAll(async () => {
    const ended = await run()
    lines = ended.lines
    expect(ended.code).toBe(0)
  }, 60_000)

  it('the other rooms go on', () => {
    expect(lines.at(-1)).toMatchObject({ level: 'end' })
    expect(lines.at(-1)?.ticked).toBeGreaterThan(2)
  })

  const hooks = [
    'onCreate',
    'onAuth',
    'onJoin',
    'onTick',
    'onLeave',
    'onDrain',
    'onDispose',
    'timer',
  ]
  const commands = ['act', 'open']
  it.each([...hooks, ...commands.map((name) => `command ${name}`)])(
    '%s: what it throws, and what it leaves behind, is told with its room',
    (where) => {
      const name = where.replace('command ', '')
      const [itself] = told(`${name}: itself`)
      expect(itself).toMatchObject({ level: 'error', where })
      const { roomId } = itself as Line
      expect(roomId).toMatch(/^[a-z0-9]{12}$/)
      for (const what of ['bare timeout', 'bare promise', 'after an await'])
        expect(told(`${name}: ${what}`)).toMatchObject([{ roomId, where: `outside of ${where}` }])
    },
  )

  it('a bad write to the state from a bare setTimeout is told with its room and hook', () => {
    const bad = lines.filter(({ err }) => err?.startsWith('Expected a finite number for Root.x'))
    const places = new Set(bad.map(({ where }) => where))
    for (const where of ['onJoin', 'onTick', 'onLeave', 'timer', 'command act'])
      expect(places).toContain(`outside of ${where}`)
  })

  it.each(['onTick', 'timer', 'onError'])(
    '%s: a promise that it should not give is told of',
    (name) => {
      expect(told(`${name}: promised`)[0]).toMatchObject({ where: name })
    },
  )

  it.each([
    ['raw', undefined],
    ['route', 'outside of GET /fails'],
    ['method', 'outside of method fails'],
    ['onConnect', 'outside of onConnect'],
    ['onDisconnect', 'outside of onDisconnect'],
  ])('%s: outside of rooms', (name, where) => {
    expect(told(`${name}: itself`)).toHaveLength(1)
    const outside = lines.filter((line) => line.where === where)
    if (where !== undefined) expect(outside.length).toBeGreaterThan(0)
  })

  it('what no code of ours has called is told too', () => {
    expect(told('outside: bare timeout')).toHaveLength(1)
  })
})

it("RM41 a server that leaves it to Node.js lets the process end: whenUncaught: 'crash'", async () => {
  const { lines: said, code } = await run('crash')
  expect(code).not.toBe(0)
  expect(said.some(({ level }) => level === 'end')).toBe(false)
})
