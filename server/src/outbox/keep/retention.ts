import type { Clock } from '../../process/clock.ts'
import type { Logger } from '../../process/logger.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import { CutClock } from './cut-clock.ts'
import type { Outage } from '../health/outage.ts'
import { eventBytes, isFullAnswer } from '../contract/sizes.ts'
import type { CutHold, CutPart, OutboxOptions } from '../contract/outbox.ts'
import { StateKeeper } from './state-keeper.ts'
import { youngestCutMs } from './youngest-cut.ts'
import type { MissingState } from './state-keeper.ts'
import { END } from '../contract/store.ts'
import type { LogEvent, LogStore, SnapshotCut } from '../contract/store.ts'

const PAGE = 1_000
/** So many pages are looked at in one round; when more is left, the next round follows at once. */
const MAX_PAGES = 20
/** Readers with a delay read so far behind, and may be late by this much, in ms. */
const DELAY_MARGIN_MS = 10_000
const SHORTEST_ROUND_MS = 1_000
const LONGEST_ROUND_MS = 10_000
/** A room that was asked for a snapshot has this long to capture and store it before it is asked again. */
const ASK_AGAIN_MS = 5_000
/** A log in memory is held back until it has so many times the bytes that it may keep. */
const MOST_HELD = 2
/** One query or deletion takes so many rooms. */
const ROOMS_AT_ONCE = 1_000

export interface RetentionContext {
  readonly store: Pick<
    LogStore,
    'events' | 'marks' | 'snapshots' | 'clock' | 'isLocal' | 'keptBytes'
  >
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly outage: Pick<Outage, 'failed' | 'worked'>
  readonly sealed: () => number
  /** Goes back from `seq` by so many numbers, void ones not counted (OB102). */
  readonly stepBack: (seq: number, count: number) => number
  /** Asks a room that this process owns for a snapshot; false when it owns no such room. */
  readonly askForSnapshot: (room: string) => boolean
  /** The largest delay of a room in use, in ms: nothing younger is cut, however much there is (OB71). */
  readonly maxDelayMs: () => number
  /** It may hold the cut back for a while. Default: nothing does. */
  readonly holdCut?: CutHold
}

/** The events of one room that would be cut. */
interface Cut {
  /** Ascending. */
  readonly seqs: number[]
  last: LogEvent
}

/**
 * Cuts the log (OB6): before the floor becomes f every room with events up to f has a snapshot of its
 * state at f; then the floor is raised, then deleted. A room of this process holds the floor down until
 * it has captured a snapshot of its own, from which it could be taken over.
 */
export class Retention {
  readonly #context: RetentionContext
  readonly #cutClock: CutClock
  readonly #pace: LoopPace
  #floor = 0
  #cancel: (() => void) | null = null
  #round: Promise<void> | null = null
  #isRunning = false
  #isStopped = false
  readonly #states: StateKeeper
  /** For each room that holds the floor, the time at which it was last asked for a snapshot. */
  #asked = new Map<string, number>()
  /** The last round has cut, and left more than it could look at. */
  #hasMore = false

  constructor(context: RetentionContext) {
    this.#context = context
    this.#cutClock = new CutClock(context.clock)
    this.#pace = new LoopPace(context.clock)
    this.#states = new StateKeeper(context)
  }

  /** The floor as far as this process knows: it is read again with each round, and with each page. */
  get floor(): number {
    return this.#floor
  }

  noteFloor(floor: number): void {
    this.#floor = Math.max(this.#floor, floor)
  }

  async start(): Promise<void> {
    this.#floor = await this.#context.store.marks.floor()
    this.#isRunning = true
    this.#isStopped = false
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#isStopped = true
    this.#cancel?.()
    await this.#round
  }

