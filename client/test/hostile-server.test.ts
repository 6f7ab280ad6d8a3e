import { encodeFrame, encodeSystem, system } from '@ringside/protocol'
import { expect, test } from 'vitest'
import { toWait } from '../src/timers.ts'
import { createReplica } from '../src/state-replica.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function joined(server: FakeServer) {
  const joining = server.client().joinOrCreate('arena')
  await server.accept()
  return joining
}

test('HO21 a state that begins again and again gives the seat up in time', async () => {
  const server = new FakeServer()
  const joining = server.client({ joinTimeoutMs: 5_000 }).joinOrCreate('arena')
  const refused = joining.then(
    () => 'joined',
    (error: { code: string }) => error.code,
  )
  await settle()
  server.socket.open()
  server.joined()
  const first = encodeSystem('statePart', {
    offset: 0,
    total: 10_000,
    payload: new Uint8Array(2_000),
  })
  for (let time = 0; time < 20; time++) {
    server.socket.deliver(first)
    await server.timers.advance(1_000)
  }
  expect(await refused).toBe('timeout')
})

test('HO21 a state that drips gives the seat up in time', async () => {
  const server = new FakeServer()
  const refused = server
    .client({ joinTimeoutMs: 5_000 })
    .joinOrCreate('arena')
    .then(
      () => 'joined',
      (error: { code: string }) => error.code,
    )
  await settle()
  server.socket.open()
  server.joined()
  for (let offset = 0; offset < 20; offset++) {
    server.socket.deliver(
      encodeSystem('statePart', { offset, total: 10_000, payload: new Uint8Array(1) }),
    )
    await server.timers.advance(1_000)
  }
  expect(await refused).toBe('timeout')
})

test('HO21 players without end break the connection', async () => {
  const server = new FakeServer()
  const room = await joined(server)
  const statuses: string[] = []
  room.onStatus((status) => statuses.push(status))
  for (let index = 0; index < 10_050; index++)
    server.socket.deliver(
      encodeSystem('presence', { sessionId: `x${index}`, name: 'x', present: true }),
    )
  expect(statuses).not.toEqual([])
  expect(room.roster.size).toBeLessThanOrEqual(10_000)
})

test('HO21 a server that wants the contract a thousand times gets it once', async () => {
  const server = new FakeServer()
  await joined(server)
  for (let time = 0; time < 1_000; time++) server.socket.deliver(encodeSystem('contractWanted', {}))
  expect(server.socket.frames(system.contract.id)).toHaveLength(1)
})

test('HO21 objects in unknown places without end are refused', { timeout: 90_000 }, () => {
  const replica = createReplica(game.rooms.arena.state)
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
  let at = 2
  const patch = (): Uint8Array => {
    const handles = Array.from({ length: 100_000 }, () => varint(at++)).flat()
    // The class 40, which this contract does not have, in the field 99 of the root.
    const group = [0x0a, ...varint(handles.length), ...handles, 0x12, 1, 1, 0x18, 99]
    return Uint8Array.from([...varint(((8 + 2 * 40) << 3) | 2), ...varint(group.length), ...group])
  }
  expect(() => {
    for (let time = 0; time < 3; time++) replica.applyPatch(patch())
  }).toThrow('Expected at most 250000 objects')
})

test.each([
  ['a frame that is cut', encodeFrame(system.patch.id, Uint8Array.of(0x42, 200))],
  [
    'an object in no place',
    encodeFrame(system.patch.id, Uint8Array.of(0x52, 6, 0x0a, 1, 9, 0x12, 1, 77)),
  ],
  [
    'an answer of JSON-RPC of 50,000 levels',
    encodeFrame(0xffffffff, Buffer.from('['.repeat(50_000))),
  ],
])('HO21 %s breaks the connection and is told', async (_, frame) => {
  const server = new FakeServer()
  const room = await joined(server)
  const statuses: string[] = []
  room.onStatus((status) => statuses.push(status))
  server.socket.deliver(frame)
  expect(statuses.length).toBeGreaterThan(0)
})

test('HO22 a wait of a server is a time that a timer can hold', () => {
  expect([1e12, 5, -1, 0, Number.NaN, 'x', null, undefined, Infinity].map(toWait)).toEqual([
    1e6,
    5,
    null,
    null,
    null,
    null,
    null,
    null,
    1e6,
  ])
})
