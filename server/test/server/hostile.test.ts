import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { command, defineGame, encodeFrame, int, list, schema, str } from '@ringside/protocol'
import { createRandom } from '../../src/process/random.ts'
import { createServer } from '../../src/server.ts'
import type { Server } from '../../src/server-types.ts'
import type { ServerOptions } from '../../src/options.ts'
import { eventually } from '../../src/testing/index.ts'

const nested = schema({ name: str(1), sizes: list(2, int()) })
const game = defineGame({
  commands: { typed: command(0x20, { text: str(1), items: list(2, nested), count: int(3) }) },
})

/** Messages that it logs, but for its errors. */
const told: string[] = []
const errors: { fields: object; message: string }[] = []
let stop: () => Promise<void> = () => Promise.resolve()
const closing: { destroy(): void }[] = []

afterEach(async () => {
  for (const socket of closing.splice(0)) socket.destroy()
  await stop()
  errors.length = 0
  told.length = 0
})

/** A server with an echo on 0x0001 and a typed command; whatever it logs as an error is kept. */
async function start(
  options: ServerOptions = {},
  setUp: (server: Server<typeof game>) => void = () => {},
): Promise<number> {
  const server = createServer(game, {
    connectionsPerSecondPerIp: 10_000,
    logger: {
      debug() {},
      info: (_fields, message) => void told.push(message),
      warn() {},
      error: (fields, message) => errors.push({ fields, message }),
    },
    ...options,
  })
  server.command(0x0001, (_, payload) => payload)
  server.command(game.commands.typed, () => undefined)
  setUp(server)
  stop = () => server.close()
  return server.listen({ port: 0 })
}

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n'

/** A socket that says what no WebSocket library would. */
class RawClient {
  readonly socket: Socket
  readonly ended: Promise<void>
  hasEnded = false
  #received = Buffer.alloc(0)
  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    this.ended = new Promise((resolve) => {
      this.socket.on('end', () => resolve())
      this.socket.on('close', () => resolve())
    })
    void this.ended.then(() => {
      this.hasEnded = true
    })
    closing.push(this.socket)
  }
  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(port)
    client.socket.write(HANDSHAKE)
    await once(client.socket, 'data')
    expect(client.#received.toString()).toContain('101 Switching Protocols')
    return client
  }
  /** Code and reason of the close frame; null when the socket ended without one. */
  async closeFrame(): Promise<{ code: number; reason: string } | null> {
    await this.ended
    let at = this.#received.indexOf('\r\n\r\n') + 4
    while (at + 2 <= this.#received.length) {
      const opcode = (this.#received[at] ?? 0) & 15
      let length = (this.#received[at + 1] ?? 0) & 127
      at += 2
      if (length === 126) {
        length = this.#received.readUInt16BE(at)
        at += 2
      }
      if (opcode === 8)
        return {
          code: this.#received.readUInt16BE(at),
          reason: this.#received.toString('utf8', at + 2, at + length),
        }
      at += length
    }
    return null
  }
}

/** A client frame with a zero mask. */
function frameOf(first: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 2 : 4)
  head[0] = first
  head[1] = 0x80 | (payload.length < 126 ? payload.length : 126)
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

/** Proof that the server is alive and well: an echo on a new connection. */
async function expectEcho(port: number): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(client, 'open')
  client.send(encodeFrame(1, Buffer.from('alive')))
  const [answer] = (await once(client, 'message')) as [Buffer]
  expect(answer.subarray(4).toString()).toBe('alive')
  client.terminate()
}

test('HO1 a client that floods and never stops still gets 1008 with its reason', async () => {
  const port = await start()
  const burst = Buffer.concat(
    Array.from({ length: 500 }, () => frameOf(0x82, encodeFrame(1, Buffer.alloc(32)))),
  )
  const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(port)))
  const seen = clients.map(async (client) => {
    const pump = setInterval(() => {
      for (let index = 0; index < 10 && client.socket.writable; index++) client.socket.write(burst)
    }, 1)
    const closed = await client.closeFrame()
    clearInterval(pump)
    return closed
  })
  expect(await Promise.all(seen)).toEqual(
    Array.from({ length: 10 }, () => ({ code: 1008, reason: 'Rate limit exceeded' })),
  )
  await expectEcho(port)
})

