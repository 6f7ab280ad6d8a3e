import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import type { RoomLog } from '../../../src/outbox/contract/outbox.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { Retention } from '../../../src/outbox/keep/retention.ts'
import type { LogEvent, LogStore } from '../../../src/outbox/contract/store.ts'
import { ManualClock } from '../../../src/process/clock.ts'
import { createRandom } from '../../../src/process/random.ts'
import { overrideStore, pass, recordHandlers, settle, startRig, strange } from '../support.ts'
import type { Rig } from '../support.ts'
import { hookedStore } from '../../../src/testing/store/hooked-store.ts'

/** Every room's state after each of its events, by the book: nothing is ever cut here. */
function modelAt(events: readonly LogEvent[], room: string, seq: number): string {
  let state: Json = {}
  for (const event of events)
    if (event.room === room && event.seq <= seq && event.type === 'patch')
      state = applyMergePatch(state, JSON.parse(event.data) as Json)
  return JSON.stringify(state)
}

/** The same from what is left of the log. */
async function rebuiltAt(rig: Rig, room: string, seq: number): Promise<string> {
  const base = await rig.outbox.snapshotAt(room, seq)
  let state = JSON.parse(base?.publicState ?? '{}') as Json
  const after = Math.max(base?.seq ?? 0, rig.outbox.floor)
  const page = await rig.outbox.read({ after, upTo: seq, limit: 1_000, room })
  expect(page.events[0]?.n ?? base?.n ?? 1, 'no gap after the snapshot').toBe(
    page.events[0] ? (base?.n ?? 0) + 1 : (base?.n ?? 1),
  )
  for (const event of page.events)
    if (event.type === 'patch') state = applyMergePatch(state, JSON.parse(event.data) as Json)
  return JSON.stringify(state)
}

it.each(Array.from({ length: 15 }, (_, index) => index + 1))(
  'OB6 whatever is cut, every state from the floor to W can be made again (seed %i)',
  async (seed) => {
    const random = createRandom(seed)
    const limits = { retentionMs: 10_000, retentionEvents: 150, snapshotEvery: 15 }
    const rig = await startRig({ limits })
    const rooms = new Map<string, RoomLog>()
    const ended = new Set<string>()
    let made = 0
    const open = async (): Promise<void> => {
      const id = `room${made++}`
      const log: RoomLog = await rig.outbox.openRoom(id, {
        onFenced: () => {},
        onGivenUp: () => {},
        onRefused: () => {},
        onWritable: () => {},
        // What it captures is the state after all that was appended: flushed first, so that it is known.
        onSnapshotDue: () => void due.add(id),
      })
      rooms.set(id, log)
      log.append({ type: 'patch', data: '{"v":0}' })
    }
    const due = new Set<string>()
    for (let count = 0; count < 4; count++) await open()
    for (let step = 0; step < 200; step++) {
      for (const [id, log] of rooms) {
        const kind = random.next()
        if (kind < 0.05) continue
        const value = random.int(0, 3) === 0 ? 'null' : String(step)
        if (id === 'room0' && step > 20) continue
        if (kind < 0.8)
          log.append({ type: 'patch', data: `{"v":${step},"k${random.int(0, 4)}":${value}}` })
        else if (kind < 0.99) log.append({ type: 'kill', data: '{}' })
        else {
          log.append({ type: 'end', data: '{}' })
          void log.close()
          rooms.delete(id)
          ended.add(id)
          await open()
        }
      }
      await pass(rig.clock, 120)
      for (const id of due) {
        const publicState = modelAt(rig.shown, id, rig.outbox.sealed)
        rooms.get(id)?.snapshot({ publicState, hiddenState: null, runtime: '{}' })
      }
      due.clear()
      if (step % 10 !== 0) continue
      await pass(rig.clock, 20)
      const { floor, sealed } = rig.outbox
      for (const id of rooms.keys())
        for (const seq of [floor, sealed, random.int(floor, sealed)])
          expect(await rebuiltAt(rig, id, seq), `${id} at floor + ${seq - floor}`).toBe(
            modelAt(rig.shown, id, seq),
          )
    }
    const { floor, origin } = rig.outbox
    expect(floor - origin, 'something was cut').toBeGreaterThan(100)
  },
)

