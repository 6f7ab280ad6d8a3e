import { closeCodes, decodeSystem, encodeSystem, readCommandId, system } from '@ringside/protocol'
import { expect, test } from 'vitest'
import type { MemorySocket } from '../../src/transport/memory/socket.ts'
import type { MemoryRefusal } from '../../src/transport/memory/transport.ts'
import { createFixture } from './fixture.ts'

const FROM = { remoteAddress: '10.0.0.1' }
const limits = { firstMessageMs: 10_000, maxSilentPerIp: 3, idleTimeoutMs: 60_000 }

function opened(socket: MemorySocket | MemoryRefusal): MemorySocket {
  if ('status' in socket) throw new Error(`refused with ${socket.status}`)
  return socket
}

test('LI6 a socket that sends no whole message is closed as idle once its time is over, and not before', async () => {
  const { transport, clock, metrics } = await createFixture({ limits })
  const socket = opened(transport.dial(FROM))
  let closed: unknown = null
  socket.onclose = ({ code, reason }) => (closed = { code, reason })
  await clock.advanceAsync(9_999)
  expect(closed).toBeNull()
  await clock.advanceAsync(1_001)
  const { code, reason } = closeCodes.idle
  expect(closed).toEqual({ code, reason })
  expect(metrics.counters.closedInvalid).toBe(0)
})

test('LI6 who has spoken once listens for as long as it likes', async () => {
  const { transport, clock, table } = await createFixture({ limits })
  const socket = opened(transport.dial(FROM))
  await clock.advanceAsync(1)
  socket.send(encodeSystem('ping', { clientTime: 1 }))
  await clock.advanceAsync(1)
  clock.advance(3_600_000)
  await clock.advanceAsync(1)
  expect([socket.readyState, table.count]).toEqual([1, 1])
})

test('LI6 one address has so many silent sockets at once; a word or an end makes room', async () => {
  const { transport, clock, metrics } = await createFixture({ limits })
  const dial = (remoteAddress = FROM.remoteAddress) => transport.dial({ remoteAddress })
  const first = opened(dial())
  const second = opened(dial())
  opened(dial())
  expect(dial()).toEqual({ status: 429, code: 'too_many_requests' })
  expect(metrics.counters.connectionsRefused).toBe(1)
  opened(dial('10.0.0.2'))
  await clock.advanceAsync(1)
  first.send(encodeSystem('ping', { clientTime: 1 }))
  await clock.advanceAsync(1)
  // It has spoken already: a second word frees nothing.
  first.send(encodeSystem('ping', { clientTime: 1 }))
  await clock.advanceAsync(1)
  opened(dial())
  expect(dial()).toMatchObject({ status: 429 })
  second.close()
  await clock.advanceAsync(1)
  opened(dial())
  expect(dial()).toMatchObject({ status: 429 })
  await clock.advanceAsync(11_000)
  for (let count = 0; count < 3; count++) opened(dial())
})

test("LI6 the server's own connections may be silent", async () => {
  const { transport, clock } = await createFixture({ limits })
  const sockets = Array.from({ length: 10 }, () => opened(transport.dial()))
  clock.advance(60_000)
  await clock.advanceAsync(1)
  expect(sockets.map((socket) => socket.readyState)).toEqual(Array(10).fill(1))
})

test('TR38 each client of a server that goes away is told a time of its own, spread over the drain', async () => {
  let drawn = 0
  const fixture = await createFixture({
    limits: { retryMs: 2_000, drainMs: 8_000 },
    random: () => drawn++ / 4,
  })
  const clients = [
    await fixture.dial(),
    await fixture.dial(),
    await fixture.dial(),
    await fixture.dial(),
  ]
  fixture.table.drain()
  await fixture.clock.advanceAsync(1)
  const told = clients.map(({ frames }) =>
    frames
      .filter((frame) => readCommandId(frame) === system.goingAway.id)
      .map((frame) => decodeSystem('goingAway', frame).retryMs),
  )
  expect(told).toEqual([[2_000], [4_000], [6_000], [8_000]])
})
