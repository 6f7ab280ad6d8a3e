import type { Json } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { within } from '../process/wait.ts'
import type { Outbox, RoomLog, StoredRoom } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { RoomContext } from '../room/context.ts'
import type { RoomType } from '../room/type.ts'
import { LiveRoom } from '../room/room.ts'
import { restoredStart } from '../room/start.ts'
import type { NewStart, Start } from '../room/start.ts'
import type { StateMaker } from '../state/state-makers.ts'
import { Attachment } from './attachment.ts'

/** The room that a tenancy is about. */
export interface Place {
  readonly id: string
  readonly type: RoomType
  /** Secret of its randomness, where it starts anew. */
  readonly seed: string
  /** Store time in ms. */
  readonly createdAt: number
}

export interface TenancyParts {
  readonly outbox: Pick<Outbox, 'openRoom' | 'readRoom' | 'stateOf'>
  readonly context: Omit<RoomContext, 'onEnded'>
  readonly states: StateMaker
  /** @throws RingsideError draining when no room may begin here any more. */
  readonly assertMayBegin: () => void
  /** The room runs: called in the turn in which it was made, so that a drain finds it. */
  readonly onHeld: () => void
  /** The room is over; `closed` settles when its log is written. */
  readonly onOver: (room: LiveRoom, closed: Promise<void>) => void
  /** Another owner has taken the room. */
  readonly onFenced: () => void
}

/** A release may take so long. */
export interface ReleaseTerms {
  /** Longest wait for the commands and hooks that await in the room, in ms. */
  readonly settleMs: number
  /**
   * Longest wait for the log after that, in ms; then the room goes on here. null: the process ends, so that the
   * room is over here in any case, and the log's own end is the bound.
   */
  readonly storeMs: number | null
}

/** A release that is under way. */
export interface Release {
  /** Resolves when the room hands nothing more to the log, also when the release fails. */
  readonly handedOver: Promise<void>
  /**
   * Resolves when another owner may go on with the room and nothing is missing, or when it has ended.
   * @throws RingsideError when what happened in the room could not be stored: room_paused or unavailable (it goes
   * on here), outbox_unreachable, event_refused, or room_taken by another owner meanwhile.
   */
  readonly released: Promise<void>
}

type State =
  | { readonly kind: 'vacant' | 'taking' | 'over' }
  | { readonly kind: 'held'; readonly room: LiveRoom }
  | { readonly kind: 'releasing'; readonly room: LiveRoom; readonly release: Release }

/**
 * One room's stay in this process, from the claim of its log to the release. States:
 * - `vacant`: nothing is begun; `open` and `adopt` lead to
 * - `taking`: its log is read and claimed; ends in `held`, or in `over` when that failed: then the room is left as
 *   it was, for another owner to adopt.
 * - `held`: the room runs. It leaves by `release`, or to `over` when it ends or another owner takes it.
 * - `releasing`: input is stopped and what happened is being stored; ends in `over`, or in `held` when it could
 *   not be stored.
 * - `over`: for good. A room that comes back later does so by another Tenancy.
 */
export class Tenancy {
  readonly place: Place
  readonly #parts: TenancyParts
  readonly #context: RoomContext
  #state: State = { kind: 'vacant' }
  /** A release is asked for after which the room is over here in any case. */
  #isFinal = false
  /** Settles with the close of the room's log, once the room is over. */
  #closed: Promise<void> = Promise.resolve()

