import type { Json, MatchmakeAnswer } from '@ringside/protocol'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import type { ClientLink, ClientSeat, SeatDesk } from '../call/seat-contract.ts'
import { sessionIdFrom } from '../process/ids.ts'
import type { Host } from '../host/host.ts'
import type { LiveRoom } from '../room/room.ts'
import type { Seat } from '../room/seats/seat.ts'
import type { AddressCount } from '../limit/address-count.ts'
import { checkOptions, cleanName } from './join-request.ts'
import type { MadeRooms } from './made-rooms.ts'
import type { TicketOffice } from './ticket.ts'

/** joinOrCreate looks for a free seat so many times before it gives up with room_full. */
const MAX_ATTEMPTS = 100

export interface MatchmakerParts {
  readonly host: Host
  readonly office: TicketOffice
  readonly clock: Clock
  readonly nodeName: string
  readonly ticketTtlMs: number
  /** Seats that are reserved and not taken (MM5): without a bound one stranger could keep every room full. */
  readonly unclaimed: AddressCount
  readonly made: MadeRooms
  readonly newId: () => string
}

/** A client's request; every field is hostile until checked here. */
export interface SeatWish {
  readonly name?: unknown
  readonly options?: unknown
  readonly remoteAddress: string
  /** Aborts when the client has gone; null for a wish of the server's own code. */
  readonly gone: AbortSignal | null
}

/** Finds seats and sells tickets for them, on this node. */
export class Matchmaker implements SeatDesk {
  readonly #parts: MatchmakerParts
  readonly #boot: string
  /** Rooms being made for joinOrCreate, by type: later callers wait for one instead of making another. */
  readonly #opening = new Map<string, Promise<LiveRoom>>()

  constructor(parts: MatchmakerParts) {
    this.#parts = parts
    this.#boot = parts.newId()
  }

  /** Finds a seat in the fullest open room of the type, or in a new one. */
  async joinOrCreate(type: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#assertOpen()
    this.#checkUnclaimed(wish)
    const options = checkOptions(wish.options)
    for (let attempt = 1; ; attempt++) {
      const room =
        this.#findOpen(type) ??
        (await this.#openOne(type, options, wish)) ??
        (await this.#make(type, options, wish))
      try {
        return await this.#sell(room, wish)
      } catch (error) {
        // Others took the seats while onAuth was waited for, or the room was released, so this looks again,
        // but not for ever.
        const code = error instanceof RingsideError ? error.code : ''
        const isGone = code === 'room_full' || code === 'room_released'
        if (!isGone || attempt === MAX_ATTEMPTS) throw error
      }
    }
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
    this.#assertOpen()
    const room = this.#findOpen(type)
    if (!room) throw new RingsideError('room_not_found', `No open room of type '${type}'`)
    return this.#sell(room, wish)
  }

  async create(type: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#checkUnclaimed(wish)
    const room = await this.#make(type, checkOptions(wish.options), wish)
    return this.#sell(room, wish)
  }

  async joinById(roomId: string, wish: SeatWish): Promise<MatchmakeAnswer> {
    this.#assertOpen()
    return this.#sell(this.#parts.host.get(roomId), wish)
  }

  /**
   * Makes a ticket for a seat that the client held before.
   * @throws RingsideError reconnect_refused; room_released while the room has another owner, or is given to one.
   */
  reconnect(roomId: string, token: unknown): MatchmakeAnswer {
    this.#assertOpen()
    if (typeof token !== 'string') throw new RingsideError('bad_request', 'Expected a token')
    const { host } = this.#parts
    const room = host.rooms.get(roomId)
    if (room ? !room.takesInput && !room.hasEnded : host.isElsewhere(roomId))
      throw new RingsideError('room_released')
    const seat = room && !room.isOver ? room.seats.byReconnectToken(token) : null
    if (!room || !seat) throw new RingsideError('reconnect_refused')
    return this.#ticketFor(room, seat)
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
    return this.#ticketFor(room, seat)
  }

  take(ticket: string, link: ClientLink): ClientSeat {
    const { clock, host, office, nodeName } = this.#parts
    const facts = office.verify(ticket, clock.now())
    if (facts.node !== nodeName || facts.boot !== this.#boot)
      throw new RingsideError('ticket_invalid')
    const room = host.get(facts.room)
    const seat = room.seats.find(facts.session)
    if (!seat) throw new RingsideError('ticket_expired')
    room.seats.take(seat, facts.id, link)
    return seat
  }

  /** @throws RingsideError draining: its clients come back by themselves, after the restart. */
  #assertOpen(): void {
    if (this.#parts.host.isDraining) throw new RingsideError('draining')
  }

  /** @throws RingsideError too_many_requests; whatever Host.create throws. */
  #make(type: string, options: Json, wish: SeatWish): Promise<LiveRoom> {
    const { host, made } = this.#parts
    return made.make(wish.remoteAddress, () => host.create(type, options))
  }

  /** @throws RingsideError too_many_requests. */
  #checkUnclaimed(wish: SeatWish): void {
    if (this.#parts.unclaimed.isFull(wish.remoteAddress))
      throw new RingsideError('too_many_requests', 'Too many seats are reserved and not taken')
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

  async #sell(room: LiveRoom, wish: SeatWish): Promise<MatchmakeAnswer> {
    const id = this.#parts.newId()
    const name = cleanName(wish.name, `player-${id.slice(0, 4)}`)
    const options: Json = checkOptions(wish.options)
    const request = { name, options, remoteAddress: wish.remoteAddress }
    const auth = await room.admit(request, wish.gone)
    // Nobody is there to take the seat, which would be held for `ticketTtlMs`.
    if (wish.gone?.aborted) throw new RingsideError('aborted')
    if (auth === false) throw new RingsideError('auth_failed')
    if (room.hasEnded) throw new RingsideError('room_not_found')
    room.assertTakesInput()
    if (room.profile.isLocked) throw new RingsideError('room_locked')
    this.#checkUnclaimed(wish)
    this.#parts.unclaimed.add(wish.remoteAddress)
    const settled = (): void => this.#parts.unclaimed.release(wish.remoteAddress)
    const facts = { id: sessionIdFrom(id), name, auth }
    let seat: Seat
    try {
      seat = room.seats.reserve(facts, this.#parts.ticketTtlMs, settled)
    } catch (error) {
      settled()
      throw error
    }
    return this.#ticketFor(room, seat)
  }

  #ticketFor(room: LiveRoom, seat: Seat): MatchmakeAnswer {
    const { clock, office, nodeName, ticketTtlMs, newId } = this.#parts
    seat.openTicket = newId()
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
    return { roomId: room.id, sessionId: seat.id, node: nodeName, url: '/ws', ticket, expiresAt }
  }
}
