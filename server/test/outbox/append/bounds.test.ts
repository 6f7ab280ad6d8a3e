import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import type { RingsideError } from '../../../src/process/errors.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import type { InsertOutcome } from '../../../src/outbox/contract/store.ts'
import {
  refusesBad,
  everything,
  overrideStore,
  pass,
  patch,
  recordHandlers,
  startRig,
  strange,
} from '../support.ts'
import type { StoreHooks, StoreOperation } from '../../../src/testing/store/hooked-store.ts'

const state = (text: string) => ({ publicState: text, hiddenState: null, runtime: '{"tick":1}' })

/** Inserts answer nothing, and store nothing, while `isDown`. */
function outage(): { isDown: boolean; readonly hooks: StoreHooks } {
  const weather = {
    isDown: true,
    hooks: {
      insert: async (events, apply): Promise<InsertOutcome> =>
        weather.isDown ? { kind: 'unknown', cause: new Error('down') } : apply(events),
    } satisfies StoreHooks,
  }
  return weather
}

describe('OB5 wake-ups and polling', () => {
  it('OB5 a lost wake-up costs one poll, doubled ones nothing', async () => {
    for (const wakes of [0, 3]) {
      let wake = (): void => {}
      const rig = await startRig({
        limits: { pollMs: 100 },
        wrap: (store) =>
          overrideStore(store, { wake: { subscribe: (call) => ((wake = call), () => {}) } }),
      })
      await pass(rig.clock, 0)
      const first = await rig.store.events.allocate(1)
      await rig.store.events.insert([strange({ seq: first })])
      for (let count = 0; count < wakes; count++) wake()
      await pass(rig.clock, 0)
      expect(rig.shown).toHaveLength(wakes > 0 ? 1 : 0)
      await pass(rig.clock, 100)
      expect(rig.shown).toHaveLength(1)
    }
  })

  it('OB5 own flushes are sealed without waiting for a poll or another wake-up', async () => {
    const rig = await startRig({
      wrap: (store) => overrideStore(store, { wake: { subscribe: () => () => {} } }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const before = rig.clock.now()
    log.append(patch(1))
    await pass(rig.clock, 0)
    expect(rig.shown).toHaveLength(1)
    expect(rig.clock.now()).toBe(before)
  })

  it('OB5 a read that never answers is given up and the tail goes on', async () => {
    let isSilent = true
    const rig = await startRig({
      wrap: (store) =>
        overrideStore(store, {
          events: {
            range: (query) => (isSilent ? new Promise(() => {}) : store.events.range(query)),
          },
        }),
    })
    const first = await rig.store.events.allocate(1)
    await rig.store.events.insert([strange({ seq: first })])
    await pass(rig.clock, 5_000)
    isSilent = false
    expect(rig.shown).toHaveLength(0)
    await pass(rig.clock, 6_000)
    expect(rig.shown).toHaveLength(1)
  })

  it('OB5 a long backlog is read page after page without waiting, each event once', async () => {
    const rig = await startRig()
    const first = await rig.store.events.allocate(2_500)
    await rig.store.events.insert(
      Array.from({ length: 2_500 }, (_, i) => strange({ seq: first + i })),
    )
    await pass(rig.clock, 0)
    expect(rig.shown.map((event) => event.seq - first)).toEqual(
      Array.from({ length: 2_500 }, (_, i) => i),
    )
    expect(rig.watermarks).toHaveLength(3)
  })

  it('OB5 a listener that throws does not stop the tail or the others', async () => {
    const rig = await startRig()
    rig.outbox.onSealed(() => {
      throw new Error('bad listener')
    })
    let count = 0
    const stop = rig.outbox.onSealed((events) => (count += events.length))
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    stop()
    log.append(patch(2))
    await pass(rig.clock, 0)
    expect([count, rig.shown.length]).toEqual([1, 2])
  })
})

describe('OB6 snapshots and retention', () => {
  it('OB6 OB62 a snapshot is of the point of its capture and stored only after that is acknowledged', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.snapshot(state('{"v":1}'))
    log.append(patch(2))
    await pass(rig.clock, 100)
    expect(await rig.store.snapshots.at('r', 9e15)).toBeNull()
    weather.isDown = false
    await pass(rig.clock, 2_000)
    const stored = await rig.outbox.snapshotAt('r', 9e15)
    expect(stored).toMatchObject({ n: 1, epoch: 1, publicState: '{"v":1}' })
    expect(stored?.seq).toBe(rig.shown[0]?.seq)
    expect(await rig.outbox.snapshotAt('r', rig.outbox.origin)).toBeNull()
  })

  it('OB6 a snapshot of a quiet room is stored at its last event; before any event it is nothing', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.snapshot(state('{}'))
    await pass(rig.clock, 0)
    expect(await rig.store.snapshots.at('r', 9e15)).toBeNull()
    log.append(patch(1))
    await pass(rig.clock, 0)
    log.snapshot(state('{"v":1}'))
    await pass(rig.clock, 0)
    expect(await rig.store.snapshots.at('r', 9e15)).toMatchObject({ n: 1, publicState: '{"v":1}' })
  })

  it('OB6 OB63 every K events a snapshot is due; one captured meanwhile counts', async () => {
    const rig = await startRig({ limits: { snapshotEvery: 5 } })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    for (let value = 1; value <= 12; value++) {
      log.append(patch(value))
      if (value === 3) log.snapshot(state('{"v":3}'))
      await pass(rig.clock, 0)
      if (value === 7) expect(handlers.calls).toEqual([])
    }
    expect(handlers.calls).toEqual(['snapshot-due'])
  })

  it('OB6 a snapshot that cannot be stored is tried again, then given up', async () => {
    let attempts = 0
    const rig = await startRig({
      hooks: {
        before: (operation: StoreOperation) => {
          if (operation === 'write' && ++attempts < 3) throw new Error('full')
        },
      },
      limits: { pollMs: 10_000 },
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.snapshot(state('{"v":1}'))
    await pass(rig.clock, 1_000)
    expect(await rig.store.snapshots.at('r', 9e15)).not.toBeNull()
  })

  const retention = { retentionMs: 10_000, retentionEvents: 200_000 }

  it('OB6 OB64 old events go, the floor first; a position below it is past_retention', async () => {
    const order: string[] = []
    const rig = await startRig({
      limits: retention,
      wrap: (store) =>
        overrideStore(store, {
          marks: {
            raiseFloor: (seq) => (order.push('floor'), store.marks.raiseFloor(seq)),
          },
          events: {
            deleteThrough: (seq) => (order.push('delete'), store.events.deleteThrough(seq)),
          },
          snapshots: {
            save: (snapshot) => (order.push('snapshot'), store.snapshots.save(snapshot)),
            saveAll: (some) => (order.push('states'), store.snapshots.saveAll(some)),
          },
        }),
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    await pass(rig.clock, 8_000)
    log.append(patch(3))
    log.snapshot(state('{"v":3}'))
    await pass(rig.clock, 5_000)
    expect(order).toEqual(['snapshot', 'states', 'floor', 'delete'])
    const { origin, floor } = rig.outbox
    expect(floor).toBe(origin + 2)
    expect((await everything(rig.store)).map((event) => event.n)).toEqual([3])
    await expect(rig.outbox.read({ after: origin + 1, limit: 9 })).rejects.toMatchObject({
      code: 'past_retention',
    })
    const page = await rig.outbox.read({ after: floor, limit: 9 })
    expect(page.events.map((event) => event.n)).toEqual([3])
    expect(await rig.outbox.snapshotAt('r', floor)).toMatchObject({ n: 2, publicState: '{"v":2}' })
  })

  it('OB10 a living room holds the floor until it has captured a snapshot; it is asked for one', async () => {
    const rig = await startRig({ limits: retention })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    log.append(patch(1))
    await pass(rig.clock, 13_000)
    expect(rig.outbox.floor).toBe(rig.outbox.origin)
    expect(handlers.calls).toContain('snapshot-due')
    log.snapshot(state('{"v":1}'))
    await pass(rig.clock, 1_500)
    expect(rig.outbox.floor).toBe(rig.outbox.origin + 1)
  })

  it('OB6 before the floor is f every room has its state at f, hidden part too', async () => {
    const rig = await startRig({ limits: { ...retention, retentionEvents: 100 } })
    const red = await rig.outbox.openRoom('red', recordHandlers())
    const blue = await rig.outbox.openRoom('blue', recordHandlers())
    blue.append({ type: 'patch', data: '{"a":{"x":1,"y":2}}', hidden: '{"m":[1]}' })
    blue.append({ type: 'kill', data: '{}' })
    blue.append({ type: 'patch', data: '{"a":{"x":null,"z":3},"b":1}', hidden: '{"k":2}' })
    red.append(patch(1))
    blue.append({ type: 'patch', data: '{"b":2}' })
    blue.snapshot(state('{"captured":true}'))
    for (let value = 2; value <= 101; value++) red.append(patch(value))
    red.snapshot(state('{"v":101}'))
    await pass(rig.clock, 2_000)
    const f = rig.outbox.floor
    expect(f).toBe(rig.outbox.origin + 5)
    const red1 = await rig.outbox.snapshotAt('red', f)
    expect(red1).toMatchObject({ n: 1, publicState: '{"v":1}', hiddenState: null })
    for (let value = 0; value < 1; value++) red.append(patch(102))
    await pass(rig.clock, 2_000)
    expect(await rig.outbox.snapshotAt('blue', f)).toMatchObject({
      n: 4,
      publicState: '{"captured":true}',
    })
  })

  it('OB10 OB75 the state at f is made of the snapshot before it and the patches up to it', async () => {
    const rig = await startRig({ limits: retention })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append({ type: 'patch', data: '{"a":{"x":1,"y":2}}', hidden: '{"m":[1]}' })
    log.append({ type: 'patch', data: '{"a":{"x":null,"z":3},"b":1}', hidden: '{"k":2}' })
    log.append({ type: 'kill', data: '{}' })
    await pass(rig.clock, 9_000)
    log.append(patch(9))
    log.snapshot(state('{"captured":true}'))
    await pass(rig.clock, 3_000)
    const f = rig.outbox.floor
    expect(f).toBe(rig.outbox.origin + 3)
    const at = await rig.outbox.snapshotAt('r', f)
    expect(at).toMatchObject({ n: 3, seq: f, epoch: 1 })
    expect(JSON.parse(at?.publicState ?? '')).toEqual({ a: { y: 2, z: 3 }, b: 1 })
    expect(JSON.parse(at?.hiddenState ?? '')).toEqual({ m: [1], k: 2 })
  })

  it('OB10 OB76 an ended room does not hold the floor, and its snapshots go with its end', async () => {
    const rig = await startRig({ limits: retention })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.snapshot(state('{"v":1}'))
    log.append({ type: 'end', data: '{}' })
    const closing = log.close()
    await pass(rig.clock, 13_000)
    await closing
    expect(rig.outbox.floor).toBe(rig.outbox.origin + 2)
    expect(await rig.store.snapshots.at('r', 9e15)).toBeNull()
    expect(await everything(rig.store)).toEqual([])
  })

  it('OB10 a room that was closed without an end keeps its state and can be taken over', async () => {
    const rig = await startRig({ limits: retention })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    const closing = log.close()
    await pass(rig.clock, 13_000)
    await closing
    expect(rig.outbox.floor).toBe(rig.outbox.origin + 2)
    expect(await rig.store.snapshots.at('r', 9e15)).toMatchObject({ n: 2, publicState: '{"v":2}' })
    const opening = rig.outbox.openRoom('r', recordHandlers())
    await pass(rig.clock, 0)
    expect(await opening).toMatchObject({ epoch: 2, acknowledgedN: 3 })
  })

  it('OB6 no more events are kept than retentionEvents, however young', async () => {
    const rig = await startRig({ limits: { retentionMs: 1e12, retentionEvents: 100 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    for (let value = 0; value < 300; value++) log.append(patch(value))
    log.snapshot(state('{}'))
    await pass(rig.clock, 11_000)
    expect(await everything(rig.store)).toHaveLength(100)
  })

  it('OB6 OB66 a flush older than half the retention gives the log up', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: retention })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    log.append(patch(1))
    const durable = log.durable().catch((error: RingsideError) => error.code)
    await pass(rig.clock, 4_000)
    expect(handlers.calls).toEqual([])
    await pass(rig.clock, 2_500)
    expect(handlers.calls).toEqual(['given-up'])
    expect(await durable).toBe('outbox_unreachable')
    weather.isDown = false
    await pass(rig.clock, 2_000)
    expect(await everything(rig.store)).toEqual([])
    expect(log.append(patch(2))).toBe(false)
  })
})

describe('OB7 bounds, coalescing, refusals', () => {
  it('OB7 OB72 a full buffer takes nothing more and says when it does again', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 4 } })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    const kill = { type: 'kill', data: '{}' }
    expect([1, 2, 3, 4, 5].map(() => log.append(kill))).toEqual([true, true, true, true, false])
    expect(log.isFull).toBe(true)
    expect(rig.outbox.stats.pendingEvents).toBe(4)
    weather.isDown = false
    await pass(rig.clock, 500)
    expect(handlers.calls).toEqual(['writable'])
    expect(log.isFull).toBe(false)
    expect(rig.shown).toHaveLength(4)
  })

  it('OB7 the bytes of a room are bounded too', async () => {
    const weather = outage()
    const rig = await startRig({
      hooks: weather.hooks,
      limits: { maxPendingBytes: 4_096, maxEventBytes: 4_096 },
    })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    const big = { type: 'kill', data: JSON.stringify('é'.repeat(900)), hidden: '1' }
    expect([log.append(big), log.append(big), log.append(big)]).toEqual([true, true, false])
    expect(rig.outbox.stats.pendingBytes).toBe(2 * 1_803)
    weather.isDown = false
    await pass(rig.clock, 500)
    expect(handlers.calls).toEqual(['writable'])
  })

  it('OB8 the end of a room is taken even by a full buffer', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 1 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const kill = { type: 'kill', data: '{}' }
    expect([log.append(kill), log.append(kill)]).toEqual([true, false])
    expect(log.append({ type: 'end', data: '{}' })).toBe(true)
    expect(log.append({ type: 'end', data: '{}' })).toBe(false)
  })

  it('OB7 past maxOutboxLagMs the room is full until the log has caught up', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxOutboxLagMs: 1_000 } })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    log.append(patch(1))
    await pass(rig.clock, 900)
    expect(log.isFull).toBe(false)
    await pass(rig.clock, 200)
    expect(log.isFull).toBe(true)
    expect(rig.outbox.stats.lagMs).toBe(1_100)
    weather.isDown = false
    await pass(rig.clock, 1_500)
    expect(log.isFull).toBe(false)
    expect(handlers.calls).toEqual(['writable'])
  })

  it('OB7 under pressure adjacent unsent patches are folded; sent ones and events never', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 8 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    for (let value = 1; value <= 4; value++) log.append(patch(value))
    await pass(rig.clock, 0)
    // Sent: they stay as they are. From here on the buffer is half full.
    log.append({ type: 'patch', data: '{"a":{"x":1,"y":1}}', hidden: '{"m":1}' })
    log.append({ type: 'patch', data: '{"a":{"x":2,"z":null}}' })
    log.append({ type: 'kill', data: '{}' })
    log.append({ type: 'patch', data: '{"b":1}' })
    log.append({ type: 'patch', data: '{"b":2}', hidden: '{"m":2}' })
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 7, coalescedCount: 2 })
    weather.isDown = false
    await pass(rig.clock, 1_000)
    expect(rig.shown.slice(0, 4).map((event) => event.data)).toEqual([
      '{"v":1}',
      '{"v":2}',
      '{"v":3}',
      '{"v":4}',
    ])
    expect(rig.shown.slice(4).map(({ type, data, hidden }) => [type, data, hidden])).toEqual([
      ['patch', '{"a":{"x":2,"y":1,"z":null}}', '{"m":1}'],
      ['kill', '{}', null],
      ['patch', '{"b":2}', '{"m":2}'],
    ])
  })

  it('OB7 a captured snapshot is a barrier: what follows is not folded into it', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 4 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    log.snapshot(state('{"v":2}'))
    log.append(patch(3))
    weather.isDown = false
    await pass(rig.clock, 500)
    expect(rig.shown.map((event) => event.data)).toEqual(['{"v":1}', '{"v":2}', '{"v":3}'])
    expect(await rig.outbox.snapshotAt('r', 9e15)).toMatchObject({ n: 2 })
  })

  it('OB9 an event that can never be written is refused before it has a number', async () => {
    const bad = [
      { type: 'patch', data: `"${'x'.repeat(2_000)}"` },
      { type: 'patch', data: '{}', hidden: `"${'é'.repeat(800)}"` },
      { type: 'patch', data: '' },
      { type: 'patch', data: 'nonsense\n' },
      { type: 'patch', data: 'x' },
      { type: 'patch', data: '{"a":\n1}' },
      { type: 'patch', data: '{"a":\r1}' },
      { type: 'patch', data: '{"a":"\0"}' },
      { type: 'patch', data: '{}', hidden: '{\n}' },
      { type: 'kill\nid: 9', data: '{}' },
      { type: '', data: '{}' },
      { type: 'owner', data: '{}' },
      { type: 'tombstone', data: '{}' },
    ]
    for (const event of bad) {
      const rig = await startRig({ limits: { maxEventBytes: 1_024 } })
      const handlers = recordHandlers()
      const log = await rig.outbox.openRoom('r', handlers)
      log.append(patch(1))
      expect(log.append(event)).toBe(false)
      expect(handlers.calls, 'told in a turn of its own').toEqual([])
      expect(log.append(patch(2)), 'nothing after what is missing').toBe(false)
      expect(log.append({ type: 'end', data: '{}' })).toBe(true)
      await pass(rig.clock, 0)
      expect(handlers.calls).toEqual(['refused'])
      expect(rig.shown.map(({ n, type }) => [n, type])).toEqual([
        [1, 'patch'],
        [2, 'end'],
      ])
    }
  })

  it('OB7 OB73 an event that the store refuses closes its room alone and voids its numbers', async () => {
    const rig = await startRig({
      hooks: refusesBad,
    })
    const handlers = recordHandlers()
    const other = recordHandlers()
    const red = await rig.outbox.openRoom('red', handlers)
    const blue = await rig.outbox.openRoom('blue', other)
    red.append(patch(1))
    red.append({ type: 'kill', data: '"bad"' })
    blue.append(patch(1))
    red.append(patch(2))
    const durable = red.durable().catch((error: Error) => error.message)
    await pass(rig.clock, 0)
    expect(handlers.calls).toEqual(['refused'])
    expect(handlers.causes).toEqual([new Error('too big')])
    expect(await durable).toMatch(/refused/)
    await expect(red.durable()).rejects.toThrow(/refused/)
    expect(other.calls).toEqual([])
    expect(red.append(patch(3))).toBe(false)
    expect(red.append({ type: 'end', data: '{}' })).toBe(true)
    await pass(rig.clock, 0)
    expect(rig.shown.map(({ room, n, type }) => [room, n, type])).toEqual([
      ['red', 1, 'patch'],
      ['blue', 1, 'patch'],
      ['red', 2, 'end'],
    ])
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, tombstoneCount: 2 })
  })

  it('OB7 a handler that throws harms neither the flush nor other rooms', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 2 } })
    const log = await rig.outbox.openRoom('r', {
      ...recordHandlers(),
      onWritable: () => {
        throw new Error('bad handler')
      },
    })
    for (let count = 0; count < 3; count++) log.append({ type: 'kill', data: '{}' })
    weather.isDown = false
    await pass(rig.clock, 500)
    expect(rig.shown).toHaveLength(2)
    expect(rig.outbox.stats.pendingEvents).toBe(0)
  })
})

