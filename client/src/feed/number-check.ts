import type { FeedMessage } from './feed-types.ts'

/** Follows `n` and `prev` of every room on a stream. Holds one number for each room that lives. */
export interface NumberCheck {
  /**
   * Judges an event and takes a new one as seen: `true` = new, `false` = seen before, a number = events are
   * missing after it. Events without a room are always new.
   */
  judge(message: FeedMessage): boolean | number
  clear(): void
}

/** `showsEveryNumber`: the stream shows every `n` of its room (FE6). */
export function createNumberCheck(showsEveryNumber: boolean): NumberCheck {
  const lasts = new Map<string, number>()
  return {
    judge({ type, data }) {
      const { room, n, prev = 0 } = data as { room?: string; n?: number; prev?: number }
      if (room === undefined || n === undefined) return true
      const last = lasts.get(room)
      if (type !== 'snapshot' && last !== undefined) {
        if (n <= last) return false
        // Only patches tell when there is a filter: `prev` is the patch before, whatever came between.
        if ((type === 'patch' && prev > last) || (showsEveryNumber && n !== last + 1)) return last
      }
      if (type === 'end') lasts.delete(room)
      else lasts.set(room, n)
      return true
    },
    clear: () => lasts.clear(),
  }
}
