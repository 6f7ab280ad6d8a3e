import type { Timers } from './timers.ts'
import type { Wakes } from './wake.ts'

/** One wait at a time before the next attempt to come back, which a wake-up or its owner ends early. */
export class WakefulWait {
  readonly #timers: Timers
  readonly #wakes: Wakes
  #end: (() => void) | null = null

  constructor(timers: Timers, wakes: Wakes) {
    this.#timers = timers
    this.#wakes = wakes
  }

  /** Resolves after `ms`, with `cancel`, or at once when the network or the page comes back; then `onWake` is called first. */
  for(ms: number, onWake: () => void): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer()
        stopListening()
        this.#end = null
        resolve()
      }
      const cancelTimer = this.#timers.after(ms, end)
      const stopListening = this.#wakes.listen(() => {
        onWake()
        end()
      })
      this.#end = end
    })
  }

  cancel(): void {
    this.#end?.()
  }
}
