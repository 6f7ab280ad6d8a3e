import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { encodeSystem } from '@ringside/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { eventually } from '../../src/testing/index.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** uWebSockets.js takes a message's 4-byte id and so much beyond `maxPayloadBytes`, for the session to answer 1009. */
const MARGIN_BYTES = 4 + 64 * KIB
/** A socket that the server has closed, and whose client does not take the close, is held so long. */
const LINGER_SECONDS = 16

/** What strangers may have the process hold, in bytes: the sums of docs/operations.md. */
function sumsOf(limits: ServerLimits) {
  const message = limits.maxPayloadBytes + MARGIN_BYTES
  const closing = limits.connectionsPerSecondPerIp * LINGER_SECONDS
  return {
    silentPerIp: limits.maxSilentPerIp * message,
    messagesPerIp: (limits.maxConnectionsPerIp + closing) * message,
    bodiesPerIp: limits.maxBodiesPerIp * limits.maxBodyBytes,
    handshakesPerIp: limits.maxPendingHandshakesPerIp * limits.maxHeaderBytes,
    messages: limits.maxConnections * message,
    handshakes: limits.maxPendingHandshakes * limits.maxHeaderBytes,
    bodies: limits.maxBodies * limits.maxBodyBytes,
  }
}

test('LI4 what strangers may hold adds up to the figures of docs/operations.md', () => {
  const sums = sumsOf(checkLimits())
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => /^\| .* MiB *\| .* MiB *\|$/.test(line))
  const figures = rows.map((row) =>
    row
      .split('|')
      .slice(2, 4)
      .map((cell) => cell.trim()),
  )
  const mib = (bytes: number): string => `${Math.ceil(bytes / MIB).toLocaleString('en')} MiB`
  expect(figures).toEqual([
    [mib(sums.silentPerIp), mib(sums.messages)],
    [mib(sums.messagesPerIp), mib(sums.messages)],
    [mib(sums.handshakesPerIp), mib(sums.handshakes)],
    [mib(sums.bodiesPerIp), mib(sums.bodies)],
  ])
  expect(sums.silentPerIp).toBeLessThan(8 * MIB)
  expect(sums.messagesPerIp + sums.bodiesPerIp).toBeLessThan(256 * MIB)
  expect(sums.messages + sums.handshakes + sums.bodies).toBeLessThan(1_536 * MIB)
})

interface Child {
  readonly port: number
  /** Its resident bytes and open sessions, now. */
  ask(): Promise<{ rss: number; sessions: number }>
}

async function startChild(options: object): Promise<Child> {
  const file = fileURLToPath(new URL('fragments-server.ts', import.meta.url))
  const flags = ['--conditions=source', '--expose-gc', '--import', 'tsx']
  const child = spawn(process.execPath, [...flags, file, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value)
  const port = Number(await next())
  return {
    port,
    async ask() {
      child.stdin.write('\n')
      const [rss = 0, sessions = 0] = (await next()).split(' ').map(Number)
      return { rss, sessions }
    },
  }
}

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n'

class Attacker {
  readonly socket: Socket
  isEnded = false
  received = Buffer.alloc(0)

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('error', () => (this.isEnded = true))
    this.socket.on('end', () => (this.isEnded = true))
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
      // It answers pings, so as to stay.
      if (chunk[0] === 0x89) this.frame(0x8a, chunk.subarray(2, 2 + ((chunk[1] ?? 0) & 127)))
    })
    onTestFinished(() => void this.socket.destroy())
  }

  /** Gives the status of the handshake. */
  async open(): Promise<number> {
    this.socket.write(HANDSHAKE)
    await eventually(() => this.received.length > 12 || this.isEnded)
    return Number(this.received.toString('latin1').split(' ')[1])
  }

  /** A frame with a mask of zeros. */
  frame(first: number, payload: Uint8Array): void {
    const head = Buffer.alloc(14)
    head[0] = first
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(BigInt(payload.length), 2)
    const short = Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0])
    if (!this.socket.destroyed)
      this.socket.write(Buffer.concat([payload.length < 126 ? short : head, payload]))
  }

  /** So many bytes of a message that never ends. */
  hold(bytes: number, pieceBytes: number): void {
    for (let sent = 0; sent < bytes; sent += pieceBytes)
      this.frame(sent === 0 ? 0x02 : 0x00, Buffer.alloc(Math.min(pieceBytes, bytes - sent)))
  }
}

