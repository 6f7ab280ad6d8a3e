interface Entry<A extends readonly unknown[]> {
  readonly listener: (...values: A) => void
  /** Its place in the order of all that were ever added. */
  readonly number: number
}

/**
 * The listeners of one thing; every API of the SDK that takes listeners keeps them here (CN54). As with a DOM
 * EventTarget they are called in the order in which they were added, one that is added during a call is first called
 * by the next, one that is taken out during a call is not called any more, and an error of one reaches the global
 * handler (`error` of the page, `uncaughtException` of Node) and not the other listeners. Unlike there, a function that
 * is added twice is called twice, and each addition is taken out by itself. Only the application adds listeners, so
 * their number has no bound.
 */
export class Listeners<A extends readonly unknown[]> {
  // A Set is iterated in the order of insertion, skips what was deleted meanwhile, and needs no copy for each call.
  readonly #all = new Set<Entry<A>>()
  #lastNumber = 0

  get size(): number {
    return this.#all.size
  }

  /** Returns the function that takes it out again. */
  add(listener: (...values: A) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('Expected a listener as a function')
    const entry = { listener, number: ++this.#lastNumber }
    this.#all.add(entry)
    return () => {
      this.#all.delete(entry)
    }
  }

  call(...values: A): void {
    const last = this.#lastNumber
    for (const { listener, number } of this.#all) {
      // The rest was added by a listener of this call.
      if (number > last) return
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
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
