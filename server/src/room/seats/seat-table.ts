import { timingSafeEqual } from 'node:crypto'
import { clipText, closeCodes, encodeSystem } from '@ringside/protocol'
import type { CloseCause } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { ClientLink } from '../../call/seat-contract.ts'
import type { SeatEntry } from '../../outbox/contract/seats.ts'
import type { RoomContext } from '../context.ts'
import type { LeaveReason, RoomSession } from '../definition.ts'
import type { RoomType } from '../type.ts'
import { Seat } from './seat.ts'
import type { SeatFacts, SeatOwner } from './seat.ts'

/** A close reason is at most 123 bytes (RFC 6455 section 5.5); the transport cuts those. */
const MAX_REASON_CHARACTERS = 123

const closeCauseOf: { readonly [R in LeaveReason]: CloseCause } = {
  left: 'normal',
  dropped: 'normal',
  kicked: 'kicked',
  banned: 'banned',
  slow: 'slow',
  timeout: 'join_refused',
  room_ended: 'room_ended',
  server_closed: 'going_away',
  replaced: 'replaced',
}

/** A seat table sees its room as this: it knows no state, no log and no loop, and sends nothing but a LEFT. */
export interface SeatHost extends SeatOwner {
  readonly type: RoomType
  /** The room is paused or handed over: no time passes in it. */
  readonly isStill: boolean
  readonly isOver: boolean
  /** Seats there may be. */
  readonly maxClients: number
  /** @throws RingsideError room_released, room_paused. */
  assertTakesInput(): void
  /** A new player's connection has taken the seat. */
  enter(seat: Seat): void
  /** A player is back on a new connection. */
  reenter(seat: Seat): void
}

/**
 * The seats of one room. Reserved and taken seats together never exceed `maxClients` (RM1). A seat that is given up
 * while its onJoin is on its way counts until that is over (RM36): else whoever breaks off, and comes again, would have
 * the game run any number of them at once.
 */
export class SeatTable {
  readonly #room: SeatHost
  readonly #context: RoomContext
  readonly #reserved = new Map<string, Seat>()
  /** Number of the seats that are given up and whose onJoin is on its way. */
  #joiningGone = 0
  #expectedCount = 0
  /** Seats whose player is in, connected or dropped, in the order of joining. */
  readonly seated = new Map<string, Seat>()
  /** The same seats as game code gets them. */
  readonly sessions = new Map<string, RoomSession>()

  constructor(room: SeatHost, context: RoomContext) {
    this.#room = room
    this.#context = context
  }

  get isEmpty(): boolean {
    return this.seated.size === 0 && this.#reserved.size === 0
  }

  /** Somebody who may get a seat is on the way: `onAuth` is asked, or the room has just been made for them. */
  get isExpecting(): boolean {
    return this.#expectedCount > 0
  }

  /**
   * Somebody is on the way to a seat: the room does not end for being empty until the result was called (RM54). Who
   * calls it again does nothing.
   */
  expect(): () => void {
    this.#expectedCount++
    let isDone = false
    return () => {
      if (!isDone) this.#expectedCount--
      isDone = true
    }
  }

  get freeCount(): number {
    return this.#room.maxClients - this.seated.size - this.#reserved.size - this.#joiningGone
  }

