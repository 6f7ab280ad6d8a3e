import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import { warnOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import { sleep } from '../../process/wait.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { FeedEntry } from './entry.ts'
import type { FeedSlice } from './ring.ts'
import type { FeedSource } from './source.ts'
import { lastOldEnough } from './first-position.ts'

/** A follower of a tail is handed each entry that the tail passes. */
export interface TailFollower {
  /** null means every room. The set does not change while the follower is added. */
  readonly rooms: ReadonlySet<string> | null
  /** `clientId`: it follows what is meant for this client; `hasTopics`: and topics, or what is meant for a client. */
  readonly selection: { readonly hasTopics: boolean; readonly clientId: string | null }
  take(entry: FeedEntry): void
}

export interface FeedTailsContext {
  readonly outbox: Outbox
  readonly source: FeedSource
  readonly clock: Clock
  readonly logger: Logger
  /** The log's time in ms. It counts only for what was sealed before this process began. */
  readonly now: () => number
  /** A position moved: streams that wait for it may go on. */
  readonly onMoved: () => void
  /**
   * The log was cut beyond the tail's position: live streams must go on by themselves, to be told
   * so (FE1).
   */
  readonly onCut: (tail: FeedTail) => void
  /**
   * The tail could not find its first position and never moves: its streams must end, and get
   * another.
   */
  readonly onDead: (tail: FeedTail) => void
}

const RETRY_MS = 250
const LONGEST_WAIT_MS = 60_000

/** Keeps the tails in use, by delay. There are as many as room types have delays. */
export class FeedTails {
  readonly #context: FeedTailsContext
  readonly #byDelay = new Map<number, FeedTail>()

  constructor(context: FeedTailsContext) {
    this.#context = context
    this.of(0)
  }

  /** Finds the tail with this delay in ms; it is made when it is asked for first. */
  of(delayMs: number): FeedTail {
    const known = this.#byDelay.get(delayMs)
    if (known) return known
    const { logger, onDead, onMoved } = this.#context
    const tail = new FeedTail(delayMs, this.#context)
    // Streams that were moved to it may wait for its first position, and the log may be quiet after that.
    tail.ready.then(onMoved, (error: unknown) => {
      warnOf(logger, error, [{ delayMs }, 'feed tail failed to start'])
      this.#byDelay.delete(delayMs)
      onDead(tail)
    })
    this.#byDelay.set(delayMs, tail)
    return tail
  }

  /** Says up to which seq spectators with this delay may see the log now (FE3). */
  async visiblePosition(delayMs: number): Promise<number> {
    const tail = this.of(delayMs)
    await tail.ready
    tail.advance()
    return tail.position
  }

  /** More of the log was sealed. */
  advance(): void {
    for (const tail of this.#byDelay.values()) tail.advance()
  }

  stop(): void {
    for (const tail of this.#byDelay.values()) tail.stop()
  }
}

/**
 * Keeps FE3 in one place: how far spectators with this delay may read. `position` stops before the
 * first event that is too young, of whichever room, so whatever is read up to it may be shown.
 * Without delay it is the sealed watermark itself. An event's age counts from when this process
 * sealed it; `at` is asked only of what was sealed before the process began, and no longer than the
 * delay after that (FE131). The tail hands each entry it passes to the followers of the entry's
 * room.
 */
export class FeedTail {
  readonly delayMs: number
  /** Resolves when the first position is found; rejects when the log does not say. */
  readonly ready: Promise<void>
  readonly #context: FeedTailsContext
  readonly #byRoom = new Map<string, Set<TailFollower>>()
  readonly #everyRoom = new Set<TailFollower>()
  readonly #topics = new Set<TailFollower>()
  readonly #byClient = new Map<string, Set<TailFollower>>()
  #position = -1
  #loading: Promise<void> | null = null
  #skipping: Promise<void> | null = null
  #isStopped = false
  #cancelTimer: (() => void) | null = null
  readonly #pace: LoopPace
  #loadedAt = -1

  constructor(delayMs: number, context: FeedTailsContext) {
    this.delayMs = delayMs
    this.#context = context
    this.#pace = new LoopPace(context.clock)
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

  add(follower: TailFollower): void {
    const { hasTopics, clientId } = follower.selection
    if (!follower.rooms) this.#everyRoom.add(follower)
    if (hasTopics) this.#topics.add(follower)
    if (clientId !== null) addTo(this.#byClient, clientId, follower)
    for (const room of follower.rooms ?? []) addTo(this.#byRoom, room, follower)
  }

  remove(follower: TailFollower): void {
    const { clientId } = follower.selection
    this.#everyRoom.delete(follower)
    this.#topics.delete(follower)
    if (clientId !== null) removeFrom(this.#byClient, clientId, follower)
    for (const room of follower.rooms ?? []) removeFrom(this.#byRoom, room, follower)
  }

  stop(): void {
    this.#isStopped = true
    this.#cancelTimer?.()
  }

  /**
   * Goes on as far as the sealed log and the delay allow. Called when more was sealed, and by its
   * timer.
   */
  advance(): void {
    if (this.#position < 0 || this.#loading || this.#isStopped) return
    // While the next event is too young, the events after it change nothing.
    if (this.#cancelTimer) return
    const { source, outbox, onMoved } = this.#context
    const before = this.#position
    const ripe = this.#ripe()
    const limit = this.#limit(ripe)
    while (this.#position < limit) {
      const slice = source.window(this.#position, undefined)
      if (!slice) {
        this.#loading = this.#load()
        break
      }
      const stop = this.#pass(slice, ripe, limit)
      const next = stop ? Math.min(stop.seq - 1, limit) : Math.min(slice.next, limit)
      if (stop && stop.seq <= limit) this.#wakeAt(stop)
      if (next <= this.#position) break
      this.#position = next
      if (stop) break
    }
    if (this.#position >= limit && limit < outbox.sealed) this.#wakeIn(this.#waitFor(limit + 1))
    if (this.#position !== before) onMoved()
  }

  /** Everything up to it is old enough, whatever its events say. */
  #ripe(): number {
    const { outbox } = this.#context
    return this.delayMs === 0 ? outbox.sealed : outbox.ages.ripeUpTo(this.delayMs)
  }

  /** Everything beyond it is too young; of what was sealed before this process, `at` decides. */
  #limit(ripe: number): number {
    if (this.delayMs === 0) return ripe
    const { ages, sealed } = this.#context.outbox
    return Math.max(ripe, Math.min(ages.before, sealed))
  }

  #waitFor(seq: number): number {
    return this.#context.outbox.ages.waitFor(seq, this.delayMs)
  }

  /** Hands the entries on; returns the first that is too young. */
  #pass(slice: FeedSlice, ripe: number, limit: number): FeedEntry | null {
    const youngest = this.delayMs === 0 ? Infinity : this.#context.now() - this.delayMs
    for (let index = slice.start; index < slice.end; index++) {
      const entry = slice.entries[index] as FeedEntry
      const { seq } = entry
      if (seq > ripe && (seq > limit || entry.at > youngest)) return entry
      if (entry.room === null) this.#passMessage(entry)
      else {
        const followers = this.#byRoom.get(entry.room)
        if (followers) for (const follower of followers) follower.take(entry)
        for (const follower of this.#everyRoom) follower.take(entry)
      }
    }
    return null
  }

  /** What is meant for one client is offered to that client's followers alone. */
  #passMessage(entry: FeedEntry): void {
    const followers = entry.to === null ? this.#topics : this.#byClient.get(entry.to)
    if (followers) for (const follower of followers) follower.take(entry)
  }

  /** An event of before this process is too young by its `at`. */
  #wakeAt({ seq, at }: FeedEntry): void {
    this.#wakeIn(Math.min(at + this.delayMs - this.#context.now(), this.#waitFor(seq)))
  }

  #wakeIn(waitMs: number): void {
    // The log's time may be put right meanwhile (OB16), so a long wait is cut into parts.
    const ms = Math.min(LONGEST_WAIT_MS, Math.max(1, waitMs))
    this.#cancelTimer = this.#context.clock.after(ms, () => {
      this.#cancelTimer = null
      this.advance()
    })
  }

  async #load(): Promise<void> {
    const { source, clock, onCut } = this.#context
    try {
      await source.load(this.#position, undefined)
      // The same page again has brought nothing (OB31).
      if (this.#loadedAt === this.#position) await this.#pace.turn()
      this.#loadedAt = this.#position
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'past_retention') {
        this.#skipping = this.#skipCut()
        await this.#skipping
        this.#skipping = null
        onCut(this)
      } else await sleep(clock, RETRY_MS)
    }
    this.#loading = null
    this.advance()
  }

  /** What was cut is as old as the floor, and that is waited for: its age is not asked of the log. */
  async #skipCut(): Promise<void> {
    const { outbox, clock } = this.#context
    const { floor } = outbox
    if (this.delayMs > 0)
      await new Promise<void>((resolve) => {
        this.#cancelTimer = clock.after(this.#waitFor(floor), resolve)
      })
    this.#cancelTimer = null
    this.#position = Math.max(this.#position, floor)
  }

  async #begin(): Promise<void> {
    const { outbox, now } = this.#context
    const { delayMs } = this
    this.#position = await lastOldEnough(outbox, delayMs, now)
    this.advance()
    // More may have grown old meanwhile: that is walked before anybody reads the position.
    while (this.#loading) await this.#loading
  }
}

function addTo(map: Map<string, Set<TailFollower>>, key: string, follower: TailFollower): void {
  const followers = map.get(key)
  if (followers) followers.add(follower)
  else map.set(key, new Set([follower]))
}

function removeFrom(
  map: Map<string, Set<TailFollower>>,
  key: string,
  follower: TailFollower,
): void {
  const followers = map.get(key)
  followers?.delete(follower)
  if (followers?.size === 0) map.delete(key)
}
