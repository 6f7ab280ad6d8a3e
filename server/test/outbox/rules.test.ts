import { describe, expect, it } from 'vitest'
import type { InsertOutcome, LogEvent } from '../../src/outbox/contract/store.ts'
import { TOMBSTONE } from '../../src/outbox/contract/store.ts'
import {
  everything,
  overrideStore,
  pass,
  patch,
  recordHandlers,
  startRig,
  strange,
} from './support.ts'
import type { Rig } from './support.ts'

const unknown: InsertOutcome = { kind: 'unknown', cause: new Error('no answer') }
type Apply = (events: readonly LogEvent[]) => Promise<InsertOutcome>
type Fate = (events: readonly LogEvent[], apply: Apply) => InsertOutcome | Promise<InsertOutcome>

/** A rig whose first inserts meet these fates; later ones succeed. */
async function rigWithFates(
  fates: Fate[],
  limits: Parameters<typeof startRig>[0] = {},
): Promise<Rig & { readonly sent: (readonly LogEvent[])[] }> {
  const sent: (readonly LogEvent[])[] = []
  const rig = await startRig({
    ...limits,
    hooks: {
      insert: async (events, apply) => {
        if (events[0]?.type === TOMBSTONE) return apply(events)
        sent.push(events)
        const fate = fates.shift()
        return fate ? fate(events, apply) : apply(events)
      },
    },
  })
  return { ...rig, sent }
}

const ns = (events: readonly LogEvent[]): number[] => events.map((event) => event.n)
const seqsFrom = (rig: Rig, events: readonly LogEvent[]): number[] =>
  events.map((event) => event.seq - rig.outbox.origin)

describe('OB1 shown only when acknowledged', () => {
  it('OB1 an event whose insert has not answered is not shown, and durable waits', async () => {
    let release = (): void => {}
    const rig = await rigWithFates([
      (events, apply) => new Promise((resolve) => (release = () => resolve(apply(events)))),
    ])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    let isDurable = false
    log.append(patch(1))
    void log.durable().then(() => (isDurable = true))
    await pass(rig.clock, 50)
    expect(rig.shown).toEqual([])
    expect([isDurable, log.acknowledgedN]).toEqual([false, 0])
    release()
    await pass(rig.clock, 0)
    expect(ns(rig.shown)).toEqual([1])
    expect([isDurable, log.acknowledgedN]).toEqual([true, 1])
  })

  it('OB1 an unknown outcome that had landed is acknowledged after it was asked again', async () => {
    const rig = await rigWithFates([
      async (events, apply) => {
        await apply(events)
        return unknown
      },
    ])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    await pass(rig.clock, 5)
    expect(log.acknowledgedN).toBe(0)
    expect(rig.outbox.stats.lastError).toBe('no answer')
    await pass(rig.clock, 100)
    expect(log.acknowledgedN).toBe(2)
    expect(ns(await everything(rig.store))).toEqual([1, 2])
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0, lastError: null })
  })

  it('OB1 read gives nothing beyond W', async () => {
    const rig = await startRig()
    const first = await rig.store.events.allocate(3)
    await rig.store.events.insert([strange({ seq: first, room: 'r', n: 1 })])
    await rig.store.events.insert([strange({ seq: first + 2, room: 'r', n: 2 })])
    await pass(rig.clock, 0)
    const page = await rig.outbox.read({ after: rig.outbox.origin, upTo: 9e15, limit: 10 })
    expect(seqsFrom(rig, page.events)).toEqual([1])
    expect(page.next).toBe(first)
    expect(rig.outbox.sealed).toBe(first)
  })
})

