import { connect } from '@ringside/client'
import type { Client } from '@ringside/client'
import { RingsideError, readJsonObject, sendJson } from '@ringside/server'
import type { Clock, HttpRequest, Logger, Server } from '@ringside/server'
import { MAX_PLAYERS } from '../shared/constants.ts'
import { game } from '../shared/game.ts'
import type { BotSeat } from './arena-room.ts'
import { BlindSeat } from './blind-seat.ts'
import type { SeatTicket } from './blind-seat.ts'
import { BotSquad } from './bots.ts'
import { DemoNews } from './demo-news.ts'

/** The demo may fill so many rooms at once; each start beyond that is refused. */
export const MAX_DEMO_ROOMS = 20
const DEFAULT_BOTS = 8
const MAX_BODY_BYTES = 1_024

export interface DemoOptions {
  readonly server: Server<typeof game>
  readonly clock: Clock
  readonly logger: Logger
  /** The secret that marks the demo's seats as bots (see arenaRoom). */
  readonly botKey: string
  /** Any whole number; minds and names of the bots derive from it. */
  readonly seed: number
}

export interface DemoRequest {
  /** Rooms to open, 1-20. */
  readonly rooms: number
  /** Bots in each, 1-16. */
  readonly bots: number
  /** Name of the rooms in the lobby; default: each makes one up. */
  readonly title?: string
}

interface DemoRoom {
  readonly roomId: string
  readonly squad: BotSquad
}

/** Rooms full of bots, opened and closed over HTTP. Bots play through `server.loopback()`. */
export class Demo {
  readonly #options: DemoOptions
  readonly #client: Client<typeof game>
  readonly #news: DemoNews
  #rooms: DemoRoom[] = []
  /** Rooms asked for and not open yet: a second start meanwhile must count them. */
  #opening = 0
  #started = 0

