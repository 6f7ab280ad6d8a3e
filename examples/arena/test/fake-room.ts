import { createRandom, silentLogger } from '@ringside/server'
import type { LeaveReason, RoomSession } from '@ringside/server'
import type { Json } from '@ringside/protocol'
import { STEP_MS } from '../src/shared/constants.ts'
import type { Input } from '../src/shared/movement.ts'
import { arenaRoom } from '../src/server/arena-room.ts'
import type { ArenaRoomOptions } from '../src/server/arena-room.ts'
import type { ArenaRoom } from '../src/server/match.ts'

export interface Emitted {
  readonly name: string
  readonly data: Record<string, unknown>
  readonly at: number
}

const START = 1_700_000_000_000

interface FakeOptions extends ArenaRoomOptions {
  readonly seed?: number
  readonly create?: Json
}

/**
 * The arena's hooks on a plain state object, without server or sockets: time is moved by `tick`.
 */
export class FakeArena {
  handlers: ReturnType<typeof arenaRoom>
  readonly room: ArenaRoom
  readonly events: Emitted[] = []
  metadata: Json = null
  readonly time = { now: START, tick: 0 }
  readonly #sessions = new Map<string, RoomSession>()
  #pausedMs = 0

  constructor({ seed = 1, create = null, ...options }: FakeOptions = {}) {
    this.handlers = arenaRoom(options)
    const { time } = this
    const sessions = this.#sessions
    const base = {
      id: 'room-1',
      type: 'arena',
      get now() {
        return time.now
      },
      get tick() {
        return time.tick
      },
      tickHz: 30,
      random: createRandom(seed),
      epoch: 1,
      sessions,
      get clientCount() {
        return sessions.size
      },
      isLocked: false,
      maxClients: 16,
      log: silentLogger,
      emit: (name: string, data: Record<string, unknown>) => {
        this.events.push({ name, data, at: time.now })
      },
      broadcast: () => {},
      setTeam: () => {},
      after: () => () => {},
      lock: () => {},
      unlock: () => {},
      get metadata(): Json {
        return null
      },
      setMetadata: (metadata: Json) => {
        this.metadata = metadata
      },
      setPrivate: () => {},
      end: () => {},
      durable: () => Promise.resolve(),
    }
    const state = this.handlers.onCreate(base, create)
    this.room = Object.assign(Object.create(base), { state }) as ArenaRoom
  }

  get now(): number {
    return this.time.now
  }

  get state(): ArenaRoom['state'] {
    return this.room.state
  }

  player(id: string): ArenaRoom['state']['players'][string] {
    const player = this.state.players[id]
    if (!player) throw new Error(`No player ${id}`)
    return player
  }

  join(id: string, name = id, options: Json = null): RoomSession {
    const auth = this.handlers.onAuth?.(this.room, {
      name,
      options,
      request: null,
      remoteAddress: '127.0.0.1',
      signal: new AbortController().signal,
    })
    const session: RoomSession = {
      id,
      name,
      isConnected: true,
      isMuted: false,
      team: null,
      data: {},
      auth,
      signal: new AbortController().signal,
      send: () => {},
      emit: () => {},
      kick: () => {},
    }
    this.#sessions.set(id, session)
    void this.handlers.onJoin?.(this.room, session)
    return session
  }

  leave(id: string, reason: LeaveReason = 'left'): void {
    const session = this.session(id)
    this.#sessions.delete(id)
    void this.handlers.onLeave?.(this.room, session, reason)
  }

  session(id: string): RoomSession {
    const session = this.#sessions.get(id)
    if (!session) throw new Error(`No session ${id}`)
    return session
  }

  input(id: string, input: Partial<Input>): void {
    const whole = { sequence: 0, moveX: 0, moveY: 0, angle: 0, buttons: 0, ...input }
    void this.handlers.commands?.input?.(this.room, this.session(id), whole)
  }

  say(id: string, text: string): unknown {
    return this.handlers.commands?.chat?.(this.room, this.session(id), { text })
  }

  rename(id: string, name: string): unknown {
    return this.handlers.commands?.rename?.(this.room, this.session(id), { name })
  }

  tick(count = 1): void {
    for (let index = 0; index < count; index++) {
      this.time.tick += 1
      this.time.now = START + this.#pausedMs + Math.round(this.time.tick * STEP_MS)
      this.handlers.onTick?.(this.room, STEP_MS)
    }
  }

  /** The room stands still while its clock goes on. */
  pause(ms: number): void {
    this.#pausedMs += ms
    this.time.now += ms
    this.handlers.onResume?.(this.room, ms)
  }

  /** Puts a player somewhere, alive and without a shield. */
  place(id: string, x: number, y: number): void {
    Object.assign(this.player(id), { x, y, shieldUntil: 0, alive: true, health: 100 })
  }

  named(name: string): Emitted[] {
    return this.events.filter((event) => event.name === name)
  }
}
