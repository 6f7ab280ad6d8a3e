import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { ClientClaims, MAX_CLIENTS_PER_USER } from '../../src/feed/audience/client-claims.ts'
import { MemoryRecords } from '../../src/outbox/stores/memory/records.ts'
import { tokenOf } from '../auth/rig.ts'
import { readerNamed } from '../feed/rig.ts'
import { crawl, leave } from './crawl.ts'
import type { Visit } from './crawl.ts'
import { LeakWorld } from './leak-world.ts'

const OPERATOR = { 'x-api-key': 'an operator of a test' }
const SECRET = 'a secret of tokens for tests, 32 characters or more'

let world: LeakWorld

beforeEach(async () => {
  world = await LeakWorld.start({
    apiKey: OPERATOR['x-api-key'],
    ticketSecret: 'x'.repeat(40),
    jwtSecret: SECRET,
    password: 'p',
    publishPerSecond: 50,
  })
})
afterEach(() => world[Symbol.asyncDispose]())

/** Everything in the log that is no event of a room. */
async function messagesOf({ test }: LeakWorld): Promise<readonly LogEvent[]> {
  const all = { after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 100_000 }
  const events = await test.store.events.range(all)
  return events.filter(({ message }) => message !== undefined)
}

const published: Visit = {
  title: 'POST /feed/broadcast',
  path: '/feed/broadcast',
  body: { type: 'news', data: 'x' },
}

describe('SS7 a flood of what is refused', () => {
  it('SS7 by a user who may publish nothing leaves ten records a second in the log, and one of what was beyond them', async () => {
    const headers = { authorization: `Bearer ${await tokenOf(world.now)}` }
    const before = (await messagesOf(world)).length
    const answers = await crawl(
      world.test as never,
      Array.from({ length: 500 }, () => published),
      { headers },
    )
    const statuses = new Set(answers.map(({ exchange }) => exchange.status))
    expect(statuses).toEqual(new Set([403, 429]))
    await world.test.advance(100)
    expect((await messagesOf(world)).length - before).toBeLessThanOrEqual(11)
    // Others publish on.
    expect(
      (await world.test.post('/feed/broadcast', published.body, { headers: OPERATOR })).status,
    ).toBe(202)
  })

  it('SS7 of events beyond the rate leaves one record a second of them in the log', async () => {
    const answers = await crawl(
      world.test as never,
      Array.from({ length: 500 }, () => published),
      { headers: OPERATOR },
    )
    const taken = answers.filter(({ exchange }) => exchange.status === 202).length
    expect(taken).toBe(50)
    await world.test.advance(100)
    expect((await messagesOf(world)).filter(({ type }) => type === 'audit')).toHaveLength(taken + 1)
  })

  it('SS7 by a key that is no operator’s is written down ten times a second', async () => {
    const made = await world.test.post('/admin/keys', { scopes: [] }, { headers: OPERATOR })
    const headers = { 'x-api-key': (made.json as { key: string }).key }
    await world.test.advance(2_000)
    const [before, logged] = [(await messagesOf(world)).length, world.test.logged.length]
    const acts = ['kick', 'keys'].flatMap((act) =>
      Array.from({ length: 200 }, () => ({
        title: `POST /admin/${act}`,
        path: `/admin/${act}`,
        body: {},
      })),
    )
    const answers = await crawl(world.test as never, acts, { headers })
    expect(new Set(answers.map(({ exchange }) => exchange.status))).toEqual(new Set([403]))
    await world.test.advance(100)
    expect((await messagesOf(world)).length - before).toBeLessThanOrEqual(10)
    expect(world.test.logged.length - logged).toBeLessThanOrEqual(10)
  })

  it('LI3 AD9 by strangers with wrong keys is written down ten times a second for an address', async () => {
    const kick: Visit = { title: 'POST /admin/kick', path: '/admin/kick', body: { sessionId: 'x' } }
    const headers = { 'x-api-key': 'a key that is nobody’s and wrong' }
    await crawl(
      world.test as never,
      Array.from({ length: 300 }, () => kick),
      { headers, remoteAddress: '203.0.113.9' },
    )
    await crawl(
      world.test as never,
      Array.from({ length: 300 }, () => kick),
      { remoteAddress: '203.0.113.9' },
    )
    await world.test.advance(100)
    expect((await messagesOf(world)).length).toBeLessThanOrEqual(10)
  })
})

describe('FE151 the clients of one user', () => {
  it('FE151 are fifty, so that no user fills the store of bans and keys; those of a key are not counted', async () => {
    const headers = { authorization: `Bearer ${await tokenOf(world.now)}` }
    const open = async (
      ids: readonly string[],
      who: Readonly<Record<string, string>>,
    ): Promise<number[]> => {
      const statuses: number[] = []
      for (const id of ids) {
        const answers = await crawl(
          world.test as never,
          [{ title: 'GET /feed', path: `/feed?rooms=&clientId=${id}` }],
          { headers: who },
        )
        statuses.push(...answers.map(({ exchange }) => exchange.status))
        leave(answers)
      }
      return statuses
    }
    const ids = Array.from({ length: MAX_CLIENTS_PER_USER }, (_, index) => `client-${index}`)
    expect(new Set(await open(ids, headers))).toEqual(new Set([200]))
    expect(await open(['one-more', 'client-0', 'two-more'], headers)).toEqual([403, 200, 403])
    const others = { authorization: `Bearer ${await tokenOf(world.now, { sub: 'bob' })}` }
    expect(await open(['one-more', 'client-0'], others)).toEqual([200, 403])
    expect(
      new Set(
        await open(
          Array.from({ length: 60 }, (_, index) => `of-the-key-${index}`),
          OPERATOR,
        ),
      ),
    ).toEqual(new Set([200]))
  })

  it('FE151 are free again once their claims have run out', async () => {
    let time = 1_700_000_000_000
    const now = (): number => time
    const records = new MemoryRecords({ now })
    const claims = new ClientClaims({ records, now, salt: 'x' })
    const ada = readerNamed('user:ada')
    for (let index = 0; index < MAX_CLIENTS_PER_USER; index++) await claims.claim(`c${index}`, ada)
    await expect(claims.claim('late', ada)).rejects.toMatchObject({ code: 'forbidden' })
    time += 20 * 86_400_000
    await claims.claim('c0', ada)
    time += 15 * 86_400_000
    await claims.claim('late', ada)
    await claims.claim('c0', ada)
    for (let index = 2; index < MAX_CLIENTS_PER_USER; index++) await claims.claim(`d${index}`, ada)
    await expect(claims.claim('later', ada)).rejects.toMatchObject({ code: 'forbidden' })
  })
})
