/**
 * Counts the things that each key holds (LI1). The map is bounded by the things that are counted: a key is in it only
 * while it holds one.
 */
export class KeyCount {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  /** At most `max` things for each key. */
  constructor(max: number) {
    this.#max = max
  }

  /** True when the key holds as many as it may. */
  isFull(key: string): boolean {
    return !this.hasRoomFor(key, 1)
  }

  /** True when the key may hold so many more. */
  hasRoomFor(key: string, count: number): boolean {
    return (this.#counts.get(key) ?? 0) + count <= this.#max
  }

  /** Counts so many more, also beyond the bound: ask before. What is added must be released. */
  add(key: string, count = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  release(key: string, count = 1): void {
    const left = (this.#counts.get(key) ?? 0) - count
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}
