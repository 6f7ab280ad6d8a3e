import type { NewEvent } from '../../outbox/contract/outbox.ts'
import { isSameWho, strictest, whoEvent } from '../../outbox/contract/room-who.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'

/**
 * Says which `_who` events a room's log needs, for it to say what the room is (OB128). What closes the room goes ahead of
 * all that is not in the log yet, so that nothing of it can be seen by more than it was written for; what opens it comes
 * after that.
 */
export class WhoLog {
  /** What the log says at its end; null: an older program has written it, and it does not say. */
  #written: RoomWho | null
  readonly #wanted: () => RoomWho

  constructor(written: RoomWho | null, wanted: () => RoomWho) {
    this.#written = written
    this.#wanted = wanted
  }

  /** For n = 1 of a new room. */
  first(): RoomWho {
    return (this.#written = this.#wanted())
  }

  /** The event that is due at once; null: the room is open to no more than it is in the log. */
  closing(): NewEvent | null {
    const wanted = this.#wanted()
    return this.#write(this.#written ? strictest(this.#written, wanted) : wanted)
  }

  /** The event that is due once everything else is written. */
  opening(): NewEvent | null {
    return this.#write(this.#wanted())
  }

  #write(who: RoomWho): NewEvent | null {
    if (isSameWho(this.#written, who)) return null
    const event = whoEvent(this.#written, who)
    this.#written = who
    return event
  }
}
