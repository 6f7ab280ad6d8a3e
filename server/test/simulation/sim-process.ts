import { silentLogger } from '../../src/process/logger.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { FeedLog } from '../../src/feed/read/feed-log.ts'
import { FeedSource } from '../../src/feed/read/source.ts'
import { toFeedEntry } from '../../src/feed/read/entry.ts'
import type { FeedEntry } from '../../src/feed/read/entry.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import type { Outbox } from '../../src/outbox/contract/outbox.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import type { Findings } from './findings.ts'
import type { Ledger } from './ledger.ts'
import { MessageWatch } from './message-watch.ts'
import type { ReplicaSet } from './replica-set.ts'
import { ProcessClock } from './sim-clock.ts'
import type { SimClock } from './sim-clock.ts'
import { SimStore } from './sim-store.ts'
import type { Weather } from './weather.ts'
import { TombstoneWatch } from './tombstone-watch.ts'

/** Small, so that streams soon read pages of the log. */
const RING_BYTES = 30_000

export interface ProcessParts {
  readonly name: string
  readonly set: ReplicaSet
  readonly world: SimClock
  readonly weather: Weather
  readonly ledger: Ledger
  readonly findings: Findings
  readonly limits: ServerLimits
}

/** One server process: an outbox over the shared replica set, and what its feed reads from. */
export class SimProcess {
  readonly name: string
  readonly clock: ProcessClock
  readonly outbox: Outbox
  readonly #parts: ProcessParts
  #source: FeedSource | null = null
  #sealed = 0
  isDead = false
  /** It runs on a log that was restored under it: what it believes proves nothing. */
  isLeft = false
  /** Those of the simulation, until it is left. */
  readonly findings: Pick<Findings, 'check'>
  #ids = 0

  constructor(parts: ProcessParts) {
    const { name, set, world, weather, limits } = parts
    const findings = {
      check: (isRight: boolean, rule: string, text: () => string): void =>
        parts.findings.check(isRight || this.isLeft, rule, text),
    }
    this.findings = findings
    this.name = name
    this.#parts = parts
    this.clock = new ProcessClock(world)
    const watch = new TombstoneWatch({ clock: world, findings, limits, name })
    const messages = new MessageWatch(findings)
    const store = new SimStore({
      set,
      world,
      weather,
      clock: this.clock,
      name,
      onLook: (events) => watch.look(events, this.outbox.sealed),
      onAllocate: (first, count) => watch.own(first, count),
      onInsert: (events) => {
        watch.insert(events)
        messages.insert(events)
      },
      onBlocked: (event, blocking) => messages.blocked(event, blocking),
    })
    this.outbox = createOutbox(store, limits, {
      clock: this.clock,
      logger: silentLogger,
      randomId: () => `${name}-${++this.#ids}`,
    })
    this.outbox.onSealed((...run) => this.#onSealed(...run))
  }

  /** What the process's streams read from; null before the outbox has started. */
  get source(): FeedSource | null {
    return this.isDead || this.isLeft || this.clock.isFrozen ? null : this.#source
  }

  async start(): Promise<void> {
    for (;;) {
      try {
        await this.outbox.start()
        break
      } catch {
        await new Promise<void>((resolve) => void this.clock.after(100, resolve))
      }
    }
    this.#sealed = this.outbox.sealed
    this.#parts.ledger.claim(this.#sealed, `first W of ${this.name}`)
    this.#source = new FeedSource(new FeedLog(this.outbox, null), RING_BYTES)
  }

  /** Its requests may land still; nothing of it is called any more. */
  crash(): void {
    this.isDead = true
    this.clock.kill()
  }

  /** As feed.ts does it. */
  #onSealed(events: readonly LogEvent[], sealed: number, after: number): void {
    if (this.isLeft) return
    const { ledger, findings } = this.#parts
    const before = this.#sealed
    findings.check(sealed >= before, 'OB3', () => `W of ${this.name} went back to ${sealed}`)
    this.#sealed = sealed
    ledger.claim(sealed, `W of ${this.name}`)
    // Before the start has answered nobody knows where it began.
    if (!this.#source) return
    findings.check(
      after === before || (after > before && after <= this.#parts.set.majority.floor),
      'FE1',
      () => `${this.name} went from ${before} to ${after}`,
    )
    const expected = ledger.visible(after, sealed)
    findings.check(
      events.length === expected.length && events.every((event, i) => event === expected[i]),
      'OB1 OB2 FE1',
      () => `${this.name} was shown ${seqs(events)} of ${seqs(expected)} up to ${sealed}`,
    )
    const entries: FeedEntry[] = []
    for (const event of events) {
      const entry = toFeedEntry(event)
      if (entry) entries.push(entry)
    }
    this.#source?.ring.push(entries, sealed, after)
  }
}

function seqs(events: readonly LogEvent[]): string {
  return `[${events.map((event) => event.seq).join(' ')}]`
}
