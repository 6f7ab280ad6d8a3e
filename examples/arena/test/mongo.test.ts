import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasMongo, startMongo } from '../../../server/test/support/mongo.ts'
import type { TestMongo } from '../../../server/test/support/mongo.ts'
import { Program, killPrograms } from './support/program.ts'

interface Block {
  readonly id: string
  readonly event: string
  readonly data: { readonly n?: number; readonly epoch?: number; readonly state?: unknown }
}

/** Reads a feed until `isDone`; events that came are kept even when the server goes away. */
async function follow(
  url: string,
  lastId: string | null,
  isDone: (blocks: readonly Block[]) => boolean,
): Promise<Block[]> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), 30_000)
  const headers = lastId === null ? {} : { 'last-event-id': lastId }
  const response = await fetch(url, { headers, signal: abort.signal })
  const blocks: Block[] = []
  let text = ''
  try {
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk)
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const block = parse(text.slice(0, end))
        text = text.slice(end + 2)
        if (block) blocks.push(block)
      }
      if (isDone(blocks)) break
    }
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
  return blocks
}

function parse(text: string): Block | null {
  const field = (name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const data = field('data')
  if (data === '') return null
  return { id: field('id'), event: field('event'), data: JSON.parse(data) as Block['data'] }
}

const isThere = await hasMongo()

describe.skipIf(!isThere)('AR17 a log in MongoDB', () => {
  let mongo: TestMongo
  // The port lies below the range of outgoing connections, for it must still be free after the restart.
  const port = 20_000 + (process.pid % 10_000)

  beforeAll(async () => {
    mongo = await startMongo(1)
  }, 120_000)
  afterEach(killPrograms)
  afterAll(() => mongo.stop(), 60_000)

  const start = (database: string): Program => {
    const uri = new URL(mongo.uri)
    uri.pathname = `/${database}`
    return new Program({ PORT: String(port), MONGODB_URI: uri.href })
  }

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'AR17 CL3 EX3 after %s the room goes on with its bots, its history and its readers',
    async (signal) => {
      const database = `arena-${process.pid}-${signal}`.toLowerCase()
      const first = start(database)
      const watch = await first.printed(/(http:\S+\/watch\/\w+)/)
      const { origin } = new URL(watch)
      const roomId = watch.split('/').at(-1) ?? ''
      const log = `Log +MongoDB at mongodb://\\S+/${database}`
      expect(first.out).toMatch(new RegExp(`${log}\n`))
      const feed = `${origin}/rooms/${roomId}/feed`
      const before = await follow(
        feed,
        null,
        (blocks) => blocks.filter(({ event }) => event === 'patch').length >= 10,
      )
      const seen = before.filter(({ id }) => id !== '')
      const seats = async (): Promise<string[]> => {
        const answer = await fetch(`${origin}/rooms/${roomId}/state`)
        const { state } = (await answer.json()) as { state: { players: object } }
        return Object.keys(state.players).sort()
      }
      const bots = await seats()
      expect(bots).toHaveLength(8)
      first.child.kill(signal)
      await first.exit

      const second = start(database)
      expect(await second.printed(/\/watch\/(\w+)/), 'the same room, and no other').toBe(roomId)
      expect(second.out).toMatch(new RegExp(`${log}, 1 room goes on\n`))
      const { rooms } = (await (await fetch(`${origin}/rooms`)).json()) as {
        rooms: { roomId: string; clients: number; metadata: unknown }[]
      }
      expect(rooms).toMatchObject([
        { roomId, clients: 8, metadata: { title: 'Main Ring', bots: 8 } },
      ])
      const after = await follow(
        feed,
        seen.at(-1)?.id ?? null,
        (blocks) => blocks.filter(({ event }) => event === 'patch').length >= 60,
      )
      expect(after.map(({ event }) => event)).not.toContain('reset')
      expect(after.map(({ event }) => event)).not.toContain('snapshot')
      expect(after.find(({ event }) => event === 'owner')?.data.epoch).toBe(2)
      // The same bots in the same seats: nobody leaves and nobody joins.
      expect(after.map(({ event }) => event)).not.toContain('left')
      expect(after.map(({ event }) => event)).not.toContain('joined')
      expect(await seats()).toEqual(bots)
      // Every n once, in order, over the restart.
      const numbers = [...seen, ...after].flatMap(({ event, data }) =>
        data.n === undefined || event === 'snapshot' ? [] : [data.n],
      )
      const [lowest = 0] = numbers
      expect(numbers).toEqual(numbers.map((_, index) => lowest + index))
      const page = (await (await fetch(`${origin}/rooms/${roomId}/events?limit=1000`)).json()) as {
        events: { data: { n: number } }[]
      }
      expect(page.events[0]?.data.n, 'history from before').toBe(1)
      second.child.kill('SIGTERM')
      expect(await second.exit, second.err).toBe(0)
    },
    90_000,
  )
})
