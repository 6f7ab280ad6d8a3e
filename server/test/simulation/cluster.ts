import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import type { Random } from '../../src/process/random.ts'
import type { Findings } from './findings.ts'
import type { Ledger } from './ledger.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { SimClock } from './sim-clock.ts'
import { SimProcess } from './sim-process.ts'
import type { Weather } from './weather.ts'

export interface ClusterParts {
  readonly set: ReplicaSet
  readonly world: SimClock
  readonly weather: Weather
  readonly ledger: Ledger
  readonly findings: Findings
  readonly random: Random
  /** Keeps what was done, for whoever reads about a failure. */
  readonly note: (operation: string) => void
}

/** The server processes, and what is done to them and to the database below them. */
export class Cluster {
  readonly #parts: ClusterParts
  readonly #limits: ServerLimits
  /** All but those that were killed. */
  processes: SimProcess[] = []
  #processCount = 0
  crashCount = 0
  failOverCount = 0

  constructor(parts: ClusterParts) {
    this.#parts = parts
    this.#limits = limitsOf(parts.random)
  }

  get running(): readonly SimProcess[] {
    return this.processes.filter((process) => process.source !== null)
  }

  /** A process that runs, at random. */
  anyRunning(): SimProcess | null {
    const { running } = this
    return running[this.#parts.random.int(0, running.length - 1)] ?? null
  }

  start(): void {
    const process = new SimProcess({
      name: `p${++this.#processCount}`,
      set: this.#parts.set,
      world: this.#parts.world,
      weather: this.#parts.weather,
      ledger: this.#parts.ledger,
      findings: this.#parts.findings,
      limits: this.#limits,
    })
    this.#parts.note(`${process.name} starts`)
    this.processes.push(process)
    void process.start()
  }

  /** Takes a process that runs out of the cluster, and lets it run. */
  leave(): SimProcess | null {
    const process = this.anyRunning()
    if (!process) return null
    process.isLeft = true
    this.processes = this.processes.filter((other) => other !== process)
    return process
  }

  /** Every process ends at once. */
  stopAll(): void {
    for (const process of this.processes.splice(0)) process.crash()
  }

  crash(): void {
    const process = this.anyRunning()
    if (!process) return
    this.#parts.note(`${process.name} is killed`)
    this.crashCount++
    process.crash()
    this.processes = this.processes.filter((other) => other !== process)
    this.start()
  }

  /** Stopped, and gone on later: its rooms may have other owners by then. */
  freeze(): void {
    const process = this.anyRunning()
    if (!process) return
    const ms = this.#parts.random.int(100, this.#parts.random.next() < 0.3 ? 14_000 : 3_000)
    this.#parts.note(`${process.name} stands still for ${ms} ms`)
    process.clock.freeze()
    this.#parts.world.after(ms, () => process.clock.thaw())
  }

  failOver(): void {
    const before = this.#parts.set.rollbackCount
    this.failOverCount++
    this.#parts.set.failOver()
    this.#parts.note(`fail-over, ${this.#parts.set.rollbackCount - before} writes rolled back`)
  }

  split(): void {
    const ms = this.#parts.random.int(50, 1_500)
    this.#parts.note(`no majority for ${ms} ms`)
    this.#parts.weather.isSplit = true
    this.#parts.world.after(ms, () => {
      this.#parts.weather.isSplit = false
      if (this.#parts.random.next() < 0.5) this.failOver()
    })
  }

  away(): void {
    const ms = this.#parts.random.int(100, this.#parts.random.next() < 0.1 ? 9_000 : 2_500)
    this.#parts.note(`no answer for ${ms} ms`)
    this.#parts.weather.isAway = true
    this.#parts.world.after(ms, () => (this.#parts.weather.isAway = false))
  }
}

/** Options at their edges: small pages of time, so that everything that can happen does. */
function limitsOf(random: Random): ServerLimits {
  return checkLimits({
    flushDelayMs: random.next() < 0.3 ? random.int(1, 20) : 0,
    pollMs: random.int(20, 200),
    holeTimeoutMs: random.int(100, 800),
    snapshotEvery: random.int(3, 20),
    maxPendingEvents: random.next() < 0.3 ? random.int(4, 40) : 1_000,
    retentionMs: 10_000,
    retentionEvents: random.next() < 0.5 ? 100 : 1e9,
  })
}
