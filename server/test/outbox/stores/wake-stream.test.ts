import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { WakeStream } from '../../../src/outbox/stores/mongo/wake-stream.ts'
import type { WakeStreamContext } from '../../../src/outbox/stores/mongo/wake-stream.ts'

const TOLD = 'the events of the log were dropped, renamed or restored under this process'
const BACK = 'the change stream of the log is back'

/** Gives the answer of a cursor, or a failure. */
type Cursor = () => Promise<object | null>

function make(cursor: Cursor, repair: () => Promise<void> = async () => {}) {
  const clock = new ManualClock()
  const lines: string[] = []
  const note = (_fields: object, message: string): void => void lines.push(message)
  const seen = { asks: 0, streams: 0, closed: 0, wakes: 0, repairs: 0 }
  const watch = () => {
    seen.streams++
    return {
      tryNext: () => {
        if (++seen.asks > 50_000) throw new Error('The loop has no floor')
        return parts.cursor()
      },
      close: async () => void seen.closed++,
    }
  }
  const parts = { cursor }
  const stream = new WakeStream({
    events: { watch } as unknown as WakeStreamContext['events'],
    clock,
    logger: { debug() {}, info() {}, warn: note, error: note },
    repair: () => {
      seen.repairs++
      return repair()
    },
  })
  const stop = stream.subscribe(() => seen.wakes++)
  return { clock, stream, stop, seen, lines, parts }
}

/** As a server answers when nothing comes: after the time that it was asked to wait. */
const quiet =
  (clock: () => ManualClock): Cursor =>
  () =>
    new Promise((resolve) => clock().after(1_000, () => resolve(null)))

describe('OB96 the change stream as the log meets it', () => {
  it('OB96 a cursor that has died and answers at once is not asked over and over', async () => {
    const { clock, stream, seen, lines } = make(async () => null)
    await clock.advanceAsync(10_000, 10)
    expect(seen.asks).toBeGreaterThan(50)
    expect(seen.asks, 'in 10 s').toBeLessThan(120)
    expect(seen.closed).toBeGreaterThanOrEqual(seen.streams - 1)
    expect(seen.repairs).toBe(seen.streams - 1)
    expect(lines, 'said once').toEqual([TOLD])
    await stream.stop()
    const { asks } = seen
    await clock.advanceAsync(10_000, 10)
    expect(seen.asks).toBe(asks)
    expect(clock.pendingCount).toBe(0)
  })

  it('OB96 one that goes on after it says so once, and the next death is said anew', async () => {
    const rig = make(async () => null)
    const { clock, seen, lines, parts } = rig
    await clock.advanceAsync(3_000, 10)
    parts.cursor = quiet(() => clock)
    await clock.advanceAsync(5_000, 10)
    expect(lines).toEqual([TOLD, BACK])
    parts.cursor = async () => null
    await clock.advanceAsync(3_000, 10)
    expect(lines).toEqual([TOLD, BACK, TOLD])
    // Whoever waits for events looks each time, for nothing told of those between.
    expect(seen.wakes).toBeGreaterThan(2)
    rig.stop()
  })

  it('OB96 a quiet stream is not taken for a dead one, nor one whose first answers are early', async () => {
    const { clock, stop, seen, lines, parts } = make(async () => null)
    parts.cursor = async () => {
      if (seen.asks > 5) parts.cursor = quiet(() => clock)
      return null
    }
    await clock.advanceAsync(60_000, 50)
    expect(seen).toMatchObject({ streams: 1, repairs: 0 })
    expect(seen.asks).toBeGreaterThan(55)
    expect(lines).toEqual([])
    stop()
  })

  it('OB5 every insert that it is told of is passed on at once', async () => {
    const { clock, stop, seen, parts } = make(async () => ({}))
    let left = 500
    parts.cursor = () => (left-- > 0 ? Promise.resolve({}) : quiet(() => clock)())
    await clock.advanceAsync(500, 1)
    // The first was told of before.
    expect(seen.wakes).toBe(501)
    stop()
  })

  it('OB96 what cannot be repaired is tried again once a second, and no stream is opened', async () => {
    const { clock, stop, seen, lines } = make(
      async () => null,
      () => Promise.reject(new Error('away')),
    )
    await clock.advanceAsync(20_000, 10)
    expect(seen.streams).toBe(1)
    expect(seen.repairs).toBeGreaterThan(15)
    expect(seen.repairs).toBeLessThan(21)
    expect(lines).toEqual([TOLD])
    stop()
  })

  it('OB5 one that fails is opened again after a second; an older run never comes back', async () => {
    let fail = (_cause: Error): void => {}
    const { clock, stream, stop, seen, parts } = make(
      () => new Promise((_resolve, reject) => (fail = reject)),
    )
    fail(new Error('away'))
    await clock.advanceAsync(1_500, 10)
    expect(seen.streams).toBe(2)
    const failOlder = fail
    stop()
    const again = stream.subscribe(() => {})
    expect(seen.streams).toBe(3)
    parts.cursor = quiet(() => clock)
    failOlder(new Error('away'))
    await clock.advanceAsync(5_000, 10)
    expect(seen.streams).toBe(3)
    again()
  })
})
