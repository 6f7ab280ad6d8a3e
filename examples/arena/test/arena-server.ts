import { encodeFrame, encodeMessage } from '@ringside/protocol'
import type { Json, PageEvent } from '@ringside/protocol'
import {
  ManualClock,
  MemoryStore,
  MemoryTransport,
  createServer,
  silentLogger,
} from '@ringside/server'
import type { Server } from '@ringside/server'
import { arenaRoom } from '../src/server/arena-room.ts'
import type { BotSeat } from '../src/server/arena-room.ts'
import { BlindSeat } from '../src/server/blind-seat.ts'
import { Demo } from '../src/server/demo.ts'
import { game } from '../src/shared/game.ts'

export const API_KEY = 'test-key-test-key'
const LIMITS = { maxMessageBytes: 65_540, maxBufferedBytes: 1_048_576, idleTimeoutMs: 60_000 }

/** A whole arena server in memory, on a clock moved by hand, with the same ids in every run. */
export class ArenaServer implements AsyncDisposable {
  readonly clock: ManualClock
  readonly transport = new MemoryTransport(LIMITS)
  readonly store: MemoryStore
  readonly server: Server<typeof game>
  readonly demo: Demo

  /** Bots' seats of before a restart, by room. */
  readonly left = new Map<string, readonly BotSeat[]>()

  private constructor(seed: number, before: ArenaServer | null) {
    let ids = 0
    this.clock = before?.clock ?? new ManualClock()
    this.store = before?.store ?? new MemoryStore({ clock: this.clock })
    const prefix = before ? 'next' : 'id'
    this.server = createServer(game, {
      clock: this.clock,
      transport: this.transport,
      store: this.store,
      seed,
      newId: () => `${prefix}-${String(++ids).padStart(6, '0')}`,
      apiKey: API_KEY,
    })
    const onBotsLeft = (roomId: string, seats: readonly BotSeat[]): void => {
      this.left.set(roomId, seats)
    }
    this.server.room('arena', arenaRoom({ botKey: 'bots', onBotsLeft }))
    const { server, clock } = this
    this.demo = new Demo({ server, clock, logger: silentLogger, botKey: 'bots', seed })
    this.demo.register()
  }

  /** `before`: the server, closed by now, whose log this one goes on with. */
  static async open(seed = 1, before: ArenaServer | null = null): Promise<ArenaServer> {
    const arena = new ArenaServer(seed, before)
    await arena.until(arena.server.listen())
    return arena
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.demo.halt()
    const closing = this.server.close()
    await this.pass(6_000, 50)
    await closing
  }

  /** Moves time on, letting whatever waits on promises run after each step. */
  async pass(ms: number, stepMs = 11): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left))
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    }
  }

  /** Waits for a promise that needs time to pass. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    promise.then(done, done)
    for (let step = 0; !isDone && step < 2_000; step++) await this.pass(10, 10)
    return promise
  }

  async join(roomId: string, name: string): Promise<BlindSeat> {
    const seat = await this.server.reserveSeat(roomId, { name })
    return this.until(BlindSeat.take(this.server.loopback(), seat))
  }

  async request(
    method: string,
    path: string,
    body = '',
    key = '',
  ): Promise<{ status: number; json: unknown }> {
    const headers = { 'content-type': 'application/json', 'x-api-key': key }
    const exchange = this.transport.request({ method, path, headers, body })
    await this.until(exchange.done)
    return { status: exchange.status, json: exchange.text() === '' ? null : exchange.json() }
  }

  /** All of a room's log as spectators may see it, page by page. */
  async publicLog(roomId: string): Promise<PageEvent[]> {
    const events: PageEvent[] = []
    for (let after = ''; ;) {
      const { status, json } = await this.request(
        'GET',
        `/rooms/${roomId}/events?limit=1000${after}`,
      )
      if (status !== 200) throw new Error(`Events: ${status} ${JSON.stringify(json)}`)
      const page = json as { events: PageEvent[]; next: number }
      if (page.events.length === 0) return events
      events.push(...page.events)
      after = `&after=${page.next}`
    }
  }
}

/** Sends a chat line over the connection of a seat, as a plain command. */
export function chatFrame(text: string): Uint8Array {
  const { id, payload } = game.commands.chat
  return encodeFrame(id, encodeMessage(payload, { text }))
}

export type JsonObject = { [key: string]: Json }
