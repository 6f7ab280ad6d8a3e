import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { foldSeatEvent } from '../contract/seats.ts'
import { PATCH, patchNOf } from '../contract/store.ts'
import type { LogEvent, Snapshot } from '../contract/store.ts'

/**
 * Makes a room's state, its seats included, of a snapshot, or of nothing, and of every event after it (OB68).
 */
export class StateFold {
  readonly room: string
  readonly #base: Snapshot | null
  #publicState: Json = {}
  #hiddenState: Json | null = null
  #n: number
  #last: LogEvent | null = null
  #isBroken = false

  constructor(room: string, base: Snapshot | null) {
    this.room = room
    this.#base = base
    this.#n = base?.n ?? 0
    this.#guard(() => {
      if (!base) return
      this.#publicState = JSON.parse(base.publicState) as Json
      if (base.hiddenState) this.#hiddenState = JSON.parse(base.hiddenState) as Json
    })
  }

  /** Takes the room's events in order; those that the snapshot holds already are passed over. */
  add(event: LogEvent): void {
    if (event.seq <= (this.#base?.seq ?? 0)) return
    if (event.n !== ++this.#n) this.#isBroken = true
    this.#last = event
    if (this.#isBroken) return
    this.#guard(() => {
      if (event.type !== PATCH) {
        this.#hiddenState = foldSeatEvent(this.#hiddenState, event)
        return
      }
      this.#publicState = applyMergePatch(this.#publicState, JSON.parse(event.data) as Json)
      if (event.hidden)
        this.#hiddenState = applyMergePatch(
          this.#hiddenState ?? {},
          JSON.parse(event.hidden) as Json,
        )
    })
  }

  /**
   * Gives the state right after the event `seq`; null when that, or one before it, was missing or no JSON.
   */
  resultAt(seq: number): Snapshot | null {
    const last = this.#last
    if (this.#isBroken || !last || last.seq !== seq) return null
    return {
      room: this.room,
      n: last.n,
      seq: last.seq,
      epoch: last.epoch,
      at: last.at,
      patchN: patchNOf(last),
      publicState: JSON.stringify(this.#publicState),
      hiddenState: this.#hiddenState === null ? null : JSON.stringify(this.#hiddenState),
      runtime: this.#base?.runtime ?? '{}',
    }
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
