import { RingsideError } from '../../process/errors.ts'

/** Lets everybody who waits for a store go when the log stops, whatever the store does. */
export class Halt {
  readonly #waiting = new Set<(cause: Error) => void>()
  #cause: Error | null = null

  /**
   * Gives what `work` comes to, or throws why it is not waited for any more. After `halt` it is not begun.
   */
  async race<T>(work: () => Promise<T>): Promise<T> {
    if (this.#cause) throw this.#cause
    let leave = (_cause: Error): void => {}
    // One promise for all would keep every answer until the stop.
    const halted = new Promise<never>((_resolve, reject) => {
      leave = reject
    })
    this.#waiting.add(leave)
    try {
      return await Promise.race([work(), halted])
    } finally {
      this.#waiting.delete(leave)
    }
  }

  halt(cause: Error): void {
    this.#cause ??= cause
    for (const leave of this.#waiting) leave(cause)
  }
}

/** Makes the error of a wait that the stop of the log has ended. */
export function stoppedError(): RingsideError {
  return new RingsideError('draining', 'The log was stopped')
}
