/** A set of listeners of one thing. An error of one reaches the global handler, not the other listeners. */
export class Listeners<A extends readonly unknown[]> {
  readonly #all = new Set<(...values: A) => void>()

  get size(): number {
    return this.#all.size
  }

  /** Returns the function that takes it out again. */
  add(listener: (...values: A) => void): () => void {
    // Each addition gets its own wrapper, so that the same function may be added twice and removed once.
    const entry = (...values: A): void => listener(...values)
    this.#all.add(entry)
    return () => {
      this.#all.delete(entry)
    }
  }

  call(...values: A): void {
    for (const listener of this.#all) {
      try {
        listener(...values)
      } catch (error) {
        rethrowLater(error)
      }
    }
  }

  clear(): void {
    this.#all.clear()
  }
}

/** Calls an application's function; an error of it is reported as uncaught and does not break the caller. */
export function callGuarded(call: () => void): void {
  try {
    call()
  } catch (error) {
    rethrowLater(error)
  }
}

/** Reports an application's mistake as uncaught, without breaking the caller's own work. */
export function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