test('HO2 a message in many fragments is one message; control frames may come between', async () => {
  const port = await start()
  const client = await RawClient.open(port)
  const message = encodeFrame(1, Buffer.from('whole'))
  for (let index = 0; index < message.length; index++) {
    const isLast = index === message.length - 1
    const first = (isLast ? 0x80 : 0) | (index === 0 ? 2 : 0)
    client.socket.write(frameOf(first, message.subarray(index, index + 1)))
    client.socket.write(frameOf(0x89, Buffer.from('ping')))
  }
  const received: Buffer[] = []
  client.socket.on('data', (chunk: Buffer) => received.push(chunk))
  await eventually(() => Buffer.concat(received).includes('whole'))
})

test.each([
  ['a reserved bit', frameOf(0xc2, encodeFrame(1))],
  ['an unknown opcode', frameOf(0x83, encodeFrame(1))],
  ['a continuation of nothing', frameOf(0x80, encodeFrame(1))],
  ['a control frame in fragments', frameOf(0x09, Buffer.from('x'))],
  ['a control frame over 125 bytes', frameOf(0x89, Buffer.alloc(200))],
  ['HTTP after the handshake', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
])('HO3 %s costs the connection and nothing else', async (_, bytes) => {
  const port = await start()
  const client = await RawClient.open(port)
  client.socket.write(bytes)
  await eventually(() => client.hasEnded)
  await expectEcho(port)
  expect(errors).toEqual([])
})

test('HO4 a message over the limit closes with 1009, one that claims to be enormous costs the socket', async () => {
  const port = await start({ maxPayloadBytes: 1_000 })
  const polite = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(polite, 'open')
  polite.send(encodeFrame(1, new Uint8Array(1_001)))
  const [code, reason] = (await once(polite, 'close')) as [number, Buffer]
  expect([code, reason.toString()]).toEqual([1009, 'Message too large'])
  const liar = await RawClient.open(port)
  liar.socket.write(Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]))
  await liar.ended
  await expectEcho(port)
})

test('HO5 an endless message in fragments is cut off at the limit', async () => {
  const port = await start({ maxPayloadBytes: 1_000 })
  const client = await RawClient.open(port)
  client.socket.write(frameOf(0x02, Buffer.alloc(10_000)))
  for (let sent = 0; sent < 50 && client.socket.writable; sent++) {
    client.socket.write(frameOf(0x00, Buffer.alloc(10_000)))
    await eventually(() => client.socket.writableLength === 0 || !client.socket.writable)
  }
  await eventually(() => client.hasEnded)
  await expectEcho(port)
})

test('HO6 random bytes as messages: always ERROR or a close, never a failure (seeded)', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  const port = await start({ ratePerSecond: 1e6, rateBurst: 1e6 })
  const ids = [1, 0x20, 0xffff0001, 0xffff0002, 0xffff0003, 0xffff0004, 0xfffffffe, 0xffffffff]
  let sent = 0
  for (let connection = 0; connection < 40; connection++) {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    closing.push({ destroy: () => client.terminate() })
    await once(client, 'open')
    for (let index = 0; index < 40; index++) {
      const payload = Uint8Array.from({ length: random.int(0, 60) }, () => random.int(0, 255))
      const id =
        random.next() < 0.7 ? (ids[random.int(0, ids.length - 1)] ?? 1) : random.int(0, 2 ** 32 - 1)
      const frame = encodeFrame(id, payload)
      if (client.readyState === WebSocket.OPEN)
        client.send(frame.subarray(0, random.next() < 0.02 ? random.int(0, 3) : undefined))
      sent++
    }
    client.terminate()
  }
  await expectEcho(port)
  expect(sent).toBe(1_600)
  expect(errors, `seed ${seed}`).toEqual([])
})

