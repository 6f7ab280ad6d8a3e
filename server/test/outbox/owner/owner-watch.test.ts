import { expect, it } from 'vitest'
import type { RoomLog } from '../../../src/outbox/contract/outbox.ts'
import { overrideStore, pass, patch, recordHandlers, startRig } from '../support.ts'
import type { Rig } from '../support.ts'

/** A room with some history, in a log that two processes share. */
async function twoOwners() {
  const limits = { retentionMs: 10_000 }
  const first = await startRig({ limits })
  const handlers = recordHandlers()
  const log = await first.outbox.openRoom('room', handlers)
  log.append(patch(1))
  await pass(first.clock, 500)
  const take = async (rig: Rig): Promise<RoomLog> => {
    const taken = rig.outbox.openRoom('room', recordHandlers())
    await pass(rig.clock, 500)
    return taken
  }
  const second = await startRig({ share: first, limits })
  return { first, second, handlers, log, take }
}

it('OB4 OB56 an owner that writes nothing learns from the marker that its room was taken', async () => {
  const { first, second, handlers, log, take } = await twoOwners()
  const other = await first.outbox.openRoom('other', recordHandlers())
  const taken = await take(second)
  expect(handlers.calls).toEqual(['fenced'])
  expect(log.append(patch(2))).toBe(false)
  await expect(log.durable()).rejects.toMatchObject({ code: 'room_taken' })
  expect(other.append(patch(1)), 'another room goes on').toBe(true)
  expect(taken.append(patch(3)), 'the new owner goes on').toBe(true)
  await pass(first.clock, 500)
  expect(handlers.calls).toEqual(['fenced'])
})

it('OB4 what an old owner has on its way collides, and is told so once', async () => {
  const { first, second, handlers, log, take } = await twoOwners()
  const taking = take(second)
  expect(log.append(patch(2))).toBe(true)
  const durable = log.durable()
  await taking
  const outcome = await durable.then(
    () => 'stored',
    () => 'lost',
  )
  await pass(first.clock, 500)
  expect(handlers.calls.filter((call) => call === 'fenced')).toHaveLength(1)
  const stored = first.shown.some(({ data }) => data === patch(2).data)
  expect(outcome).toBe(stored ? 'stored' : 'lost')
})

it('OB4 an owner whose reader was behind the cut learns of the takeover all the same', async () => {
  const { second, take } = await twoOwners()
  // Its own reads find nothing until the marker is cut.
  let isAway = false
  const third = await startRig({
    share: second,
    limits: { retentionMs: 3_600_000 },
    wrap: (store) =>
      overrideStore(store, {
        events: { range: async (query) => (isAway ? [] : store.events.range(query)) },
      }),
  })
  const handlers = recordHandlers()
  const opening = third.outbox.openRoom('room', handlers)
  await pass(second.clock, 500)
  await opening
  isAway = true
  const taken = await take(second)
  for (let second_ = 0; second_ < 60; second_++) {
    taken.append(patch(second_))
    taken.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' })
    await pass(second.clock, 1_000)
  }
  expect(second.outbox.floor).toBeGreaterThan(second.outbox.origin + 5)
  expect(handlers.calls).not.toContain('fenced')
  isAway = false
  await pass(second.clock, 2_000)
  expect(handlers.calls).toContain('fenced')
})
