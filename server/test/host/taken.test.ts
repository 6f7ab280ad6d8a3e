import { expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import { TestServer } from '../support/test-server.ts'

it('OB4 players of a quiet room that was taken over are sent to its new owner', async () => {
  const store = new MemoryStore()
  const quiet = { onTick: () => {} }
  await using old = await TestServer.start({ store }, quiet)
  const ada = await old.join('Ada')
  await old.clock.advanceAsync(1_000, 5)
  await using next = await TestServer.start({ store, idPrefix: 'b' }, quiet)
  await next.clock.advanceAsync(500, 5)
  await old.clock.advanceAsync(500, 5)
  expect(old.server.rooms).toEqual([])
  expect(next.server.rooms.map(({ id }) => id)).toEqual([ada.seat.roomId])
  expect(ada.closed).toMatchObject({ code: 4003 })
})
