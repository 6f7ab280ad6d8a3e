import { expect, test } from 'vitest'
import { connect } from '@ringside/client'
import { startTestServer } from '@ringside/server/testing'
import { game } from '../../src/game.ts'
import { createCounter } from '../../src/server.ts'

test('TK6 a player on a train keeps the seat, and adds nothing twice', async () => {
  await using kit = await startTestServer(game, createCounter, { seed: 7 })
  const train = kit.link({ latencyMs: 80, jitterMs: 120, burstMs: 50 })
  const client = connect(game, kit.address, train.options)
  const room = await kit.during(client.create('counter', { name: 'Ada' }))

  await kit.during(room.request('add', { by: 3 }))
  train.cut()
  await kit.until(() => room.status === 'reconnecting')
  await kit.until(() => room.status === 'connected')
  expect(room.state.total).toBe(3)

  train.goSilent() // a tunnel: nothing passes, and nobody is told
  await kit.advance(5_000)
  train.resume()
  expect(await kit.during(room.request('add', { by: 4 }))).toEqual({ total: 7 })
})
