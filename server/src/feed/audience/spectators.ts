import { Listeners } from '../../process/listeners.ts'

/** Counts the streams that follow each room by name. */
export class Spectators {
  readonly #counts = new Map<string, number>()
  readonly #listeners = new Listeners<[room: string]>()

  of(room: string): number {
    return this.#counts.get(room) ?? 0
  }

  /**
   * The listener is called when the number of a room's spectators changed. The returned function
   * stops it.
   */
  onChange(listener: (room: string) => void): () => void {
    return this.#listeners.add(listener)
  }

  /** A stream of these rooms came (1) or went (-1); null (all rooms) counts for none. */
  count(rooms: ReadonlySet<string> | null, by: 1 | -1): void {
    for (const room of rooms ?? []) {
      const count = this.of(room) + by
      if (count > 0) this.#counts.set(room, count)
      else this.#counts.delete(room)
      this.#listeners.call(room)
    }
  }
}
