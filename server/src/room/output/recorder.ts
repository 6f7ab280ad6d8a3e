import { RingsideError } from '../../process/errors.ts'
import type { NewEvent, RoomLog, SnapshotInput } from '../../outbox/contract/outbox.ts'
import type { RoomEnd } from '../../outbox/contract/store.ts'
import type { FullState, PatchHeader, PlayerPatch, StateTracker } from '../../state/contract.ts'
import { withSeats } from '../seats/seat-log.ts'
import { LARGE_STATE_BYTES } from './catch-up.ts'
import type { SeatLog } from '../seats/seat-log.ts'
import type { WhoLog } from './who-log.ts'

/** One capture of a room (OB24), and which of its three readers it is for. */
export interface CaptureOptions {
  readonly header: PatchHeader
  /** The log's patch is due, too, and with it a snapshot that was asked for. */
  readonly isLogDue: boolean
  /** Encodes the `runtime` of a snapshot. */
  readonly runtime: () => string
  /** Session ids of those that get a whole state of this instant. */
  readonly fullFor: readonly string[]
}

/** One instant of a room for its players. Nothing of it may be encoded later: the room goes on. */
export interface Capture {
  /** The changes since the last capture; null when there are none. */
  readonly patch: PlayerPatch | null
  /** Whole STATE frames by session id, for those of `fullFor`; of a large state there are none. */
  readonly full: ReadonlyMap<string, Uint8Array>
  /** The state for those of `fullFor`, when it is large. */
  readonly state: FullState | null
}

/** A game's events, and their characters, that wait for a patch or for the log: one turn's fit by far. */
const MAX_WAITING = 10_000
const MAX_WAITING_CHARACTERS = 16 * 1024 * 1024

interface Durable {
  readonly flush: () => void
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** The log of a room, and what is written there beside its state. */
export interface RecorderParts {
  readonly log: RoomLog
  readonly seats: SeatLog
  readonly who: WhoLog
}

const NO_FRAMES: ReadonlyMap<string, Uint8Array> = new Map()

/**
 * Takes what a room records to its players, its log and its snapshots. `capture` is the only way out of the
 * state: it takes all three at one instant, before anything is sent and so before any game code can run, and
 * `close` is the last of them (OB24). A record is in the log whole, or it throws where it is written (OB92).
 * Nothing is lost when the log's buffer is full: the room pauses instead (RM10).
 */
export class Recorder {
  readonly #tracker: StateTracker
  readonly #log: RoomLog
  readonly #seats: SeatLog
  readonly #who: WhoLog
  /** Events of this turn and those before it, until the patch of what they tell of has gone. */
  #held: NewEvent[] = []
  /** Events that came after the log's buffer had filled up: the rest of a turn, then players who left. */
  #waiting: NewEvent[] = []
  /** The characters of what is held, and of what waits. */
  #heldSize = 0
  #waitingSize = 0
  #durables: Durable[] = []
  #isSnapshotDue = false
  /** The last state that somebody needed was large. */
  #isLarge = false
  #closed: Promise<void> | null = null

  constructor(tracker: StateTracker, parts: RecorderParts) {
    this.#tracker = tracker
    this.#seats = parts.seats
    this.#who = parts.who
    this.#log = parts.log
  }

  get state(): unknown {
    return this.#tracker.state
  }

  /** Puts a session into a team, or out of it, as of the next capture. */
  setTeam(sessionId: string, team: string | null): void {
    this.#tracker.setGroup('team', sessionId, team)
    this.#seats.setTeam(sessionId, team)
  }

