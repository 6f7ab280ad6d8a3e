import { encodeFrame } from '@ringside/protocol'
import type { SeatCommand } from '../../call/call.ts'
import { LateSignal } from '../../process/late-signal.ts'
import type { ClientLink, ClientSeat } from '../../call/seat-contract.ts'
import type { Load } from '../output/catch-up.ts'
import { checkFrame, checkReason } from '../../call/frame-check.ts'
import type { EmitOptions, LeaveReason, RoomSession } from '../definition.ts'
import type { CommandHandlers, RoomType } from '../type.ts'

/** A seat sees its room as this. */
export interface SeatOwner {
  readonly id: string
  readonly type: Pick<RoomType, 'commands'>
  command(seat: Seat, command: SeatCommand, payload: unknown): unknown
  leave(seat: Seat, reason: LeaveReason, text?: string): void
  /** The room's `emit`, checks and all. */
  emit(name: string, data: unknown, options: EmitOptions): void
  drop(seat: Seat): void
  isMuted(seat: Seat): boolean
  /** Code of the game threw. */
  failed(error: unknown, where: string): void
  /** A client that has missed patches takes bytes again. */
  catchUp(seat: Seat): void
}

export interface SeatFacts {
  readonly id: string
  readonly name: string
  readonly auth: unknown
}

/** Frames, and their bytes, kept for a client that has not got JOINED yet, at most. */
const MAX_EARLY = 1_000
const MAX_EARLY_BYTES = 1024 * 1024

interface EarlyFrame {
  readonly frame: Uint8Array
  /** It was not sent to this player in particular. */
  readonly isForAll: boolean
}

/**
 * One player's place in a room. States: `reserved` (a ticket is out; leaves by take or expiry),
 * `connected` (link set), `dropped` (link gone, kept until the grace ends), `gone` (for good). While
 * `isJoining` the player is not in yet: onJoin has not settled, and no command is taken.
 */
export class Seat implements ClientSeat {
  readonly id: string
  readonly name: string
  readonly auth: unknown
  readonly commands: CommandHandlers
  /** The seat as hooks and commands get it. */
  readonly face: RoomSession
  status: 'reserved' | 'connected' | 'dropped' | 'gone' = 'reserved'
  link: ClientLink | null = null
  team: string | null = null
  /**
   * The client has missed patches, or may see another part of the state: it gets a full state as soon as its
   * socket is empty.
   */
  needsFullState = false
  /** A state is on its way in pieces, and the patches after it wait. */
  load: Load | null = null
  /** JOINED and the first full state were sent on this link: patches may follow. */
  isGreeted = false
  /** True from the first connection until onJoin has settled. */
  isJoining = false
  /** Index of the room's last event when the connection came: what is numbered later reaches it as it happens. */
  joinedAtIndex = 0
  /** The same of the first connection: the player was never meant to get what was before. */
  enteredAtIndex = 0
  /** Frames that the game has sent before JOINED. */
  #early: EarlyFrame[] = []
  #earlyBytes = 0
  /** The newest token, as JOINED hands it out. */
  reconnectToken = ''
  /** Generation of the newest token; 0 before the first, and for a seat with a token of before they had one. */
  generation = 0
  /** The token that a log of before has, or ''. */
  oldToken = ''
  /** Id of the one ticket that may take this seat now, or ''. */
  openTicket = ''
  /** Generation of the token that this ticket was given for. */
  openGeneration = 0
  /** Id of the ticket that a new player has taken the seat with, until they come back with another; or ''. */
  firstTicket = ''
  cancelTimer: (() => void) | null = null
  /** The seat has a connection, or is given up; may be called again. */
  onSettled: () => void = () => {}
  /** Its connection is gone and it is kept; may be called again. */
  onUnheld: () => void = () => {}
  readonly #owner: SeatOwner
  readonly #signal = new LateSignal()

  constructor(owner: SeatOwner, facts: SeatFacts) {
    this.#owner = owner
    this.id = facts.id
    this.name = facts.name
    this.auth = facts.auth
    this.commands = owner.type.commands
    this.face = new SeatFace(this)
  }

  get roomId(): string {
    return this.#owner.id
  }

  get sessionId(): string {
    return this.id
  }

  get isConnected(): boolean {
    return this.status === 'connected'
  }

  get isMuted(): boolean {
    return this.#owner.isMuted(this)
  }

  get signal(): AbortSignal {
    return this.#signal.of(this.status === 'gone', (error) => this.#owner.failed(error, 'signal'))
  }

  /** The seat is given up for good. */
  end(): void {
    this.status = 'gone'
    this.cancelTimer?.()
    this.cancelTimer = null
    this.load = null
    this.#takeEarly()
    this.#signal.abort()
  }