describe('starting and stopping', () => {
  it('OB1 a start that fails says so and may be tried again', async () => {
    let isDown = true
    const clock = new ManualClock()
    const store = overrideStore(new MemoryStore({ clock }), {
      marks: { floor: () => (isDown ? Promise.reject(new Error('away')) : Promise.resolve(0)) },
    })
    const context = { clock, logger: silentLogger, randomId: () => 'id' }
    const outbox = createOutbox(store, checkLimits(), context)
    await expect(outbox.start()).rejects.toMatchObject({ code: 'outbox_unreachable' })
    await expect(outbox.openRoom('r', recordHandlers())).rejects.toThrow(/running/)
    isDown = false
    await outbox.start()
    await expect(outbox.openRoom('r', recordHandlers())).resolves.toMatchObject({ epoch: 1 })
  })

  it('OB1 stop writes what was accepted, seals it and takes nothing more', async () => {
    const rig = await startRig({ limits: { flushDelayMs: 500 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.snapshot(state('{"v":1}'))
    const stopping = rig.outbox.stop()
    await pass(rig.clock, 0)
    await stopping
    expect(await everything(rig.store)).toHaveLength(1)
    expect(await rig.store.snapshots.at('r', 9e15)).toMatchObject({ n: 1 })
    expect(log.append(patch(2))).toBe(false)
    await expect(rig.outbox.openRoom('s', recordHandlers())).rejects.toThrow(/running/)
  })

  it('OB1 stop ends although the store does not answer, and durable says that it failed', async () => {
    const rig = await startRig({ hooks: { insert: () => new Promise(() => {}) } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    const durable = log.durable().catch((error: RingsideError) => error.code)
    const stopping = rig.outbox.stop().catch((error: Error) => error.message)
    await pass(rig.clock, 10_100)
    expect(await stopping).toMatch(/got 2 of 1 rooms that are not/)
    expect(await durable).toBe('outbox_unreachable')
    expect(rig.outbox.stats.lastError).toMatch(/stopped/)
  })

  it('OB2 flushDelayMs gathers for that long', async () => {
    const rig = await startRig({ limits: { flushDelayMs: 40 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 35)
    log.append(patch(2))
    expect(rig.shown).toHaveLength(0)
    await pass(rig.clock, 10)
    expect(rig.shown).toHaveLength(2)
    expect(rig.watermarks).toHaveLength(1)
  })

  it('OB2 close waits for what was appended before', async () => {
    const rig = await startRig()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    const closing = log.close()
    expect(log.append(patch(2))).toBe(false)
    await pass(rig.clock, 0)
    await closing
    expect(log.acknowledgedN).toBe(1)
    await expect(log.durable()).rejects.toThrow(/over/)
  })

  it('OB8 close takes the last events beyond the bound, in order', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks, limits: { maxPendingEvents: 2 } })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    for (const by of [1, 2, 3]) log.append({ type: 'kill', data: `{"by":${by}}` })
    const closing = log.close([
      { type: 'kill', data: '{"by":3}' },
      { type: 'end', data: '{}' },
    ])
    weather.isDown = false
    await pass(rig.clock, 500)
    await closing
    expect(rig.shown.map((event) => event.data)).toEqual(['{"by":1}', '{"by":2}', '{"by":3}', '{}'])
    expect(handlers.calls).toEqual([])
  })

  it('OB8 after a refusal close takes only the end', async () => {
    const rig = await startRig({ limits: { maxEventBytes: 1_024 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append({ type: 'kill', data: 'bad' })
    const closing = log.close([
      { type: 'kill', data: 'bad' },
      { type: 'kill', data: '{}' },
      { type: 'end', data: '{}' },
    ])
    await pass(rig.clock, 0)
    await expect(closing).rejects.toMatchObject({ code: 'event_refused' })
    expect(log.end).not.toBeNull()
    expect(rig.shown.map((event) => event.type)).toEqual(['patch', 'end'])
  })
})
