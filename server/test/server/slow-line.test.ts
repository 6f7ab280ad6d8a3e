import { connect as connectTcp } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import {
  StateParts,
  decodeSystem,
  defineGame,
  encodeSystem,
  int,
  map,
  readCommandId,
  schema,
  str,
  system,
} from '@ringside/protocol'
import { createReplica } from '../../../client/src/state-replica.ts'
import { createServer, plainState } from '../../src/index.ts'
import type { ServerOptions } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'
import type { Connection } from '../../src/transport/contract.ts'
import { UwsAnswer } from '../../src/transport/uws/answer.ts'
import { UwsByteStream } from '../../src/transport/uws/byte-stream.ts'
import { UwsTransport } from '../../src/transport/uws/transport.ts'
import { SlowProxy } from '../support/slow-proxy.ts'

const KIB = 1024
const MIB = 1024 * KIB
const Item = schema({ text: str(1), count: int(2) })
const State = schema({ items: map(1, Item, { max: 20_000 }), step: int(2) })
const game = defineGame({ commands: {}, rooms: { big: { state: State } } })

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

interface Big {
  readonly port: number
  readonly connections: Connection[]
  readonly state: () => unknown
  /** Items of 1 KiB that change 20 times a second. */
  changes: number
}

/** A room of `count` items of 1 KiB on real sockets. */
async function startBig(count: number, options: ServerOptions = {}): Promise<Big> {
  const { maxBehindMs = 8_000 } = options
  const transport = new UwsTransport({
    maxMessageBytes: MIB,
    maxBufferedBytes: MIB,
    idleTimeoutMs: 60_000,
    maxBehindMs,
    minBytesPerSecond: 2_048,
  })
  const connections: Connection[] = []
  const listen = transport.listen.bind(transport)
  transport.listen = (address, handlers) =>
    listen(address, {
      ...handlers,
      open(connection) {
        connections.push(connection)
        handlers.open(connection)
      },
    })
  const server = createServer(game, {
    transport,
    maxEventBytes: 15 * MIB,
    maxPendingBytes: 256 * MIB,
    ...options,
  })
  let state: unknown = null
  let next = 0
  const fill = '.'.repeat(KIB - 16)
  const big: Big = { port: 0, connections, state: () => state, changes: 0 }
  server.room('big', {
    tickHz: 20,
    patchHz: 20,
    maxClients: 100,
    onCreate: () => ({
      items: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`i${index}`, { text: fill, count: 0 }]),
      ),
      step: 0,
    }),
    onTick(room) {
      state = room.state
      if (big.changes === 0) return
      room.state.step++
      for (let index = 0; index < big.changes; index++) {
        const item = room.state.items[`i${next++ % count}`]
        if (item) item.text = fill + room.tick
      }
    },
  })
  stops.push(() => server.close())
  return Object.assign(big, { port: await server.listen({ port: 0 }) })
}

/** A player in frames, with a replica and the time that each patch took to come. */
class Player {
  readonly replica = createReplica(State)
  readonly parts = new StateParts()
  closed: number | null = null
  hasState = false
  fullStates = 0
  pieces = 0
  lags: number[] = []
  readonly socket: WebSocket

  constructor(port: number, ticket: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
    this.socket.on('open', () => this.socket.send(encodeSystem('join', { ticket })))
    this.socket.on('close', (code) => (this.closed = code))
    this.socket.on('error', () => {})
    this.socket.on('message', (data: Buffer) => this.#take(new Uint8Array(data)))
    stops.push(() => this.socket.terminate())
  }

  static async join(big: Big, port = big.port): Promise<Player> {
    const answer = await fetch(`http://127.0.0.1:${big.port}/matchmake/joinOrCreate/big`, {
      method: 'POST',
      body: JSON.stringify({ name: 'Ada' }),
    })
    const { ticket } = (await answer.json()) as { ticket: string }
    return new Player(port, ticket)
  }

  #take(frame: Uint8Array): void {
    const id = readCommandId(frame)
    if (id === system.statePart.id) {
      this.pieces++
      const whole = this.parts.take(frame)
      if (whole) this.#take(whole)
      return
    }
    if (id === system.state.id) {
      this.replica.applyState(frame.subarray(4))
      this.hasState = true
      this.fullStates++
    } else if (id === system.patch.id) {
      this.replica.applyPatch(frame.subarray(4))
      this.lags.push(Date.now() - decodeAt(frame))
    }
  }
}

function decodeAt(frame: Uint8Array): number {
  return decodeSystem('patch', frame.subarray(0, 4 + headerLength(frame))).at
}

/** Epoch and tick as varints, then `at`. */
function headerLength(frame: Uint8Array): number {
  let at = 4
  for (let field = 0; field < 2; field++) {
    at++
    while ((frame[at++] as number) > 127);
  }
  return at + 9 - 4
}

