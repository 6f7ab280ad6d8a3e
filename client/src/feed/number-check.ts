import type { FeedMessage } from './feed-types.ts'

/** What an event's numbers say: new, seen before, or not the next one. */
export type NumberVerdict = 'new' | 'double' | 'gap'

/** Follows `n` and `prev` of every room on a stream. Holds one number for each room that lives. */
export class NumberCheck {
  readonly #last = new Map<string, number>()
  readonly #showsEveryNumber: boolean

  constructor(showsEveryNumber: boolean) {
    this.#showsEveryNumber = showsEveryNumber
  }

  /** Judges an event and takes a new one as seen. Events without a room are always new. */
  judge(message: FeedMessage): NumberVerdict {
    const data = message.data as { room?: string; n?: number; prev?: number }
    const { room, n } = data
    if (room === undefined || n === undefined) return 'new'
    const last = this.#last.get(room)
    if (message.type !== 'snapshot' && last !== undefined) {
      if (n <= last) return 'double'
      // With a filter only patches tell: `prev` is the patch before, whatever came between.
      if (message.type === 'patch' && (data.prev ?? 0) > last) return 'gap'
      if (this.#showsEveryNumber && n !== last + 1) return 'gap'
    }
    if (message.type === 'end') this.#last.delete(room)
    else this.#last.set(room, n)
    return 'new'
  }

  /** The last number of a room, 0 when none is known. */
  last(room: string): number {
    return this.#last.get(room) ?? 0
  }

  clear(): void {
    this.#last.clear()
  }
}
