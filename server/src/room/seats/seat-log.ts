import { SEATS } from '../../outbox/contract/seats.ts'
import type { SeatEntry, SeatPhase } from '../../outbox/contract/seats.ts'

/** Seats by session id, in the order of joining. */
export type LoggedSeats = Readonly<Record<string, SeatEntry>>

/**
 * A room's seats as the room's log has them: a hidden part of its state (OB25). Whoever changes a seat
 * holds the `joined` or `left` that goes with it in the same turn, so that both leave in one capture.
 */
export class SeatLog {
  readonly #entries = new Map<string, SeatEntry>()
  /** Seats with something for the next patch, and whether the log has them already. */
  readonly #changed = new Map<string, 'new' | 'known'>()
  /** Seats whose `joined` or `left` comes with the next capture. */
  readonly #untold = new Set<string>()
  /** The next patch says which seats there are although none has changed. */
  #isWholeDue = false

  /** Goes on with the seats that the log has. */
  restore(seats: LoggedSeats): void {
    for (const [id, entry] of Object.entries(seats)) {
      this.#entries.set(id, entry)
      if (entry.isNew || entry.phase === 'gone') this.#untold.add(id)
    }
  }

  /** Goes on with the seats of a log that kept them elsewhere: its next patch has them all. */
  adopt(seats: LoggedSeats): void {
    this.#isWholeDue = true
    for (const [id, entry] of Object.entries(seats)) {
      this.#entries.set(id, entry)
      this.#changed.set(id, 'new')
    }
  }

  get(id: string): SeatEntry | undefined {
    return this.#entries.get(id)
  }

  /** Adds a new seat; its `joined` is held by the caller. */
  add(id: string, seat: Omit<SeatEntry, 'isNew' | 'phase'>): void {
    this.#entries.set(id, { ...seat, phase: 'joining', isNew: true })
    this.#changed.set(id, 'new')
    this.#untold.add(id)
  }

  /** The seat has another phase; with `gone` its `left` is held by the caller. */
  setPhase(id: string, phase: SeatPhase, reason?: string): void {
    this.#change(id, reason === undefined ? { phase } : { phase, reason })
    if (phase === 'gone') this.#untold.add(id)
  }

  setToken(id: string, token: string): void {
    this.#change(id, { token })
  }

  /** Does nothing where the seat is in that team already. */
  setTeam(id: string, team: string | null): void {
    if ((this.#entries.get(id)?.team ?? null) !== team) this.#change(id, { team })
  }

  #change(id: string, change: Partial<SeatEntry>): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.set(id, { ...entry, ...change })
    if (!this.#changed.has(id)) this.#changed.set(id, 'known')
  }

  /**
   * Takes the merge patch of all changes since the last call, or null. Every `joined` and `left` that is held
   * must follow it into the log: from now on the seats are as those have left them.
   */
  flush(): string | null {
    let patch: string | null = null
    if (this.#changed.size > 0 || this.#isWholeDue) {
      const seats: Record<string, Partial<SeatEntry>> = {}
      for (const [id, known] of this.#changed) {
        const entry = this.#entries.get(id)
        if (!entry) continue
        const { phase, token, team = null, reason = null } = entry
        seats[id] = known === 'new' ? entry : { phase, token, team, reason }
      }
      patch = JSON.stringify(seats)
      this.#changed.clear()
      this.#isWholeDue = false
    }
    for (const id of this.#untold) this.#tell(id)
    this.#untold.clear()
    return patch
  }

  #tell(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    if (entry.phase === 'gone') this.#entries.delete(id)
    else {
      const { isNew: _isNew, ...told } = entry
      this.#entries.set(id, told)
    }
  }

  /** Gives all seats, for a snapshot. Right after `flush` they are as the log adds up to them. */
  document(): string {
    return JSON.stringify(Object.fromEntries(this.#entries), withoutNulls)
  }
}

/** A fold has no member that a merge patch has set to null. */
function withoutNulls(_key: string, value: unknown): unknown {
  return value === null ? undefined : value
}

/** Puts the seats into a hidden document, or into a patch of one. */
export function withSeats(hidden: string | null, seats: string): string {
  const rest = hidden === null ? '{}' : hidden
  const comma = rest === '{}' ? '' : ','
  return `${rest.slice(0, -1)}${comma}${JSON.stringify(SEATS)}:${seats}}`
}

/** Longest `auth` that is kept, in characters of JSON. */
const MAX_AUTH_CHARACTERS = 4_096

/** Encodes `session.auth` as the log keeps it: JSON of a sensible size, else `null`. */
export function encodeAuth(auth: unknown): string {
  try {
    const text = JSON.stringify(auth) as string | undefined
    return text !== undefined && text.length <= MAX_AUTH_CHARACTERS ? text : 'null'
  } catch {
    return 'null'
  }
}

/** Decodes it again; undefined where nothing was kept. */
export function decodeAuth(text: string): unknown {
  return JSON.parse(text) ?? undefined
}
