import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { crawl, leave, wholeText } from './crawl.ts'
import type { Answer } from './crawl.ts'
import { visitsOf } from './leak-visits.ts'
import { DELAY_MS, LeakWorld } from './leak-world.ts'

const HIDDEN = {
  apiKey: 'an operator of a test',
  ticketSecret: 'x'.repeat(40),
  jwtSecret: 'y'.repeat(40),
  password: 'p',
}
const SECONDS = 40
const CLIENT = 'a-client-of-sixteen-and-more'

/** Positions of feeds of many rooms are sealed anew wherever they stand: which are equal is all that they may tell. */
function plain(text: string, tokens: Map<string, number>): string {
  return text.replaceAll(/(?<=id: |"id":")[\w-]{59}(?=[~"\n])/g, (token) => {
    if (!tokens.has(token)) tokens.set(token, tokens.size)
    return `token ${tokens.get(token)}`
  })
}

interface World {
  /** Everything that strangers were told, in order. */
  readonly told: readonly string[]
  readonly kinds: ReadonlySet<string>
}

/** What strangers are told by every route, second by second, while so much happens where they may not look. */
async function world(moves: number): Promise<World> {
  let count = 0
  await using started = await LeakWorld.start({
    ...HIDDEN,
    // The process grows with what happens.
    readRss: () => 100_000_000 + count * 4_096,
    heartbeatMs: 5_000,
  })
  const { test } = started
  const key = await test.post(
    '/admin/keys',
    { scopes: ['read:topic:news'] },
    { headers: { 'x-api-key': HIDDEN.apiKey } },
  )
  const weak = { 'x-api-key': (key.json as { key: string }).key }
  const over = await test.create('open', { name: 'Over' })
  await started.act(over, 'end', '')
  const open = await test.create('open', { name: 'Ada' })
  const late = await test.create('late', { name: 'Bea' })
  const leavers = [1, 2, 3].map((place) =>
    test.joinById(late.seat.roomId, { name: `Leaver ${place}` }),
  )
  const leaving = await Promise.all(leavers)
  const shy = await test.create('shy', { name: 'Cid' })
  const veil = await test.create('veil', { name: 'Dot' })
  await started.act(late, 'say', 'long ago')
  await test.advance(2 * DELAY_MS)
  const rooms = {
    open: open.seat.roomId,
    late: late.seat.roomId,
    shy: shy.seat.roomId,
    veil: veil.seat.roomId,
    over: over.seat.roomId,
  }
  const visits = visitsOf(rooms)
    // The server makes an id for each of these, and the rooms' ids are made from the same source.
    .filter(({ title }) => !/matchmake|\/admin\//.test(title))
    .concat(
      ['', '&rooms=', `&rooms=${rooms.late}`, `&rooms=${rooms.open},${rooms.late}`].map(
        (query) => ({
          title: 'GET /feed',
          path: `/feed?clientId=${CLIENT}${query}`,
        }),
      ),
    )
  const told: string[] = []
  const tokens = new Map<string, number>()
  const kept: Answer[] = []
  const look = async (): Promise<void> => {
    for (const headers of [{}, weak]) {
      const answers = await crawl(test as never, visits, { headers })
      kept.push(...answers)
    }
  }
  await look()
  for (let second = 0; second < SECONDS; second++) {
    // At the same ms in each world.
    if (second % 17 === 3) await started.act(open, 'say', `at ${second}`)
    for (let move = 0; move < moves / SECONDS; move++) {
      count++
      for (const player of [late, shy]) {
        await started.act(player, 'say', `move ${count}`)
        await started.act(player, 'deck', `deck ${count}`)
        if (count % 10 === 0) await started.act(player, 'meta', `title ${count}`)
      }
    }
    if (moves > 0 && second % 7 === 2) leaving.pop()?.sendSystem('leave', {})
    await test.advance(1_000 - (started.now % 1_000))
    for (const { visit, exchange } of kept)
      told.push(`${second} s: ${visit.title} ${visit.path}: ${exchange.bytes().length}`)
    if (second === 20) await look()
  }
  // What each was told, whole, with headers; and what comes before that of the next.
  for (const answer of kept)
    told.push(`${answer.visit.title} ${answer.visit.path}: ${plain(wholeText(answer), tokens)}`)
  leave(kept)
  await sleep(1)
  return { told, kinds: new Set(kept.map(({ visit }) => visit.title)) }
}

it('SS6 HT44 FE34 FE57 nobody learns by any answer, header, length or moment how much happens where they may not look', async () => {
  const quiet = await world(0)
  expect(quiet.kinds.size).toBeGreaterThan(20)
  expect(quiet.told.join('\n')).toContain('long ago')
  for (const moves of [40, 800]) {
    const { told } = await world(moves)
    expect(told).toHaveLength(quiet.told.length)
    // The first that differs says more than all of them.
    const at = told.findIndex((text, index) => text !== quiet.told[index])
    expect(told[at]).toBe(quiet.told[at])
  }
}, 180_000)