test('HO7 random bytes on the socket itself never harm the server (seeded)', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  const port = await start()
  for (let round = 0; round < 40; round++) {
    const client = round % 2 === 0 ? await RawClient.open(port) : new RawClient(port)
    client.socket.write(Uint8Array.from({ length: random.int(1, 400) }, () => random.int(0, 255)))
    client.socket.end()
  }
  await expectEcho(port)
  expect(errors, `seed ${seed}`).toEqual([])
})

test('HO8 handshakes that are none are answered or closed, and other paths are 404', async () => {
  const port = await start()
  for (const request of [
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\n\r\n',
    'GET /ws HTTP/1.1\r\nHost: x\r\n\r\n',
    HANDSHAKE.replace('/ws', '/other'),
    HANDSHAKE.replace('Host: x', 'Host: x\r\nOrigin: https://evil.test'),
  ]) {
    const client = new RawClient(port)
    client.socket.write(request)
    const [answer] = (await once(client.socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 (403|404|426|400) /)
  }
  await expectEcho(port)
})

test('HO9 a client that asks and never reads is closed, and the others do not notice', async () => {
  const port = await start({ maxQueuedBytes: 65_536, ratePerSecond: 1e6, rateBurst: 1e6 })
  const client = await RawClient.open(port)
  client.socket.pause()
  const burst = Buffer.concat(
    Array.from({ length: 20 }, () => frameOf(0x82, encodeFrame(1, Buffer.alloc(60_000)))),
  )
  for (let round = 0; round < 30; round++) client.socket.write(burst)
  await expectEcho(port)
  await eventually(() => told.includes('Session closed: too slow'))
  client.socket.resume()
  expect(await client.closeFrame()).toMatchObject({ code: 4002 })
})

test('HO10 requests pipelined without reading the answers do not pile the answers up', async () => {
  const body = new Uint8Array(256 * 1024).fill(120)
  const port = await start({}, (server) =>
    server.route('GET', '/large', (_request, response) => response.send(200, {}, body)),
  )
  const socket = connect(port, '127.0.0.1')
  closing.push(socket)
  await once(socket, 'connect')
  socket.pause()
  const before = process.memoryUsage.rss()
  const requests = 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(600)
  socket.write(requests)
  // A loop of the server that answers this one has read what was sent before it.
  await expectEcho(port)
  await expectEcho(port)
  // 600 answers are 150 MB; the kernel's buffers hold a few. The connection does not survive it:
  // uWebSockets.js ends one that asks on while an answer waits.
  expect(process.memoryUsage.rss() - before).toBeLessThan(60 * 1024 * 1024)
})

test('HO10 a slow reader of one large answer gets every byte of it', async () => {
  const body = new Uint8Array(16 * 1024 * 1024).map((_, index) => index % 251)
  let askedCount = 0
  const port = await start({}, (server) =>
    server.route('GET', '/large', (_request, response) => {
      askedCount++
      response.send(200, {}, body)
    }),
  )
  const socket = connect(port, '127.0.0.1')
  closing.push(socket)
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  socket.pause()
  await eventually(() => askedCount === 1)
  await expectEcho(port)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  socket.resume()
  const received = (): Buffer => {
    const answer = Buffer.concat(chunks)
    return answer.subarray(answer.indexOf('\r\n\r\n') + 4)
  }
  await eventually(() => received().length === body.length, { deadlineMs: 15_000 })
  expect(received().equals(body)).toBe(true)
})

test('HO11 one address opens only so many connections', async () => {
  const port = await start({ maxConnectionsPerIp: 2 })
  await RawClient.open(port)
  const second = await RawClient.open(port)
  const third = new RawClient(port)
  third.socket.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const [answer] = (await once(third.socket, 'data')) as [Buffer]
  expect(answer.toString()).toContain('429')
  second.socket.destroy()
  await expect.poll(() => RawClient.open(port).then(() => 'open'), { timeout: 5_000 }).toBe('open')
})