describe('OB2 order and group commit', () => {
  it('OB2 OB42 what gathers over all rooms goes in one ordered insert; n, seq, prev, at are bound at send', async () => {
    const rig = await rigWithFates([])
    const red = await rig.outbox.openRoom('red', recordHandlers())
    const blue = await rig.outbox.openRoom('blue', recordHandlers())
    red.append(patch(1))
    blue.append(patch(1))
    red.append({ type: 'kill', data: '{"by":"a"}' })
    red.append({ ...patch(2), hidden: '{"m":1}' })
    await pass(rig.clock, 0)
    expect(rig.sent).toHaveLength(1)
    expect(rig.shown).toEqual(rig.sent[0])
    expect(
      rig.shown.map(({ room, n, prev, type, hidden }) => [room, n, prev, type, hidden]),
    ).toEqual([
      ['red', 1, 0, 'patch', null],
      ['blue', 1, 0, 'patch', null],
      ['red', 2, 1, 'kill', null],
      ['red', 3, 1, 'patch', '{"m":1}'],
    ])
    expect(seqsFrom(rig, rig.shown)).toEqual([1, 2, 3, 4])
    expect(new Set(rig.shown.map((event) => event.at))).toEqual(new Set([rig.clock.now()]))
  })

  it('OB2 OB42 what is appended during a flush waits for it and goes with the next', async () => {
    let release = (): void => {}
    const rig = await rigWithFates([
      (events, apply) => new Promise((resolve) => (release = () => resolve(apply(events)))),
    ])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    log.append(patch(2))
    log.append(patch(3))
    await pass(rig.clock, 100)
    expect(rig.sent.map((batch) => batch.length)).toEqual([1])
    release()
    await pass(rig.clock, 0)
    expect(rig.sent.map((batch) => batch.length)).toEqual([1, 2])
    expect(ns(rig.shown)).toEqual([1, 2, 3])
  })

  it('OB2 a resend after an unknown outcome carries the very same events', async () => {
    const rig = await rigWithFates([() => unknown, () => unknown])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 5)
    log.append(patch(2))
    await pass(rig.clock, 200)
    expect(rig.sent[1]).toEqual(rig.sent[0])
    expect(rig.sent[2]).toEqual(rig.sent[0])
    expect(rig.sent[3]?.map((event) => event.n)).toEqual([2])
  })

  it('OB2 OB43 a batch that had landed in part is told apart with one read, not an insert for each', async () => {
    const ranges: boolean[] = []
    let blockings = 0
    const rig = await startRig({
      wrap: (store) => {
        let isFirst = true
        return overrideStore(store, {
          events: {
            insert: async (events) => {
              if (!isFirst) {
                const outcome = await store.events.insert(events)
                if (outcome.kind === 'blocked') blockings++
                return outcome
              }
              isFirst = false
              await store.events.insert(events.slice(0, 150))
              return unknown
            },
            range: (query) => {
              if (blockings > 0 && query.isBare) ranges.push(true)
              return store.events.range(query)
            },
          },
        })
      },
    })
    const logs = [
      await rig.outbox.openRoom('red', recordHandlers()),
      await rig.outbox.openRoom('blue', recordHandlers()),
    ]
    for (let value = 0; value < 100; value++) for (const log of logs) log.append(patch(value))
    await pass(rig.clock, 100)
    expect([blockings, ranges.length]).toEqual([1, 1])
    expect(logs.map((log) => log.acknowledgedN)).toEqual([100, 100])
    expect(rig.shown).toHaveLength(200)
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, tombstoneCount: 0 })
  })

  it('OB2 OB43 behind an own event that had landed only own ones are passed', async () => {
    const rig = await rigWithFates([
      async (events, apply) => {
        const [first, second] = events
        if (first) await apply([first])
        if (second) await rig.store.events.insert([strange({ seq: second.seq, type: TOMBSTONE })])
        return unknown
      },
    ])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    for (const value of [1, 2, 3]) log.append(patch(value))
    await pass(rig.clock, 100)
    expect(log.acknowledgedN).toBe(3)
    expect(rig.shown.map(({ n, data }) => [n, data])).toEqual([
      [1, '{"v":1}'],
      [2, '{"v":2}'],
      [3, '{"v":3}'],
    ])
    expect(seqsFrom(rig, rig.shown)).toEqual([1, 4, 5])
  })

  it('OB2 OB44 a foreign seq costs new, higher numbers for it and all that follows; n stays', async () => {
    const rig = await rigWithFates([
      async (events, apply) => {
        const second = events[1]
        if (second) await rig.store.events.insert([strange({ seq: second.seq, type: TOMBSTONE })])
        return apply(events)
      },
    ])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    for (const value of [1, 2, 3]) log.append(patch(value))
    await pass(rig.clock, 0)
    expect(rig.shown.map(({ n, data }) => [n, data])).toEqual([
      [1, '{"v":1}'],
      [2, '{"v":2}'],
      [3, '{"v":3}'],
    ])
    expect(seqsFrom(rig, rig.shown)).toEqual([1, 4, 5])
    expect(rig.outbox.stats.tombstoneCount).toBe(1)
  })

  it('OB2 OB45 a foreign {room, n} fences that room only; its numbers are voided', async () => {
    const rig = await rigWithFates([])
    const fenced = recordHandlers()
    const other = recordHandlers()
    const red = await rig.outbox.openRoom('red', fenced)
    const blue = await rig.outbox.openRoom('blue', other)
    const taken = await rig.store.events.allocate(1)
    await rig.store.events.insert([strange({ seq: taken, room: 'red', n: 1, epoch: 2 })])
    red.append(patch(1))
    blue.append(patch(1))
    red.append(patch(2))
    blue.append(patch(2))
    const lost = red.durable()
    const reason = lost.catch((error: Error) => error.message)
    await pass(rig.clock, 0)
    expect(await reason).toMatch(/over/)
    expect(fenced.calls).toEqual(['fenced'])
    expect(other.calls).toEqual([])
    expect(red.append(patch(3))).toBe(false)
    expect(red.isFull).toBe(true)
    const blues = rig.shown.filter((event) => event.room === 'blue')
    expect(blues.map((event) => event.data)).toEqual(['{"v":1}', '{"v":2}'])
    expect(rig.outbox.sealed).toBe(rig.outbox.origin + 5)
    expect(rig.outbox.stats).toMatchObject({ tombstoneCount: 2, pendingEvents: 0 })
  })

  it('OB2 OB46 a blocking event that is gone again means: send again', async () => {
    const rig = await rigWithFates([() => ({ kind: 'blocked', index: 0, blocking: null })])
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 50)
    expect(rig.sent[1]).toEqual(rig.sent[0])
    expect(log.acknowledgedN).toBe(1)
  })

  it('OB2 a store that throws is an unknown outcome', async () => {
    const rig = await startRig({
      wrap: (store) => {
        let failures = 3
        return overrideStore(store, {
          events: {
            insert: (events) =>
              failures-- > 0 ? Promise.reject(new Error('broken')) : store.events.insert(events),
          },
        })
      },
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 200)
    expect(log.acknowledgedN).toBe(1)
  })

  it('OB2 at never goes back within a room, whatever the clock of the store does', async () => {
    let now = 1_000
    const rig = await startRig({
      wrap: (store) => overrideStore(store, { clock: { now: () => now } }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    now = 400
    log.append(patch(2))
    await pass(rig.clock, 0)
    now = 1_400
    log.append(patch(3))
    await pass(rig.clock, 0)
    expect(rig.shown.map((event) => event.at)).toEqual([1_000, 1_000, 1_400])
  })
})

describe('OB3 the sealed watermark', () => {
  const limits = { pollMs: 50, holeTimeoutMs: 500 }

  it('OB3 OB47 a hole is waited for; nothing behind it is shown before it is filled', async () => {
    const rig = await startRig({ limits })
    const first = await rig.store.events.allocate(3)
    await rig.store.events.insert([strange({ seq: first + 1 }), strange({ seq: first + 2 })])
    await pass(rig.clock, 450)
    expect(rig.shown).toEqual([])
    expect(rig.outbox.sealed).toBe(rig.outbox.origin)
    await rig.store.events.insert([strange({ seq: first })])
    await pass(rig.clock, 0)
    expect(seqsFrom(rig, rig.shown)).toEqual([1, 2, 3])
    expect(rig.outbox.stats.tombstoneCount).toBe(0)
  })

  it('OB3 OB47 after the time-out the whole visible gap gets tombstones; who comes second loses', async () => {
    const rig = await startRig({ limits })
    const first = await rig.store.events.allocate(5)
    await rig.store.events.insert([strange({ seq: first + 2 })])
    await rig.store.events.insert([strange({ seq: first + 4 })])
    await pass(rig.clock, 700)
    expect(seqsFrom(rig, rig.shown)).toEqual([3, 5])
    expect((await everything(rig.store)).map((event) => event.type === TOMBSTONE)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
    const late = strange({ seq: first + 1, room: 'r', n: 1 })
    expect(await rig.store.events.insert([late])).toMatchObject({ blocking: { type: TOMBSTONE } })
  })

  it('OB3 a hole seen later than the one waited for has a time-out of its own', async () => {
    const rig = await startRig({ limits })
    const first = await rig.store.events.allocate(4)
    await rig.store.events.insert([strange({ seq: first + 1 })])
    await pass(rig.clock, 400)
    await rig.store.events.insert([strange({ seq: first + 3 })])
    await pass(rig.clock, 250)
    expect(rig.outbox.sealed).toBe(first + 1)
    await pass(rig.clock, 600)
    expect(rig.outbox.sealed).toBe(first + 3)
  })

  it('OB3 OB47 only time with successful reads counts', async () => {
    let isDown = false
    const rig = await startRig({
      limits,
      wrap: (store) =>
        overrideStore(store, {
          events: {
            range: (query) =>
              isDown ? Promise.reject(new Error('away')) : store.events.range(query),
          },
        }),
    })
    const first = await rig.store.events.allocate(2)
    await rig.store.events.insert([strange({ seq: first + 1 })])
    await pass(rig.clock, 300)
    isDown = true
    await pass(rig.clock, 5_000)
    expect(rig.outbox.stats.lastError).toBe('away')
    isDown = false
    await pass(rig.clock, 150)
    expect(rig.outbox.sealed).toBe(rig.outbox.origin)
    await pass(rig.clock, 250)
    expect(rig.outbox.sealed).toBe(first + 1)
  })

  it('OB3 reads that fail now and then break the time that counts', async () => {
    let reads = 0
    const rig = await startRig({
      limits: { ...limits, pollMs: 300 },
      wrap: (store) =>
        overrideStore(store, {
          events: {
            range: (query) =>
              query.upTo === Number.MAX_SAFE_INTEGER && reads++ % 2
                ? Promise.reject(new Error('away'))
                : store.events.range(query),
          },
        }),
    })
    const first = await rig.store.events.allocate(2)
    await rig.store.events.insert([strange({ seq: first + 1 })])
    await pass(rig.clock, 3_000)
    expect(rig.outbox.sealed).toBe(rig.outbox.origin)
  })

  it('OB3 a process that stood still has not looked', async () => {
    const rig = await startRig({ limits })
    const first = await rig.store.events.allocate(2)
    await rig.store.events.insert([strange({ seq: first + 1 })])
    await pass(rig.clock, 100)
    rig.clock.advance(5_000)
    await pass(rig.clock, 0)
    expect(rig.outbox.sealed).toBe(rig.outbox.origin)
    await pass(rig.clock, 500)
    expect(rig.outbox.sealed).toBe(first + 1)
  })

  it('OB3 OB52 a writer that lost twice writes its batch in one step with its numbers', async () => {
    const steps: string[] = []
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            insert: async (events) => {
              steps.push(events[0]?.type === TOMBSTONE ? 'void' : 'insert')
              const first = events[0]
              if (first && first.type !== TOMBSTONE)
                await store.events.insert([strange({ seq: first.seq, type: TOMBSTONE })])
              return store.events.insert(events)
            },
            insertNext: (count, make) => {
              steps.push('insertNext')
              return store.events.insertNext(count, make)
            },
          },
        }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    await pass(rig.clock, 0)
    expect(steps.filter((step) => step !== 'void')).toEqual(['insert', 'insert', 'insertNext'])
    expect(rig.shown.map((event) => event.data)).toEqual(['{"v":1}', '{"v":2}'])
    expect(ns(rig.shown)).toEqual([1, 2])
  })

  it('OB2 OB52 OB73 a refusal that undoes a transaction takes no event before it', async () => {
    const isRefused = ({ data }: LogEvent): boolean => data.includes('refuse')
    const refusedAt = (index: number): InsertOutcome => {
      return { kind: 'refused', index, cause: new Error('Refused') }
    }
    let lossesLeft = 2
    const transactions: (readonly string[])[] = []
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            insert: async (events) => {
              const first = events[0]
              if (first && first.type !== TOMBSTONE && lossesLeft-- > 0)
                await store.events.insert([strange({ seq: first.seq, type: TOMBSTONE })])
              const index = events.findIndex(isRefused)
              if (index < 0) return store.events.insert(events)
              const outcome = await store.events.insert(events.slice(0, index))
              return outcome.kind === 'stored' ? refusedAt(index) : outcome
            },
            insertNext: async (count, make) => {
              let index = -1
              try {
                return await store.events.insertNext(count, (first) => {
                  const events = make(first)
                  transactions.push(events.map(({ room, n }) => `${room} ${n}`))
                  index = events.findIndex(isRefused)
                  if (index >= 0) throw new Error('Undone')
                  return events
                })
              } catch {
                return refusedAt(index)
              }
            },
          },
        }),
    })
    const handlers = recordHandlers()
    const bad = await rig.outbox.openRoom('bad', handlers)
    const good = await rig.outbox.openRoom('good', recordHandlers())
    bad.append(patch(1))
    bad.append(patch(2))
    bad.append({ type: 'patch', data: '{"refuse":1}' })
    good.append(patch(1))
    const closed = bad.close([{ type: 'end', data: '{}' }])
    const refusal = expect(closed).rejects.toMatchObject({ code: 'event_refused' })
    await pass(rig.clock, 100)
    await refusal
    expect(transactions).toEqual([
      ['bad 1', 'bad 2', 'bad 3', 'good 1', 'bad 4'],
      ['bad 1', 'bad 2'],
    ])
    expect(rig.shown.map(({ room, n, data }) => `${room} ${n} ${data}`)).toEqual([
      'bad 1 {"v":1}',
      'bad 2 {"v":2}',
      'good 1 {"v":1}',
      'bad 3 {}',
    ])
    expect([bad.acknowledgedN, good.acknowledgedN]).toEqual([3, 1])
    await pass(rig.clock, 5_000)
    expect(rig.outbox.sealed).toBeGreaterThanOrEqual(rig.shown.at(-1)?.seq ?? Infinity)
  })

  it('OB3 after an unknown transaction its numbers are the events own', async () => {
    let isFirst = true
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            insert: async (events) => {
              const first = events[0]
              if (isFirst && first && first.type !== TOMBSTONE)
                await store.events.insert([strange({ seq: first.seq, type: TOMBSTONE })])
              return store.events.insert(events)
            },
            insertNext: async (count, make) => {
              isFirst = false
              await store.events.insertNext(count, make)
              return unknown
            },
          },
        }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 100)
    expect(log.acknowledgedN).toBe(1)
    expect(ns(rig.shown)).toEqual([1])
  })

  it('OB3 OB50 a range that is not above every seq used is voided', async () => {
    let calls = 0
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            allocate: async (count) =>
              ++calls === 2 ? rig.outbox.origin + 1 : store.events.allocate(count),
          },
        }),
    })
    // Taken by nobody: an event could be stored there, before those that came before it.
    await rig.store.events.allocate(1)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    // The first flush is under way when the third event is appended.
    rig.clock.advance(0)
    log.append(patch(3))
    await pass(rig.clock, 0)
    expect(ns(rig.shown)).toEqual([1, 2, 3])
    expect(await rig.store.events.bySeq(rig.outbox.origin + 1)).toMatchObject({ type: TOMBSTONE })
  })

  it('OB3 a range at or below W is not used, though another process used it', async () => {
    let calls = 0
    const sent: LogEvent[] = []
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            allocate: async (count) =>
              ++calls === 1 ? rig.outbox.origin + 1 : store.events.allocate(count),
            insert: (events) => {
              sent.push(...events)
              return store.events.insert(events)
            },
          },
        }),
    })
    const taken = await rig.store.events.allocate(1)
    await rig.store.events.insert([strange({ seq: taken, room: 'other', n: 1 })])
    await pass(rig.clock, 0)
    expect(rig.outbox.sealed).toBe(taken)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 100)
    // By then what stood there may be cut: it would be written where nobody looks any more.
    expect(sent.map(({ seq, type }) => [seq - taken, type])).toEqual([[1, 'patch']])
    expect(log.acknowledgedN).toBe(1)
  })

  it('OB3 OB50 a counter that went far back is caught up with in one step', async () => {
    let lostCount = 0
    const asked: number[] = []
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            allocate: async (count) => {
              asked.push(count)
              return (await store.events.allocate(count)) - lostCount
            },
          },
        }),
    })
    await rig.store.events.allocate(400)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 5_000)
    lostCount = 400
    log.append(patch(2))
    await pass(rig.clock, 5_000)
    expect(asked).toEqual([1, 1, 400])
    expect(ns(rig.shown)).toEqual([1, 2])
  })

  it('OB3 OB49 no range is taken while nothing has gathered', async () => {
    const rig = await startRig()
    await rig.outbox.openRoom('r', recordHandlers())
    await pass(rig.clock, 1_000)
    expect(await rig.outbox.counter()).toBe(rig.outbox.origin)
  })

  it('OB3 OB48 W is stored now and then, and a new process starts there', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    log.append(patch(2))
    await pass(rig.clock, 500)
    const second = await startRig({ share: rig })
    expect(second.outbox.sealed).toBe(rig.outbox.origin + 1)
    await pass(rig.clock, 0)
    expect(ns(second.shown)).toEqual([2])
    await pass(rig.clock, 1_500)
    expect(await rig.store.marks.sealed()).toBe(rig.outbox.sealed)
  })
})

