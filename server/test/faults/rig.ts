import { setTimeout as sleep } from 'node:timers/promises'
import { SystemClock } from '../../src/process/clock.ts'
import { randomId } from '../../src/process/ids.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import { MongoStore } from '../../src/outbox/stores/mongo/store.ts'
import type { Outbox, RoomLog, RoomLogHandlers } from '../../src/outbox/contract/outbox.ts'
import type { LogEvent, LogStore } from '../../src/outbox/contract/store.ts'

const ROOM_COUNT = 10
const EVENTS_PER_SECOND = 500
const STEP_MS = 20
/** Longest wait for anything, in ms. */
export const LONGEST_MS = 90_000

const clock = new SystemClock()

export async function until(isDone: () => boolean, what: string, ms = LONGEST_MS): Promise<void> {
  for (const deadline = clock.now() + ms; !isDone();) {
    if (clock.now() > deadline) throw new Error(`Waited ${ms} ms for ${what}`)
    await sleep(10)
  }
}

export interface OutboxChoice {
  readonly uri: string
  readonly database: string
  readonly limits?: Partial<ServerLimits>
  readonly wrap?: (store: LogStore) => LogStore
}

/** A started log over its own connections, as another process would have it. */
export async function openOutbox({
  uri,
  database,
  limits = {},
  wrap = (s) => s,
}: OutboxChoice): Promise<Outbox> {
  const store = wrap(new MongoStore({ uri, database, clock }))
  const outbox = createOutbox(store, checkLimits(limits), { clock, logger: silentLogger, randomId })
  await outbox.start()
  return outbox
}

export const quietHandlers: RoomLogHandlers = {
  onFenced: () => {},
  onGivenUp: () => {},
  onWritable: () => {},
  onRefused: () => {},
  onSnapshotDue: () => {},
}

/** Type of the events that a load writes. */
const MARK = 'mark'

/** Those of other writers have no time, and so waited for nothing. */
function acceptedAt(data: string): number {
  return (JSON.parse(data) as { at?: number }).at ?? Number.POSITIVE_INFINITY
}

/** What one process saw of the log, and how long the longest silence was. */
export class Watcher {
  readonly outbox: Outbox
  readonly seen: LogEvent[] = []
  /** Longest time from the acceptance of an event until it was shown here, in ms. */
  longestWaitMs = 0
  #lastAt = 0
  #longestGapMs = 0

  constructor(outbox: Outbox) {
    this.outbox = outbox
    outbox.onSealed((events) => {
      if (events.length === 0) return
      const now = clock.now()
      if (this.#lastAt > 0) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt)
      this.#lastAt = now
      for (const { type, data } of events)
        if (type === MARK) this.longestWaitMs = Math.max(this.longestWaitMs, now - acceptedAt(data))
      this.seen.push(...events)
    })
  }

  /** Longest time without a newly shown event since the last call, in ms. */
  takeStallMs(): number {
    const now = clock.now()
    const gap = Math.max(this.#longestGapMs, this.#lastAt > 0 ? now - this.#lastAt : 0)
    this.#longestGapMs = 0
    this.#lastAt = now
    return gap
  }

  ofRoom(room: string): LogEvent[] {
    return this.seen.filter((event) => event.room === room)
  }
}

/** One room that writes. */
export interface Source {
  readonly room: string
  readonly log: RoomLog
  /** `data` of each accepted event, in order. */
  readonly accepted: string[]
}

/** Ten rooms, shared among processes, that write 500 events a second. */
export class Load {
  readonly #writers: readonly Outbox[]
  readonly sources: Source[] = []
  fencedCount = 0
  #isWriting = false
  #loop: Promise<void> | null = null
  #count = 0

  constructor(writers: readonly Outbox[]) {
    this.#writers = writers
  }

  async start(): Promise<void> {
    for (let index = 0; index < ROOM_COUNT; index++) {
      const room = randomId().slice(0, 12)
      const onFenced = (): void => void this.fencedCount++
      const writer = this.#writers[index % this.#writers.length]
      if (!writer) throw new Error('Expected a process that writes')
      const log = await writer.openRoom(room, { ...quietHandlers, onFenced })
      this.sources.push({ room, log, accepted: [] })
    }
    this.#isWriting = true
    this.#loop = this.#write()
  }

  get acceptedCount(): number {
    return this.sources.reduce((sum, { accepted }) => sum + accepted.length, 0)
  }

  async #write(): Promise<void> {
    const startedAt = clock.now()
    while (this.#isWriting) {
      const due = ((clock.now() - startedAt) / 1000) * EVENTS_PER_SECOND
      for (; this.#count < due; this.#count++) {
        const source = this.sources[this.#count % ROOM_COUNT]
        if (!source) continue
        const i = source.accepted.length
        const data = JSON.stringify({ i, at: clock.now(), text: 'x'.repeat(50) })
        if (source.log.append({ type: MARK, data })) source.accepted.push(data)
      }
      await sleep(STEP_MS)
    }
  }

  /** Writes no more; resolves when all that was accepted is acknowledged. */
  async stop(): Promise<void> {
    this.#isWriting = false
    await this.#loop
    await until(
      () => this.#writers.every(({ stats }) => stats.pendingEvents === 0),
      'everything to be acknowledged',
    )
  }

  /**
   * What is wrong with what a reader saw against what was accepted and acknowledged: loss, doubles,
   * order. Empty when nothing is.
   */
  faultsOf(seen: readonly LogEvent[]): string[] {
    const faults = this.sources.length === 0 ? ['no room wrote'] : []
    let seq = 0
    const byRoom = new Map<string, LogEvent[]>()
    for (const event of seen) {
      if (event.seq <= seq) faults.push(`seq ${event.seq} after ${seq}`)
      seq = event.seq
      const { room } = event
      if (room === null) continue
      const events = byRoom.get(room)
      if (events) events.push(event)
      else byRoom.set(room, [event])
    }
    for (const { room, log, accepted } of this.sources) {
      const events = byRoom.get(room) ?? []
      if (accepted.length === 0) faults.push(`${room}: nothing was written`)
      if (log.acknowledgedN !== accepted.length)
        faults.push(`${room}: ${log.acknowledgedN} acknowledged of ${accepted.length}`)
      if (events.length !== accepted.length)
        faults.push(`${room}: ${events.length} shown of ${accepted.length}`)
      const wrong = events.findIndex((event, i) => event.n !== i + 1 || event.data !== accepted[i])
      if (wrong >= 0) faults.push(`${room}: wrong event at ${wrong + 1}`)
    }
    return faults
  }
}

/** The whole log by pages, as `GET /rooms/:id/events` reads it. */
export async function readPages(outbox: Outbox): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  const { sealed } = outbox
  for (let after = outbox.origin; after < sealed;) {
    const page = await outbox.read({ after, limit: 1_000 })
    events.push(...page.events)
    after = page.next
  }
  return events
}