  #schedule(): void {
    if (!this.#isRunning) return
    const { clock, options, outage } = this.#context
    const ms = Math.min(LONGEST_ROUND_MS, Math.max(SHORTEST_ROUND_MS, options.retentionMs / 10))
    this.#cancel = clock.after(this.#hasMore ? this.#pace.next() : ms, () => {
      this.#round = this.run()
        .then(() => outage.worked('cut'))
        .catch((error: unknown) => outage.failed('cut', error))
        .then(() => this.#schedule())
    })
  }

  /** Runs one round; `stop` ends it early. */
  async run(): Promise<void> {
    const { store } = this.#context
    this.#floor = Math.max(this.#floor, await store.marks.floor())
    this.#hasMore = false
    const cuts = new Map<string, Cut>()
    const { candidate, isAll } = await this.#candidate(cuts)
    if (candidate <= this.#floor) return
    const floor = await this.#held(cuts, await this.#allowed(cuts, candidate))
    if (floor <= this.#floor) return
    const missing = await this.#missingStates(cuts, floor)
    const isKept = await this.#states.keep(missing, () => this.#isStopped)
    if (!isKept || this.#isStopped) return
    await store.marks.raiseFloor(floor)
    this.noteFloor(floor)
    await store.events.deleteThrough(floor)
    await this.#deleteSnapshots(cuts, floor)
    this.#hasMore = !isAll
  }

  /** Finds the last seq that is old enough, or one too many, and gathers by room the events that would go. */
  async #candidate(
    cuts: Map<string, Cut>,
  ): Promise<{ readonly candidate: number; readonly isAll: boolean }> {
    const { store, options, sealed, stepBack, maxDelayMs } = this.#context
    const upTo = sealed()
    const now = this.#cutClock.now(store.clock.now())
    const heldMs = maxDelayMs() > 0 ? maxDelayMs() + DELAY_MARGIN_MS : 0
    const youngestMs = Math.max(store.isLocal ? 0 : youngestCutMs(options), heldMs)
    const tooOld = now - Math.max(options.retentionMs, heldMs)
    const tooMany = stepBack(upTo, options.retentionEvents)
    const tooYoung = youngestMs === 0 ? Infinity : now - youngestMs
    let excessBytes = (store.keptBytes ?? 0) - options.retentionBytes
    let candidate = this.#floor
    for (let pageCount = 0; pageCount < MAX_PAGES; pageCount++) {
      const query = { after: candidate, upTo, limit: PAGE, isBare: excessBytes <= 0 }
      const page = await store.events.range(query)
      for (const event of page) {
        const isWithin = event.seq > tooMany && excessBytes <= 0
        if (event.at >= tooOld && (isWithin || event.at >= tooYoung))
          return { candidate, isAll: true }
        candidate = event.seq
        excessBytes -= eventBytes(event)
        if (event.room === null) continue
        const cut = cuts.get(event.room)
        if (!cut) cuts.set(event.room, { seqs: [event.seq], last: event })
        else {
          cut.seqs.push(event.seq)
          cut.last = event
        }
      }
      if (!isFullAnswer(page, query)) return { candidate, isAll: true }
    }
    return { candidate, isAll: false }
  }

  /** Says how high the floor may go for the sake of the rooms of this process. */
  async #allowed(cuts: ReadonlyMap<string, Cut>, candidate: number): Promise<number> {
    const { sealed, clock, askForSnapshot } = this.#context
    const living = [...cuts.keys()].filter((room) => cuts.get(room)?.last.type !== END)
    const newest = await this.#snapshotSeqs(living, sealed())
    const now = clock.now()
    const asked = new Map<string, number>()
    let floor = candidate
    for (const room of living) {
      const cut = cuts.get(room)
      const covered = newest.get(room) ?? 0
      if (!cut || covered >= cut.last.seq) continue
      const askedAt = this.#asked.get(room) ?? -Infinity
      const isAsked = now - askedAt < ASK_AGAIN_MS
      if (!isAsked && !askForSnapshot(room)) continue
      asked.set(room, isAsked ? askedAt : now)
      const firstUncovered = cut.seqs.find((seq) => seq > covered)
      if (firstUncovered !== undefined) floor = Math.min(floor, firstUncovered - 1)
    }
    this.#asked = asked
    return floor
  }

  /** Says how high the floor may go for the sake of the archive (FE119). */
  async #held(cuts: ReadonlyMap<string, Cut>, floor: number): Promise<number> {
    const { holdCut, store, options } = this.#context
    if (!holdCut || floor <= this.#floor) return floor
    // A log in memory must not grow for as long as somebody else takes.
    if ((store.keptBytes ?? 0) > MOST_HELD * options.retentionBytes) return floor
    const parts: CutPart[] = []
    for (const [room, { seqs }] of cuts) {
      const [first] = seqs
      const last = seqs.findLast((seq) => seq <= floor)
      if (first !== undefined && last !== undefined) parts.push({ room, first, last })
    }
    return Math.min(floor, await holdCut(parts, floor))
  }

  /** Finds the rooms whose state at `floor` is not stored yet; those that have ended by then need none. */
  async #missingStates(cuts: ReadonlyMap<string, Cut>, floor: number): Promise<MissingState[]> {
    const lasts = new Map<string, number>()
    for (const [room, cut] of cuts) {
      const last = cut.seqs.findLast((seq) => seq <= floor)
      if (last !== undefined && !isEndedBy(cut, floor)) lasts.set(room, last)
    }
    const bases = await this.#snapshotSeqs([...lasts.keys()], floor)
    const missing: MissingState[] = []
    for (const [room, seq] of lasts) {
      const base = bases.get(room) ?? null
      if (base === null || base < seq) missing.push({ room, seq, base })
    }
    return missing
  }

  /** Deletes the snapshots that no state from the floor on is made of any more. */
  async #deleteSnapshots(cuts: ReadonlyMap<string, Cut>, floor: number): Promise<void> {
    const newest = await this.#snapshotSeqs([...cuts.keys()], floor)
    const gone: SnapshotCut[] = []
    for (const [room, cut] of cuts) {
      const below = isEndedBy(cut, floor) ? Number.MAX_SAFE_INTEGER : newest.get(room)
      if (below !== undefined) gone.push({ room, below })
    }
    for (let at = 0; at < gone.length; at += ROOMS_AT_ONCE)
      await this.#context.store.snapshots.delete(gone.slice(at, at + ROOMS_AT_ONCE))
  }

  async #snapshotSeqs(rooms: readonly string[], seq: number): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    for (let at = 0; at < rooms.length; at += ROOMS_AT_ONCE) {
      const some = rooms.slice(at, at + ROOMS_AT_ONCE)
      for (const place of await this.#context.store.snapshots.places(some, seq))
        found.set(place.room, place.seq)
    }
    return found
  }
}

function isEndedBy(cut: Cut, floor: number): boolean {
  return cut.last.type === END && cut.last.seq <= floor
}
