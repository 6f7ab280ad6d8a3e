import type { Timers } from '../../src/timers.ts'

interface Due {
  readonly at: number
  readonly callback: () => void
}

/** Timers that stand still until they are told to move. */
export class TestTimers implements Timers {
  time = 1_700_000_000_000
  #due: Due[] = []

  now(): number {
    return this.time
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { at: this.time + ms, callback }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  get pending(): number {
    return this.#due.length
  }

  /** Moves on, calling what comes due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await settle()
    for (;;) {
      const next = this.#due.filter((due) => due.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#due = this.#due.filter((other) => other !== next)
      this.time = Math.max(this.time, next.at)
      next.callback()
      await settle()
    }
    this.time = end
  }
}

/** Lets everything that waits on settled promises run, streams included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