it.each([
  ['of age', { retentionMs: 10_000, retentionEvents: 200_000 }],
  ['of number', { retentionMs: 1e12, retentionEvents: 100 }],
])(
  'FE3 OB71 whatever the limit %s, nothing younger than the largest delay is cut',
  async (_, limits) => {
    const delayMs = 60_000
    const rig = await startRig({ limits, maxDelayMs: () => delayMs })
    const log: RoomLog = await rig.outbox.openRoom('room', {
      ...recordHandlers(),
      onSnapshotDue: () => log.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' }),
    })
    for (let second = 0; second < 100; second++) {
      for (let step = 0; step < 5; step++) log.append({ type: 'kill', data: `{"step":${step}}` })
      await pass(rig.clock, 1_000)
    }
    const { floor, origin } = rig.outbox
    expect(floor, 'something was cut').toBeGreaterThan(origin)
    const youngestCut = rig.shown.findLast(({ seq }) => seq <= floor)
    expect(rig.clock.now() - (youngestCut?.at ?? 0)).toBeGreaterThan(delayMs)
  },
)

it('OB6 a log far over its limit is cut in rounds that follow each other at once', async () => {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock })
  const origin = await store.marks.origin()
  const count = 50_000
  const first = await store.events.allocate(count)
  const event = (index: number): LogEvent =>
    strange({ seq: first + index, room: 'room', n: index + 1, epoch: 1, at: clock.now() })
  await store.events.insert(Array.from({ length: count }, (_, index) => event(index)))
  clock.advance(20_000)
  const retention = new Retention({
    store,
    clock,
    logger: silentLogger,
    options: checkLimits({ retentionMs: 10_000 }),
    sealed: () => origin + count,
    askForSnapshot: () => false,
    stepBack: (seq, count) => seq - count,
    maxDelayMs: () => 0,
    outage: { failed() {}, worked() {} },
  })
  await retention.start()
  clock.advance(1_000)
  for (let turn = 0; turn < 20; turn++) {
    await settle()
    clock.advance(0)
  }
  expect(retention.floor - origin).toBe(count)
  await retention.stop()
  expect(clock.pendingCount).toBe(0)
})

/** A log that a dead process left: `roomCount` rooms with one event each; `cut` makes rounds over it. */
async function leftLog(roomCount: number, wrap: (store: LogStore) => LogStore = (store) => store) {
  const clock = new ManualClock()
  let operationCount = 0
  const hooks = { before: () => void operationCount++ }
  const store = hookedStore(new MemoryStore({ clock }), hooks)
  const first = await store.events.allocate(roomCount)
  const events = Array.from({ length: roomCount }, (_, index) =>
    strange({ seq: first + index, room: `room${index}`, n: 1, epoch: 1, at: clock.now() }),
  )
  await store.events.insert(events)
  clock.advance(20_000)
  const errors: string[] = []
  const retention = new Retention({
    store: wrap(store),
    clock,
    logger: { ...silentLogger, error: (_fields: object, text: string) => void errors.push(text) },
    options: checkLimits({ retentionMs: 10_000 }),
    sealed: () => first + roomCount - 1,
    askForSnapshot: () => false,
    stepBack: (seq, count) => seq - count,
    maxDelayMs: () => 0,
    outage: { failed() {}, worked() {} },
  })
  const cut = async (): Promise<number> => {
    const before = operationCount
    await retention.run()
    return operationCount - before
  }
  return { store, first, retention, cut, errors }
}

it('OB6 a round over many rooms asks the store few questions', async () => {
  const { store, first, retention, cut } = await leftLog(1_000)
  expect(await cut()).toBeLessThanOrEqual(40)
  expect(retention.floor).toBe(first + 999)
  for (const index of [0, 99, 100, 999])
    expect(await store.snapshots.at(`room${index}`, 9e15)).toMatchObject({
      n: 1,
      seq: first + index,
    })
})

it('OB6 stop ends a round between two groups of rooms, without raising the floor', async () => {
  const { retention, first, cut } = await leftLog(500, (store) =>
    overrideStore(store, {
      snapshots: {
        saveAll: (some) => {
          void retention.stop()
          return store.snapshots.saveAll(some)
        },
      },
    }),
  )
  expect(await cut()).toBeLessThanOrEqual(10)
  expect(retention.floor).toBeLessThan(first)
})

it('OB6 OB69 a state that could not be made is tried again before it is given up', async () => {
  let isStale = true
  const { retention, first, cut, errors } = await leftLog(2, (store) =>
    overrideStore(store, {
      events: {
        range: async (query) => (query.rooms && isStale ? [] : store.events.range(query)),
      },
    }),
  )
  await cut()
  expect(retention.floor).toBeLessThan(first)
  isStale = false
  await cut()
  expect(retention.floor).toBe(first + 1)
  expect(errors).toEqual([])
})

