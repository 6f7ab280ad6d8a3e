import { expect, test } from 'vitest'
import { MemoryTransport } from '../../src/transport/memory/transport.ts'
import type { MemorySocket } from '../../src/transport/memory/socket.ts'
import type { Connection, UpgradeDecision } from '../../src/transport/contract.ts'
import { SendResult } from '../../src/transport/contract.ts'
import { describeTransport } from '../../src/testing/contracts/index.ts'
import { settle } from '../../src/testing/index.ts'
import { memorySubject } from './memory-subject.ts'

describeTransport(
  'memory',
  memorySubject(
    (options) => new MemoryTransport(options),
    (transport) => transport,
  ),
)

async function pair(): Promise<{
  socket: MemorySocket
  connection: Connection
  calls: string[]
  transport: MemoryTransport
}> {
  const calls: string[] = []
  let connection: Connection | null = null
  const transport = new MemoryTransport({
    maxMessageBytes: 100,
    maxBufferedBytes: 10,
    idleTimeoutMs: 60_000,
  })
  await transport.listen(
    { host: '', port: 1 },
    {
      upgrade: () => ({ accept: true, protocol: null }),
      open: (opened) => {
        connection = opened
      },
      message: () => calls.push('message'),
      drain: () => calls.push('drain'),
      dropped: () => calls.push('dropped'),
      close: (_, code) => calls.push(`close ${code}`),
      http: () => {},
    },
  )
  const socket = transport.dial()
  if ('status' in socket || !connection) throw new Error('Expected a socket')
  await Promise.resolve()
  return { socket, connection, calls, transport }
}

test('TR21 a full socket keeps what fits, drops what does not, and drains in order', async () => {
  const { socket, connection, calls } = await pair()
  const got: string[] = []
  socket.onmessage = ({ data }) => got.push(Buffer.from(data).toString())
  socket.setFull(true)
  expect(connection.send(Buffer.from('12345'))).toBe(SendResult.accepted)
  expect(connection.sendBuffer(Uint8Array.from(Buffer.from('67890')).buffer)).toBe(
    SendResult.accepted,
  )
  expect(connection.send(Buffer.from('x'))).toBe(SendResult.dropped)
  expect(connection.sendBuffer(new ArrayBuffer(1))).toBe(SendResult.dropped)
  expect(connection.bufferedBytes).toBe(10)
  socket.setFull(false)
  expect(connection.bufferedBytes).toBe(0)
  await Promise.resolve()
  expect(got).toEqual(['12345', '67890'])
  expect(calls).toEqual(['drain'])
})

test('TR22 a published frame that does not fit is told in a later turn', async () => {
  const { socket, connection, calls, transport } = await pair()
  connection.subscribe('t')
  socket.setFull(true)
  transport.publish('t', Buffer.from('1234567890'))
  transport.publish('t', Buffer.from('x'))
  expect(calls).toEqual([])
  await Promise.resolve()
  expect(calls).toEqual(['dropped'])
})

test('TR23 a close waits behind what a full socket holds', async () => {
  const { socket, connection } = await pair()
  const got: string[] = []
  socket.onmessage = ({ data }) => got.push(Buffer.from(data).toString())
  socket.onclose = ({ code }) => got.push(`close ${code}`)
  socket.setFull(true)
  connection.send(Buffer.from('last'))
  connection.close(4002, 'slow')
  await Promise.resolve()
  expect(got).toEqual([])
  socket.setFull(false)
  await Promise.resolve()
  expect(got).toEqual(['last', 'close 4002'])
})

test('AU33 a client that leaves while its handshake waits is not let in', async () => {
  const transport = new MemoryTransport({
    maxMessageBytes: 100,
    maxBufferedBytes: 10,
    idleTimeoutMs: 60_000,
  })
  let decide: (decision: UpgradeDecision) => void = () => {}
  const opened: unknown[] = []
  await transport.listen(
    { host: '', port: 1 },
    {
      upgrade: () =>
        new Promise((resolve) => {
          decide = resolve
        }),
      open: (connection) => void opened.push(connection),
      message() {},
      drain() {},
      dropped() {},
      close() {},
      http() {},
    },
  )
  const answers: unknown[] = []
  const leave = transport.handshake({}, (answer) => answers.push(answer))
  leave()
  decide({ accept: true, protocol: null })
  await settle()
  expect([answers, opened, transport.connectionCount]).toEqual([[], [], 0])
  expect(() => transport.dial()).toThrow('decided at once')
})
