/**
 * The listeners of one thing inside of the server. They are called in the order in which they were added; one that is
 * added during a call is first called by the next, so that a listener which subscribes anew cannot keep a call from
 * ending, and one that is taken out during a call is not called any more. A function that is added twice is called
 * twice. When listeners throw, all others are called all the same, and then the first error is thrown.
 */
export class Listeners<A extends readonly unknown[]> {
  readonly #all = new Set<{ readonly listener: (...values: A) => void; readonly number: number }>()
  #lastNumber = 0

  get size(): number {
    return this.#all.size
  }

  /** Returns the function that takes it out again. */
  add(listener: (...values: A) => void): () => void {
    const entry = { listener, number: ++this.#lastNumber }
    this.#all.add(entry)
    return () => {
      this.#all.delete(entry)
    }
  }

  call(...values: A): void {
    const last = this.#lastNumber
    let failure: { readonly error: unknown } | null = null
    for (const { listener, number } of this.#all) {
      // The rest was added by a listener of this call.
      if (number > last) break
      try {
        listener(...values)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure) throw failure.error
  }

  clear(): void {
    this.#all.clear()
  }
}
