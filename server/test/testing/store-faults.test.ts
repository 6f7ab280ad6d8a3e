import { describe, expect, test } from 'vitest'
import { ManualClock, MemoryStore } from '../../src/index.ts'
import type { LogEvent } from '../../src/index.ts'
import { StoreFaults, during, hookedStore, overrideStore } from '../../src/testing/index.ts'
import { everything, strange } from '../../src/testing/contracts/store/log-event.ts'
import { startArena } from './kit.ts'

function makeStore() {
  const clock = new ManualClock()
  const faults = new StoreFaults(clock)
  const memory = new MemoryStore({ clock })
  return { clock, faults, memory, store: faults.around(memory) }
}

const eventsOf = (first: number): LogEvent[] => [strange({ seq: first, room: 'r', n: 1, epoch: 1 })]

describe('TK17 the way to the store', () => {
  test('TK17 nothing reaches a store that is away: reads fail, and what became of events is unknown', async () => {
    const { faults, memory, store } = makeStore()
    faults.isAway = true
    await expect(store.marks.sealed()).rejects.toThrow('takes no read')
    await expect(store.records.put({ key: 'a', value: '', ifVersion: 0 })).rejects.toThrow('write')
    expect(await store.events.insertNext(1, eventsOf)).toMatchObject({ kind: 'unknown' })
    expect(await everything(memory)).toEqual([])
    faults.isAway = false
    expect(await store.events.insertNext(1, eventsOf)).toEqual({ kind: 'stored' })
    expect(await everything(store)).toHaveLength(1)
  })

  test('TK17 one that is read-only still answers reads', async () => {
    const { faults, memory, store } = makeStore()
    const first = await store.events.allocate(1)
    faults.isReadOnly = true
    expect(await store.events.insert(eventsOf(first))).toMatchObject({ kind: 'unknown' })
    await expect(store.events.allocate(1)).rejects.toThrow('takes no allocate')
    expect(await everything(store)).toEqual([])
    await memory.events.insert(eventsOf(first))
    expect(await everything(store)).toHaveLength(1)
  })

  test('TK17 of a lost answer the store has done what was asked', async () => {
    const { faults, store, memory } = makeStore()
    faults.losesAnswers = true
    expect(await store.events.insertNext(1, eventsOf)).toMatchObject({ kind: 'unknown' })
    await expect(store.records.put({ key: 'a', value: '1', ifVersion: 0 })).rejects.toThrow('lost')
    expect(await everything(memory)).toHaveLength(1)
    expect(await memory.records.get('a')).toMatchObject({ value: '1' })
  })

  test('TK17 every call takes the latency in the time of the test', async () => {
    const { clock, faults, store } = makeStore()
    faults.latencyMs = 40
    const start = clock.now()
    await during(clock, store.marks.counter())
    expect(clock.now() - start).toBe(40)
    expect(await during(clock, store.events.insertNext(1, eventsOf))).toEqual({ kind: 'stored' })
    expect(clock.now() - start).toBe(80)
  })

  test('TK17 each server of a test has a way of its own', async () => {
    await using kit = await startArena()
    await using other = await kit.another()
    kit.faults.isAway = true
    expect((await kit.post('/matchmake/create/arena', {})).status).toBeGreaterThanOrEqual(500)
    expect((await other.create('arena', { name: 'Ada' })).seat.roomId).not.toBe('')
    kit.faults.isAway = false
    expect((await kit.create('arena', { name: 'Bob' })).seat.roomId).not.toBe('')
  })
})

test('TK17 hooks and replaced members stand in front of any store, part by part', async () => {
  const memory = new MemoryStore({ clock: new ManualClock() })
  const asked: string[] = []
  const hooked = hookedStore(memory, {
    before: (operation) => void asked.push(operation),
    insert: async (events, apply) => {
      await apply(events)
      return apply(events)
    },
  })
  const first = await hooked.events.allocate(1)
  expect(await hooked.events.insert(eventsOf(first))).toMatchObject({ kind: 'blocked', index: 0 })
  expect(asked).toEqual(['allocate', 'insert'])
  const replaced = overrideStore(memory, { marks: { sealed: () => Promise.resolve(7) } })
  expect(await replaced.marks.sealed()).toBe(7)
  expect(await replaced.marks.counter()).toBe(await memory.marks.counter())
  expect(await everything(replaced)).toHaveLength(1)
})