  /**
   * Holds a seat until `ticketTtlMs` are over. Calls `onSettled` when it is taken or given back.
   * @throws RingsideError room_full, room_released, room_paused.
   */
  reserve(facts: SeatFacts, ticketTtlMs: number, onSettled: () => void = () => {}): Seat {
    this.#room.assertTakesInput()
    if (this.freeCount <= 0) throw new RingsideError('room_full')
    const seat = new Seat(this.#room, facts)
    seat.onSettled = onSettled
    this.#reserved.set(seat.id, seat)
    seat.cancelTimer = this.#context.clock.after(ticketTtlMs, () => this.cancel(seat))
    this.#context.onChanged(this.#room)
    return seat
  }

  /** Holds a reserved seat for `ticketTtlMs` from now on; does nothing for a taken one. */
  renew(seat: Seat, ticketTtlMs: number): void {
    if (!this.#reserved.has(seat.id)) return
    seat.cancelTimer?.()
    seat.cancelTimer = this.#context.clock.after(ticketTtlMs, () => this.cancel(seat))
  }

  /** Gives a reserved seat back; does nothing for a taken one. */
  cancel(seat: Seat): void {
    if (!this.#reserved.delete(seat.id)) return
    seat.end()
    seat.onSettled()
    this.#context.onChanged(this.#room)
  }

  /** The seat that a log of before has this token for, or null. */
  byOldToken(token: string): Seat | null {
    const given = Buffer.from(token, 'utf8')
    for (const seat of this.seated.values()) {
      const known = Buffer.from(seat.oldToken, 'utf8')
      const isOfLength = known.length > 0 && known.length === given.length
      if (isOfLength && timingSafeEqual(known, given)) return seat
    }
    return null
  }

  /** Gives a reserved seat back, or a taken one up that a new player has taken with this very ticket (MM10). */
  giveBack(seat: Seat, ticketId: string): boolean {
    if (this.#reserved.has(seat.id) && seat.openTicket === ticketId) {
      this.cancel(seat)
      return true
    }
    if (seat.firstTicket !== ticketId || this.seated.get(seat.id) !== seat) return false
    this.#room.leave(seat, 'left')
    return true
  }

  find(sessionId: string): Seat | null {
    return this.#reserved.get(sessionId) ?? this.seated.get(sessionId) ?? null
  }

  /**
   * Puts a connection on a seat (MM2: each ticket once).
   * @throws RingsideError ticket_used when the ticket is not the seat's open one; room_paused, room_released.
   */
  take(seat: Seat, ticketId: string, link: ClientLink): void {
    if (seat.openTicket !== ticketId || seat.status === 'gone')
      throw new RingsideError('ticket_used')
    this.#room.assertTakesInput()
    seat.openTicket = ''
    seat.cancelTimer?.()
    seat.cancelTimer = null
    const before = seat.link
    const isNew = this.#reserved.delete(seat.id)
    seat.firstTicket = isNew ? ticketId : ''
    seat.connect(link)
    seat.onSettled()
    if (before) this.#dismiss(before, 'replaced')
    if (isNew) {
      this.#seat(seat)
      this.#room.enter(seat)
    } else {
      this.#room.reenter(seat)
    }
  }

  #seat(seat: Seat): void {
    this.seated.set(seat.id, seat)
    this.sessions.set(seat.id, seat.face)
  }

  #unseat(seat: Seat): void {
    this.seated.delete(seat.id)
    this.sessions.delete(seat.id)
    seat.end()
    seat.onSettled()
  }

  /** Keeps the seat of a broken connection for the grace; false when the room keeps none. */
  keepDropped(seat: Seat): boolean {
    if (this.#room.type.reconnectGraceMs === 0 || this.#room.isOver) return false
    seat.status = 'dropped'
    seat.onUnheld()
    this.startGrace(seat)
    return true
  }

  /** Takes the seat away; false when it was gone before. */
  release(seat: Seat, reason: LeaveReason, text?: string): boolean {
    if (this.seated.get(seat.id) !== seat) return false
    this.#unseat(seat)
    if (seat.isJoining) this.#joiningGone++
    const { link } = seat
    seat.link = null
    if (link) this.#dismiss(link, closeCauseOf[reason], text)
    return true
  }

  /** The seat's onJoin is waited for no longer. */
  joinEnded(seat: Seat): void {
    if (seat.status === 'gone') this.#joiningGone--
  }

  /**
   * Empties the room. After `room_ended` every player leaves; otherwise the seats live on in the
   * room's log, with its next owner, and only the connections end.
   */
  closeAll(why: 'room_ended' | 'released' | 'fenced', text?: string): void {
    for (const seat of this.#reserved.values()) this.cancel(seat)
    for (const seat of this.seated.values()) {
      if (why === 'room_ended') this.#room.leave(seat, why, text)
      else this.#detach(seat, why === 'fenced' ? 'rejoin' : 'going_away')
    }
  }

  #detach(seat: Seat, cause: CloseCause): void {
    this.#unseat(seat)
    seat.link?.close(cause)
    seat.link = null
  }

  /** Takes over a seat of the room's last owner, whose player counts as dropped just now. */
  restore(
    facts: SeatFacts,
    { generation = 0, token }: Pick<SeatEntry, 'generation' | 'token'>,
  ): Seat {
    const seat = new Seat(this.#room, facts)
    seat.generation = generation
    seat.oldToken = token ?? ''
    seat.status = 'dropped'
    this.#seat(seat)
    return seat
  }

  /** The player has so long to come back: `reconnectGraceMs`, or `atLeastMs` where that is more. */
  startGrace(seat: Seat, atLeastMs = 0): void {
    const graceMs = Math.max(this.#room.type.reconnectGraceMs, atLeastMs)
    seat.cancelTimer = this.#context.clock.after(graceMs, () => {
      // A room that stands still lets nobody back in: the time for coming back begins anew.
      if (this.#room.isStill && !this.#room.isOver) this.startGrace(seat, atLeastMs)
      else this.#room.leave(seat, 'dropped')
    })
  }

  #dismiss(link: ClientLink, cause: CloseCause, text?: string): void {
    const { code, reason } = closeCodes[cause]
    link.unsubscribe(this.#room.id)
    const shown = clipText(text ?? reason, MAX_REASON_CHARACTERS)
    link.send(encodeSystem('left', { code, reason: shown }))
    link.close(cause, shown)
  }
}
