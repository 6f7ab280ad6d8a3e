import { RingsideError } from '../../process/errors.ts'
import { BEFORE_ALL, checkOf } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { FeedLog } from './feed-log.ts'
import type { ReadGate } from './read-gate.ts'
import type { FeedRing } from './ring.ts'
import type { States } from './states.ts'

/** What became of a place of a room. */
export type FoundPlace =
  /** The room's events after the place are those after this seq. */
  | { readonly kind: 'at'; readonly seq: number; readonly place: RoomPlace }
  /** Its n is beyond what may be seen: nobody says whether it is there. */
  | { readonly kind: 'beyond' }
  /** `retention`: events after it are gone. `another-log`: its n is another event here. */
  | { readonly kind: 'lost'; readonly reason: 'retention' | 'another-log' }

/** A question for a place: only what is sealed up to `visible` counts (FE3). */
export interface PlaceQuestion {
  readonly room: string
  readonly place: RoomPlace
  readonly visible: number
  /** The reads take this address' turn (ReadGate). */
  readonly who: string
}

interface KnownEvent {
  readonly seq: number
  readonly check: number
}

/** So many places beyond the ring are remembered; thousands of readers come back to nearly the same ones. */
const MAX_KNOWN = 8_192

export interface PlacesContext {
  readonly log: FeedLog
  readonly ring: FeedRing
  readonly states: States
  readonly gate: ReadGate
}

/**
 * FE54: finds where in the log a place of a room is, by its n, within what may be seen; and the place that a seq is.
 * Most are in the ring; the log is asked once for each of the others.
 */
export class Places {
  readonly #context: PlacesContext
  readonly #known = new Map<string, KnownEvent>()
  readonly #underway = new Map<string, Promise<KnownEvent | null>>()

  constructor(context: PlacesContext) {
    this.#context = context
  }

  /** @throws RingsideError too_many_requests, or whatever the log fails with. */
  async find(question: PlaceQuestion): Promise<FoundPlace> {
    const { log } = this.#context
    const { n, check } = question.place
    const first = log.firstOf(question.room)
    const held = this.#held(question)
    // The log is asked for what may be seen alone: how long an answer takes must not tell what is there (FE34).
    const last = held && held.seq >= first ? n : await this.#lastN(question, first)
    if (last === null) return { kind: 'lost', reason: 'retention' }
    if (n > last) return { kind: 'beyond' }
    const event = held ?? (n === 0 ? null : await this.#ask(question))
    if (event && check !== 0 && check !== event.check)
      return { kind: 'lost', reason: 'another-log' }
    if (event && event.seq >= first)
      return { kind: 'at', seq: event.seq, place: { n, check: event.check } }
    return this.#findGone(question, { first, last })
  }

  /** Says at which place the room is at `seq`. Its check is 0 where its event is gone. @throws as `find`, past_retention. */
  async placeAt(room: string, seq: number, who: string): Promise<RoomPlace> {
    const view = await this.#context.states.at(room, seq, who)
    if (!view) return BEFORE_ALL
    const { n } = view
    const question = { room, place: { n, check: 0 }, visible: seq, who }
    const event = this.#held(question) ?? (await this.#ask(question))
    return { n, check: event?.check ?? 0 }
  }

  /** The room's last n that may be seen, 0 if there is none; null when the log no longer says. */
  async #lastN({ room, visible, who }: PlaceQuestion, first: number): Promise<number | null> {
    const { ring, states } = this.#context
    const last = ring.lastUpTo(room, visible)
    if (last) return last.n
    try {
      return (await states.at(room, Math.max(visible, first), who))?.n ?? 0
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'past_retention') return null
      throw error
    }
  }

  /** The event of the place is gone: nothing is missing if the next one is there, or there is none. */
  async #findGone(
    { room, place, who }: PlaceQuestion,
    { first, last }: { readonly first: number; readonly last: number },
  ): Promise<FoundPlace> {
    const { n } = place
    const whole: FoundPlace = { kind: 'at', seq: first, place }
    if (n === last) return whole
    const { log, gate } = this.#context
    const { events } = await gate.run(who, () => log.read({ after: first, limit: 1, room }))
    return events[0]?.n === n + 1 ? whole : { kind: 'lost', reason: 'retention' }
  }

  /** The event at the place, if it is in memory and may be seen. */
  #held({ room, place: { n }, visible }: PlaceQuestion): KnownEvent | null {
    const held = this.#context.ring.find(room, n) ?? this.#known.get(`${room} ${n}`)
    return held && held.seq <= visible ? held : null
  }

  /** The event at the place, which may be seen, as the log has it. */
  #ask({ room, place: { n }, who }: PlaceQuestion): Promise<KnownEvent | null> {
    const key = `${room} ${n}`
    const underway = this.#underway.get(key)
    if (underway) return underway
    const { gate, log } = this.#context
    const asking = gate
      .run(who, () => log.eventOf(room, n))
      .then((event) => {
        if (!event) return null
        const known = { seq: event.seq, check: checkOf(event) }
        this.#remember(key, known)
        return known
      })
      .finally(() => this.#underway.delete(key))
    this.#underway.set(key, asking)
    return asking
  }

  #remember(key: string, event: KnownEvent): void {
    this.#known.set(key, event)
    const oldest = this.#known.keys().next()
    if (this.#known.size > MAX_KNOWN && !oldest.done) this.#known.delete(oldest.value)
  }
}
