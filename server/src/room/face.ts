import { encodeFrame, gotName, kindOf } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import {
  checkBoolean,
  checkMembers,
  checkMethods,
  checkText,
  invalid,
} from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import { isSessionId } from '../process/ids.ts'
import type { Logger } from '../process/logger.ts'
import type { Random } from '../process/random.ts'
import { checkFrame } from '../call/frame-check.ts'
import { show } from '../state/invalid.ts'
import type { BroadcastOptions, EmitOptions, Room, RoomSession } from './definition.ts'
import type { Output } from './output/output.ts'
import type { Players } from './output/players.ts'
import type { Recorder } from './output/recorder.ts'
import type { Profile } from './profile.ts'
import type { SeatTable } from './seats/seat-table.ts'
import type { Status } from './status.ts'
import type { Time } from './turn/time.ts'
import type { Timers } from './turn/timers.ts'
import type { RoomType } from './type.ts'

/** The compiler holds both tables to their types. */
const EMIT_OPTIONS = Object.keys({ atOnce: true, to: true } satisfies {
  readonly [K in keyof Required<EmitOptions>]: true
})
const BROADCAST_OPTIONS = Object.keys({ except: true, to: true, afterPatch: true } satisfies {
  readonly [K in keyof Required<BroadcastOptions>]: true
})
const MAX_TEAM_CHARACTERS = 64
const MAX_TEAM_NUMBER = 65_535

/** A room's state, and its way out: both exist once onCreate has returned. */
export interface Written {
  readonly recorder: Recorder
  readonly output: Output
}

export interface FaceParts {
  readonly id: string
  readonly type: RoomType
  readonly epoch: number
  readonly random: Random
  readonly log: Logger
  readonly status: Status
  readonly time: Time
  readonly timers: Timers
  readonly seats: SeatTable
  readonly players: Players
  readonly profile: Profile
  /** Game code may be about to change something, or looks at the time, and steps of the room may be left out (LT9). */
  readonly wake: () => void
  /** @throws RingsideError room_not_ready. */
  readonly written: () => Written
}

/**
 * The room that hooks and commands get: it has what game code may call and nothing else of the room (RM18). Each
 * method that would write checks that this comes about (RM14), and hands on.
 */
export class Face implements Room {
  readonly id: string
  readonly type: string
  readonly tickHz: number
  readonly epoch: number
  readonly random: Random
  readonly log: Logger
  readonly #parts: FaceParts

  constructor(parts: FaceParts) {
    this.id = parts.id
    this.type = parts.type.name
    this.tickHz = parts.type.tickHz
    this.epoch = parts.epoch
    this.random = parts.random
    this.log = parts.log
    this.#parts = parts
  }

  get state(): unknown {
    return this.#parts.written().recorder.state
  }
  get now(): number {
    this.#parts.wake()
    return this.#parts.time.now
  }
  get tick(): number {
    return this.#parts.time.tick
  }
  get sessions(): ReadonlyMap<string, RoomSession> {
    return this.#parts.seats.sessions
  }
  get clientCount(): number {
    return this.#parts.seats.sessions.size
  }
  get isLocked(): boolean {
    return this.#parts.profile.isLocked
  }
  get maxClients(): number {
    const { profile, type } = this.#parts
    return Math.min(profile.maxClients ?? type.maxClients, type.maxClients)
  }
  set maxClients(maxClients: number) {
    const { status, profile, type } = this.#parts
    status.assertOwned()
    if (!Number.isInteger(maxClients) || maxClients < 1 || maxClients > type.maxClients)
      throw new RingsideError(
        'option_invalid',
        `Expected maxClients of a room from 1 to ${type.maxClients}, as its type has, got ${show(maxClients)}`,
      )
    this.#parts.wake()
    profile.setMaxClients(maxClients === type.maxClients ? null : maxClients)
  }
  get metadata(): Json {
    return this.#parts.profile.metadata
  }

