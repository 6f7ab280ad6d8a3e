import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { FeedTail } from '../../src/feed/read/tail.ts'
import type { FeedTailsContext } from '../../src/feed/read/tail.ts'
import { advance } from '../../src/testing/time.ts'
import { overrideStore, pass, patch, recordHandlers, startRig, strange } from './support.ts'

/** More than a loop with a floor asks in a second, less than one without asks in one turn. */
const MOST_A_SECOND = 230

describe('OB31 loops of the log over a store that answers at once, and brings nothing', () => {
  it('OB31 a tail that is woken by its own reads does not take the event loop', async () => {
    let reads = 0
    let wake = (): void => {}
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            range: async (query) => {
              if (query.upTo === Number.MAX_SAFE_INTEGER) reads++
              wake()
              return store.events.range(query)
            },
          },
          wake: { subscribe: (call) => ((wake = call), () => {}) },
        }),
    })
    await advance(rig.clock, 1_000)
    reads = 0
    await advance(rig.clock, 10_000)
    expect(reads).toBeGreaterThan(100)
    expect(reads).toBeLessThan(10 * MOST_A_SECOND)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await advance(rig.clock, 100)
    expect(rig.shown).toHaveLength(1)
    await rig.outbox.stop()
  })

  it('OB31 tombstones that are never read back are not written over and over', async () => {
    let inserts = 0
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            insert: async (events) => {
              inserts++
              return { kind: 'blocked', index: 0, blocking: events[0] ?? null }
            },
          },
        }),
    })
    const first = await rig.store.events.allocate(2)
    await rig.store.events.insert([strange({ seq: first + 1 })])
    await pass(rig.clock, 4_000)
    inserts = 0
    await pass(rig.clock, 10_000)
    expect(inserts).toBeGreaterThan(10)
    expect(inserts).toBeLessThan(10 * MOST_A_SECOND)
    await rig.outbox.stop()
  })

  it('OB31 a flush whose every number is taken does not take the event loop', async () => {
    let asks = 0
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            insert: async (events) => {
              asks++
              const [event] = events
              return { kind: 'blocked', index: 0, blocking: strange({ seq: event?.seq ?? 0 }) }
            },
            insertNext: async (_count, make) => {
              asks++
              const [event] = make((await store.marks.counter()) + 1)
              return { kind: 'blocked', index: 0, blocking: strange({ seq: event?.seq ?? 0 }) }
            },
          },
        }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 10_000)
    expect(asks).toBeGreaterThan(100)
    // What is voided goes in inserts, too.
    expect(asks).toBeLessThan(10 * 2 * MOST_A_SECOND)
    expect(rig.outbox.stats.pendingEvents).toBe(1)
  })

  it('OB31 a counter that stands far below what was used is not asked over and over', async () => {
    let asks = 0
    let isBack = false
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            allocate: async (count) => {
              if (!isBack) return store.events.allocate(count)
              asks++
              return 1
            },
          },
        }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    isBack = true
    log.append(patch(2))
    await pass(rig.clock, 10_000)
    expect(asks).toBeGreaterThan(100)
    expect(asks).toBeLessThan(10 * MOST_A_SECOND)
    isBack = false
    await pass(rig.clock, 1_000)
    expect(rig.shown.map(({ n }) => n)).toEqual([1, 2])
    await rig.outbox.stop()
  })

  it('OB31 a tail of the feed whose page does not reach on does not take the event loop', async () => {
    const clock = new ManualClock()
    let loads = 0
    const outbox = { sealed: 100, floor: 0 }
    const tail = new FeedTail(0, {
      clock,
      outbox,
      now: () => clock.now(),
      source: {
        window: () => null,
        load: async () => {
          if (++loads > 50_000) throw new Error('The loop has no floor')
        },
      },
      onMoved: () => {},
      onCut: () => {},
    } as unknown as FeedTailsContext)
    // Without a delay it begins at the end of the log, which goes on.
    outbox.sealed = 200
    tail.advance()
    await clock.advanceAsync(1_000, 5)
    tail.stop()
    expect(loads).toBeGreaterThan(10)
    expect(loads).toBeLessThan(MOST_A_SECOND)
  })
})