describe('OB4 taking over', () => {
  const closing = async <T>(rig: Rig, work: Promise<T>): Promise<T> => {
    await pass(rig.clock, 0)
    return work
  }

  it('OB4 OB59 a new room needs no marker and begins at n = 1, epoch 1', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    expect([log.epoch, log.acknowledgedN]).toEqual([1, 0])
    expect(await everything(rig.store)).toEqual([])
  })

  it('OB4 a room with history gets a marker at last + 1 with a higher epoch and a higher seq', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append({ type: 'kill', data: '{}' })
    await closing(rig, log.close())
    const again = await closing(rig, rig.outbox.openRoom('r', recordHandlers()))
    expect([again.epoch, again.acknowledgedN]).toEqual([2, 3])
    again.append(patch(2))
    await pass(rig.clock, 0)
    expect(rig.shown.map(({ n, type, epoch, prev }) => [n, type, epoch, prev])).toEqual([
      [1, 'patch', 1, 0],
      [2, 'kill', 1, 1],
      [3, 'owner', 2, 1],
      [4, 'patch', 2, 1],
    ])
    expect(rig.shown[2]?.data).toBe('{"epoch":2}')
  })

  it('OB4 OB55 the old owner is fenced by the marker and told so once', async () => {
    const one = await startRig()
    const two = await startRig({ share: one })
    const handlers = recordHandlers()
    const old = await one.outbox.openRoom('r', handlers)
    old.append(patch(1))
    await pass(one.clock, 0)
    const taken = await closing(one, two.outbox.openRoom('r', recordHandlers()))
    old.append(patch(2))
    old.append(patch(3))
    await pass(one.clock, 0)
    expect(handlers.calls).toEqual(['fenced'])
    expect(old.append(patch(4))).toBe(false)
    await expect(old.durable()).rejects.toThrow(/over/)
    taken.append(patch(9))
    await pass(one.clock, 0)
    expect(one.shown.map((event) => event.data)).toEqual(['{"v":1}', '{"epoch":2}', '{"v":9}'])
    expect(two.shown).toEqual(one.shown)
  })

  it('OB4 OB54 losing the place to an event = look again; to a marker = give up', async () => {
    for (const type of ['kill', 'owner']) {
      const rig = await startRig()
      const log = await rig.outbox.openRoom('r', recordHandlers())
      log.append(patch(1))
      await closing(rig, log.close())
      const opening = rig.outbox.openRoom('r', recordHandlers())
      // It may be refused before it is waited for.
      opening.catch(() => {})
      // Between its reading of `last` and its write: somebody else is at n = 2.
      const seq = await rig.store.events.allocate(1)
      for (let turn = 0; turn < 10; turn++) await Promise.resolve()
      await rig.store.events.insert([strange({ seq, room: 'r', n: 2, epoch: 1, type })])
      if (type === 'owner') await expect(closing(rig, opening)).rejects.toThrow(/another owner/)
      else {
        const taken = await closing(rig, opening)
        expect(taken.acknowledgedN).toBe(3)
        expect(await rig.store.events.byRoomN('r', 3)).toMatchObject({ type: 'owner', epoch: 2 })
      }
    }
  })

  it('OB4 two takeovers in one transaction: one has the room, the other is told so', async () => {
    const one = await startRig()
    const log = await one.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await closing(one, log.close())
    let lossCount = 0
    const two = await startRig({
      share: one,
      wrap: (store) =>
        overrideStore(store, {
          events: {
            allocate: async (count) => {
              const seq = await store.events.allocate(count)
              // Somebody else has written there: after two losses a transaction is used.
              if (lossCount++ < 2) await store.events.insert([strange({ seq, room: null, n: 0 })])
              return seq
            },
          },
        }),
    })
    const openings = [1, 2].map(() => two.outbox.openRoom('r', recordHandlers()))
    const ended = await closing(two, Promise.allSettled(openings))
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(lossCount).toBe(2)
    expect((await everything(one.store)).filter((event) => event.n > 0)).toHaveLength(2)
  })

  it.each([
    ['numbers', 1],
    ['the transaction', 2],
  ])(
    'OB4 a marker that lost its numbers and waits for %s until it is too old is not written',
    async (_what, losses) => {
      const one = await startRig()
      const log = await one.outbox.openRoom('r', recordHandlers())
      log.append(patch(1))
      await closing(one, log.close())
      let lossCount = 0
      let isAway = true
      const waited = async (): Promise<void> => {
        while (isAway && lossCount >= losses) await new Promise((resolve) => setImmediate(resolve))
      }
      const two = await startRig({
        share: one,
        limits: { retentionMs: 60_000 },
        wrap: (store) =>
          overrideStore(store, {
            events: {
              allocate: async (count) => {
                await waited()
                const seq = await store.events.allocate(count)
                if (lossCount++ < losses)
                  await store.events.insert([strange({ seq, room: null, n: 0 })])
                return seq
              },
              insertNext: async (count, make) => {
                await waited()
                return store.events.insertNext(count, make)
              },
            },
          }),
      })
      const opening = two.outbox.openRoom('r', recordHandlers())
      const outcome = expect(opening).rejects.toThrow(/took too long/)
      // What stands at its place meanwhile may be cut after 60 s.
      await pass(two.clock, 20_000)
      isAway = false
      await pass(two.clock, 5_000)
      await outcome
      expect(lossCount).toBeGreaterThanOrEqual(losses)
      expect(await one.store.events.byRoomN('r', 2)).toBeNull()
      // Whoever asks anew looks at the log anew.
      const again = await closing(two, two.outbox.openRoom('r', recordHandlers()))
      expect(again.acknowledgedN).toBe(2)
    },
  )

  it('OB4 the marker gets a seq above the last event even when the counter went back', async () => {
    const rig = await startRig()
    await rig.store.events.allocate(1)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await closing(rig, log.close())
    const second = await startRig({
      share: rig,
      wrap: (store) => {
        let isFirst = true
        return overrideStore(store, {
          events: {
            allocate: async (count) => {
              if (!isFirst) return store.events.allocate(count)
              isFirst = false
              return rig.outbox.origin + 1
            },
          },
        })
      },
    })
    await closing(rig, second.outbox.openRoom('r', recordHandlers()))
    await pass(rig.clock, 0)
    const events = await everything(rig.store)
    // The last one is a number that was taken to get past the counter, and not used.
    expect(events.map((event) => event.type)).toEqual([TOMBSTONE, 'patch', 'owner', TOMBSTONE])
  })

  it('OB4 OB53 last is the greatest of snapshot, marker and log', async () => {
    const rig = await startRig()
    const seq = (await rig.store.events.allocate(8)) + 7
    await rig.store.snapshots.save({
      room: 'r',
      n: 40,
      seq,
      epoch: 6,
      at: 5,
      patchN: 38,
      publicState: '{}',
      hiddenState: null,
      runtime: '{}',
    })
    const taken = await closing(rig, rig.outbox.openRoom('r', recordHandlers()))
    expect([taken.epoch, taken.acknowledgedN]).toEqual([7, 41])
    const marker = await rig.store.events.lastOfRoom('r')
    expect(marker?.seq).toBeGreaterThan(seq)
    expect(marker?.prev).toBe(38)
  })

  it('OB4 the log is looked at again when the snapshot is ahead of it: the room may have ended between', async () => {
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          snapshots: {
            at: async (room, seq) => {
              const end = await store.events.allocate(1)
              await store.events.insert([strange({ seq: end, room, n: 2, epoch: 1, type: 'end' })])
              const states = { publicState: '{}', hiddenState: null, runtime: '{}' }
              await store.snapshots.save({
                room,
                n: 2,
                seq: end,
                epoch: 1,
                at: 5,
                patchN: 1,
                ...states,
              })
              return store.snapshots.at(room, seq)
            },
          },
        }),
    })
    const first = await rig.store.events.allocate(1)
    await rig.store.events.insert([strange({ seq: first, room: 'r', n: 1, epoch: 1 })])
    const taken = rig.outbox.openRoom('r', recordHandlers())
    const code = taken.catch((error: { readonly code: string }) => error.code)
    await pass(rig.clock, 0)
    expect(await code).toBe('room_over')
  })

  it('OB4 OB6 a room whose log was cut beyond its marker is not restored as empty', async () => {
    const rig = await startRig()
    const first = await rig.store.events.allocate(1)
    await rig.store.events.insert([strange({ seq: first, room: 'r', n: 1, epoch: 1 })])
    const log = await closing(rig, rig.outbox.openRoom('r', recordHandlers()))
    const { sealed } = rig.outbox
    await rig.store.marks.raiseFloor(sealed)
    await rig.store.events.deleteThrough(sealed)
    // By now the process knows how far the log is cut.
    await rig.outbox.read({ after: sealed, limit: 1 })
    expect(rig.outbox.floor).toBe(sealed)
    await expect(rig.outbox.stateOf(log)).rejects.toMatchObject({ code: 'past_retention' })
  })

  it('OB4 a room that has ended is not opened again', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    expect(log.append({ type: 'end', data: '{}' })).toBe(true)
    expect(log.append(patch(2))).toBe(false)
    await closing(rig, log.close())
    await expect(rig.outbox.openRoom('r', recordHandlers())).rejects.toThrow(/ended/)
  })
})
