import { afterEach, beforeEach, expect, it } from 'vitest'
import { LeakWorld } from './leak-world.ts'
import type { Seat } from './leak-world.ts'

const OPERATOR = { 'x-api-key': 'an operator of a test' }

let world: LeakWorld
let veil: Seat

beforeEach(async () => {
  world = await LeakWorld.start({
    apiKey: OPERATOR['x-api-key'],
    ticketSecret: 'x'.repeat(40),
    jwtSecret: 'y'.repeat(40),
    password: 'p',
  })
  veil = await world.test.create('veil', { name: 'Dot' })
  for (const [what, text] of [
    ['say', 'seen'],
    ['veil', ''],
    ['say', 'hidden'],
    ['say', 'seen again'],
    ['unveil', ''],
    ['say', 'for all'],
  ] as const) {
    await world.act(veil, what, text)
    await world.test.advance(500)
  }
})
afterEach(() => world[Symbol.asyncDispose]())

it('HT45 what somebody may see of a public room, and others not, is for no cache that others ask too', async () => {
  const base = `/rooms/${veil.seat.roomId}`
  const { json } = await world.test.get(`${base}/events?limit=1000`, { headers: OPERATOR })
  const { events } = json as { events: { n: number; data: object }[] }
  const hidden = events.find(({ data }) => JSON.stringify(data).includes('"hidden"'))?.n ?? 0
  expect(hidden).toBeGreaterThan(1)
  for (const path of [
    `/events?after=${hidden - 1}&limit=2`,
    `/state?at=${hidden}`,
    `/series?path=said&every=100ms&from=1&to=${hidden + 1}`,
  ]) {
    const [known, nobody] = [
      await world.test.get(base + path, { headers: OPERATOR }),
      await world.test.get(base + path),
    ]
    expect(known.text, path).toContain('hidden')
    expect(known.headers['cache-control'], path).toBe('private, max-age=31536000, immutable')
    expect(nobody.text, path).not.toContain('hidden')
    expect(nobody.headers['cache-control'], path).toMatch(
      /^(no-store|public, max-age=31536000, immutable)$/,
    )
  }
  for (const path of ['/events', '/state', '/series?path=said']) {
    expect(
      (await world.test.get(base + path, { headers: OPERATOR })).headers['cache-control'],
    ).toBe('private, no-cache')
    expect((await world.test.get(base + path)).headers['cache-control']).toBe('no-cache')
  }
})
