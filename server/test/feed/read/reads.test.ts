import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { Pace, readSizeOf } from '../../../src/feed/stream/pace.ts'
import { MAX_STRETCHES_BYTES, Stretches } from '../../../src/feed/read/stretches.ts'
import type { Stretch } from '../../../src/feed/read/stretches.ts'
import { countingStore } from '../counting-store.ts'
import { FeedRig } from '../rig.ts'
import type { Reader, ScriptedRoom } from '../rig.ts'

const shotsIn = ({ text }: Reader): number => text.split('\nevent: shot\n').length - 1

async function startCounted(options: Parameters<typeof FeedRig.start>[0] = {}) {
  const clock = new ManualClock()
  const { store, count } = countingStore(clock)
  const rig = await FeedRig.start({ clock, store, feedRingBytes: 65_536, ...options })
  return { rig, store: count }
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
  it('FE5 FE36 200 paced streams at as many places read at most two events for each one shown', async () => {
    const { rig, store } = await startCounted()
    const room = await rig.room('a', {})
    await play(rig, room, 3_000)
    const nOf = (index: number): number => 1 + Math.floor((index * 2_600) / 200)
    const readers = Array.from({ length: 200 }, (_, index) =>
      rig.get(`/rooms/a/feed?checkpoint=${nOf(index)}&speed=0.5`),
    )
    await rig.settle()
    // Somebody reads everything as fast as they can, over and over: that pushes out whatever is kept.
    const greedy = Array.from({ length: 2 }, () => rig.get('/rooms/a/feed?from=start'))
    for (let round = 0; round < 20; round++) await rig.settle()
    for (const reader of greedy) {
      expect(shotsIn(reader)).toBe(3_000)
      reader.exchange.abort()
    }
    const shown = (): number => readers.reduce((sum, reader) => sum + shotsIn(reader), 0)
    const before = shown()
    store.reset()
    await rig.advance(6_000)
    const count = shown() - before
    expect(count).toBeGreaterThan(200 * 20)
    expect(store.documents).toBeLessThanOrEqual(2 * count)
    expect(store.reads).toBeLessThanOrEqual(count)
    // At the right time, and nothing left out.
    for (const [index, reader] of readers.entries()) {
      const shown = reader.of('shot').map(({ data }) => data.n)
      expect(shown).toEqual(shown.map((_, step) => nOf(index) + 1 + step))
      expect(shown.length).toBeLessThan(320)
    }
  }, 60_000)

  it('FE5 FE37 one that need not wait reads twice as much each time, up to a page', () => {
    const pace = new Pace(100)
    const limits = Array.from({ length: 8 }, () => readSizeOf(pace, 1).limit)
    expect(limits).toEqual([20, 40, 80, 160, 320, 500, 500, 500])
    expect([pace.waitFor(1_000, 0), pace.waitFor(2_000, 0)]).toEqual([0, 10])
    expect(readSizeOf(pace, 1).limit).toBe(20)
  })

  it('FE5 FE36 what paced streams hold is bounded by their number; a large event is not held', () => {
    const stretchOf = (bytes: number): Stretch => ({
      room: 'a',
      after: 0,
      next: 1,
      entries: [],
      bytes,
    })
    let held = 0
    for (let streams = 1; streams <= 10_000; streams++) {
      const pace = new Pace(1)
      const size = readSizeOf(pace, streams)
      expect(size.limit).toBeGreaterThanOrEqual(1)
      pace.hold(stretchOf(2 * size.maxBytes), size)
      held += pace.held?.bytes ?? 0
      pace.hold(stretchOf(1024 * 1024), size)
      expect(pace.held).toBeNull()
    }
    expect(held).toBeLessThan(7 * MAX_STRETCHES_BYTES)
  })
})

describe('FE5 stretches of the log in memory', () => {
  const stretch = (after: number, next: number, bytes = 1): Stretch => ({
    room: 'a',
    after,
    next,
    entries: [],
    bytes,
  })

  it('FE5 are found by position, also one that begins before others', () => {
    const stretches = new Stretches()
    const [long, short] = [stretch(0, 500), stretch(100, 120)]
    stretches.put(long)
    stretches.put(short)
    expect([0, 99, 100, 119, 120, 499, 500].map((at) => stretches.find(at, 'a'))).toEqual([
      long,
      long,
      short,
      short,
      long,
      long,
      null,
    ])
    expect(stretches.find(5, 'b')).toBeNull()
    expect(stretches.find(5, undefined)).toBeNull()
  })

  it('FE5 are bounded by bytes; the one unused for longest goes first, the newest never', () => {
    const stretches = new Stretches()
    const quarter = MAX_STRETCHES_BYTES / 4
    for (let index = 0; index < 4; index++)
      stretches.put(stretch(index * 10, index * 10 + 10, quarter))
    expect(stretches.find(0, 'a')).not.toBeNull()
    stretches.put(stretch(40, 50, quarter))
    expect([0, 10, 20, 30, 40].map((at) => stretches.find(at, 'a') !== null)).toEqual([
      true,
      false,
      true,
      true,
      true,
    ])
    expect(stretches.bytes).toBe(MAX_STRETCHES_BYTES)
    stretches.put(stretch(90, 99, 3 * MAX_STRETCHES_BYTES))
    expect([0, 40, 90].map((at) => stretches.find(at, 'a') !== null)).toEqual([false, false, true])
  })
})
