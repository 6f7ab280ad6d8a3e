import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Json, RoomListing } from '@ringside/protocol'
import { ReadGate } from '../../src/feed/read/read-gate.ts'
import type { Clock } from '../../src/process/clock.ts'
import { FakeDirectory, FeedRig } from '../feed/rig.ts'

describe('FE152 readers of a log in memory', () => {
  it('FE152 take 5 ms of a turn and the question that crosses them, whatever they ask, and all are answered', async () => {
    let time = 0
    const clock: Clock = {
      now: () => time,
      after: () => () => {},
      soon(callback) {
        const handle = setImmediate(callback)
        return () => clearImmediate(handle)
      },
    }
    const gate = new ReadGate({ clock })
    let turns = 0
    let isOver = false
    const perTurn: number[] = []
    const count = async (): Promise<void> => {
      for (; !isOver; turns++) await turn()
    }
    const counting = count()
    // Each asks again and again, as a series does, and is answered within the turn.
    const read = async (who: string): Promise<void> => {
      for (let page = 0; page < 20; page++)
        await gate.run(who, async () => {
          time += 2
          perTurn[turns] = (perTurn[turns] ?? 0) + 1
        })
    }
    await Promise.all(Array.from({ length: 30 }, (_, index) => read(`10.0.0.${index % 3}`)))
    isOver = true
    await counting
    expect(perTurn.reduce((sum, reads) => sum + reads, 0)).toBe(600)
    expect(Math.max(...Object.values(perTurn))).toBeLessThanOrEqual(4)
    expect(gate.underway).toBe(0)
  })
})