  emit(name: string, data: Record<string, unknown>, options?: EmitOptions): void {
    const { type, time, status, written } = this.#parts
    const { events = {} } = type.definition
    const definition = Object.hasOwn(events, name) ? events[name] : undefined
    if (!definition)
      throw new RingsideError(
        'not_in_contract',
        `Expected an event of the contract, ${gotName(name, Object.keys(events))}`,
      )
    if (options !== undefined) checkEmit(options)
    const { output } = written()
    status.assertOwned()
    this.#parts.wake()
    const { atOnce = false, to = null } = options ?? {}
    output.event(name, definition, { data, at: time.now, atOnce, to })
  }

  broadcast(commandId: number, payload: Uint8Array, options?: BroadcastOptions): void {
    checkFrame(commandId, payload)
    if (options !== undefined) checkBroadcast(options)
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.players.broadcast(encodeFrame(commandId, payload), options)
  }

  setTeam(session: RoomSession, team: string | number | null): void {
    const { status, seats, written } = this.#parts
    checkMethods('the session of a player', session, ['kick'])
    status.assertOwned()
    this.#parts.wake()
    const { output } = written()
    const name = teamName(team, (id) => seats.find(id) !== null)
    const seat = seats.seated.get(session.id)
    if (seat) output.setTeam(seat, name)
  }

  after(ms: number, callback: () => void): () => void {
    this.#parts.status.assertOwned()
    this.#parts.wake()
    return this.#parts.timers.add(ms, callback)
  }

  lock(): void {
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.profile.setLocked(true)
  }

  unlock(): void {
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.profile.setLocked(false)
  }

  setPrivate(isPrivate: boolean): void {
    checkBoolean('isPrivate', isPrivate)
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.profile.setPrivate(isPrivate)
  }

  setMetadata(metadata: Json): void {
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.profile.setMetadata(metadata)
  }

  end(): void {
    this.#parts.status.assertOwned()
    this.#parts.wake()
    this.#parts.status.askEnd()
  }

  durable(): Promise<void> {
    const { recorder, output } = this.#parts.written()
    return recorder.durable(() => output.flush(true))
  }
}

function checkEmit(options: EmitOptions): void {
  checkMembers('an option of emit', options, EMIT_OPTIONS)
  checkIds(options.to)
  if (options.atOnce !== undefined) checkBoolean('atOnce', options.atOnce)
}

function checkBroadcast(options: BroadcastOptions): void {
  checkMembers('an option of broadcast', options, BROADCAST_OPTIONS)
  checkIds(options.to)
  if (options.afterPatch !== undefined) checkBoolean('afterPatch', options.afterPatch)
  if (options.except !== undefined) checkText('except', options.except)
}

/**
 * Checks who something is for: `to: 'id'` would reach nobody, for its letters are no ids. An id that no player has is no
 * mistake: players leave.
 */
function checkIds(ids: unknown): void {
  if (ids === undefined) return
  if (!Array.isArray(ids)) throw invalid(`Expected to as a list of session ids, got ${kindOf(ids)}`)
  for (const id of ids as unknown[]) checkText('the id of a session', id)
}

/**
 * The name of a team as a game gives it: text, or a small number, whose digits are its name. It may not be what the id
 * of a session may be: ids are known to all, and who may choose a team's name would see what belongs to the session,
 * or what it has left behind. Names often come from clients, so that the refusal is one that a client may get.
 * @throws RingsideError bad_request for anything else.
 */
function teamName(team: unknown, isSeat: (id: string) => boolean): string | null {
  if (team === null) return null
  if (typeof team === 'string' && team.length >= 1 && team.length <= MAX_TEAM_CHARACTERS) {
    // The seats of a log of before have ids without the mark.
    if (!isSessionId(team) && !isSeat(team)) return team
    throw new RingsideError('bad_request', 'Expected a team, got the id of a session')
  }
  if (Number.isInteger(team) && (team as number) >= 0 && (team as number) <= MAX_TEAM_NUMBER)
    return (team as number).toString()
  throw new RingsideError(
    'bad_request',
    `Expected a team: null, text of 1-${MAX_TEAM_CHARACTERS} characters or a whole number up to ${MAX_TEAM_NUMBER}, got ${show(team)}`,
  )
}
