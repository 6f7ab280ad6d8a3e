import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { describeLogStore } from '../../../src/testing/contracts/index.ts'
import { everything, strange } from '../support.ts'
import { hookedStore } from '../../../src/testing/store/hooked-store.ts'

describeLogStore('MemoryStore', async () => {
  const store = new MemoryStore()
  await store.open()
  return store
})

it('OB3 a memory log begins at its creation time in ms x 1000', async () => {
  const clock = new ManualClock(5_000)
  expect(await new MemoryStore({ clock }).marks.origin()).toBe(5_000_000)
  expect(await new MemoryStore({ clock }).events.allocate(1)).toBe(5_000_001)
})

it('OB6 a write to a deleted seq is blocked, not swallowed', async () => {
  const store = new MemoryStore({ clock: new ManualClock(1) })
  const first = await store.events.allocate(2)
  await store.events.insert([strange({ seq: first }), strange({ seq: first + 1 })])
  await store.events.deleteThrough(first)
  const late = strange({ seq: first, room: 'r', n: 1 })
  expect(await store.events.insert([late])).toMatchObject({
    kind: 'blocked',
    blocking: { seq: first },
  })
  expect(await everything(store)).toHaveLength(1)
})

it('OB1 what a hook throws before an insert is an unknown outcome, not an exception', async () => {
  const cause = new Error('gone')
  const hooks = {
    before: (operation: string): void => {
      if (operation === 'insert' || operation === 'insertNext') throw cause
    },
  }
  const store = hookedStore(new MemoryStore({ clock: new ManualClock(1) }), hooks)
  expect(await store.events.insert([strange({ seq: 1001 })])).toEqual({ kind: 'unknown', cause })
  expect(await store.events.insertNext(1, (first) => [strange({ seq: first })])).toEqual({
    kind: 'unknown',
    cause,
  })
})

it('OB30 a record expires with the clock, and its room is given to others', async () => {
  const clock = new ManualClock()
  const { records } = new MemoryStore({ clock })
  const expiresAt = clock.now() + 1_000
  const version = (await records.put({ key: 'a', value: '', ifVersion: 0, expiresAt })) ?? 0
  clock.advance(999)
  expect(await records.get('a')).toMatchObject({ version })
  clock.advance(1)
  expect(await records.get('a')).toBeNull()
  const value = 'x'.repeat(256 * 1024)
  const fill = async (prefix: string, expiresAt: number | null): Promise<void> => {
    for (let index = 0; index < 300; index++)
      await records.put({ key: `${prefix}${index}`, value, ifVersion: 0, expiresAt })
  }
  await expect(fill('b', clock.now() + 1_000)).rejects.toMatchObject({ code: 'unavailable' })
  const kept = (await records.get('b0'))?.version ?? 0
  // Over what is there it goes on.
  const renewed = { key: 'b0', value, ifVersion: kept, expiresAt: clock.now() + 1_000 }
  expect(await records.put(renewed)).not.toBeNull()
  clock.advance(1_000)
  await expect(fill('c', null)).rejects.toMatchObject({ code: 'unavailable' })
  expect((await records.list({ prefix: 'b', limit: 10 })).records).toEqual([])
  expect((await records.list({ prefix: 'c', limit: 10 })).records).toHaveLength(10)
})
