import { cleanLine, strangeMember } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import type { Host } from '../host/host.ts'
import type { Person } from '../limit/standing.ts'
import type { LiveRoom } from '../room/room.ts'
import type { Seat } from '../room/seats/seat.ts'
import { checkOrder, checkReason, checkTarget, idOf, sentenceOf } from './sanction.ts'
import type { Sanction, SanctionKind } from './sanction.ts'
import type { Sanctions } from './sanctions.ts'

/** Longest message to a room, in characters as people count them. */
const MAX_MESSAGE_CHARACTERS = 500
const MAX_ROOM_ID_CHARACTERS = 64
const LEVELS: ReadonlySet<unknown> = new Set(['info', 'warning'])
const MAX_PAGE = 1_000
const DEFAULT_PAGE = 100

/** The sessions of the server, as an operator needs them; the session table has them. */
export interface OpenSessions {
  /** Closes the session with `kicked`, and gives up its seat; false when there is none with this id. */
  kick(sessionId: string, reason?: string): boolean
  /** Closes with `banned` each session for which there is a reason. */
  ban(reasonFor: (person: Person) => string | null): void
}

export interface OperatorParts {
  readonly host: Pick<Host, 'rooms' | 'get'>
  readonly sessions: OpenSessions
  readonly sanctions: Sanctions
  /** The store's time in ms. */
  readonly now: () => number
}

/** A request to an operator's method: every field is hostile. */
export type Fields = Readonly<Record<string, unknown>>

/** A page of bans or mutes. */
export interface SanctionPage {
  readonly items: readonly Sanction[]
  /** The `after` of the next page; null: there is none. */
  readonly next: string | null
}

/** What operators can do. Each method checks what it is given; nothing here asks who is asking. */
export class Operator {
  readonly #parts: OperatorParts

  constructor(parts: OperatorParts) {
    this.#parts = parts
    parts.sanctions.onAdded(() => this.#enforce())
  }

  /**
   * Takes somebody out of their room, or closes a connection without a seat. Nothing keeps them from coming back.
   * @throws RingsideError bad_request; not_found when there is no such session; room_not_found.
   */
  kick(fields: Fields): void {
    checkNames(fields, ['roomId', 'sessionId', 'reason'])
    const { roomId, sessionId, reason } = fields
    const text = checkReason(reason) || undefined
    const id = checkId('sessionId', sessionId)
    const rooms = roomId === undefined ? this.#parts.host.rooms.values() : [this.#room(roomId)]
    for (const room of rooms) {
      const seat = room.seats.find(id)
      if (!seat) continue
      if (seat.status === 'reserved') room.seats.cancel(seat)
      else room.putOut(seat, text)
      return
    }
    if (roomId === undefined && this.#parts.sessions.kick(id, text)) return
    throw new RingsideError('not_found', 'No such session')
  }

  /** Keeps somebody out, and puts them out. @throws RingsideError bad_request; as Sanctions.put. */
  async impose(kind: SanctionKind, fields: Fields): Promise<Sanction> {
    const { sanctions, now } = this.#parts
    checkNames(fields, [...TARGETS, 'durationMs', 'reason'])
    const sanction = checkOrder(kind, fields, now())
    await stored(sanctions.put(sanction))
    return sanction
  }

  /** Lifts a ban or a mute, by its id or its target. @throws RingsideError bad_request; not_found when there is none. */
  async lift(kind: SanctionKind, fields: Fields): Promise<void> {
    checkNames(fields, ['id', ...TARGETS])
    const { id: given } = fields
    const id = given === undefined ? idOf(kind, checkTarget(fields)) : checkId('id', given)
    if (await stored(this.#parts.sanctions.lift(kind, id))) return
    throw new RingsideError('not_found', `No such ${kind}`)
  }

  /** @throws RingsideError bad_request. */
  list(kind: SanctionKind, { after = '', limit = DEFAULT_PAGE }: Fields): SanctionPage {
    if (typeof after !== 'string') throw new RingsideError('bad_request', 'Expected after as text')
    if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > MAX_PAGE)
      throw new RingsideError('bad_request', `Expected limit from 1 to ${MAX_PAGE}`)
    return this.#parts.sanctions.list(kind, after, limit as number)
  }

  /** All that hold. */
  all(kind: SanctionKind): Sanction[] {
    return this.#parts.sanctions.list(kind, '', Infinity).items
  }

  /** Ends a room, whatever it is about. @throws RingsideError bad_request, room_not_found, room_released. */
  closeRoom(fields: Fields): void {
    checkNames(fields, ['roomId', 'reason'])
    const { roomId, reason } = fields
    const text = checkReason(reason) || undefined
    this.#room(roomId).close(text)
  }

  /** Says something to all players of a room. @throws RingsideError bad_request, room_not_found, room_released. */
  message(fields: Fields): void {
    checkNames(fields, ['roomId', 'text', 'level'])
    const { roomId, text, level = 'info' } = fields
    if (typeof text !== 'string')
      throw new RingsideError('bad_request', 'Expected text as a string')
    const line = cleanLine(text, MAX_MESSAGE_CHARACTERS)
    if (line === '')
      throw new RingsideError('bad_request', 'Expected a text in which there is something')
    if (!LEVELS.has(level))
      throw new RingsideError('bad_request', "Expected level as 'info' or 'warning'")
    this.#room(roomId).notice(line, level as string)
  }

  #room(roomId: unknown): LiveRoom {
    const id = checkId('roomId', roomId, MAX_ROOM_ID_CHARACTERS)
    return this.#parts.host.get(id)
  }

  /**
   * A new ban puts out whom it is about, wherever they sit, whichever process has made it. It is one pass over all players,
   * however many bans came together: a start reads them all.
   */
  #enforce(): void {
    const { host, sessions, sanctions } = this.#parts
    const sentence = (person: Person): string | null => {
      const ban = sanctions.find('ban', person)
      return ban && sentenceOf(ban)
    }
    for (const room of host.rooms.values())
      for (const seat of room.seats.seated.values()) {
        const text = sentence(personOf(seat))
        if (text !== null) room.leave(seat, 'banned', text)
      }
    sessions.ban(sentence)
  }
}

const TARGETS = ['sessionId', 'userId', 'address'] as const

/** A misspelt `durationMs` would ban for ever. @throws RingsideError bad_request for a field that is none. */
function checkNames(fields: Fields, names: readonly string[]): void {
  const stranger = strangeMember('a field', fields, names)
  if (stranger !== null) throw new RingsideError('bad_request', stranger)
}

function personOf({ id, auth, link }: Seat): Person {
  return { sessionId: id, auth, address: link?.remoteAddress ?? null }
}

function checkId(name: string, value: unknown, max = 256): string {
  if (typeof value !== 'string' || value === '' || value.length > max)
    throw new RingsideError('bad_request', `Expected ${name} as text of 1 to ${max} characters`)
  return value
}

/** A store that fails is away; what its driver says is not for those who ask. */
async function stored<T>(written: Promise<T>): Promise<T> {
  try {
    return await written
  } catch (error) {
    if (error instanceof RingsideError && error.code === 'too_many_requests') throw error
    throw new RingsideError('unavailable', undefined, { cause: error })
  }
}
