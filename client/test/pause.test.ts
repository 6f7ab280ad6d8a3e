import { encodeSystem } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { FakeServer } from './support/fake-server.ts'

it('CN16: a room that stands still says so, until it goes on or the seat is taken back', async () => {
  const server = new FakeServer()
  const room = await server.room()
  const told: boolean[] = []
  const stop = room.onPaused((isPaused) => told.push(isPaused))
  expect(room.isPaused).toBe(false)
  server.socket.deliver(encodeSystem('paused', { paused: true }))
  server.socket.deliver(encodeSystem('paused', { paused: true }))
  expect(room.isPaused).toBe(true)
  server.socket.deliver(encodeSystem('paused', { paused: false }))
  expect(room.isPaused).toBe(false)
  expect(told).toEqual([true, false])
  server.socket.deliver(encodeSystem('paused', { paused: true }))
  server.socket.serverClose(1006)
  await server.timers.advance(500)
  expect(room.isPaused, 'as it was last known').toBe(true)
  await server.accept()
  expect(room.status).toBe('connected')
  expect(told).toEqual([true, false, true, false])
  stop()
  server.socket.deliver(encodeSystem('paused', { paused: true }))
  expect(told).toHaveLength(4)
})

it('CN16: a system message of a newer server is ignored', async () => {
  const server = new FakeServer()
  const room = await server.room()
  server.socket.deliver(new Uint8Array([0xff, 0xff, 0x00, 0x7f, 1, 2, 3]))
  server.state.round = 4
  server.patch()
  expect(room.status).toBe('connected')
  expect(room.state.round).toBe(4)
})
