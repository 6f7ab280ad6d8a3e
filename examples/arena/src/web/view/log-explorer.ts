import type { Json } from '@ringside/protocol'
import { HttpError, fetchEvents, fetchState } from './feed-api.ts'
import type { Mark } from './time-index.ts'
import { TimeIndex } from './time-index.ts'

/** So much of the past is read for its highlights, in ms, and in so many pages at most. */
const HIGHLIGHTS_MS = 240_000
const MAX_PAGES = 20
const PAGE_EVENTS = 1_000
/** Least time between two tries, in ms. */
const RETRY_MS = 5_000

/** Finds its way in a room's log: where it begins, which position belongs to which time, what happened. */
export class LogExplorer {
  readonly index = new TimeIndex()
  readonly #room: string
  #firstAt = Number.NaN
  #loadAt = 0

  constructor(room: string) {
    this.#room = room
  }

  /** Time of the first event that is kept; NaN until it is known. */
  get firstAt(): number {
    return this.#firstAt
  }

  /** Takes an event that the stream brought. `nameOf` tells a player's name. */
  take(
    entry: { n: number; at: number; type: string; data: Json },
    nameOf: (id: string) => string,
  ): void {
    this.index.add(entry)
    const { n, at, data } = entry
    const text = (key: string): string => {
      const value = isRecord(data) ? data[key] : undefined
      return typeof value === 'string' ? value : ''
    }
    if (entry.type === 'kill')
      this.index.highlight({
        n,
        at,
        kind: 'kill',
        text: `${nameOf(text('by'))} takes out ${nameOf(text('whom'))}`,
      })
    else if (entry.type === 'roundOver')
      this.index.highlight({
        n,
        at,
        kind: 'round',
        text: `${text('winnerName') || 'Nobody'} wins the round`,
      })
  }

  /** Learns where the log begins and what happened lately, once; it may fail quietly. */
  async load(nameOf: (id: string) => string): Promise<void> {
    if (performance.now() < this.#loadAt) return
    this.#loadAt = Infinity
    try {
      const first = await this.#probe(null)
      if (!first) return
      this.index.add(first)
      this.#firstAt = first.at
      // A page that stands still hears of nothing, so it must ask where live is.
      const live = this.index.last === first ? await fetchState(this.#room, null) : this.index.last
      if (!live) return
      this.index.add({ n: live.n, at: live.at })
      const from = await this.find(Math.max(first.at, live.at - HIGHLIGHTS_MS))
      let after = from?.n ?? first.n
      for (let page = 0; page < MAX_PAGES; page++) {
        const { events, next, sealed } = await fetchEvents(this.#room, after, PAGE_EVENTS)
        for (const { n, type, data } of events) {
          const at = timeOf(data)
          if (at !== null) this.take({ n, at, type, data: innerOf(data) }, nameOf)
        }
        // A page may end by its bytes, and only one that is not sealed is the last.
        if (!sealed || next <= after) return
        after = next
      }
    } catch (error) {
      // The timeline is shorter without it, and may be asked again.
      if (!(error instanceof HttpError)) throw error
      this.#loadAt = performance.now() + RETRY_MS
    }
  }

  /** The position at a time or a little before. @throws HttpError */
  find(at: number): Promise<Mark | null> {
    return this.index.find(at, (after) => this.#probe(after))
  }

  async #probe(after: number | null): Promise<Mark | null> {
    const { events } = await fetchEvents(this.#room, after, 1)
    const event = events[0]
    const at = event ? timeOf(event.data) : null
    return event && at !== null ? { n: event.n, at } : null
  }
}

function timeOf(data: Json): number | null {
  return isRecord(data) && typeof data['at'] === 'number' ? data['at'] : null
}

function innerOf(data: Json): Json {
  return isRecord(data) ? (data['data'] ?? null) : null
}

function isRecord(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
