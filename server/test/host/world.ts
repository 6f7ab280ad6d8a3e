import { randomBytes } from 'node:crypto'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { connect } from '../../../client/src/index.ts'
import type { ClientRoom, RequestError } from '../../../client/src/index.ts'
import { ManualClock, MemoryStore } from '../../src/index.ts'
import type { LogStore, RoomOf } from '../../src/index.ts'
import type { GameServer } from '../../src/game-server.ts'
import type { Host } from '../../src/host/host.ts'
import type { RoomRecord } from '../../src/outbox/contract/store.ts'
import { during, until } from '../../src/testing/index.ts'
import { Reader } from '../feed/rig.ts'
import type { SeenEvent } from '../feed/rig.ts'
import { overrideStore } from '../outbox/support.ts'
import { testGame } from '../support/test-game.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions } from '../support/test-server.ts'

export type Arena = ClientRoom<typeof testGame, 'arena'>

/** The rooms of a server, one by one. */
export function hostOf(test: TestServer): Host {
  return (test.server as unknown as GameServer).host
}

/** A room of a server as its game code sees it. */
export function faceOf(test: TestServer, roomId: string): RoomOf<typeof testGame, 'arena'> {
  const room = hostOf(test).rooms.get(roomId)
  if (!room) throw new Error(`Expected ${roomId} to be here`)
  return room.face as RoomOf<typeof testGame, 'arena'>
}

/** A seed for a run: the one of the environment (`SEED=7`), else another each time. */
export function newSeed(): number {
  return Number(process.env['SEED'] ?? randomBytes(4).readUInt32LE())
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbersOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Several servers over one log, on one clock. */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly store: LogStore
  readonly random: () => number
  readonly servers: TestServer[] = []
  /** The store takes no events and no snapshots. */
  isAway = false

  private constructor(seed: number) {
    this.random = numbersOf(seed)
    const cause = new Error('away')
    const memory = new MemoryStore({ clock: this.clock })
    const { events, snapshots } = memory
    this.store = overrideStore(memory, {
      events: {
        insert: async (batch) => (this.isAway ? { kind: 'unknown', cause } : events.insert(batch)),
      },
      snapshots: {
        save: (snapshot) => (this.isAway ? Promise.reject(cause) : snapshots.save(snapshot)),
      },
    })
  }

  static async of(
    count: number,
    handlers: Partial<ArenaHandlers> = {},
    options: TestOptions & {
      seed?: number
      wrap?: (store: LogStore, index: number) => LogStore
    } = {},
  ): Promise<World> {
    const { wrap = (store: LogStore): LogStore => store, seed = 1, ...rest } = options
    const world = new World(seed)
    for (let index = 0; index < count; index++) {
      const idPrefix = 'abcdef'[index] ?? 'z'
      const { clock } = world
      const store = wrap(world.store, index)
      const joins = { joinsPerSecondPerIp: 1e6, readsPerSecondPerIp: 1e6 }
      world.servers.push(
        await TestServer.start({ clock, store, idPrefix, seed, ...joins, ...rest }, handlers),
      )
    }
    return world
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.random() * count)
  }

  at(index: number): TestServer {
    const test = this.servers[index]
    if (!test) throw new Error(`Expected a server ${index}`)
    return test
  }

  pass(ms: number, stepMs = 5): Promise<void> {
    return this.clock.advanceAsync(ms, stepMs)
  }

  /** Waits for a promise while time moves. */
  during<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    return during(this.clock, promise, { limitMs })
  }

  /** Moves time until it is so. @throws when it never is. */
  async until(what: string, isSo: () => boolean, limitMs = 60_000): Promise<void> {
    await until(this.clock, isSo, { what, limitMs })
  }

  async record(roomId: string): Promise<RoomRecord> {
    const living = await this.store.rooms.living('', 100)
    const record = living.find(({ room }) => room === roomId)
    if (!record) throw new Error(`Expected a record of ${roomId}`)
    return record
  }

  async adopt(test: TestServer, roomId: string): Promise<void> {
    await this.during(hostOf(test).adopt(await this.record(roomId)))
  }

  async release(test: TestServer, roomId: string): Promise<void> {
    await this.during(hostOf(test).release(roomId))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const test of this.servers) await test[Symbol.asyncDispose]()
  }
}

