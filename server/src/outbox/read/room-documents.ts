import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { foldSeatEvent } from '../contract/seats.ts'
import { PATCH } from '../contract/store.ts'
import type { LogEvent, Snapshot } from '../contract/store.ts'

/** A room's state as the log has it. */
export type StateTexts = Pick<Snapshot, 'publicState' | 'hiddenState'>

/**
 * The two documents of a room's state, as the events of its log add up to them: all who read a log add it up here. A room
 * of which nothing was hidden yet has no hidden document.
 */
export class RoomDocuments {
  #public: Json
  #hidden: Json | null

  /** Begins with the documents of a snapshot, or with nothing. @throws SyntaxError when they are no JSON. */
  constructor(base: StateTexts | null) {
    this.#public = base ? (JSON.parse(base.publicState) as Json) : {}
    this.#hidden = base?.hiddenState ? (JSON.parse(base.hiddenState) as Json) : null
  }

  /** Takes the next event of the room. @throws SyntaxError when it is no JSON. */
  add(event: Pick<LogEvent, 'type' | 'data' | 'hidden'>): void {
    if (event.type !== PATCH) {
      this.#hidden = foldSeatEvent(this.#hidden, event)
      return
    }
    this.#public = applyMergePatch(this.#public, JSON.parse(event.data) as Json)
    if (event.hidden)
      this.#hidden = applyMergePatch(this.#hidden ?? {}, JSON.parse(event.hidden) as Json)
  }

  /** Gives the state right after the last event. */
  texts(): StateTexts {
    return {
      publicState: JSON.stringify(this.#public),
      hiddenState: this.#hidden === null ? null : JSON.stringify(this.#hidden),
    }
  }
}
