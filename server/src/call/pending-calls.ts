import type { CallEntry } from './entry.ts'
import type { ReplyTo } from './reply.ts'

/** A call whose handler returned a promise. States: waiting -> answered | over; `over` is told nothing more. */
export class PendingCall {
  readonly entry: CallEntry
  readonly replyTo: ReplyTo
  /** Its time ran out, or its caller has gone: what the handler still brings is dropped. */
  isOver = false
  /** Stops the timer of the timeout; null without one. */
  cancelTimer: (() => void) | null = null

  constructor(entry: CallEntry, replyTo: ReplyTo) {
    this.entry = entry
    this.replyTo = replyTo
  }
}

/** The calls of one caller that wait for a promise. The dispatcher bounds their number. */
export class PendingCalls {
  readonly #calls = new Set<PendingCall>()

  get count(): number {
    return this.#calls.size
  }

  add(call: PendingCall): void {
    this.#calls.add(call)
  }

  /** The call waits no longer. */
  settle(call: PendingCall): void {
    this.#calls.delete(call)
    call.cancelTimer?.()
    call.cancelTimer = null
  }

  /** The caller has gone: nothing is told of these any more, and no timer of theirs is left. */
  abandon(): void {
    for (const call of this.#calls) {
      call.isOver = true
      this.settle(call)
    }
  }
}
