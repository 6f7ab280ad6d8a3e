import type { Clock } from '../../process/clock.ts'
import { isSameWho, strictest } from '../../outbox/contract/room-who.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'

/** So many rooms that are open to all are remembered, and as many that are not. */
const MAX_KEPT = 20_000

interface Known {
  readonly seq: number
  /** As the log says at `seq`. */
  readonly said: RoomWho
  /** What counts now: longer than it says while what was written under a longer delay is too young. */
  readonly who: RoomWho
}

export interface WhoIndexContext {
  readonly clock: Clock
  /** A delay has become shorter by the passing of time. */
  readonly onChanged: (room: string) => void
}

/**
 * Who may see which room now, as the log says it at W (OB129): of every room of which it has said something since this
 * process began, whoever owns it. A longer delay counts at once. A shorter one counts once nothing is left that is
 * too young by the one before.
 */
export class WhoIndex {
  readonly #context: WhoIndexContext
  readonly #open = new Map<string, Known>()
  readonly #closed = new Map<string, Known>()
  readonly #timers = new Map<string, () => void>()

  constructor(context: WhoIndexContext) {
    this.#context = context
  }

  /** null: the log has said nothing of the room since this process began. */
  find(room: string): RoomWho | null {
    return this.#known(room)?.who ?? null
  }

  /**
   * An event was sealed. Returns true when the room is another's to see by it. `delayMs` is what counts for a room of
   * which the log has said nothing yet.
   */
  note({ room, seq, who }: Pick<LogEvent, 'room' | 'seq' | 'who'>, delayMs: number): boolean {
    if (room === null || who === undefined) return false
    const known = this.#known(room)
    if (known && isSameWho(known.said, who)) return false
    const heldMs = known?.who.delayMs ?? delayMs
    const isShorter = who.delayMs < heldMs
    const now = isShorter ? strictest(who, { delayMs: heldMs, isPrivate: false }) : who
    this.#put(room, { seq, said: who, who: now })
    this.#timers.get(room)?.()
    this.#timers.delete(room)
    if (isShorter) this.#shortenIn(room, heldMs)
    return !known || !isSameWho(known.who, now)
  }

  /** Nothing more is waited for. */
  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #shortenIn(room: string, ms: number): void {
    const { clock, onChanged } = this.#context
    // Seal times are kept to a thousandth (FE131).
    const cancel = clock.after(ms + Math.ceil(ms / 500) + 20, () => {
      this.#timers.delete(room)
      const known = this.#known(room)
      if (!known) return
      this.#put(room, { ...known, who: known.said })
      onChanged(room)
    })
    this.#timers.set(room, cancel)
  }

  #known(room: string): Known | null {
    return this.#closed.get(room) ?? this.#open.get(room) ?? null
  }

  /** Rooms that are open to all go first: of those their record says no less. */
  #put(room: string, known: Known): void {
    this.#open.delete(room)
    this.#closed.delete(room)
    const kept = known.who.isPrivate || known.who.delayMs > 0 ? this.#closed : this.#open
    kept.set(room, known)
    const oldest = kept.keys().next()
    if (kept.size > MAX_KEPT && !oldest.done) kept.delete(oldest.value)
  }
}