function p99(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const lagsOf = (players: Player[]): number[] => players.flatMap(({ lags }) => lags.splice(0))

test('SL3 SL5 clients that stop reading for 6 s, while 200 kB change 20 times a second, end equal, and the others do not notice', async () => {
  const big = await startBig(200)
  const all = await Promise.all(Array.from({ length: 6 }, () => Player.join(big)))
  await eventually(() => all.every(({ hasState }) => hasState))
  const stalled = all.slice(0, 3)
  const others = all.slice(3)
  big.changes = 200
  await pause(1_500)
  lagsOf(all)
  await pause(2_500)
  const before = p99(lagsOf(others))
  for (const { socket } of stalled) socket.pause()
  let held = 0
  for (let step = 0; step < 60; step++) {
    await pause(100)
    held = Math.max(held, ...big.connections.map(({ bufferedBytes }) => bufferedBytes))
  }
  const during = p99(lagsOf(others))
  for (const { socket } of stalled) socket.resume()
  await pause(1_000)
  big.changes = 0
  await eventually(
    () => stalled.every(({ replica, closed }) => closed === 4002 || isEqual(big, replica.state)),
    { deadlineMs: 10_000 },
  )
  console.log(`p99 of the others: ${before} ms before, ${during} ms during; held at most ${held}`)
  expect(others.map(({ closed }) => closed)).toEqual(others.map(() => null))
  for (const { replica } of others) expect(isEqual(big, replica.state)).toBe(true)
  expect(stalled.some(({ fullStates, closed }) => fullStates > 1 || closed === 4002)).toBe(true)
  // One patch and what was there before it.
  expect(held).toBeLessThan(512 * KIB)
  expect(during).toBeLessThan(Math.max(500, 4 * before))
}, 40_000)

function isEqual(big: Big, state: unknown): boolean {
  return JSON.stringify(state) === JSON.stringify(plainState(big.state()))
}

test('SL5 TR30 a state of 9 MiB over a line of 2 MB/s arrives in pieces, is live, and the process holds little', async () => {
  const big = await startBig(9 * KIB, { maxBehindMs: 1_500 })
  await using proxy = await SlowProxy.start(big.port, 2_000_000)
  const player = await Player.join(big, proxy.port)
  big.changes = 4
  let held = 0
  const timer = setInterval(() => {
    held = Math.max(held, ...big.connections.map(({ bufferedBytes }) => bufferedBytes))
  }, 20)
  stops.push(() => clearInterval(timer))
  await eventually(() => player.hasState || player.closed !== null, { deadlineMs: 20_000 })
  expect(player.closed).toBeNull()
  await pause(1_000)
  big.changes = 0
  await eventually(() => isEqual(big, player.replica.state), { deadlineMs: 10_000 })
  expect(player.closed).toBeNull()
  expect(player.fullStates).toBe(1)
  expect(player.pieces).toBeGreaterThan(250)
  expect(big.connections).toHaveLength(1)
  expect(held).toBeLessThanOrEqual(131_072)
}, 40_000)

/** What a reader of one address gets over a line, as text, and whether it has ended. */
function read(port: number, path: string) {
  const socket = connectTcp(port, '127.0.0.1')
  stops.push(() => socket.destroy())
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const reader = { text: '', byteCount: 0, hasEnded: false, socket }
  let tail = ''
  socket.on('data', (chunk: Buffer) => {
    reader.byteCount += chunk.length
    tail = (tail + chunk.toString('latin1')).slice(-4_096)
    reader.text = tail
  })
  socket.on('error', () => {})
  socket.on('close', () => (reader.hasEnded = true))
  return reader
}

test('FE49 TR31 a spectator whose first load takes many times maxBehindMs at a steady rate gets it, and is live', async () => {
  const big = await startBig(5 * KIB, { maxBehindMs: 1_000 })
  await Player.join(big)
  await eventually(() => big.state() !== null)
  const list = (await (await fetch(`http://127.0.0.1:${big.port}/rooms`)).json()) as {
    rooms: { roomId: string }[]
  }
  await using proxy = await SlowProxy.start(big.port, 600_000)
  const reader = read(proxy.port, `/rooms/${list.rooms[0]?.roomId}/feed`)
  await eventually(() => reader.text.includes('event: caught-up') || reader.hasEnded, {
    deadlineMs: 25_000,
  })
  expect(reader.hasEnded).toBe(false)
  expect(reader.byteCount).toBeGreaterThan(5 * MIB)
  big.changes = 1
  await eventually(() => reader.text.includes('event: patch'), { deadlineMs: 5_000 })
}, 40_000)

test('FE49 TR32 TR33 whoever takes a byte a second of a state or of a stream is cut off', async () => {
  const big = await startBig(9 * KIB, { maxBehindMs: 1_000 })
  await Player.join(big)
  await eventually(() => big.state() !== null)
  const list = (await (await fetch(`http://127.0.0.1:${big.port}/rooms`)).json()) as {
    rooms: { roomId: string }[]
  }
  const room = list.rooms[0]?.roomId
  await using proxy = await SlowProxy.start(big.port, 1)
  // The kernel goes on with what it has, so that the reader hears of the end much later.
  const cuts = [UwsAnswer, UwsByteStream].map((body) => vi.spyOn(body.prototype, 'cut'))
  stops.push(() => vi.restoreAllMocks())
  read(proxy.port, `/rooms/${room}/feed`)
  read(proxy.port, `/rooms/${room}/state`)
  await eventually(() => cuts.every(({ mock }) => mock.calls.length === 1), { deadlineMs: 15_000 })
  const aborted = await fetch(`http://127.0.0.1:${big.port}/rooms`)
  expect(aborted.status).toBe(200)
}, 30_000)