test('HO12, TR35 of unfinished messages an address holds what its silent sockets may, and not for long', async () => {
  const limits = { firstMessageMs: 2_000, connectionsPerSecondPerIp: 10_000 }
  const child = await startChild(limits)
  const before = await child.ask()
  const attackers = Array.from({ length: 300 }, () => new Attacker(child.port))
  const statuses = await Promise.all(attackers.map((attacker) => attacker.open()))
  expect(statuses.filter((status) => status === 101)).toHaveLength(32)
  expect(statuses.filter((status) => status === 429)).toHaveLength(268)
  const refused = attackers[statuses.indexOf(429)]?.received.toString()
  expect(refused).toMatch(/retry-after: 1\r\n/i)
  expect(refused).toContain('"code":"too_many_requests"')
  const inside = attackers.filter((_, index) => statuses[index] === 101)
  for (const attacker of inside) attacker.hold(127 * KIB, 127 * 512)
  await eventually(() => inside.every(({ socket }) => socket.writableLength === 0))
  const held = await child.ask()
  expect(held.rss - before.rss).toBeLessThan(32 * MIB)
  await eventually(() => inside.every(({ isEnded }) => isEnded), { deadlineMs: 8_000 })
  for (const { received } of inside)
    expect(received.includes(Buffer.from('\x0f\xa9Nothing was said in time', 'latin1'))).toBe(true)
  expect((await child.ask()).sessions).toBe(0)
}, 30_000)

test('HO12 whoever has spoken holds no more than a message and the margin for each socket', async () => {
  const COUNT = 300
  const child = await startChild({
    maxSilentPerIp: 1_000,
    connectionsPerSecondPerIp: 10_000,
    maxConnectionsPerIp: COUNT,
  })
  const before = await child.ask()
  const attackers = Array.from({ length: COUNT }, () => new Attacker(child.port))
  const statuses = await Promise.all(attackers.map((attacker) => attacker.open()))
  expect(new Set(statuses)).toEqual(new Set([101]))
  expect(await new Attacker(child.port).open()).toBe(429)
  for (const attacker of attackers) {
    attacker.frame(0x82, encodeSystem('ping', { clientTime: 1 }))
    attacker.hold(127 * KIB, 16 * KIB)
  }
  await eventually(() => attackers.every(({ socket }) => socket.writableLength === 0))
  const held = await child.ask()
  expect(held.sessions).toBe(COUNT)
  const perSocket = (held.rss - before.rss) / COUNT
  expect(perSocket).toBeGreaterThan(100 * KIB)
  expect(perSocket).toBeLessThan(160 * KIB)
  // Beyond it each is cut, and what it held is free.
  for (const attacker of attackers) attacker.frame(0x00, Buffer.alloc(70 * KIB))
  await eventually(() => attackers.every(({ isEnded }) => isEnded), { deadlineMs: 8_000 })
  expect((await child.ask()).sessions).toBe(0)
  await once(new Attacker(child.port).socket, 'connect')
}, 60_000)

/** Writes `piece` every 500 ms until the server ends the socket; gives the seconds that it took. */
async function drip(port: number, head: string, piece: string): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  const start = Date.now()
  socket.write(head.replaceAll('\n', '\r\n'))
  const timer = setInterval(() => socket.write(piece), 500)
  await once(socket.resume(), 'close')
  clearInterval(timer)
  return (Date.now() - start) / 1_000
}

test('HO13 a request that comes byte by byte, in its headers or its body, is cut after 10 to 15 s', async () => {
  const { port } = await startChild({})
  const post = 'POST /matchmake/joinOrCreate/arena HTTP/1.1\nHost: localhost\n'
  const seconds = await Promise.all([
    drip(port, 'GET / HTTP/1.1\nHost: localhost\nA: ', 'a'),
    drip(port, `${post}Content-Length: 60000\n\n{`, 'a'),
    drip(port, `${post}Content-Length: 60000\n\n{`, 'a'.repeat(1_000)),
    drip(port, `${post}Transfer-Encoding: chunked\n\n`, '1\r\na\r\n'),
    drip(port, '', ''),
  ])
  for (const took of seconds) {
    expect(took).toBeGreaterThan(8)
    expect(took).toBeLessThan(18)
  }
}, 40_000)
