import type { FeedEntry } from './entry.ts'
import type { FeedSlice } from './ring.ts'

/**
 * A stretch is a piece of the log as one read gave it: everything with after < seq <= next, of one
 * room or (undefined) of all rooms.
 */
export interface Stretch {
  readonly room: string | undefined
  readonly after: number
  readonly next: number
  readonly entries: readonly FeedEntry[]
  /** It counts for so many bytes of memory. */
  readonly bytes: number
}

/**
 * No more bytes of stretches are kept; the newest stays whatever its size, for a stream waits for
 * it.
 */
export const MAX_STRETCHES_BYTES = 8 * 1024 * 1024
/** A stretch counts for so many bytes of memory beside its entries. */
export const STRETCH_OVERHEAD_BYTES = 256
/** A long stretch may cover what begins after several short ones; so many are looked at. */
const LOOK_BACK = 8

/**
 * Keeps the stretches that were read lately, found by position; the one unused for longest goes
 * first.
 */
export class Stretches {
  /** They lie by room, ascending by `after`. */
  readonly #byRoom = new Map<string | undefined, Stretch[]>()
  readonly #byUse = new Set<Stretch>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Finds a stretch of the room that holds what follows `after`, or null. */
  find(after: number, room: string | undefined): Stretch | null {
    const stretches = this.#byRoom.get(room)
    if (!stretches) return null
    const last = countUpTo(stretches, after) - 1
    for (let index = last; index >= 0 && index > last - LOOK_BACK; index--) {
      const stretch = stretches[index] as Stretch
      if (!covers(stretch, after)) continue
      this.#byUse.delete(stretch)
      this.#byUse.add(stretch)
      return stretch
    }
    return null
  }

  put(stretch: Stretch): void {
    const stretches = this.#byRoom.get(stretch.room)
    if (stretches) stretches.splice(countUpTo(stretches, stretch.after), 0, stretch)
    else this.#byRoom.set(stretch.room, [stretch])
    this.#byUse.add(stretch)
    this.#bytes += stretch.bytes
    for (const oldest of this.#byUse) {
      if (this.#bytes <= MAX_STRETCHES_BYTES || this.#byUse.size === 1) break
      this.#remove(oldest)
    }
  }

  #remove(stretch: Stretch): void {
    this.#byUse.delete(stretch)
    this.#bytes -= stretch.bytes
    const stretches = this.#byRoom.get(stretch.room) ?? []
    stretches.splice(stretches.indexOf(stretch), 1)
    if (stretches.length === 0) this.#byRoom.delete(stretch.room)
  }
}

/** True when the stretch holds what follows `after`. */
export function covers(stretch: Stretch, after: number): boolean {
  return after >= stretch.after && after < stretch.next
}

/** Cuts off the part of the stretch that does not follow `after`. */
export function sliceOf({ entries, next }: Stretch, after: number): FeedSlice {
  let start = 0
  while (start < entries.length && (entries[start] as FeedEntry).seq <= after) start++
  return { entries, start, end: entries.length, next }
}

/** Counts the stretches that begin at `after` or before. */
function countUpTo(stretches: readonly Stretch[], after: number): number {
  let low = 0
  let high = stretches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((stretches[middle] as Stretch).after <= after) low = middle + 1
    else high = middle
  }
  return low
}
