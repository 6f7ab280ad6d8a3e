import type { RequestFacts } from '../auth/request-facts.ts'
import { RingsideError } from '../process/errors.ts'
import type { LiveRoom } from '../room/room.ts'
import type { Seat } from '../room/seats/seat.ts'

/** A client's request; every field is hostile until checked here. */
export interface SeatWish {
  readonly name?: unknown
  readonly options?: unknown
  readonly remoteAddress: string
  /** Null for a wish of the server's own code. */
  readonly request: RequestFacts | null
  /** Aborts when the client has gone; null for a wish of the server's own code. */
  readonly gone: AbortSignal | null
  /** The client may give the wish up by this name, and the seat with it (MM11). Default: none. */
  readonly wish?: unknown
}

/** As unguessable as its client makes it: 128 bits in base64url are 22 characters. */
const WISH_NAME = /^[A-Za-z0-9_-]{16,64}$/

/** True for a name by which a wish may be given up. */
export function isWishName(name: unknown): name is string {
  return typeof name === 'string' && WISH_NAME.test(name)
}

/** A wish that runs, or has come to a seat that nobody has entered yet. */
interface Entry {
  readonly abort: AbortController
  room: LiveRoom | null
  seat: Seat | null
}

/** A wish while it runs. */
export interface NamedWish extends SeatWish {
  /** The wish has come to this seat. */
  reserved(room: LiveRoom, seat: Seat): void
}

/**
 * Wishes that their clients have named, so that they can be given up while nobody knows how far they have come (MM11): an
 * answer may be on its way to a client that does not want it any more. There are as many as requests that run and seats
 * that nobody has taken, which are bounded by address (MM5).
 */
export class Wishes {
  readonly #entries = new Map<string, Entry>()

  /** Runs a wish, which may be given up until its seat is taken or was given back. @throws what `work` throws. */
  async run<T>(wish: SeatWish, work: (wish: NamedWish) => Promise<T>): Promise<T> {
    const name = wish.wish
    if (name === undefined || name === null) return work({ ...wish, reserved: () => {} })
    if (!isWishName(name) || this.#entries.has(name))
      throw new RingsideError('bad_request', 'Expected a wish of its own, 16-64 of A-Za-z0-9_-')
    const entry: Entry = { abort: new AbortController(), room: null, seat: null }
    this.#entries.set(name, entry)
    const forget = (): void => {
      // A seat settles again when it ends; by then the name may be another wish's.
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
    }
    const giveUp = (): void => entry.abort.abort()
    wish.gone?.addEventListener('abort', giveUp)
    if (wish.gone?.aborted) giveUp()
    try {
      const named: NamedWish = {
        ...wish,
        gone: entry.abort.signal,
        reserved: (room, seat) => {
          Object.assign(entry, { room, seat })
          const { onSettled } = seat
          seat.onSettled = () => {
            onSettled()
            forget()
          }
        },
      }
      return await work(named)
    } catch (error) {
      forget()
      const isGivenUp = !wish.gone?.aborted && entry.abort.signal.aborted
      // Its connection may be there yet, and wants an answer.
      throw isGivenUp ? new RingsideError('ticket_expired', 'The wish was given up') : error
    } finally {
      wish.gone?.removeEventListener('abort', giveUp)
    }
  }

  /** Gives a wish up, and the seat that it has come to; false when there is none that runs or waits to be entered. */
  giveUp(name: string): boolean {
    const entry = this.#entries.get(name)
    if (!entry) return false
    entry.abort.abort()
    if (entry.room && entry.seat) entry.room.seats.cancel(entry.seat)
    return true
  }
}
