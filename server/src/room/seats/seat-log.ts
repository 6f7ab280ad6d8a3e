import { GONE, GONE_MS, SEATS } from '../../outbox/contract/seats.ts'
import type { SeatEntry, SeatPhase } from '../../outbox/contract/seats.ts'

/** Seats by session id, in the order of joining. */
export type LoggedSeats = Readonly<Record<string, SeatEntry>>

/** Seats that are gone, by session id, each with the store time of its end. */
export type GoneSeats = Readonly<Record<string, number>>

/** So many seats that are gone are remembered; of more, up to which time the oldest are not. */
const MAX_GONE = 1_000

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
  /** Seats that are gone, the oldest first, with the store time of their end. */
  readonly #gone = new Map<string, number>()
  /** Those of them that the next patch adds (their time) or takes away (null). */
  readonly #goneChanged = new Map<string, number | null>()
  #isGoneLogged = false
  /** Until then none is forgotten for its age: tokens that the owner before has issued may come. */
  #keptUntil = 0

  /** Goes on with what the log says of seats that are gone; keeps them until `keptUntil` at least. */
  restoreGone(gone: GoneSeats | null, keptUntil: number): void {
    this.#isGoneLogged = gone !== null
    for (const [id, at] of Object.entries(gone ?? {})) this.#gone.set(id, at)
    this.#keptUntil = keptUntil
  }

  /** Seats that are gone are kept for so much longer. */
  putOff(pausedMs: number): void {
    this.#keptUntil += pausedMs
  }

  /** The log has all of it. */
  get isSettled(): boolean {
    return this.#changed.size === 0 && this.#goneChanged.size === 0 && !this.#isWholeDue
  }

  /** A seat of this id that had a token issued at `issuedAt` may be unknown only because its joining was set back. */
  isUnknown(id: string, issuedAt: number): boolean {
    if (this.#entries.has(id) || this.#gone.has(id)) return false
    return issuedAt > (this.#gone.get(FORGOTTEN) ?? 0)
  }

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

  /** The seat is given up for good; its `left` is held by the caller. */
  setGone(id: string, at: number): void {
    this.setPhase(id, 'gone')
    if (this.#entries.has(id)) this.#remember(id, at)
    for (const [old, goneAt] of this.#gone) {
      if (old === FORGOTTEN) continue
      const isOld = at >= goneAt + GONE_MS && at >= this.#keptUntil
      if (!isOld && this.#gone.size <= MAX_GONE) break
      this.#gone.delete(old)
      this.#goneChanged.set(old, null)
      // Whatever was issued to a forgotten one was so before its end.
      if (!isOld) this.#remember(FORGOTTEN, Math.max(goneAt, this.#gone.get(FORGOTTEN) ?? 0))
    }
  }

  #remember(id: string, at: number): void {
    this.#gone.set(id, at)
    this.#goneChanged.set(id, at)
  }

  /** The seat's newest token is of this generation; a token of before counts as that of generation 0. */
  setGeneration(id: string, generation: number): void {
    this.#change(id, generation > 1 ? { generation, token: null } : { generation })
  }

  /** Does nothing where the seat is in that team already. */
  setTeam(id: string, team: string | null): void {
    if ((this.#entries.get(id)?.team ?? null) !== team) this.#change(id, { team })
  }

  #change(id: string, change: Partial<SeatEntry>): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.set(id, { ...entry, generation: entry.generation ?? 0, ...change })
    if (!this.#changed.has(id)) this.#changed.set(id, 'known')
  }

  /**
   * Takes the merge patch of all changes since the last call, as members of the hidden document, or null. Every `joined` and `left` that is held
   * must follow it into the log: from now on the seats are as those have left them.
   */
  flush(): string | null {
    const members: string[] = []
    if (this.#changed.size > 0 || this.#isWholeDue) {
      const seats: Record<string, Partial<SeatEntry>> = {}
      for (const [id, known] of this.#changed) {
        const entry = this.#entries.get(id)
        if (!entry) continue
        const { phase, generation = 0, token = null, team = null, reason = null } = entry
        seats[id] = known === 'new' ? entry : { phase, generation, token, team, reason }
      }
      members.push(memberOf(SEATS, seats))
      this.#changed.clear()
      this.#isWholeDue = false
    }
    if (this.#goneChanged.size > 0) {
      members.push(memberOf(GONE, Object.fromEntries(this.#goneChanged)))
      this.#goneChanged.clear()
      this.#isGoneLogged = true
    }
    for (const id of this.#untold) this.#tell(id)
    this.#untold.clear()
    return members.length === 0 ? null : members.join(',')
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

  /**
   * Gives all seats, for a snapshot, as members of the hidden document. Right after `flush` they are as the log adds up
   * to them.
   */
  document(): string {
    const seats = memberOf(SEATS, Object.fromEntries(this.#entries), withoutNulls)
    return this.#isGoneLogged ? `${seats},${memberOf(GONE, Object.fromEntries(this.#gone))}` : seats
  }
}

/** No session has this id. */
const FORGOTTEN = ''

function memberOf(
  name: string,
  value: object,
  replacer?: (key: string, value: unknown) => unknown,
): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value, replacer)}`
}

/** A fold has no member that a merge patch has set to null. */
function withoutNulls(_key: string, value: unknown): unknown {
  return value === null ? undefined : value
}

/** Puts the members of a SeatLog into a hidden document, or into a patch of one. */
export function withSeats(hidden: string | null, members: string): string {
  const rest = hidden === null ? '{}' : hidden
  const comma = rest === '{}' ? '' : ','
  return `${rest.slice(0, -1)}${comma}${members}}`
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
