import { ENTRY_OVERHEAD_BYTES } from '../read/entry.ts'
import { WHOLE_READ } from '../read/source.ts'
import type { ReadSize } from '../read/source.ts'
import { MAX_STRETCHES_BYTES } from '../read/stretches.ts'
import type { Stretch } from '../read/stretches.ts'
import { MAX_CHUNK_BYTES } from './chunk.ts'

/** A paced stream reads so many events ahead at first. */
const PACED_EVENTS = 20
/** An entry takes at least so much memory, its block counted. */
const MIN_ENTRY_BYTES = 2 * ENTRY_OVERHEAD_BYTES

/**
 * A pace replays the log at a speed: an event is due when as much time passed here as there, times
 * the speed. A paced stream reads ahead its next few events, and keeps them until it is through
 * (FE36).
 */
export class Pace {
  readonly #speed: number
  /** The first event happened at `at` and was shown at `shownAt`; null until then. */
  #first: { readonly at: number; readonly shownAt: number } | null = null
  #held: Stretch | null = null
  /** So many events were read ahead the last time. */
  #ahead = 0
  /** True once one of them has been waited for. */
  #hasWaited = true

  constructor(speed: number) {
    this.#speed = speed
  }

  /** It is the stretch that was read ahead, or null. */
  get held(): Stretch | null {
    return this.#held
  }

  /**
   * Says in how many ms an event of the time `at` is due. The first event asked for is due at once.
   */
  waitFor(at: number, now: number): number {
    this.#first ??= { at, shownAt: now }
    const dueAt = this.#first.shownAt + (at - this.#first.at) / this.#speed
    const waitMs = Math.max(0, Math.ceil(dueAt - now))
    if (waitMs > 0) this.#hasWaited = true
    return waitMs
  }

  /**
   * Says how much its next read takes, of at most `shareBytes`: its next few events at first, and
   * twice as many each time it did not have to wait for one.
   */
  nextRead(shareBytes: number): ReadSize {
    this.#ahead = this.#hasWaited ? PACED_EVENTS : Math.min(WHOLE_READ.limit, 2 * this.#ahead)
    this.#hasWaited = false
    const most = Math.max(1, Math.floor(shareBytes / MIN_ENTRY_BYTES))
    return {
      limit: Math.min(this.#ahead, most),
      maxBytes: Math.min(MAX_CHUNK_BYTES, shareBytes),
    }
  }

  /**
   * Keeps the stretch until the stream is through, for others may push it out of what is kept for
   * all. A stretch that is larger than the stream's share is not held: such an event is read again
   * when it is due.
   */
  hold(stretch: Stretch, { maxBytes }: ReadSize): void {
    this.#held = stretch.bytes <= 2 * maxBytes ? stretch : null
  }
}

/**
 * FE36: says how much is read for a stream when `streams` of them are not live. All of their
 * stretches together fit into what is kept, so that none of them must be read twice. A stream
 * without a pace takes a chunk at once, so it gets one at least.
 */
export function readSizeOf(pace: Pace | null, streams: number): ReadSize {
  const share = Math.floor(MAX_STRETCHES_BYTES / 2 / Math.max(1, streams))
  if (pace) return pace.nextRead(share)
  const maxBytes = Math.min(WHOLE_READ.maxBytes, Math.max(MAX_CHUNK_BYTES, share))
  return { limit: WHOLE_READ.limit, maxBytes }
}
