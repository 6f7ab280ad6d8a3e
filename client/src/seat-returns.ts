import { below } from './base-url.ts'
import { unlessAborted } from './abort.ts'
import type { ClientContext } from './client-context.ts'

/** The next wish for a seat waits so long for the seats that are on their way back. */
const LONGEST_MS = 2_000
const WISH_BYTES = 16

/** A seat that nobody has entered is given back by its ticket, a wish that may have come to one by its name. */
export type GivenUp = { readonly ticket: string } | { readonly wish: string }

/**
 * Seats of this client that it does not want after all. The server is told at once; a wish that follows at once goes out
 * after that, for it may be for the very seat (CN48).
 */
export class SeatReturns {
  readonly context: ClientContext
  readonly #pending = new Set<Promise<void>>()

  constructor(context: ClientContext) {
    this.context = context
  }

  /** Nobody waits for the answer: where it does not arrive the seat comes back when its ticket expires. */
  giveBack(what: GivenUp): void {
    this.follow(this.#send(what))
  }

  /** A seat is on its way back until this settles. */
  follow(work: Promise<void>): void {
    const done = work.catch(() => {}).finally(() => this.#pending.delete(done))
    this.#pending.add(done)
  }

  async #send(what: GivenUp): Promise<void> {
    const { base, headers, fetch } = this.context
    const abort = new AbortController()
    const cancelTimeout = this.context.timers.after(LONGEST_MS, () => abort.abort())
    await fetch(below(base, 'matchmake/release'), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(what),
      // A page that goes away is what gives most seats back.
      keepalive: true,
      signal: abort.signal,
    }).finally(cancelTimeout)
  }

  /** True while a seat is on its way back. */
  get isBusy(): boolean {
    return this.#pending.size > 0
  }

  /** Resolves when all have been taken back, or have had their time. @throws the signal's reason. */
  async settled(signal?: AbortSignal): Promise<void> {
    let cancelTimer = (): void => {}
    const tooLong = new Promise<void>((resolve) => {
      cancelTimer = this.context.timers.after(LONGEST_MS, resolve)
    })
    try {
      await unlessAborted(Promise.race([Promise.all(this.#pending), tooLong]), signal)
    } finally {
      cancelTimer()
    }
  }
}

/** A name for a wish that nobody guesses. */
export function newWishName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(WISH_BYTES))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
