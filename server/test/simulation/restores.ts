import { markRestored, planRestored } from '../../src/outbox/history/restored.ts'
import type { Random } from '../../src/process/random.ts'
import type { Cluster } from './cluster.ts'
import type { Documents } from './documents.ts'
import type { Ledger } from './ledger.ts'
import type { ReplicaSet } from './replica-set.ts'
import { ProcessClock } from './sim-clock.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimProcess } from './sim-process.ts'
import { createRandom } from './sim-random.ts'
import { SimStore } from './sim-store.ts'
import { Weather } from './weather.ts'

const PROCESS_COUNT = 2

export interface RestoresParts {
  readonly seed: number
  readonly set: ReplicaSet
  readonly world: SimClock
  readonly ledger: Ledger
  readonly cluster: Cluster
  readonly note: (operation: string) => void
  /** No owner and no stream of before is asked for anything any more; one process may be left running. */
  readonly onRestored: () => void
}

/**
 * An operator who backs the log up, and restores the backup some time later: mostly with every server stopped, or
 * with one left running by mistake. It draws from a generator of its own.
 */
export class Restores {
  readonly #parts: RestoresParts
  readonly #random: Random
  #backup: { readonly documents: Documents; readonly takenAt: number } | null = null
  #isBusy = false
  /** Processes that ran on while the log was restored. They must stop by themselves. */
  readonly left: SimProcess[] = []
  count = 0

  constructor(parts: RestoresParts) {
    this.#parts = parts
    this.#random = createRandom(parts.seed ^ 0x27d4eb2f)
  }

  /** Everything is done, and who was left has stopped. */
  get isSettled(): boolean {
    return !this.#isBusy && this.left.every(({ outbox }) => outbox.stats.isGivenUp)
  }

  /** Once a turn of the simulation. */
  act(): void {
    const { set, world, ledger, note } = this.#parts
    if (this.#isBusy) return
    const chance = this.#random.next()
    if (chance < 0.02 || !this.#backup) {
      note('the log is backed up')
      ledger.backUp()
      this.#backup = { documents: set.backUp(), takenAt: world.now() }
    } else if (chance < 0.03 && world.now() - this.#backup.takenAt > 500) void this.#restore()
  }

  async #restore(): Promise<void> {
    const { set, world, ledger, cluster, note, onRestored } = this.#parts
    if (!this.#backup) return
    this.#isBusy = true
    this.count++
    const left = this.#random.next() < 0.4 ? cluster.leave() : null
    cluster.stopAll()
    note(`the log is restored${left ? ` while ${left.name} runs on` : ''}`)
    if (left) this.left.push(left)
    ledger.restore()
    set.restore(this.#backup.documents)
    onRestored()
    await world.wait(this.#random.int(1, 2_500))
    await this.#command()
    for (let count = 0; count < PROCESS_COUNT; count++) cluster.start()
    this.#isBusy = false
  }

  /** As an operator runs it, until it says that it is done. */
  async #command(): Promise<void> {
    const { set, world, seed, note } = this.#parts
    const weather = new Weather(seed ^ 0x165667b1)
    weather.isBad = false
    const ignore = (): void => {}
    const store = new SimStore({
      set,
      world,
      weather,
      clock: new ProcessClock(world),
      name: `operator-${this.count}`,
      onLook: ignore,
      onAllocate: ignore,
      onInsert: ignore,
      onBlocked: ignore,
    })
    for (let attempt = 1; ; attempt++) {
      try {
        const id = `history-${this.count}-${attempt}`
        const plan = await planRestored(store, id)
        await markRestored(store, plan)
        note(`marked as restored: void from ${plan.end} on, to ${plan.next.base}`)
        return
      } catch {
        await world.wait(200)
      }
    }
  }
}
