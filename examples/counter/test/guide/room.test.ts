import { expect, test } from 'vitest'
import { startTestServer } from '@ringside/server/testing'
import { game } from '../../src/game.ts'
import { createCounter } from '../../src/server.ts'

test('TK3 everybody in a room sees what one player adds', async () => {
  await using kit = await startTestServer(game, createCounter)
  const ada = await kit.create('counter', { name: 'Ada' })
  const bob = await kit.joinById(ada.seat.roomId, { name: 'Bob' })

  expect(await ada.request('add', { by: 10 })).toEqual({ total: 10 })
  await expect(ada.request('add', { by: 99 })).rejects.toThrow('Expected 1 to 10')

  await kit.advance(200) // patches are sent a few times a second, to players and to the log
  expect(bob.events('round')).toEqual([{ by: 'Ada', total: 10 }])
  expect(await kit.stateOf(ada.seat.roomId)).toMatchObject({ total: 10 })
})

test('TK4 the total outlives the process', async () => {
  await using kit = await startTestServer(game, createCounter)
  const ada = await kit.create('counter', { name: 'Ada' })
  await ada.request('add', { by: 7 })
  await kit.advance(200)

  await kit.crash()
  await using next = await kit.restart()

  expect(await next.stateOf(ada.seat.roomId)).toMatchObject({ total: 7 })
})
