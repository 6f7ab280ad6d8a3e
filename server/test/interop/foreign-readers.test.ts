import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { command, defineGame, event, map, schema, str } from '@ringside/protocol'
import { createParser } from 'eventsource-parser'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFeed } from '../../../client/src/feed/index.ts'
import { pythonReader } from '../../../scripts/foreign-players.mjs'
import { createServer } from '../../src/index.ts'

const { CI, CHROMIUM_PATH = '/usr/bin/chromium' } = process.env

const game = defineGame({
  commands: { hit: command(0x0100, {}) },
  rooms: {
    arena: {
      state: schema({ notes: map(1, schema({ text: str(1) })) }),
      events: { chat: event({ text: str(1) }) },
    },
  },
})

/** What some reader or other takes for the end of a line or of a message, and halves of a character. */
const TEXTS = [
  'the first, at no tick',
  'a\u2028b\u2029c\u0085d',
  '\u2028\u2028data: evil',
  'x\r\n\r\nevent: evil\n\n',
  '\v\f\x1c\x1d\x1e\0',
  'é 😀 \uFEFF : "quoted" \\u2028',
  'half \ud800 of one',
]
/** As they are read: halves are replaced, and nothing else is changed. */
const SHOWN = TEXTS.slice(1).map((text) => text.toWellFormed())

interface Seen {
  readonly type: string
  readonly data: string
}

let port = 0
let server: ReturnType<typeof createServer<typeof game>>

beforeAll(async () => {
  server = createServer(game, { heartbeatMs: 1_000 })
  server.room('arena', {
    tickHz: 10,
    onCreate: () => ({ notes: { 'a\u2028b': { text: SHOWN.join('') } } }),
    onTick: (room) => {
      const text = TEXTS[room.tick]
      if (text !== undefined) room.emit('chat', { text })
      // Each reader is there for a heartbeat or two.
      if (room.tick === 50) room.end()
    },
  })
  port = await server.listen({ port: 0 })
})
afterAll(() => server.close())

/** A room that has just begun, and its feed's address. */
async function begin(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/matchmake/create/arena`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"Ada"}',
  })
  const { roomId } = (await answer.json()) as { roomId: string }
  return `http://127.0.0.1:${port}/rooms/${roomId}/feed?from=start`
}

/** All that is common to them: what they show is what was said, in order, and nothing else. */
function expectWhole(seen: readonly Seen[]): void {
  const texts = seen
    .filter(({ type }) => type === 'chat')
    .map(({ data }) => (JSON.parse(data) as { data: { text: string } }).data.text)
  expect(texts).toEqual(SHOWN)
  expect(seen.map(({ type }) => type).filter((type) => type === 'message')).toEqual([])
  expect(seen.map(({ type }) => type)).toEqual(expect.arrayContaining(['hello', 'patch', 'end']))
  for (const { data } of seen) expect(() => JSON.parse(data) as unknown).not.toThrow()
}

function parsed(text: string): Seen[] {
  const seen: Seen[] = []
  const parser = createParser({
    onEvent: ({ event: type = 'message', data }) => void seen.push({ type, data }),
    onError: (error) => {
      throw error
    },
  })
  parser.feed(text)
  return seen
}

describe.concurrent('SS4 readers as they are take a feed whole', { timeout: 60_000 }, () => {
  test('curl, and eventsource-parser of what it wrote', async () => {
    const { stdout } = await promisify(execFile)('curl', ['-sN', await begin()])
    expectWhole(parsed(stdout))
    expect(stdout).toMatch(/^: hb$/m)
    // No blank line ends a comment or a retry, and no line holds what some take for its end.
    expect(stdout).not.toMatch(/^(:|retry:).*\n\n/m)
    expect(stdout).not.toMatch(/[\u0085\u2028\u2029]/)
  })

  test('the SDK', async () => {
    const url = new URL(await begin())
    const seen: Seen[] = []
    await new Promise<void>((resolve) => {
      openFeed(url.href, {
        onEvent: (message) => {
          const type = message.type === 'game' ? message.name : message.type
          seen.push({ type, data: JSON.stringify(message.data) })
        },
        onPatch: (data) => void seen.push({ type: 'patch', data: JSON.stringify(data) }),
        onStatus: (status) => {
          if (status === 'ended') resolve()
        },
      })
    })
    expectWhole(seen)
  })

  test('sseclient-py and readers that split lines as Python does', async ({ skip }) => {
    let reader: ReturnType<typeof pythonReader>
    try {
      reader = pythonReader()
    } catch (error) {
      if (CI) throw error
      return skip(`Python: ${(error as Error).message}`)
    }
    const url = await begin()
    const runs = ['sseclient', 'splitlines'].map(async (mode) => {
      const { stdout } = await promisify(execFile)(reader.command, [...reader.args, url, mode], {
        env: { ...process.env, ...reader.environment },
      })
      expectWhole(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Seen),
      )
    })
    await Promise.all(runs)
  })

  test('EventSource of a browser', async ({ skip }) => {
    if (!existsSync(CHROMIUM_PATH) && !CI) return skip(`No Chromium at ${CHROMIUM_PATH}`)
    const url = await begin()
    const browser = await chromium.launch({
      executablePath: CHROMIUM_PATH,
      args: ['--no-sandbox', '--disable-gpu'],
    })
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${port}/rooms`)
      const seen = await page.evaluate(
        (address) =>
          new Promise<{ type: string; data: string }[]>((resolve) => {
            const events: { type: string; data: string }[] = []
            const source = new EventSource(address)
            for (const type of ['message', 'hello', 'snapshot', 'chat', 'patch', 'end'])
              source.addEventListener(type, (message) => {
                events.push({ type, data: (message as MessageEvent<string>).data })
                if (type !== 'end') return
                source.close()
                resolve(events)
              })
          }),
        url,
      )
      expectWhole(seen)
    } finally {
      await browser.close()
    }
  })
})

test('curl is where readers are tried', () => {
  expect(spawnSync('curl', ['--version']).status).toBe(0)
})
