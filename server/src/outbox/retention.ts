import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { CutClock } from './cut-clock.ts'
import type { OutboxOptions } from './outbox.ts'
import { END, PATCH, patchNOf } from './store.ts'
import type { LogEvent, LogStore, Snapshot } from './store.ts'

const PAGE = 1_000
/** Pages looked at in one round; when more is left, the next round follows at once. */
const MAX_PAGES = 20
/** Readers with a delay read so far behind, and may be late by this much, in ms. */
const DELAY_MARGIN_MS = 10_000
/** So that a size limit is one, within reason. */
const LONGEST_YOUNGEST_MS = 600_000
const SHORTEST_ROUND_MS = 1_000
const LONGEST_ROUND_MS = 10_000

export interface RetentionContext {
  readonly store: LogStore
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly sealed: () => number
  /** Asks a room that this process owns for a snapshot; false when it owns no such room. */
  readonly askForSnapshot: (room: string) => boolean
  /** The largest delay of a room in use, in ms: nothing younger is cut, however much there is (FE3). */
  readonly maxDelayMs: () => number
}

/**
 * Nothing younger is cut, however much there is, in ms: a write that is on its way must not find the place
 * of what it collides with empty. A flush gives up at half of it (OB6).
 */
export function youngestCutMs(options: OutboxOptions): number {
  return Math.min(options.retentionMs, LONGEST_YOUNGEST_MS)
}

