import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'
import type { FeedEntry } from './entry.ts'
import type { FeedGroup } from '../stream/group.ts'
import type { FeedSlice } from './ring.ts'
import type { FeedSource } from './source.ts'

export interface TailContext {
  readonly outbox: Outbox
  readonly source: FeedSource
  readonly clock: Clock
  /** The log's time in ms. */
  readonly now: () => number
  /** The position moved: streams that wait for it may go on. */
  readonly onMoved: () => void
  /** The log was cut beyond the position: live streams must go on by themselves, to be told so (FE1). */
  readonly onCut: (tail: FeedTail) => void
}

/** How far before its time the search for a first position aims: clocks of writers may differ by less. */
const SEARCH_MARGIN_MS = 5_000
const RETRY_MS = 250
const LONGEST_WAIT_MS = 60_000
/** Seqs without an event (tombstones) lie together, mostly. */
const VOID_PAGE = 100

/**
 * FE3 in one place: how far spectators with this delay may read. `position` stops before the first event that
 * is too young, of whichever room, so whatever is read up to it may be shown. Every delay in use has one tail;
 * without delay it is the sealed watermark itself. It hands each entry it passes to the groups that follow it.
 */
export class FeedTail {
  readonly delayMs: number
  readonly ready: Promise<void>
  readonly #context: TailContext
  readonly #byRoom = new Map<string, Set<FeedGroup>>()
  readonly #everyRoom = new Set<FeedGroup>()
  #position = -1
  #loading: Promise<void> | null = null
  #skipping: Promise<void> | null = null
  #isStopped = false
  #cancelTimer: (() => void) | null = null

  constructor(delayMs: number, context: TailContext) {
    this.delayMs = delayMs
    this.#context = context
    if (delayMs === 0) {
      this.#position = context.outbox.sealed
      this.ready = Promise.resolve()
    } else {
      this.ready = this.#begin()
    }
  }

  /** Everything up to it may be shown; -1 until `ready`. */
  get position(): number {
    return this.#position
  }

  /** Resolves when the log reaches back to `position`: at once, unless it was cut beyond it. */
  get readable(): Promise<void> {
    return this.#skipping ?? this.ready
  }

  add(group: FeedGroup): void {
    if (!group.rooms) this.#everyRoom.add(group)
    for (const room of group.rooms ?? []) {
      const groups = this.#byRoom.get(room)
      if (groups) groups.add(group)
      else this.#byRoom.set(room, new Set([group]))
    }
  }

  remove(group: FeedGroup): void {
    this.#everyRoom.delete(group)
    for (const room of group.rooms ?? []) {
      const groups = this.#byRoom.get(room)
      groups?.delete(group)
      if (groups?.size === 0) this.#byRoom.delete(room)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#cancelTimer?.()
  }

  /** Goes on as far as the sealed log and the delay allow. Called when more was sealed, and by its timer. */
  advance(): void {
    if (this.#position < 0 || this.#loading || this.#isStopped) return
    // While the next event is too young, what comes after it changes nothing.
    if (this.#cancelTimer) return
    const { source, outbox, now, onMoved } = this.#context
    const before = this.#position
    const youngest = this.delayMs === 0 ? Infinity : now() - this.delayMs
    while (this.#position < outbox.sealed) {
      const slice = source.window(this.#position, undefined)
      if (!slice) {
        this.#loading = this.#load()
        break
      }
      const stop = this.#pass(slice, youngest)
      if (stop) {
        this.#position = stop.seq - 1
        this.#wakeAt(stop.at)
        break
      }
      if (slice.next <= this.#position) break
      this.#position = slice.next
    }
    if (this.#position !== before) onMoved()
  }

  /** Hands the entries on; returns the first that is too young. */
  #pass(slice: FeedSlice, youngest: number): FeedEntry | null {
    for (let index = slice.start; index < slice.end; index++) {
      const entry = slice.entries[index] as FeedEntry
      if (entry.at > youngest) return entry
      const groups = this.#byRoom.get(entry.room)
      if (groups) for (const group of groups) group.take(entry)
      for (const group of this.#everyRoom) group.take(entry)
    }
    return null
  }

  #wakeAt(at: number): void {
    const { clock, now } = this.#context
    // Looked at again now and then: the log's time may have been put right meanwhile (OB16).
    const ms = Math.min(LONGEST_WAIT_MS, Math.max(1, at + this.delayMs - now()))
    this.#cancelTimer = clock.after(ms, () => {
      this.#cancelTimer = null
      this.advance()
    })
  }

  async #load(): Promise<void> {
    const { source, clock, onCut } = this.#context
    try {
      await source.load(this.#position, undefined)
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'past_retention') {
        this.#skipping = this.#skipCut()
        await this.#skipping
        this.#skipping = null
        onCut(this)
      } else await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve))
    }
    this.#loading = null
    this.advance()
  }

  /** Nobody knows the age of what was cut, only that it is older than now: so the delay is waited out. */
  async #skipCut(): Promise<void> {
    const { outbox, clock } = this.#context
    const { floor } = outbox
    if (this.delayMs > 0)
      await new Promise<void>((resolve) => {
        this.#cancelTimer = clock.after(this.delayMs, resolve)
      })
    this.#cancelTimer = null
    this.#position = Math.max(this.#position, floor)
  }

  async #begin(): Promise<void> {
    const { now } = this.#context
    const since = now() - this.delayMs - SEARCH_MARGIN_MS
    this.#position = await positionAt(this.#context.outbox, since)
    this.advance()
    // The search aimed early: walk the rest before anybody reads the position.
    while (this.#loading) await this.#loading
  }
}

/**
 * The greatest seq whose events all happened at `at` or before, by halving: some forty reads of one event.
 * Never below the floor.
 */
export async function positionAt(outbox: Outbox, at: number): Promise<number> {
  let low = Math.max(outbox.floor, outbox.origin)
  let high = outbox.sealed
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    try {
      const event = await firstAfter(outbox, middle, high)
      if (!event || event.at > at) high = middle
      else low = event.seq
    } catch (error) {
      if (!(error instanceof RingsideError) || error.code !== 'past_retention') throw error
      low = Math.max(low + 1, outbox.floor)
    }
  }
  return low
}

/** The first event with after < seq <= upTo, tombstones passed over; null when there is none. */
async function firstAfter(outbox: Outbox, after: number, upTo: number): Promise<LogEvent | null> {
  for (let from = after, limit = 1; from < upTo; limit = VOID_PAGE) {
    const { events, next } = await outbox.read({ after: from, upTo, limit })
    if (events[0]) return events[0]
    from = next
  }
  return null
}