it('OB6 OB68 a room whose log is no JSON, or has a gap, keeps the others from being cut for one round', async () => {
  const { store, retention, first, cut, errors } = await leftLog(2, (inner) =>
    overrideStore(inner, {
      events: {
        range: async (query) =>
          (await inner.events.range(query)).map((event) =>
            event.room === 'room0' ? { ...event, data: '{' } : event,
          ),
      },
    }),
  )
  await cut()
  expect(errors).toEqual([])
  await cut()
  expect(retention.floor).toBe(first + 1)
  expect(errors).toEqual(['no state could be made of the log that is cut'])
  expect(await store.snapshots.at('room0', 9e15)).toBeNull()
  expect(await store.snapshots.at('room1', 9e15)).not.toBeNull()
})

it('OB6 OB70 a dead owner left a state that is too large to store: the log is cut all the same', async () => {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock })
  const count = 20
  const first = await store.events.allocate(count + 1)
  const chunk = 'x'.repeat(900_000)
  const big = Array.from({ length: count }, (_, index) =>
    strange({ seq: first + index, room: 'big', n: index + 1, data: `{"c${index}":"${chunk}"}` }),
  )
  await store.events.insert([...big, strange({ seq: first + count, room: 'small', n: 1 })])
  clock.advance(1e9)
  const errors: [object, string][] = []
  const retention = new Retention({
    store,
    clock,
    logger: { ...silentLogger, error: (...line: [object, string]) => void errors.push(line) },
    options: checkLimits({ retentionMs: 10_000 }),
    sealed: () => first + count,
    askForSnapshot: () => false,
    stepBack: (seq, count) => seq - count,
    maxDelayMs: () => 0,
    outage: { failed() {}, worked() {} },
  })
  await retention.run()
  expect(retention.floor).toBe(first + count)
  expect(errors.map(([, text]) => text)).toEqual([
    'a state is too large to be stored: its room cannot go on',
  ])
  expect(errors[0]?.[0]).toMatchObject({ roomId: 'big' })
  expect(await store.snapshots.at('big', 9e15)).toBeNull()
  expect(await store.snapshots.at('small', 9e15)).not.toBeNull()
})

it('OB6 a log in memory keeps no more bytes than retentionBytes, however young and few its events', async () => {
  const rig = await startRig({ limits: { retentionMs: 1e12, retentionBytes: 2 ** 20 } })
  const log: RoomLog = await rig.outbox.openRoom('room', {
    ...recordHandlers(),
    onSnapshotDue: () => log.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' }),
  })
  const data = JSON.stringify('x'.repeat(99_998))
  for (let second = 0; second < 60; second++) {
    log.append({ type: 'kill', data })
    await pass(rig.clock, 1_000)
  }
  await pass(rig.clock, 20_000)
  expect(rig.store.keptBytes).toBeLessThanOrEqual(2 ** 20)
  expect(rig.store.keptBytes, 'no more was cut than had to be').toBeGreaterThan(900_000)
  const { floor, sealed } = rig.outbox
  const kept = await rig.store.events.range({ after: floor, upTo: sealed, limit: 1_000 })
  expect(kept.length * 100_000).toBe(rig.store.keptBytes)
})

it('OB10 a room that holds the floor is asked again only after it had time to answer', async () => {
  const rig = await startRig({ limits: { retentionMs: 10_000 } })
  const handlers = recordHandlers()
  const log = await rig.outbox.openRoom('room', handlers)
  log.append({ type: 'patch', data: '{}' })
  await pass(rig.clock, 10_000)
  expect(handlers.calls).toEqual([])
  await pass(rig.clock, 15_000)
  const askedCount = handlers.calls.filter((call) => call === 'snapshot-due').length
  expect(askedCount).toBeGreaterThanOrEqual(2)
  expect(askedCount).toBeLessThanOrEqual(3)
})

it('OB10 a room that was refused an event gets no snapshot any more, and does not hold the floor', async () => {
  const rig = await startRig({ limits: { retentionMs: 10_000 } })
  const handlers = recordHandlers()
  const log = await rig.outbox.openRoom('room', handlers)
  log.append({ type: 'patch', data: '{"v":1}' })
  log.append({ type: 'kill', data: 'bad' })
  await pass(rig.clock, 15_000)
  expect(handlers.calls).toEqual(['refused'])
  expect(rig.outbox.floor).toBe(rig.outbox.origin + 1)
  expect(await rig.store.snapshots.at('room', 9e15)).toMatchObject({ n: 1, publicState: '{"v":1}' })
})