/** What would be cut of one room. */
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
  #floor = 0
  #cancel: (() => void) | null = null
  #round: Promise<void> | null = null
  #isRunning = false
  /** The last round has cut, and left more than it could look at. */
  #hasMore = false

  constructor(context: RetentionContext) {
    this.#context = context
    this.#cutClock = new CutClock(context.clock)
  }

  /** As far as this process knows: read again with each round, and with each page. */
  get floor(): number {
    return this.#floor
  }

  noteFloor(floor: number): void {
    this.#floor = Math.max(this.#floor, floor)
  }

  async start(): Promise<void> {
    this.#floor = await this.#context.store.floor()
    this.#isRunning = true
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#cancel?.()
    await this.#round
  }

  #schedule(): void {
    if (!this.#isRunning) return
    const { clock, options, logger } = this.#context
    const ms = Math.min(LONGEST_ROUND_MS, Math.max(SHORTEST_ROUND_MS, options.retentionMs / 10))
    this.#cancel = clock.after(this.#hasMore ? 0 : ms, () => {
      this.#round = this.run()
        .catch((error: unknown) => logger.warn({ err: error }, 'the log could not be cut'))
        .then(() => this.#schedule())
    })
  }

  /** One round. */
  async run(): Promise<void> {
    const { store, logger } = this.#context
    const before = Math.max(this.#floor, await store.floor())
    this.#floor = before
    this.#hasMore = false
    const cuts = new Map<string, Cut>()
    const { candidate, isAll } = await this.#candidate(cuts)
    let floor = candidate
    if (floor <= this.#floor) return
    for (const [room, cut] of cuts) floor = Math.min(floor, await this.#allowed(room, cut, floor))
    if (floor <= this.#floor) return
    for (const [room, cut] of cuts) {
      const isKept = await this.#keepState(room, cut, floor)
      if (isKept) continue
      // Another process was faster: what is missing is not this one's to make.
      if ((await store.floor()) > before) return
      logger.error({ roomId: room }, 'no state could be made of the log that is cut')
    }
    await store.raiseFloor(floor)
    this.noteFloor(floor)
    await store.deleteThrough(floor)
    for (const [room, cut] of cuts) {
      if (cut.last.type === END && cut.last.seq <= floor) await store.deleteSnapshots(room)
      else await store.deleteSnapshotsBefore(room, floor)
    }
    this.#hasMore = !isAll
  }

  /** The last seq that is old enough, or one too many; what would go is gathered by room. */
  async #candidate(
    cuts: Map<string, Cut>,
  ): Promise<{ readonly candidate: number; readonly isAll: boolean }> {
    const { store, options, sealed, maxDelayMs } = this.#context
    const upTo = sealed()
    const now = this.#cutClock.now(store.now())
    const heldMs = maxDelayMs() > 0 ? maxDelayMs() + DELAY_MARGIN_MS : 0
    const youngestMs = Math.max(store.isLocal ? 0 : youngestCutMs(options), heldMs)
    const tooOld = now - Math.max(options.retentionMs, heldMs)
    const tooMany = upTo - options.retentionEvents
    const tooYoung = youngestMs === 0 ? Infinity : now - youngestMs
    let candidate = this.#floor
    for (let pageCount = 0; pageCount < MAX_PAGES; pageCount++) {
      const page = await store.range({ after: candidate, upTo, limit: PAGE })
      for (const event of page) {
        if (event.at >= tooOld && (event.seq > tooMany || event.at >= tooYoung))
          return { candidate, isAll: true }
        candidate = event.seq
        if (event.room === null) continue
        const cut = cuts.get(event.room)
        if (!cut) cuts.set(event.room, { seqs: [event.seq], last: event })
        else {
          cut.seqs.push(event.seq)
          cut.last = event
        }
      }
      if (page.length < PAGE) return { candidate, isAll: true }
    }
    return { candidate, isAll: false }
  }

  /** How high the floor may go for one room's sake. */
  async #allowed(room: string, cut: Cut, floor: number): Promise<number> {
    if (cut.last.type === END) return floor
    const { store, sealed } = this.#context
    const newest = await store.snapshotAt(room, sealed())
    const covered = newest?.seq ?? 0
    if (covered >= cut.last.seq || !this.#context.askForSnapshot(room)) return floor
    const firstUncovered = cut.seqs.find((seq) => seq > covered)
    return firstUncovered === undefined ? floor : Math.min(floor, firstUncovered - 1)
  }

  /** Stores the room's state at `floor`, made of the snapshot before it and the patches up to it. */
  async #keepState(room: string, cut: Cut, floor: number): Promise<boolean> {
    const { store } = this.#context
    const lastSeq = cut.seqs.findLast((seq) => seq <= floor)
    if (lastSeq === undefined || (cut.last.type === END && cut.last.seq <= floor)) return true
    const base = await store.snapshotAt(room, floor)
    if (base && base.seq >= lastSeq) return true
    const events: LogEvent[] = []
    for (let after = base?.seq ?? 0; after < lastSeq;) {
      const page = await store.range({ after, upTo: lastSeq, limit: PAGE, room })
      events.push(...page)
      if (page.length < PAGE) break
      after = page[page.length - 1]?.seq ?? lastSeq
    }
    const snapshot = stateOrNull(base, events)
    if (snapshot) await store.saveSnapshot(snapshot)
    return snapshot !== null
  }
}

/** A log that holds something else than JSON must not keep the rest from being cut. */
function stateOrNull(base: Snapshot | null, events: readonly LogEvent[]): Snapshot | null {
  try {
    return stateAfter(base, events)
  } catch {
    return null
  }
}

/** The state after `events`, which follow `base`; null when one of them is missing. */
export function stateAfter(base: Snapshot | null, events: readonly LogEvent[]): Snapshot | null {
  const last = events[events.length - 1]
  if (!last || last.room === null) return base
  let n = base?.n ?? 0
  for (const event of events) if (event.n !== ++n) return null
  let publicState = JSON.parse(base?.publicState ?? '{}') as Json
  let hiddenState = base?.hiddenState ? (JSON.parse(base.hiddenState) as Json) : null
  for (const event of events) {
    if (event.type !== PATCH) continue
    publicState = applyMergePatch(publicState, JSON.parse(event.data) as Json)
    if (event.hidden)
      hiddenState = applyMergePatch(hiddenState ?? {}, JSON.parse(event.hidden) as Json)
  }
  return {
    room: last.room,
    n: last.n,
    seq: last.seq,
    epoch: last.epoch,
    at: last.at,
    patchN: patchNOf(last),
    publicState: JSON.stringify(publicState),
    hiddenState: hiddenState === null ? null : JSON.stringify(hiddenState),
    runtime: base?.runtime ?? '{}',
  }
}
