import { createRandom } from './sim-random.ts'
import type { Random } from '../../src/process/random.ts'

/** What becomes of one request of a client to the database. */
export type Fate = 'fine' | 'slow' | 'lost' | 'reply-lost' | 'retried' | 'zombie' | 'refused'

/** How bad it gets, drawn once for each seed: some seeds are calm in some respects. */
export class Weather {
  readonly random: Random
  /** False once everything must settle. */
  isBad = true
  /** The database does not answer at all: every read and write fails. */
  isAway = false
  /** Nothing reaches a majority: writes wait, or are rolled back by a fail-over. */
  isSplit = false
  /** Fail-overs follow each other while the majority is slow: much is taken back, the counter above all. */
  readonly isUnsteady: boolean
  /** No change stream at all. */
  readonly isWakeLost: boolean
  readonly #badness: number

  constructor(seed: number) {
    this.random = createRandom(seed)
    this.#badness = [0.04, 0.12, 0.3][this.random.int(0, 2)] ?? 0
    this.isUnsteady = this.random.next() < 0.25
    this.isWakeLost = this.random.next() < 0.25
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  /** True in bad weather only. */
  strikes(probability: number): boolean {
    return this.isBad && this.random.next() < probability
  }

  fate(): Fate {
    if (this.isAway) return this.chance(0.5) ? 'lost' : 'slow'
    if (!this.strikes(this.#badness)) return 'fine'
    const fates: readonly Fate[] = [
      'slow',
      'slow',
      'lost',
      'reply-lost',
      'retried',
      'retried',
      'zombie',
      'refused',
    ]
    return fates[this.random.int(0, fates.length - 1)] ?? 'slow'
  }

  /** One way between client and server, in ms. */
  hopMs(): number {
    if (!this.isBad) return 1
    return this.chance(0.9) ? this.random.int(0, 3) : this.random.int(5, 60)
  }

  slowMs(): number {
    return this.random.int(50, 1_200)
  }

  /** How long after its client gave up a request may take effect, at most 3 s. */
  zombieMs(): number {
    return this.random.int(1, this.chance(0.5) ? 300 : 3_000)
  }

  /** How long the majority takes for what the primary has. */
  replicationMs(): number {
    if (!this.isBad) return 1
    if (this.isUnsteady && this.chance(0.5)) return this.random.int(20, 300)
    return this.chance(0.8) ? this.random.int(0, 4) : this.random.int(10, 250)
  }
}
