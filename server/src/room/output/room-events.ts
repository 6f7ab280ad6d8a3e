import { encodeSystem } from '@ringside/protocol'
import type { NewEvent } from '../../outbox/contract/outbox.ts'
import { countEvent, encodeEventIndex } from '../../outbox/contract/event-marks.ts'
import type { EventMarks } from '../../outbox/contract/event-marks.ts'

/** The last EVENT that a client has seen, as its JOIN says: hostile until it was looked at. */
export interface EventPosition {
  readonly epoch: number
  readonly index: number
}

/** Bounds of the events that a room keeps for players who are away. */
export interface ReplayBounds {
  readonly maxEvents: number
  readonly maxBytes: number
}

/** What a game has emitted, before it is numbered. */
export interface EventContent {
  readonly type: string
  /** For the log, as encoded JSON. */
  readonly data: string
  /** The room's clock in ms. */
  readonly at: number
  /** For the players, as protobuf. */
  readonly payload: Uint8Array
}

const MAX_INDEX = 0xffff_ffff
const NO_FRAME = new Uint8Array(0)

/** One event on its way to log and players; both get it with its index. */
export class RoomEvent implements NewEvent {
  readonly type: string
  readonly data: string
  readonly at: number
  readonly payload: Uint8Array
  /** Empty until it is numbered. */
  frame: Uint8Array = NO_FRAME
  hidden: string | null = null
  index = 0

  constructor({ type, data, at, payload }: EventContent) {
    this.type = type
    this.data = data
    this.at = at
    this.payload = payload
  }
}

/**
 * The events of one room: it numbers them in the order in which they leave, and keeps the last ones for players who come
 * back (RM52).
 */
export class RoomEvents {
  readonly #epoch: number
  readonly #bounds: ReplayBounds
  #marks: EventMarks
  /** Events that wait for the patch of their turn. */
  #held: RoomEvent[] = []
  #kept: RoomEvent[] = []
  #keptBytes = 0
  /** Every event with a higher index is kept. */
  #keptAfter: number

  constructor(epoch: number, marks: EventMarks, bounds: ReplayBounds) {
    this.#epoch = epoch
    this.#marks = marks
    this.#bounds = bounds
    this.#keptAfter = marks.index
  }

  /** For the next owner of the room. */
  get marks(): EventMarks {
    return this.#marks
  }

  /** Index of the last event that has left. */
  get index(): number {
    return this.#marks.index
  }

  /** It will be numbered with those that wait. */
  hold(event: RoomEvent): void {
    this.#held.push(event)
  }

  /** Numbers the events that wait: they leave now. */
  numberHeld(): void {
    if (this.#held.length === 0) return
    const held = this.#held
    this.#held = []
    for (const event of held) this.number(event)
  }

  /** Numbers an event that leaves now. */
  number(event: RoomEvent): void {
    const index = Math.min(this.#marks.index + 1, MAX_INDEX)
    this.#marks = countEvent(this.#marks, this.#epoch, index)
    const { type: name, at, payload } = event
    event.index = index
    event.hidden = encodeEventIndex(index)
    event.frame = encodeSystem('event', { name, at, payload, index })
    this.#keep(event)
  }

  #keep(event: RoomEvent): void {
    const { maxEvents, maxBytes } = this.#bounds
    this.#kept.push(event)
    this.#keptBytes += event.frame.byteLength
    while (this.#kept.length > maxEvents || this.#keptBytes > maxBytes) {
      const { frame, index } = this.#kept.shift() as RoomEvent
      this.#keptBytes -= frame.byteLength
      this.#keptAfter = index
    }
  }

  /**
   * The frames of the events after `from`, up to `upTo`, that a client has missed; null when they are not all here. A position
   * of another owner is one of the same count, as far as that owner's events are in the log.
   */
  missed(
    seen: EventPosition,
    { from, upTo }: { readonly from: number; readonly upTo: number },
  ): Uint8Array[] | null {
    const { index, since, owners } = this.#marks
    if (seen.epoch > this.#epoch || (seen.epoch < this.#epoch && seen.epoch < since)) return null
    let after = Math.min(seen.index, index)
    for (const [epoch, before] of owners) if (epoch > seen.epoch) after = Math.min(after, before)
    after = Math.max(after, from)
    if (after >= upTo) return []
    if (after < this.#keptAfter) return null
    const frames: Uint8Array[] = []
    for (const event of this.#kept)
      if (event.index > after && event.index <= upTo) frames.push(event.frame)
    return frames
  }
}
