/** Counts the streams that follow each room by name. */
export class Spectators {
  readonly #counts = new Map<string, number>()
  readonly #listeners = new Set<(room: string) => void>()

  of(room: string): number {
    return this.#counts.get(room) ?? 0
  }

  /**
   * The listener is called when the number of a room's spectators changed. The returned function
   * stops it.
   */
  onChange(listener: (room: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A stream of these rooms came (1) or went (-1); null (all rooms) counts for none. */
  count(rooms: ReadonlySet<string> | null, by: 1 | -1): void {
    for (const room of rooms ?? []) {
      const count = this.of(room) + by
      if (count > 0) this.#counts.set(room, count)
      else this.#counts.delete(room)
      for (const listener of this.#listeners) listener(room)
    }
  }
}
