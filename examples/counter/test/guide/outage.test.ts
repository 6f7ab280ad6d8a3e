import { expect, test } from 'vitest'
import { startTestServer } from '@ringside/server/testing'
import { game } from '../../src/game.ts'
import { createCounter } from '../../src/server.ts'

test('TK17 the room pauses while its log is away, and goes on with nothing lost', async () => {
  await using kit = await startTestServer(game, createCounter, { maxOutboxLagMs: 1_000 })
  const ada = await kit.create('counter', { name: 'Ada' })
  await ada.request('add', { by: 3 })

  kit.faults.isAway = true
  await ada.request('add', { by: 4 }) // taken: the log may be behind for a while
  await kit.until(() => ada.all('paused').at(-1)?.paused)
  await expect(ada.request('add', { by: 5 })).rejects.toThrow('waits for its log')

  kit.faults.isAway = false
  await kit.until(() => ada.all('paused').at(-1)?.paused === false)
  await ada.request('add', { by: 5 })
  await kit.advance(200)
  expect(await kit.stateOf(ada.seat.roomId)).toMatchObject({ total: 12 })
})