  /** True while the room must not go on. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0 || this.#log.isFull
  }

  /** Whatever was recorded is in the log, and acknowledged; nothing waits for a later capture. */
  get isSettled(): boolean {
    if (this.#isSnapshotDue || this.#log.hasPending || !this.#seats.isSettled) return false
    return this.#held.length + this.#waiting.length === 0 && this.#tracker.isSettled
  }

  /** Events wait for the next patch to the log. */
  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** The room's `end`, once it is in the log for good. */
  get end(): RoomEnd | null {
    return this.#log.end
  }

  /**
   * Records the first event of a new room: its full first state (n = 1).
   * @throws RingsideError state_invalid when it is larger than an event may be.
   */
  recordFirstState(): void {
    const { data, hidden } = this.#tracker.fullLog()
    if (this.#log.append({ type: 'patch', data, hidden, who: this.#who.first() })) return
    const bytes = Buffer.byteLength(data) + Buffer.byteLength(hidden ?? '')
    throw new RingsideError(
      'state_invalid',
      `Expected a first state within maxEventBytes, got ${bytes} bytes`,
    )
  }

  /**
   * Takes an event that follows the patch of its turn into the log.
   * @throws RingsideError room_paused when a game goes on emitting while its room is paused; room_released.
   */
  hold(event: NewEvent): void {
    this.assertTaking(event)
    this.#hold(event)
  }

  /** Takes `joined` or `left`, beyond the bound of the game's: the seat is in the log with it, or is not. */
  holdPresence(event: NewEvent): void {
    if (this.#closed) throw new RingsideError('room_released')
    this.#hold(event)
  }

  #hold(event: NewEvent): void {
    this.#held.push(event)
    this.#heldSize += sizeOf(event)
  }

  /** Takes an event that goes ahead of the patch of its turn. @throws RingsideError as `hold`. */
  append(event: NewEvent): void {
    this.assertTaking(event)
    this.#hand(event)
  }

  /** @throws RingsideError as `hold`. */
  assertTaking(event: NewEvent): void {
    if (this.#closed) throw new RingsideError('room_released')
    const count = this.#held.length + this.#waiting.length
    const size = this.#heldSize + this.#waitingSize + sizeOf(event)
    if (count >= MAX_WAITING || size > MAX_WAITING_CHARACTERS)
      throw new RingsideError('room_paused')
  }

  readonly #hand = (event: NewEvent): void => {
    if (this.#waiting.length === 0 && this.#log.append(event)) return
    this.#waiting.push(event)
    this.#waitingSize += sizeOf(event)
  }

  /** Takes the room as it is now: for its players and, when that is due and possible, for log and snapshot. */
  capture({ header, isLogDue, runtime, fullFor }: CaptureOptions): Capture {
    const patch = this.#tracker.flushPlayers(header)
    const full = this.#isLarge ? NO_FRAMES : this.#fullFrames(header, fullFor)
    const state = this.#isLarge && fullFor.length > 0 ? this.#fullState(header) : null
    if (isLogDue && !this.isBlocked) {
      this.#takeRecorded(this.#hand)
      if (this.#isSnapshotDue && !this.isBlocked) this.#snapshot(runtime())
    }
    return { patch, full, state }
  }

  #fullFrames(header: PatchHeader, ids: readonly string[]): ReadonlyMap<string, Uint8Array> {
    if (ids.length === 0) return NO_FRAMES
    const frames = new Map<string, Uint8Array>()
    for (const id of ids) {
      const frame = this.#tracker.fullFrame(header, id)
      this.#isLarge = frame.length > LARGE_STATE_BYTES
      if (this.#isLarge) return NO_FRAMES
      frames.set(id, frame)
    }
    return frames
  }

  #fullState(header: PatchHeader): FullState {
    const state = this.#tracker.fullState(header)
    this.#isLarge = state.byteCount > LARGE_STATE_BYTES
    return state
  }

  /** Who sees the room has changed: what closes it is written at once, the rest with the next capture (OB128). */
  noteWho(): void {
    const event = this.#closed ? null : this.#who.closing()
    if (event) this.#hand(event)
  }

  /** Takes the patch, then the events that wait for it. It needs the players' patch of this instant. */
  #takeRecorded(take: (event: NewEvent) => void): void {
    const patch = this.#tracker.flushLog()
    const seats = this.#seats.flush()
    if (patch || seats !== null) {
      const hidden = patch?.hidden ?? null
      const data = patch?.data ?? '{}'
      take({ type: 'patch', data, hidden: seats === null ? hidden : withSeats(hidden, seats) })
    }
    const held = this.#held
    this.#held = []
    this.#heldSize = 0
    for (const event of held) take(event)
    const opening = this.#who.opening()
    if (opening) take(opening)
  }

  #snapshot(runtime: string): void {
    this.#isSnapshotDue = false
    this.#log.snapshot(this.#whole(runtime))
  }

  /**
   * Hands the log over with the room of this very point: the last of what was recorded, and a snapshot. `stored`
   * resolves when both are, or rejects as RoomLog.handOver; nothing may be recorded meanwhile. It is null while the
   * log takes nothing: then the room has to go on here. `patch` is the players' part, as of a capture.
   */
  handOver(
    header: PatchHeader,
    runtime: string,
  ): { readonly patch: PlayerPatch | null; readonly stored: Promise<void> | null } {
    const patch = this.#tracker.flushPlayers(header)
    if (!this.isBlocked) this.#takeRecorded(this.#hand)
    if (this.isBlocked) return { patch, stored: null }
    this.#isSnapshotDue = false
    return { patch, stored: this.#log.handOver(this.#whole(runtime)) }
  }

  /** Lets every write to the state throw at its line from now on. */
  freeze(): void {
    this.#tracker.freeze()
  }

  /** The state may be written again. */
  thaw(): void {
    this.#tracker.thaw()
  }

  /** The room as the log adds up to it. Needs everything recorded to be taken. */
  #whole(runtime: string): SnapshotInput {
    const { data, hidden } = this.#tracker.fullLog()
    return { publicState: data, hiddenState: withSeats(hidden, this.#seats.document()), runtime }
  }

  /** The next capture for the log takes a snapshot, too. */
  requestSnapshot(): void {
    this.#isSnapshotDue = true
  }

  /**
   * Resolves when everything up to now is acknowledged; while the log takes nothing, once it has
   * taken what waits; after `close` as that does. `flush` captures the room for the log.
   * @throws RingsideError as RoomLog.durable.
   */
  durable(flush: () => void): Promise<void> {
    if (this.#closed) return this.#closed
    if (!this.isBlocked) flush()
    if (!this.isBlocked) return this.#log.durable()
    const durable = new Promise<void>((resolve, reject) => {
      this.#durables.push({ flush, resolve, reject })
    })
    // A game that does not ask how it went must not end the process by that.
    durable.catch(() => {})
    return durable
  }

  /**
   * The last capture: writes all that is left, beyond the log's bound if need be, then `end` when the room is
   * over for good, and gives the ownership up. Everybody who waits for `durable` is told.
   * @throws RingsideError as RoomLog.close, when not everything was written.
   */
  close(header: PatchHeader, isEnd: boolean): Promise<void> {
    if (this.#closed) return this.#closed
    const last = this.#waiting
    this.#waiting = []
    this.#tracker.flushPlayers(header)
    this.#takeRecorded((event) => last.push(event))
    if (isEnd) last.push({ type: 'end', data: '{}' })
    const closed = this.#log.close(last)
    this.#closed = closed
    for (const { resolve, reject } of this.#durables.splice(0)) closed.then(resolve, reject)
    return closed
  }

  /** The log takes events again: hands over the events that had to wait. */
  resume(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingSize = 0
    for (const event of waiting) this.#hand(event)
    if (this.isBlocked) return
    for (const { flush, resolve, reject } of this.#durables.splice(0))
      this.durable(flush).then(resolve, reject)
  }
}

function sizeOf({ data, hidden }: NewEvent): number {
  return data.length + (hidden?.length ?? 0)
}
