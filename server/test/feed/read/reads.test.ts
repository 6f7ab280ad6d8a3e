import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { newPace } from '../../../src/feed/stream/stream.ts'
import { LogPages, MAX_PAGES_BYTES } from '../../../src/feed/read/log-pages.ts'
import type { LogPage } from '../../../src/feed/read/log-pages.ts'
import { holdPage, readAheadOf } from '../../../src/feed/read/read-ahead.ts'
import { CountingStore } from '../counting-store.ts'
import { FeedRig } from '../rig.ts'
import type { Reader, ScriptedRoom } from '../rig.ts'

const shotsIn = ({ text }: Reader): number => text.split('\nevent: shot\n').length - 1

async function startCounted(options: Parameters<typeof FeedRig.start>[0] = {}) {
  const clock = new ManualClock()
  const store = new CountingStore(clock)
  const rig = await FeedRig.start({ clock, store, feedRingBytes: 65_536, ...options })
  return { rig, store }
}

/** Ten events in each 100 ms. */
async function play(rig: FeedRig, room: ScriptedRoom, count: number): Promise<void> {
  const text = 'x'.repeat(8_000)
  for (let index = 0; index < count; index++) {
    room.emit('shot', { index, text })
    if (index % 10 === 9) await rig.advance(100)
  }
}

describe('FE5 what a paced stream reads', () => {
  it('FE5 200 paced streams at as many places read at most two events for each one shown', async () => {
    const { rig, store } = await startCounted()
    const room = await rig.room('a', {})
    await play(rig, room, 3_000)
    const { origin } = rig.outbox
    const seqOf = (index: number): number => origin + 1 + Math.floor((index * 2_600) / 200)
    const readers = Array.from({ length: 200 }, (_, index) =>
      rig.get(`/rooms/a/feed?checkpoint=${seqOf(index)}&speed=0.5`),
    )
    await rig.settle()
    // Somebody reads everything as fast as he can, over and over: that pushes out whatever is kept.
    const greedy = Array.from({ length: 2 }, () => rig.get('/rooms/a/feed?from=start'))
    for (let round = 0; round < 20; round++) await rig.settle()
    for (const reader of greedy) {
      expect(shotsIn(reader)).toBe(3_000)
      reader.exchange.abort()
    }
    const shown = (): number => readers.reduce((sum, reader) => sum + shotsIn(reader), 0)
    const before = shown()
    store.reset()
    await rig.advance(6_000, 100)
    const count = shown() - before
    expect(count).toBeGreaterThan(200 * 20)
    expect(store.documents).toBeLessThanOrEqual(2 * count)
    expect(store.reads).toBeLessThanOrEqual(count)
    // At the right time, and nothing left out.
    for (const [index, reader] of readers.entries()) {
      const seqs = reader.of('shot').map(({ id }) => id)
      expect(seqs).toEqual(seqs.map((_, step) => seqOf(index) + 1 + step))
      expect(seqs.length).toBeLessThan(320)
    }
  }, 60_000)

  it('FE5 one that need not wait reads twice as much each time, up to a page', () => {
    const pace = newPace(100)
    const limits = Array.from({ length: 8 }, () => readAheadOf(pace, 1).limit)
    expect(limits).toEqual([20, 40, 80, 160, 320, 500, 500, 500])
    pace.hasWaited = true
    expect(readAheadOf(pace, 1).limit).toBe(20)
  })

  it('FE5 what paced streams hold is bounded by their number; a large event is not held', () => {
    const pageOf = (bytes: number): LogPage => ({
      room: 'a',
      after: 0,
      next: 1,
      entries: [],
      bytes,
    })
    let held = 0
    for (let streams = 1; streams <= 10_000; streams++) {
      const pace = newPace(1)
      const ahead = readAheadOf(pace, streams)
      expect(ahead.limit).toBeGreaterThanOrEqual(1)
      const page = pageOf(2 * ahead.maxBytes)
      holdPage(pace, page, ahead)
      held += pace.page?.bytes ?? 0
      holdPage(pace, pageOf(1024 * 1024), ahead)
      expect(pace.page).toBeNull()
    }
    expect(held).toBeLessThan(7 * MAX_PAGES_BYTES)
  })
})

describe('FE5 pages of the log in memory', () => {
  const page = (after: number, next: number, bytes = 1): LogPage => ({
    room: 'a',
    after,
    next,
    entries: [],
    bytes,
  })

  it('FE5 are found by position, also one that begins before others', () => {
    const pages = new LogPages()
    const [long, short] = [page(0, 500), page(100, 120)]
    pages.put(long)
    pages.put(short)
    expect([0, 99, 100, 119, 120, 499, 500].map((at) => pages.find(at, 'a'))).toEqual([
      long,
      long,
      short,
      short,
      long,
      long,
      null,
    ])
    expect(pages.find(5, 'b')).toBeNull()
    expect(pages.find(5, undefined)).toBeNull()
  })

  it('FE5 are bounded by bytes; the one unused for longest goes first, the newest never', () => {
    const pages = new LogPages()
    const quarter = MAX_PAGES_BYTES / 4
    for (let index = 0; index < 4; index++) pages.put(page(index * 10, index * 10 + 10, quarter))
    expect(pages.find(0, 'a')).not.toBeNull()
    pages.put(page(40, 50, quarter))
    expect([0, 10, 20, 30, 40].map((at) => pages.find(at, 'a') !== null)).toEqual([
      true,
      false,
      true,
      true,
      true,
    ])
    expect(pages.bytes).toBe(MAX_PAGES_BYTES)
    pages.put(page(90, 99, 3 * MAX_PAGES_BYTES))
    expect([0, 40, 90].map((at) => pages.find(at, 'a') !== null)).toEqual([false, false, true])
  })
})