/** A player with the SDK, whose requests go to one server of the world, and who changes it when it has to. */
export class Player {
  readonly client
  /** Where it dials. */
  at: TestServer
  room!: Arena
  /** How its commands were answered; `unknown`: sent on a connection that broke before the answer. */
  readonly hits = { ok: 0, unknown: 0 }
  readonly laters = { ok: 0, unknown: 0 }
  readonly refused = new Map<string, number>()
  openCount = 0

  constructor(world: World, at: TestServer, next: () => TestServer) {
    this.at = at
    const { clock, random } = world
    this.client = connect(testGame, 'http://memory', {
      timers: clock,
      random: () => random() * 0.2,
      socket: (_url, protocol) => {
        const socket = this.at.transport.dial({ protocols: [protocol] })
        if ('status' in socket) throw new Error(`refused with ${socket.status}`)
        return socket
      },
      fetch: async (input, init) => {
        const { pathname } = new URL(input as string)
        const body = init?.body as string
        const exchange = this.at.transport.request({ method: 'POST', path: pathname, body })
        await exchange.done
        if (exchange.status >= 500) this.at = next()
        const { status, headers } = exchange
        return new Response(exchange.text(), { status, headers })
      },
    })
  }

  async join(world: World, roomId: string, name: string): Promise<void> {
    this.room = await world.during(this.client.joinById<'arena'>(roomId, { name }))
  }

  hit(): void {
    this.#ask(this.room.request('hit', { target: 'x' }), this.hits)
  }

  later(ms: number): void {
    this.#ask(this.room.request('later', { value: ms }), this.laters)
  }

  #ask(answer: Promise<unknown>, counts: { ok: number; unknown: number }): void {
    this.openCount++
    answer
      .then(
        () => counts.ok++,
        ({ code }: RequestError) => {
          if (code === 'disconnected' || code === 'timeout') counts.unknown++
          else this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
        },
      )
      .finally(() => this.openCount--)
  }
}

/** Somebody who watches a room with an EventSource: dials again with its last id, here or there. */
export class Watcher {
  readonly #roomId: string
  #reader: Reader
  /** n of every event, in order. */
  readonly seen: number[] = []
  readonly resets: string[] = []
  state: Json = null
  #lastEventId = ''

  constructor(roomId: string, at: TestServer) {
    this.#roomId = roomId
    this.#reader = this.#dial(at)
  }

  #dial({ transport }: TestServer): Reader {
    const headers = this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }
    return new Reader(transport.request({ path: `/rooms/${this.#roomId}/feed`, headers }))
  }

  /** Takes in what has come, hangs up and dials there. */
  redial(at: TestServer): void {
    this.hangUp()
    this.#reader = this.#dial(at)
  }

  hangUp(): void {
    const reader = this.#reader
    reader.exchange.abort()
    this.#lastEventId = reader.lastEventId || this.#lastEventId
    let waiting: SeenEvent[] = []
    for (const event of reader.events) {
      waiting.push(event)
      // What came after the last id is asked for again.
      if (event.id === null) continue
      for (const { type, data } of waiting) this.#take(type, data)
      waiting = []
    }
  }

  #take(type: string, data: SeenEvent['data']): void {
    if (type === 'reset') this.resets.push(JSON.stringify(data))
    if (type === 'snapshot' && this.seen.length > 0) this.resets.push('snapshot')
    if (type === 'snapshot') this.state = data.state
    if (type === 'patch') this.state = applyMergePatch(this.state, structuredClone(data.data))
    if (data.n !== undefined) this.seen.push(data.n)
  }

  get isEnded(): boolean {
    return !this.#reader.exchange.isOpen
  }
}