  constructor(options: DemoOptions) {
    this.#options = options
    this.#news = new DemoNews(options)
    this.#client = connect(game, 'http://loopback.invalid', {
      socket: () => options.server.loopback(),
      timers: options.clock,
      // A bot that lost its seat is given a new one by its squad.
      reconnectForMs: 1,
    })
  }

  /** Adds `POST /demo/start`, `POST /demo/stop` (operators) and `GET /demo/status`. */
  register(): void {
    const { server } = this.#options
    server.route('POST', '/demo/start', async (request, response, context) => {
      const reading = readRequest(request)
      // Nobody hears of it before it is known who sends it.
      reading.catch(() => {})
      await context.requireOperator()
      const wanted = await reading
      const roomIds = await this.start(wanted)
      sendJson(response, { body: { started: roomIds, ...this.status() } })
    })
    server.route('POST', '/demo/stop', async (_request, response, context) => {
      await context.requireOperator()
      await this.stop()
      sendJson(response, { body: this.status() })
    })
    server.route('GET', '/demo/status', (_request, response) => {
      sendJson(response, { body: this.status() })
    })
  }

  /**
   * Opens rooms and seats bots in them; resolves with the rooms' ids.
   * @throws RingsideError room_limit beyond MAX_DEMO_ROOMS.
   */
  async start(wanted: DemoRequest): Promise<string[]> {
    this.#dropEnded()
    const total = this.#rooms.length + this.#opening + wanted.rooms
    if (total > MAX_DEMO_ROOMS)
      throw new RingsideError(
        'room_limit',
        `Expected at most ${MAX_DEMO_ROOMS} demo rooms, got ${total}`,
      )
    const opened: DemoRoom[] = []
    this.#opening += wanted.rooms
    try {
      while (opened.length < wanted.rooms) opened.push(await this.#openRoom(wanted))
    } finally {
      this.#opening -= wanted.rooms
      this.#rooms.push(...opened)
    }
    for (const { squad } of opened) await squad.start()
    this.#news.start()
    this.#options.logger.info({ rooms: opened.length, bots: wanted.bots }, 'Demo started')
    return opened.map(({ roomId }) => roomId)
  }

  /** Drives the bots of a room that goes on after a restart: in their seats, with name and score. */
  async adopt(roomId: string, seats: readonly BotSeat[]): Promise<void> {
    const room = this.#fill(roomId, seats.length, seats)
    this.#rooms.push(room)
    await room.squad.start()
  }

  async #openRoom({ bots, title }: DemoRequest): Promise<DemoRoom> {
    const { server } = this.#options
    const roomId = await server.createRoom('arena', title === undefined ? {} : { title })
    return this.#fill(roomId, bots)
  }

  #fill(roomId: string, bots: number, seats: readonly BotSeat[] = []): DemoRoom {
    const { server, clock, logger, botKey, seed } = this.#options
    this.#started += 1
    const seatOf = async (name: string, sessionId?: string): Promise<SeatTicket> =>
      sessionId === undefined
        ? server.reserveSeat(roomId, { name, options: { botKey } })
        : server.retakeSeat(roomId, sessionId)
    const squad = new BotSquad({
      join: async (...bot) => this.#client.joinWithTicket<'arena'>((await seatOf(...bot)).ticket),
      joinBlind: async (...bot) => BlindSeat.take(server.loopback(), await seatOf(...bot)),
      clock,
      logger,
      count: bots,
      seats,
      seed: seed + this.#started,
    })
    return { roomId, squad }
  }

  /** Stops all bots where they are, for a server that is about to close and closes their seats. */
  halt(): void {
    this.#news.stop()
    for (const { squad } of this.#rooms) squad.halt()
  }

  /** Takes all bots out; their rooms end once nobody is left in them. */
  async stop(): Promise<void> {
    const rooms = this.#rooms
    this.#rooms = []
    this.#news.stop()
    await Promise.all(rooms.map(({ squad }) => squad.stop()))
    if (rooms.length > 0) this.#options.logger.info({ rooms: rooms.length }, 'Demo stopped')
  }

  status(): {
    running: boolean
    news: boolean
    bots: number
    maxRooms: number
    rooms: { roomId: string; bots: number; tickLagP99Ms: number }[]
  } {
    this.#dropEnded()
    const lags = new Map(this.#options.server.rooms.map((room) => [room.id, room.tickLagP99Ms]))
    const rooms = this.#rooms.map(({ roomId, squad }) => ({
      roomId,
      bots: squad.size,
      tickLagP99Ms: Math.round(lags.get(roomId) ?? 0),
    }))
    return {
      running: rooms.length > 0,
      news: this.#news.isRunning,
      bots: rooms.reduce((sum, room) => sum + room.bots, 0),
      maxRooms: MAX_DEMO_ROOMS,
      rooms,
    }
  }

  /** Rooms that have ended are no longer the demo's. */
  #dropEnded(): void {
    const living = new Set(this.#options.server.rooms.map(({ id }) => id))
    for (const { roomId, squad } of this.#rooms) if (!living.has(roomId)) void squad.stop()
    this.#rooms = this.#rooms.filter(({ roomId }) => living.has(roomId))
  }
}

async function readRequest(request: HttpRequest): Promise<DemoRequest> {
  const body = await readJsonObject(request, MAX_BODY_BYTES)
  return {
    bots: whole(body, 'bots', [DEFAULT_BOTS, MAX_PLAYERS]),
    rooms: whole(body, 'rooms', [1, MAX_DEMO_ROOMS]),
  }
}

function whole(body: object, name: string, [fallback, max]: readonly [number, number]): number {
  const value: unknown = Object.hasOwn(body, name) ? Reflect.get(body, name) : fallback
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max)
    return value
  throw new RingsideError(
    'bad_request',
    `Expected ${name} to be a whole number from 1 to ${max}, got ${JSON.stringify(value)}`,
  )
}
