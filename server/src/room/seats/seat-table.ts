import { closeCodes, encodeSystem } from '@ringside/protocol'
import type { CloseCause } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { ClientLink } from '../../call/seat-contract.ts'
import type { RoomContext } from '../context.ts'
import type { BroadcastOptions, LeaveReason, RoomSession } from '../definition.ts'
import type { Capture } from '../output/recorder.ts'
import type { RoomType } from '../type.ts'
import { Seat } from './seat.ts'
import type { SeatFacts, SeatOwner } from './seat.ts'

/** A client with more than this unsent gets no more patches, but one full state once it has drained. */
const BEHIND_BYTES = 65_536

/** A close reason is at most 123 bytes (RFC 6455 section 5.5); the transport cuts those. */
const MAX_REASON_CHARACTERS = 123
/** Frames held back for the next patch (`afterPatch`), and their bytes, at most. */
const MAX_HELD = 1_000
const MAX_HELD_BYTES = 1024 * 1024

const closeCauseOf: { readonly [R in LeaveReason]: CloseCause } = {
  left: 'normal',
  dropped: 'normal',
  kicked: 'kicked',
  slow: 'slow',
  timeout: 'join_refused',
  room_ended: 'room_ended',
  server_closed: 'going_away',
  replaced: 'replaced',
}

/** A seat table sees its room as this: it knows no state, no log and no loop. */
export interface SeatHost extends SeatOwner {
  readonly type: RoomType
  readonly epoch: number
  /** The room's clock in ms. */
  readonly now: number
  /** The log takes nothing: nobody may be seated, and no grace ends. */
  readonly isPaused: boolean
  /** The room is paused or handed over: no time passes in it. */
  readonly isStill: boolean
  readonly isOver: boolean
  /** @throws RingsideError room_released, room_paused. */
  assertTakesInput(): void
  /** A new player's connection has taken the seat. */
  enter(seat: Seat): void
  /** A player is back on a new connection. */
  reenter(seat: Seat): void
}

/** Frames and the seats that they are for, side by side. */
export interface Delivery {
  readonly seats: Seat[]
  readonly frames: Uint8Array[]
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
  #held: { readonly frame: Uint8Array; readonly options: BroadcastOptions | undefined }[] = []
  #heldBroadcasts = 0
  #heldBytes = 0
  /** Number of the seats that are given up and whose onJoin is on its way. */
  #joiningGone = 0
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

  get freeCount(): number {
    return this.#room.type.maxClients - this.seated.size - this.#reserved.size - this.#joiningGone
  }

