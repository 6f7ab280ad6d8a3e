import type { Clock } from '../../src/process/clock.ts'

interface Due {
  readonly at: number
  readonly order: number
  callback: (() => void) | null
}

/** A clock that jumps to whatever is due next: a simulated second without events costs nothing. */
export class SimClock implements Clock {
  #now = 1_700_000_000_000
  #order = 0
  /** Descending, so that the next one is popped off the end. */
  readonly #due: Due[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const due: Due = { at: this.#now + Math.max(0, ms), order: this.#order++, callback }
    let low = 0
    let high = this.#due.length
    while (low < high) {
      const middle = (low + high) >>> 1
      // Equal times keep the order in which they were asked for.
      if ((this.#due[middle]?.at ?? 0) > due.at) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
    return () => {
      due.callback = null
    }
  }

  soon(callback: () => void): () => void {
    return this.after(0, callback)
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Runs what is due next and lets its promises settle; false when nothing is due before `until`. */
  async step(until: number): Promise<boolean> {
    let next = this.#due.pop()
    while (next?.callback === null) next = this.#due.pop()
    if (!next || next.at > until) {
      if (next) this.#due.push(next)
      this.#now = Math.max(this.#now, until)
      return false
    }
    this.#now = next.at
    next.callback?.()
    await new Promise<void>((resolve) => setImmediate(resolve))
    return true
  }
}

/** The clock of one process, which can stand still (SIGSTOP) or be killed. */
export class ProcessClock implements Clock {
  readonly #world: SimClock
  #held: (() => void)[] = []
  #isFrozen = false
  #isDead = false

  constructor(world: SimClock) {
    this.#world = world
  }

  get isFrozen(): boolean {
    return this.#isFrozen
  }

  now(): number {
    return this.#world.now()
  }

  after(ms: number, callback: () => void): () => void {
    let isCancelled = false
    this.#world.after(ms, () => this.#run(() => isCancelled || callback()))
    return () => {
      isCancelled = true
    }
  }

  soon(callback: () => void): () => void {
    return this.after(0, callback)
  }

  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    for (const callback of this.#held.splice(0)) this.after(0, callback)
  }

  /** Nothing of the process is called any more. */
  kill(): void {
    this.#isDead = true
    this.#held = []
  }

  #run(callback: () => void): void {
    if (this.#isDead) return
    if (this.#isFrozen) this.#held.push(callback)
    else callback()
  }
}