  /**
   * Sends a frame; before JOINED it waits until that and the state have gone. Of 1,000 frames or 1 MiB that wait, those for
   * everybody make room, the oldest first: a player must be able to come into a busy room. With as many of their own the
   * seat is given up as `slow`: whoever sends to many cannot know who of them is not in yet, and must not fail by it (RM35).
   */
  deliver(frame: Uint8Array, isForAll = false): void {
    if (!this.link) return
    if (this.isGreeted) return this.link.send(frame)
    // While a large state is on its way nothing may be lost, and who sends meanwhile is not at fault: the bytes alone count.
    const bytes = frame.byteLength
    const fits = this.load ? this.#earlyBytes + bytes <= MAX_EARLY_BYTES : this.#makeRoom(bytes)
    if (fits) {
      this.#early.push({ frame, isForAll })
      this.#earlyBytes += bytes
    } else if (!isForAll || this.load)
      this.#owner.leave(this, 'slow', 'Too much was sent before the player was in')
  }

  /** Halves the frames for everybody until another one of so many bytes fits; false when it does not without any. */
  #makeRoom(bytes: number): boolean {
    while (this.#early.length >= MAX_EARLY || this.#earlyBytes + bytes > MAX_EARLY_BYTES) {
      const shared = this.#early.reduce((count, { isForAll }) => count + (isForAll ? 1 : 0), 0)
      if (shared === 0) return false
      let excess = Math.ceil(shared / 2)
      this.#early = this.#early.filter(({ frame, isForAll }) => {
        if (!isForAll || excess-- <= 0) return true
        this.#earlyBytes -= frame.byteLength
        return false
      })
    }
    return true
  }

  #takeEarly(): EarlyFrame[] {
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    return early
  }

  /**
   * The next JOINED answers the token that the open ticket was given for (CL33): the newest one, or one that is newer
   * than this owner knows, with the one after it; the one before the newest with the newest again, for then the answer
   * to it was lost.
   */
  advance(): void {
    this.generation = Math.max(this.generation, this.openGeneration + 1)
    if (this.generation > 1) this.oldToken = ''
  }

  /** Sets a new connection, which gets JOINED first. */
  connect(link: ClientLink): void {
    this.link = link
    this.status = 'connected'
    this.needsFullState = false
    this.load = null
    this.isGreeted = false
    // While onJoin is on its way what it has sent is for whichever connection is greeted in the end.
    if (!this.isJoining) this.#takeEarly()
  }

  /** JOINED and the state are on their way: the frames that waited for them follow. */
  greeted(): void {
    this.isGreeted = true
    for (const { frame } of this.#takeEarly()) this.link?.send(frame)
  }

  emit(name: string, data: unknown, options: EmitOptions | undefined): void {
    this.#owner.emit(name, data, { atOnce: options?.atOnce ?? false, to: [this.id] })
  }

  kick(reason?: string): void {
    this.#owner.leave(this, 'kicked', reason)
  }

  run(command: SeatCommand, payload: unknown): unknown {
    return this.#owner.command(this, command, payload)
  }

  leave(): void {
    this.#owner.leave(this, 'left')
  }

  dropped(link: ClientLink): void {
    if (this.link !== link) return
    this.link = null
    this.load = null
    if (this.status === 'connected') this.#owner.drop(this)
  }

  drained(link: ClientLink): void {
    if (this.link === link && (this.load || this.needsFullState)) this.#owner.catchUp(this)
  }
}

/** A player's seat as game code may use it: it has what RoomSession names and nothing else of the seat (RM18). */
class SeatFace implements RoomSession {
  readonly id: string
  readonly name: string
  readonly auth: unknown
  readonly data: Record<string, unknown> = {}
  readonly #seat: Seat

  constructor(seat: Seat) {
    this.id = seat.id
    this.name = seat.name
    this.auth = seat.auth
    this.#seat = seat
  }

  get isConnected(): boolean {
    return this.#seat.isConnected
  }
  get isMuted(): boolean {
    return this.#seat.isMuted
  }
  get team(): string | null {
    return this.#seat.team
  }
  get signal(): AbortSignal {
    return this.#seat.signal
  }

  send(commandId: number, payload?: Uint8Array): void {
    checkFrame(commandId, payload)
    this.#seat.deliver(encodeFrame(commandId, payload))
  }

  emit(name: string, data: unknown, options?: EmitOptions): void {
    this.#seat.emit(name, data, options)
  }

  kick(reason?: string): void {
    checkReason(reason)
    this.#seat.kick(reason)
  }
}
