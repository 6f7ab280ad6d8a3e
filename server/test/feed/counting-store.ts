import type { ManualClock } from '../../src/process/clock.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import type { LogEvent, LogStore } from '../../src/outbox/contract/store.ts'
import { aroundStore } from '../../src/testing/store/around-store.ts'
import type { StoreCall } from '../../src/testing/store/around-store.ts'

const READS = new Set([
  'events.range',
  'events.bySeq',
  'marks.floor',
  'marks.counter',
  'snapshots.at',
])

/** Counts what was read of a store, and makes it slow if it is told to. */
export class ReadCount {
  /** Reads of any kind. */
  reads = 0
  /** Events and snapshots that they gave. */
  documents = 0
  /** Bytes of data of the largest page. */
  largestPage = 0
  underway = 0
  mostUnderway = 0
  /** Each read takes so long, in ms. */
  slownessMs = 0
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  reset(): void {
    this.reads = this.documents = this.largestPage = this.mostUnderway = 0
  }

  async around({ contract, method, run }: StoreCall): Promise<unknown> {
    if (!READS.has(`${contract}.${method}`)) return run()
    this.reads++
    this.mostUnderway = Math.max(this.mostUnderway, ++this.underway)
    try {
      const ms = this.slownessMs
      if (ms > 0) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve))
      const found = await run()
      if (method === 'range') this.#measure(found as readonly LogEvent[])
      if (Array.isArray(found)) this.documents += found.length
      else if (typeof found === 'object' && found !== null) this.documents++
      return found
    } finally {
      this.underway--
    }
  }

  #measure(page: readonly LogEvent[]): void {
    const bytes = page.reduce((sum, { data }) => sum + data.length, 0)
    this.largestPage = Math.max(this.largestPage, bytes)
  }
}

/** A memory store, and the count of its reads. */
export function countingStore(clock: ManualClock): { store: LogStore; count: ReadCount } {
  const count = new ReadCount(clock)
  return { store: aroundStore(new MemoryStore({ clock }), (call) => count.around(call)), count }
}
