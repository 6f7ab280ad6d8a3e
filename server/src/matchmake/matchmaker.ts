import type { Json, MatchmakeAnswer } from '@ringside/protocol'
import { wallNow } from '../process/clock.ts'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import type { ClientLink, ClientSeat, SeatDesk } from '../call/seat-contract.ts'
import { sessionIdFrom } from '../process/ids.ts'
import type { Host } from '../host/host.ts'
import type { LiveRoom } from '../room/room.ts'
import type { Seat, SeatFacts } from '../room/seats/seat.ts'
import { stranger } from '../limit/standing.ts'
import type { Person, Standing } from '../limit/standing.ts'
import type { AddressCount } from '../limit/address-count.ts'
import { checkOptions, cleanName } from './join-request.ts'
import type { MadeRooms } from './made-rooms.ts'
import type { Ticket, TicketOffice } from './ticket.ts'
import { Wishes, isWishName } from './wishes.ts'
import type { NamedWish, SeatWish } from './wishes.ts'

/** A seat of a type is looked for so many times before its last refusal is the answer. */
const MAX_ATTEMPTS = 100
/** So many rooms that were made for a wish may shut before it has a seat. */
const MAX_SHUT = 3

/**
 * A room of the type was found or made, and could not be had when `onAuth` had answered: it was over by then, full, or shut.
 * Another room may be had (MM8).
 */
const LOST_ROOM: ReadonlySet<string> = new Set([
  'room_not_found',
  'room_full',
  'room_locked',
  'room_paused',
  'room_released',
])

export interface MatchmakerParts {
  readonly host: Host
  readonly office: TicketOffice
  readonly clock: Clock
  readonly nodeName: string
  readonly ticketTtlMs: number
  /**
   * Seats without a connection: reserved and not taken (MM5), or dropped (LI7). Without a bound one stranger could keep every
   * room full.
   */
  readonly unclaimed: AddressCount
  readonly made: MadeRooms
  readonly standing: Standing
  readonly newId: () => string
  /** True when the process takes nothing new (LI8). */
  readonly isFull: () => boolean
}

interface FoundRoom {
  readonly room: LiveRoom
  /** It was made for this wish, or for another that came at the same time. */
  readonly isNew: boolean
}

/** A client gives up a seat, by one of these. */
export interface GivenUp {
  readonly ticket?: unknown
  readonly wish?: unknown
}

/** Finds seats and sells tickets for them, on this node. */
export class Matchmaker implements SeatDesk {
  readonly #parts: MatchmakerParts
  readonly #boot: string
  readonly #wishes = new Wishes()
  /** Seats that clients have given back. */
  givenBackCount = 0
  /** Rooms being made for joinOrCreate, by type: later callers wait for one instead of making another. */
  readonly #opening = new Map<string, Promise<LiveRoom>>()

  constructor(parts: MatchmakerParts) {
    this.#parts = parts
    this.#boot = parts.newId()
  }

  /** Finds a seat in the fullest open room of the type, or in a new one. */
  async joinOrCreate(type: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#assertOpen()
    this.#checkBan(stranger(wish.remoteAddress))
    this.#checkUnclaimed(wish)
    const options = checkOptions(wish.options)
    return this.#sellOneOf(async () => {
      const room = this.#findOpen(type)
      if (room) return { room, isNew: false }
      const opened = await this.#openOne(type, options, wish)
      return { room: opened ?? (await this.#make(type, options, wish)), isNew: true }
    }, wish)
  }

