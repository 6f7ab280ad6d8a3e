import { NO_EVENTS, eventMarksOf, foldEventMarks, withEventMarks } from '../contract/event-marks.ts'
import type { EventMarks } from '../contract/event-marks.ts'
import type { RoomWho } from '../contract/room-who.ts'
import { patchNOf } from '../contract/store.ts'
import type { LogEvent, Snapshot } from '../contract/store.ts'
import { RoomDocuments } from '../read/room-documents.ts'

/**
 * Makes a room's state, its seats included, of a snapshot, or of nothing, and of every event after it (OB68).
 */
export class StateFold {
  readonly room: string
  readonly #base: Snapshot | null
  #documents: RoomDocuments | null = null
  #n: number
  #last: LogEvent | null = null
  /** Null until an event was counted. */
  #marks: EventMarks | null = null
  #who: RoomWho | undefined
  /** An event was missing, or no JSON. */
  #isBroken = false

  constructor(room: string, base: Snapshot | null) {
    this.room = room
    this.#who = base?.who
    this.#base = base
    this.#n = base?.n ?? 0
    this.#guard(() => {
      this.#documents = new RoomDocuments(base)
    })
  }

  /** Takes the room's events in order; those that the snapshot holds already are passed over. */
  add(event: LogEvent): void {
    if (event.seq <= (this.#base?.seq ?? 0)) return
    if (event.n !== ++this.#n) this.#isBroken = true
    this.#last = event
    this.#who = event.who ?? this.#who
    if (this.#isBroken) return
    this.#guard(() => {
      this.#documents?.add(event)
      this.#count(event)
    })
  }

  /**
   * Gives the state right after the event `seq`; null when that, or one before it, was missing or no JSON.
   */
  resultAt(seq: number): Snapshot | null {
    const last = this.#last
    const documents = this.#documents
    if (this.#isBroken || !documents || last?.seq !== seq) return null
    return {
      room: this.room,
      n: last.n,
      seq: last.seq,
      epoch: last.epoch,
      at: last.at,
      patchN: patchNOf(last),
      ...documents.texts(),
      runtime: this.#runtime(),
      ...(this.#who ? { who: this.#who } : {}),
    }
  }

  /** The room's next owner goes on counting its events where they are cut. */
  #count(event: LogEvent): void {
    if (event.type === 'patch' || !event.hidden) return
    const base = this.#base
    const first = base ? { ...NO_EVENTS, since: base.epoch } : NO_EVENTS
    const before = this.#marks ?? eventMarksOf(base?.runtime ?? '{}') ?? first
    const marks = foldEventMarks(before, event)
    if (marks !== before) this.#marks = marks
  }

  #runtime(): string {
    const runtime = this.#base?.runtime ?? '{}'
    return this.#marks ? withEventMarks(runtime, this.#marks) : runtime
  }

  /** A log that holds something else than JSON must not keep the rest from being cut. */
  #guard(work: () => void): void {
    try {
      work()
    } catch {
      this.#isBroken = true
    }
  }
}