  constructor(place: Place, parts: TenancyParts) {
    this.place = place
    this.#parts = parts
    const { context, onOver } = parts
    this.#context = {
      ...context,
      onEnded: (_room, closed) => {
        const { room } = this
        this.#state = { kind: 'over' }
        this.#closed = closed
        if (room) onOver(room, closed)
      },
    }
  }

  /** The room while it is here: held, or being released. */
  get room(): LiveRoom | null {
    const state = this.#state
    return state.kind === 'held' || state.kind === 'releasing' ? state.room : null
  }

  /** Makes a new room. @throws whatever the log and onCreate throw; RingsideError unavailable. */
  open(options: Json): Promise<LiveRoom> {
    const { states } = this.#parts
    return this.#take(async (log) => {
      // Before its first event only the bound of all rooms can be reached: the log is behind.
      if (log.isFull) throw new RingsideError('unavailable')
      return { kind: 'new', options, track: (initial) => states.track(initial) }
    })
  }

  /**
   * Goes on with a room from its log (CL4, CL26): everything is read and decoded before the room is claimed, and the
   * claim holds only against the owner of which it was read.
   * @throws RingsideError room_taken, room_over, past_retention, state_invalid, or SyntaxError: then nothing was
   * claimed, or the claim is given up. Whatever the log fails with.
   */
  adopt(record: RoomRecord): Promise<LiveRoom> {
    return this.#taking(async () => {
      const { outbox } = this.#parts
      const read = await outbox.readRoom(this.place.id)
      let start = this.#startOf(read, record)
      return this.#claim(async (log) => {
        const whole = await outbox.stateOf(log, read)
        // The owner before has written between the look and the claim: now it cannot any more.
        if (whole.n > read.n + 1) start = this.#startOf(whole, record)
        return start
      }, read)
    })
  }

  #startOf(stored: StoredRoom, record: RoomRecord): Start {
    return restoredStart(stored, { states: this.#parts.states, record })
  }

  #take(begin: (log: RoomLog) => Promise<Start>): Promise<LiveRoom> {
    return this.#taking(() => this.#claim(begin))
  }

  async #taking(work: () => Promise<LiveRoom>): Promise<LiveRoom> {
    if (this.#state.kind !== 'vacant') throw new Error('Expected a tenancy that has not begun')
    this.#state = { kind: 'taking' }
    try {
      return await work()
    } catch (error) {
      this.#state = { kind: 'over' }
      throw error
    }
  }

  /** Opens the log, then the room as `begin` says. A claim that leads to no room is given up. */
  async #claim(begin: (log: RoomLog) => Promise<Start>, read?: StoredRoom): Promise<LiveRoom> {
    const { outbox, assertMayBegin, onHeld, onFenced } = this.#parts
    const attachment = new Attachment(onFenced)
    const log = await outbox.openRoom(this.place.id, attachment, read)
    const mayRun = (): void => {
      assertMayBegin()
      attachment.assertHeld()
    }
    try {
      const start = await begin(log)
      mayRun()
      const opened = LiveRoom.open({ ...this.place, log }, checked(start, mayRun), this.#context)
      const room = opened instanceof LiveRoom ? opened : await this.#opened(opened, attachment)
      attachment.attach(room)
      this.#state = { kind: 'held', room }
      onHeld()
      return room
    } catch (error) {
      // `error` says already what it was.
      await log.close().catch(() => {})
      throw error
    }
  }

  /** The log may have been lost in the few microtasks after an onCreate that awaits. */
  async #opened(opened: Promise<LiveRoom>, attachment: Attachment): Promise<LiveRoom> {
    const room = await opened
    try {
      attachment.assertHeld()
    } catch (error) {
      room.finish('fenced')
      throw error
    }
    return room
  }

  /**
   * Gives the room up so that another owner can go on with it (CL5). A room that cannot be stored is not
   * released (CL31). A second call is the first, but for a process that ends: then the first one's room does
   * not go on here either.
   * @throws RingsideError room_not_found when the room is not held.
   */
  release(terms: ReleaseTerms): Release {
    const state = this.#state
    if (terms.storeMs === null) this.#isFinal = true
    if (state.kind === 'releasing') return state.release
    if (state.kind !== 'held') throw new RingsideError('room_not_found')
    const { room } = state
    let tell = (): void => {}
    const handedOver = new Promise<void>((resolve) => (tell = resolve))
    const released = this.#release(room, terms, tell).finally(tell)
    // The caller is told; one that does not look must not end the process by that.
    released.catch(() => {})
    const release = { handedOver, released }
    this.#state = { kind: 'releasing', room, release }
    return release
  }

  async #release(room: LiveRoom, terms: ReleaseTerms, handedOver: () => void): Promise<void> {
    try {
      const { settleMs, storeMs } = terms
      const stored = room.handOver(settleMs, handedOver)
      const { clock } = this.#context
      if (storeMs === null) await stored
      else if (!(await within(clock, settleMs + storeMs, stored)))
        throw new RingsideError('unavailable')
      if (room.isOver) return await this.#left(room)
    } catch (error) {
      if (room.isOver) throw error
      if (this.#isFinal) room.finish('released')
      else {
        room.takeBack()
        this.#state = { kind: 'held', room }
      }
      throw error
    }
    // Players are closed only now, for one who comes back is to find the next owner.
    room.finish('released')
    await this.#closed
  }

  /** The room was over before it was released: a room that has ended needs no other owner. */
  async #left(room: LiveRoom): Promise<void> {
    await this.#closed
    if (!room.hasEnded) throw new RingsideError('room_taken')
  }
}

/** An onCreate may take its time: whether its room may still begin is asked when it has a state, before anything is written. */
function checked(start: Start, mayRun: () => void): Start {
  if (start.kind !== 'new') return start
  const track: NewStart['track'] = (initial) => {
    mayRun()
    return start.track(initial)
  }
  return { ...start, track }
}
