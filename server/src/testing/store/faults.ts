import type { Clock } from '../../process/clock.ts'
import type { LogStore } from '../../outbox/contract/store.ts'
import { hookedStore } from './hooked-store.ts'
import type { StoreOperation } from './hooked-store.ts'

/** The way between one process and its store. A test changes it while the process runs. */
export class StoreFaults {
  /** No call reaches the store: reads fail, and the process does not learn what became of its writes. */
  isAway = false
  /** Writes do not reach the store; reads do. */
  isReadOnly = false
  /** The store does as it is asked, and the answer is lost on its way back. */
  losesAnswers = false
  /** Every call takes so much longer, in ms of the test's time. */
  latencyMs = 0
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The store as it is reached over this way. */
  around(store: LogStore): LogStore {
    return hookedStore(store, {
      before: (operation) => this.#before(operation),
      after: () => this.#after(),
    })
  }

  async #before(operation: StoreOperation): Promise<void> {
    const { latencyMs } = this
    if (latencyMs > 0)
      await new Promise<void>((resolve) => {
        this.#clock.after(latencyMs, resolve)
      })
    if (this.isAway || (this.isReadOnly && operation !== 'read'))
      throw new Error(`The store takes no ${operation}`)
  }

  #after(): void {
    if (this.losesAnswers) throw new Error('The answer of the store is lost')
  }
}