describe('FE153 series', () => {
  it('FE153 two are made at once, twenty of an address wait, and one more is told to come again', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    for (let score = 1; score < 50; score++) room.patch({ score })
    await rig.advance(1_000)
    const path = '/rooms/a/series?path=score&every=1s'
    const readers = Array.from({ length: 30 }, () => rig.get(path))
    await rig.advance(0)
    const statuses = readers.map(({ exchange }) => exchange.status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(22)
    expect(statuses.filter((status) => status === 429)).toHaveLength(8)
    expect((await rig.open(path)).exchange.status).toBe(200)
  })

  it('FE101 FE100 a path that names a map has no values, and lists that are long are bounded in all', async () => {
    const rig = await FeedRig.start({ retentionMs: 86_400_000 })
    const many = Array.from({ length: 1_000 }, (_, index) => `item ${index}`)
    const room = await rig.room('a', { players: { ada: { score: 1 } }, many })
    await rig.advance(900_000)
    room.patch({ players: { ada: { score: 2 } } })
    await rig.settle()
    // A thousand characters and more at each of 9,000 points.
    const long = await rig.open('/rooms/a/series?path=many&every=100ms')
    expect([long.exchange.status, long.error]).toEqual([400, 'bad_request'])
    expect(long.text).toContain('characters of values')
    expect((await rig.open('/rooms/a/series?path=many&every=1m')).exchange.status).toBe(200)
    const maps = await rig.open('/rooms/a/series?path=players&path=players.ada&every=1m')
    expect(maps.text).toMatch(/^(\{"at":\d+,"n":\d,"values":\{\}\}\n)+$/)
    const scores = await rig.open('/rooms/a/series?path=players.ada.score&every=15m')
    expect([...scores.text.matchAll(/score":(\d)/g)].map(([, score]) => score)).toEqual(['1', '2'])
  })

  it('FE101 an idle hour costs one look, and paths that find nothing are bounded by where they look', async () => {
    const rig = await FeedRig.start({ retentionMs: 86_400_000 })
    const level = (depth: number): Json =>
      depth === 0
        ? 'x'
        : Object.fromEntries(
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((key) => [`k${key}`, level(depth - 1)]),
          )
    const room = await rig.room('a', { deep: level(3), x: 0 })
    await rig.advance(900_000)
    room.patch({ x: 1 })
    await rig.settle()
    const paths = Array.from({ length: 10 }, (_, index) => `path=*.*.*.none${index}`).join('&')
    // 9,000 points of one state.
    const idle = await rig.open(
      `/rooms/a/series?${paths}&path=x&every=100ms`.replace('&path=*.*.*.none9', ''),
    )
    expect(idle.exchange.status).toBe(200)
    for (let x = 2; x < 5_000; x++) {
      room.patch({ x })
      await rig.advance(100)
    }
    const busy = await rig.open(`/rooms/a/series?${paths}&every=100ms&from=2`)
    expect([busy.exchange.status, busy.text]).toEqual([
      400,
      expect.stringContaining('places of the state'),
    ])
  })

  it('FE100 FE101 the last minute of a long match is asked for without the rest of it', async () => {
    const rig = await FeedRig.start({ retentionMs: 86_400_000 })
    const room = await rig.room('a', { x: 0 })
    for (let x = 1; x <= 20; x++) {
      await rig.advance(100_000)
      room.patch({ x })
    }
    await rig.settle()
    expect((await rig.open('/rooms/a/series?path=x&every=100ms')).exchange.status).toBe(400)
    const last = await rig.open('/rooms/a/series?path=x&every=100ms&from=-60s')
    expect(last.exchange.status).toBe(200)
    const points = last.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { at: number; values: Json })
    expect(points.length).toBeGreaterThanOrEqual(600)
    expect(points.length).toBeLessThanOrEqual(602)
    expect([points[0]?.values, points.at(-1)?.values]).toEqual([{ x: 19 }, { x: 20 }])
    const first = points[0]?.at ?? 0
    expect((points.at(-1)?.at ?? 0) - first).toBeLessThanOrEqual(60_000)
  })

  it('FE153 whoever has gone is not worked for, and a room that has become private meanwhile is not shown', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    for (let score = 1; score < 5_000; score++) room.patch({ score })
    await rig.advance(1_000)
    const readers = Array.from({ length: 3 }, () => rig.get('/rooms/a/series?path=score&every=1s'))
    rig.directory.set('a', { isPrivate: true })
    readers[2]?.exchange.abort()
    await rig.advance(0)
    expect(readers.map(({ exchange }) => exchange.status)).toEqual([403, 403, 0])
  })
})

describe('FE154 streams that follow aliases', () => {
  it('FE154 are looked after together: a change of a room costs one list of the rooms, however many there are', async () => {
    let lists = 0
    class CountingDirectory extends FakeDirectory {
      override list(): RoomListing[] {
        lists++
        return super.list()
      }
    }
    const directory = new CountingDirectory()
    const rig = await FeedRig.start({ directory })
    await rig.room('first')
    const aliases = Array.from({ length: 99 }, (_, index) => `@arena:${index}`).join(',')
    const readers = Array.from({ length: 200 }, () => rig.get(`/feed?rooms=@arena,${aliases}`))
    await rig.advance(100)
    lists = 0
    directory.set('first', { type: 'arena' })
    await rig.advance(100)
    expect(lists).toBeLessThanOrEqual(2)
    directory.set('first', { isLive: false })
    await rig.room('second')
    await rig.advance(100)
    for (const reader of readers)
      expect(reader.of('room-alias').at(-1)?.data).toEqual({ alias: '@arena', room: 'second' })
    expect(lists).toBeLessThanOrEqual(12)
  })
})

describe('FE155 texts that can be no id of a room', () => {
  it('FE155 are not waited for, whatever they hold: 404', async () => {
    const rig = await FeedRig.start()
    for (const id of ['x'.repeat(65), 'x'.repeat(8_000), 'a.b', '%00', '..%2fa', '%F0%9F%98%80'])
      for (const query of ['', '?wait=300', '?wait=300&from=start'])
        expect((await rig.open(`/rooms/${id}/feed${query}`)).exchange.status).toBe(404)
    const waiting = await rig.open(`/rooms/${'x'.repeat(64)}/feed?wait=300`)
    expect([waiting.exchange.status, waiting.types]).toEqual([200, ['hello', 'room-unknown']])
    expect(rig.feed.streamCount).toBe(1)
  })
})