  /**
   * Holds a seat until `ticketTtlMs` are over. Calls `onSettled` once, when it is taken or given back.
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

  /** Gives a reserved seat back; does nothing for a taken one. */
  cancel(seat: Seat): void {
    if (!this.#reserved.delete(seat.id)) return
    seat.end()
    seat.onSettled()
    this.#context.onChanged(this.#room)
  }

  /** A seat that may be reconnected with this token, or null. */
  byReconnectToken(token: string): Seat | null {
    if (token === '') return null
    for (const seat of this.seated.values()) if (seat.reconnectToken === token) return seat
    return null
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
    seat.connect(link)
    if (before) this.#dismiss(before, 'replaced')
    if (isNew) {
      seat.onSettled()
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
  }

  /** Sends JOINED and STATE, then the frames that the game has sent before, then the room's topic. */
  greet(seat: Seat, fullFrame: Uint8Array): void {
    const { link } = seat
    if (!link) return
    const room = this.#room
    link.send(
      encodeSystem('joined', {
        roomId: room.id,
        type: room.type.name,
        sessionId: seat.id,
        name: seat.name,
        epoch: room.epoch,
        reconnectToken: seat.reconnectToken,
        tickHz: room.type.tickHz,
        patchHz: room.type.patchHz,
        now: room.now,
        roster: Array.from(this.seated.values(), ({ id, name }) => ({ sessionId: id, name })),
      }),
    )
    link.send(fullFrame)
    if (room.isPaused) link.send(encodeSystem('paused', { paused: true }))
    seat.greeted()
    link.subscribe(room.id)
  }

  /** Keeps the seat of a broken connection for the grace; false when the room keeps none. */
  keepDropped(seat: Seat): boolean {
    if (this.#room.type.reconnectGraceMs === 0 || this.#room.isOver) return false
    seat.status = 'dropped'
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
  closeAll(why: 'room_ended' | 'released' | 'fenced'): void {
    for (const seat of this.#reserved.values()) this.cancel(seat)
    for (const seat of this.seated.values()) {
      if (why === 'room_ended') this.#room.leave(seat, why)
      else this.#detach(seat, why === 'fenced' ? 'rejoin' : 'going_away')
    }
  }

  #detach(seat: Seat, cause: CloseCause): void {
    this.#unseat(seat)
    seat.link?.close(cause)
    seat.link = null
  }

  /**
   * Sends a frame to everybody, or to those the options name; with `afterPatch` at the next patch. A seat that
   * has not got JOINED yet gets the frames that name it, once it has. With 1,000 frames or 1 MiB held back those go
   * ahead of the patch: a room that is paused has none for a while.
   */
  broadcast(frame: Uint8Array, options?: BroadcastOptions): void {
    if (options?.afterPatch) {
      const bytes = frame.byteLength
      if (this.#heldBroadcasts >= MAX_HELD || this.#heldBytes + bytes > MAX_HELD_BYTES)
        this.#sendBroadcasts()
      this.#heldBroadcasts++
      this.#heldBytes += bytes
      this.#held.push({ frame, options: { ...options, afterPatch: false } })
      return
    }
    if (!options?.except && !options?.to) {
      this.#context.publish(this.#room.id, frame)
      return
    }
    const only = options.to ? new Set(options.to) : null
    for (const seat of this.seated.values()) {
      if (seat.id === options.except || (only && !only.has(seat.id))) continue
      if (only || seat.isGreeted) seat.deliver(frame)
    }
  }

  /** Keeps a frame for everybody until the next patch has gone; the room's log bounds their number. */
  hold(frame: Uint8Array): void {
    this.#held.push({ frame, options: undefined })
  }

  /** Sends what the game holds back, without the room's events: they follow their patch, as in the log. */
  #sendBroadcasts(): void {
    const broadcasts = this.#held.filter(({ options }) => options !== undefined)
    this.#held = this.#held.filter(({ options }) => options === undefined)
    this.#heldBroadcasts = 0
    this.#heldBytes = 0
    for (const { frame, options } of broadcasts) this.broadcast(frame, options)
  }

  /** Sends the frames that waited for the patch, once that has gone. */
  sendHeld(): void {
    if (this.#held.length === 0) return
    const held = this.#held
    this.#held = []
    this.#heldBroadcasts = 0
    this.#heldBytes = 0
    for (const { frame, options } of held) this.broadcast(frame, options)
  }

  /** Takes the clients that were behind and whose sockets are empty again: the next patch has a full state for each. */
  takeCaughtUp(): string[] {
    const ids: string[] = []
    for (const { id, link, isGreeted, needsFullState } of this.seated.values())
      if (needsFullState && isGreeted && link?.bufferedBytes === 0) ids.push(id)
    return ids
  }

  /**
   * Says who gets which frame of a capture, before the next one is taken. A client that is behind gets no patch
   * (SL1), but a full state once its socket is empty: after any stall its state equals the server's.
   */
  address({ patch, full }: Capture): Delivery {
    const delivery: Delivery = { seats: [], frames: [] }
    for (const seat of this.seated.values()) {
      const { link } = seat
      if (!link || !seat.isGreeted) continue
      let frame: Uint8Array | undefined
      if (seat.needsFullState) {
        frame = full.get(seat.id)
        if (frame) seat.needsFullState = false
      } else if (patch) {
        if (link.bufferedBytes > BEHIND_BYTES) seat.needsFullState = true
        else frame = patch.frameFor(seat.id)
      }
      if (!frame) continue
      delivery.seats.push(seat)
      delivery.frames.push(frame)
    }
    return delivery
  }

  /** Notes that there was a patch that nobody gets. */
  missPatch(): void {
    for (const seat of this.seated.values()) if (seat.isGreeted) seat.needsFullState = true
  }

  /** Sends the frames of a delivery. A client that has a new connection since begins there with a state of its own. */
  send({ seats, frames }: Delivery): void {
    for (const [index, seat] of seats.entries())
      if (seat.isGreeted) seat.link?.send(frames[index] as Uint8Array)
  }

  /** Takes over a seat of the room's last owner, whose player counts as dropped just now. */
  restore(facts: SeatFacts, reconnectToken: string): Seat {
    const seat = new Seat(this.#room, facts)
    seat.reconnectToken = reconnectToken
    seat.status = 'dropped'
    this.#seat(seat)
    return seat
  }

  /** The player has so long to come back. */
  startGrace(seat: Seat): void {
    const graceMs = this.#room.type.reconnectGraceMs
    seat.cancelTimer = this.#context.clock.after(graceMs, () => {
      // A room that stands still lets nobody back in: the time for coming back begins anew.
      if (this.#room.isStill && !this.#room.isOver) this.startGrace(seat)
      else this.#room.leave(seat, 'dropped')
    })
  }

  #dismiss(link: ClientLink, cause: CloseCause, text?: string): void {
    const { code, reason } = closeCodes[cause]
    link.unsubscribe(this.#room.id)
    const shown = (text ?? reason).slice(0, MAX_REASON_CHARACTERS)
    link.send(encodeSystem('left', { code, reason: shown }))
    link.close(cause, shown)
  }
}