  /**
   * Sells a seat in a room that `find` gives; in the next one where the room is lost while onAuth is waited for, but not
   * for ever: a type may lock its rooms as it makes them.
   */
  #sellOneOf(find: () => FoundRoom | Promise<FoundRoom>, wish: SeatWish): Promise<MatchmakeAnswer> {
    return this.#wishes.run(wish, async (named) => {
      let shutCount = 0
      for (let attempt = 1; ; attempt++) {
        const { room, isNew } = await find()
        try {
          return await this.#sell(room, named, true)
        } catch (error) {
          const code = error instanceof RingsideError ? error.code : ''
          if (isNew && code !== 'room_full') shutCount++
          if (!LOST_ROOM.has(code) || attempt === MAX_ATTEMPTS || shutCount === MAX_SHUT)
            throw error
        }
      }
    })
  }

  /**
   * Makes a room; callers that come meanwhile share it. Null when another caller's room could not be
   * made: their options may have been bad, and this caller's own decide about its own.
   */
  #openOne(type: string, options: Json, wish: SeatWish): Promise<LiveRoom | null> {
    const pending = this.#opening.get(type)
    if (pending) return pending.catch(() => null)
    const opening = this.#make(type, options, wish).finally(() => this.#opening.delete(type))
    this.#opening.set(type, opening)
    return opening
  }

  /** Finds a seat in an open room of the type. @throws RingsideError room_not_found when there is none. */
  async join(type: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#checkBan(stranger(wish.remoteAddress))
    return this.#sellOneOf(() => {
      this.#assertOpen()
      const room = this.#findOpen(type)
      if (!room) throw new RingsideError('room_not_found', `No open room of type '${type}'`)
      return { room, isNew: false }
    }, wish)
  }

  async create(type: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#checkBan(stranger(wish.remoteAddress))
    this.#checkUnclaimed(wish)
    const options = checkOptions(wish.options)
    return this.#wishes.run(wish, async (named) =>
      this.#sell(await this.#make(type, options, wish), named),
    )
  }

  async joinById(roomId: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#assertOpen()
    this.#checkBan(stranger(wish.remoteAddress))
    return this.#wishes.run(wish, (named) => this.#sell(this.#parts.host.get(roomId), named))
  }

  /**
   * Makes a ticket for a seat that the client held before.
   * @throws RingsideError reconnect_refused; room_released while the room has another owner, or is given to one;
   * room_full where the seat was set back with the owner before and others have come since.
   */
  reconnect(roomId: string, token: unknown, remoteAddress: string): MatchmakeAnswer {
    this.#assertOpen()
    this.#checkBan(stranger(remoteAddress))
    if (typeof token !== 'string') throw new RingsideError('bad_request', 'Expected a token')
    const { host } = this.#parts
    const room = host.rooms.get(roomId)
    if (room ? !room.takesInput && !room.hasEnded : host.isElsewhere(roomId))
      throw new RingsideError('room_released')
    const claim = room && !room.isOver ? room.claim(token) : null
    if (!room || !claim) throw new RingsideError('reconnect_refused')
    const { id, auth } = claim.kind === 'seat' ? claim.seat : claim.facts
    this.#checkBan({ sessionId: id, auth, address: remoteAddress })
    const seat =
      claim.kind === 'seat' ? claim.seat : this.#reserve(room, claim.facts, remoteAddress)
    room.seats.renew(seat, this.#parts.ticketTtlMs)
    return this.#ticketFor(room, seat, claim.generation)
  }

  /**
   * Gives up what a wish has come to, or a seat that nobody has entered: by its ticket, or by the name that the wish
   * was given. A seat of before, for which the ticket of a reconnect is, stays as it is (MM10, MM11).
   * @throws RingsideError bad_request, ticket_invalid, ticket_expired.
   */
  giveBack({ ticket, wish }: GivenUp): void {
    if (typeof ticket === 'string') {
      const facts = this.#verify(ticket)
      const room = this.#parts.host.rooms.get(facts.room)
      const seat = room?.seats.find(facts.session)
      if (room && seat && room.seats.giveBack(seat, facts.id)) this.givenBackCount++
      // A seat of before has one ticket less.
      else if (seat?.openTicket === facts.id) seat.openTicket = ''
      return
    }
    if (!isWishName(wish)) throw new RingsideError('bad_request', 'Expected a ticket or a wish')
    if (this.#wishes.giveUp(wish)) this.givenBackCount++
  }

  /**
   * Makes a ticket for a seat that is taken, without its token, which only code of the server itself may ask for.
   * @throws RingsideError room_not_found, reconnect_refused.
   */
  retake(roomId: string, sessionId: string): MatchmakeAnswer {
    this.#assertOpen()
    const room = this.#parts.host.get(roomId)
    const seat = room.seats.seated.get(sessionId)
    if (!seat) throw new RingsideError('reconnect_refused')
    return this.#ticketFor(room, seat, seat.generation)
  }

  take(ticket: string, link: ClientLink): ClientSeat {
    const facts = this.#verify(ticket)
    const room = this.#parts.host.get(facts.room)
    const seat = room.seats.find(facts.session)
    if (!seat) throw new RingsideError('ticket_expired')
    // It may have come after the ticket.
    this.#checkBan({ sessionId: seat.id, auth: seat.auth, address: link.remoteAddress })
    room.seats.take(seat, facts.id, link)
    return seat
  }

  #verify(ticket: string): Ticket {
    const { clock, office, nodeName } = this.#parts
    const facts = office.verify(ticket, clock.now())
    if (facts.node !== nodeName || facts.boot !== this.#boot)
      throw new RingsideError('ticket_invalid')
    return facts
  }

  /** @throws RingsideError banned. */
  #checkBan(person: Person): void {
    this.#parts.standing.checkBan(person)
  }

  /** @throws RingsideError draining: its clients come back by themselves, after the restart. */
  #assertOpen(): void {
    if (this.#parts.host.isDraining) throw new RingsideError('draining')
  }

  /** @throws RingsideError too_many_requests, unavailable; whatever Host.create throws. */
  #make(type: string, options: Json, wish: SeatWish): Promise<LiveRoom> {
    const { host, made, isFull } = this.#parts
    if (isFull())
      return Promise.reject(new RingsideError('unavailable', 'The server has no memory for more'))
    return made.make(wish.remoteAddress, () => host.create(type, options))
  }

  /** @throws RingsideError too_many_requests. */
  #checkUnclaimed(wish: Pick<SeatWish, 'remoteAddress'>): void {
    if (this.#parts.unclaimed.isFull(wish.remoteAddress))
      throw new RingsideError(
        'too_many_requests',
        'Too many seats of one address have no connection',
      )
  }

  #findOpen(type: string): LiveRoom | null {
    let best: LiveRoom | null = null
    for (const room of this.#parts.host.rooms.values()) {
      if (room.type.name !== type || room.isOver || room.profile.isLocked || room.profile.isPrivate)
        continue
      if (room.isPaused || !room.takesInput) continue
      if (room.seats.freeCount <= 0) continue
      if (!best || room.clientCount > best.clientCount) best = room
    }
    return best
  }

  /**
   * Asks onAuth, then reserves the seat. Everything that may have come over the room meanwhile is looked at after the
   * wait, and from there to the seat there is none (MM9).
   */
  async #sell(room: LiveRoom, wish: NamedWish, isByType = false): Promise<MatchmakeAnswer> {
    const id = this.#parts.newId()
    const name = cleanName(wish.name, `player-${id.slice(0, 4)}`)
    const options: Json = checkOptions(wish.options)
    const { remoteAddress } = wish
    const request = { name, options, remoteAddress, request: wish.request }
    const comes = room.seats.expect()
    const wasPrivate = room.profile.isPrivate
    try {
      const auth = await this.#admit(room, request, wish.gone)
      // Nobody is there to take the seat, which would be held for `ticketTtlMs`.
      if (wish.gone?.aborted) throw new RingsideError('aborted')
      if (auth === false) throw new RingsideError('auth_failed')
      // Who they are is known only now, and others may have banned them meanwhile.
      this.#checkBan({ sessionId: null, auth, address: wish.remoteAddress })
      this.#assertOpen()
      if (room.hasEnded) throw new RingsideError('room_not_found')
      room.assertTakesInput()
      if (room.profile.isLocked) throw new RingsideError('room_locked')
      // Whoever was sent here by its type would not be sent here any more.
      if (isByType && !wasPrivate && room.profile.isPrivate)
        throw new RingsideError('room_not_found')
      const seat = this.#reserve(room, { id: sessionIdFrom(id), name, auth }, wish.remoteAddress)
      wish.reserved(room, seat)
      return this.#ticketFor(room, seat, 0)
    } finally {
      comes()
    }
  }

  /** An onAuth that writes to a room which has ended meanwhile is told room_released; its client, that there is none. */
  async #admit(
    room: LiveRoom,
    request: Parameters<LiveRoom['admit']>[0],
    gone: AbortSignal | null,
  ): Promise<unknown> {
    try {
      return await room.admit(request, gone)
    } catch (error) {
      const isReleased = error instanceof RingsideError && error.code === 'room_released'
      throw isReleased && room.hasEnded ? new RingsideError('room_not_found') : error
    }
  }

  /** @throws RingsideError too_many_requests; as SeatTable.reserve. */
  #reserve(room: LiveRoom, facts: SeatFacts, remoteAddress: string): Seat {
    this.#checkUnclaimed({ remoteAddress })
    const unclaimed = this.#parts.unclaimed.thing(remoteAddress)
    unclaimed.hold()
    const settled = (): void => unclaimed.letGo()
    try {
      const seat = room.seats.reserve(facts, this.#parts.ticketTtlMs, settled)
      seat.onUnheld = () => unclaimed.hold()
      return seat
    } catch (error) {
      settled()
      throw error
    }
  }

  /** `generation` is that of the token which the ticket is given for; 0 for a new seat. */
  #ticketFor(room: LiveRoom, seat: Seat, generation: number): MatchmakeAnswer {
    const { clock, office, nodeName, ticketTtlMs, newId } = this.#parts
    seat.openTicket = newId()
    seat.openGeneration = generation
    const expiresAt = clock.now() + ticketTtlMs
    const ticket = office.sign({
      room: room.id,
      node: nodeName,
      boot: this.#boot,
      epoch: room.epoch,
      session: seat.id,
      id: seat.openTicket,
      expiresAt,
    })
    // Who checks the ticket goes by durations, who reads this by the time of day.
    const shownExpiry = wallNow(clock) + ticketTtlMs
    return {
      roomId: room.id,
      sessionId: seat.id,
      node: nodeName,
      url: 'ws',
      ticket,
      expiresAt: shownExpiry,
    }
  }
}
