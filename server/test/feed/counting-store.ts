import type { ManualClock } from '../../src/process/clock.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import type { LogEvent, RangeQuery, Snapshot } from '../../src/outbox/contract/store.ts'

/** A store that tells what was read of it, and can be made slow. */
export class CountingStore extends MemoryStore {
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
    super({ clock })
    this.#clock = clock
  }

  reset(): void {
    this.reads = this.documents = this.largestPage = this.mostUnderway = 0
  }

  override range(query: RangeQuery): Promise<LogEvent[]> {
    return this.#counted(async () => {
      const found = await super.range(query)
      const bytes = found.reduce((sum, { data }) => sum + data.length, 0)
      this.largestPage = Math.max(this.largestPage, bytes)
      return found
    })
  }

  override bySeq(seq: number): Promise<LogEvent | null> {
    return this.#counted(() => super.bySeq(seq))
  }

  override floor(): Promise<number> {
    return this.#counted(() => super.floor())
  }

  override counter(): Promise<number> {
    return this.#counted(() => super.counter())
  }

  override snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    return this.#counted(() => super.snapshotAt(room, seq))
  }

  async #counted<T>(read: () => Promise<T>): Promise<T> {
    this.reads++
    this.mostUnderway = Math.max(this.mostUnderway, ++this.underway)
    try {
      const ms = this.slownessMs
      if (ms > 0) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve))
      const found = await read()
      if (Array.isArray(found)) this.documents += found.length
      else if (typeof found === 'object' && found !== null) this.documents++
      return found
    } finally {
      this.underway--
    }
  }
}
