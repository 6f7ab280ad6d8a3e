import { eventBytes } from './event-check.ts'
import type { NewEvent, OutboxOptions } from './outbox.ts'
import { composePatches } from './patch-merge.ts'
import type { Pending } from './pending.ts'
import { PATCH } from './store.ts'

/** What one ownership has accepted and knows of no acknowledgement for, oldest first. */
export class PendingEvents {
  readonly #events: Pending[] = []
  #bytes = 0
  /** How many of them have been sent; those never change any more. */
  #sentCount = 0

  get count(): number {
    return this.#events.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get oldest(): Pending | undefined {
    return this.#events[0]
  }

  get newest(): Pending | undefined {
    return this.#events[this.#events.length - 1]
  }

  push(pending: Pending): void {
    this.#events.push(pending)
    this.#bytes += pending.bytes
  }

  /** The oldest that was not sent is sent now. */
  markSent(): void {
    this.#sentCount++
  }

  /** Takes the oldest out: it is acknowledged. */
  shift(): Pending | undefined {
    const done = this.#events.shift()
    if (!done) return undefined
    this.#sentCount--
    this.#bytes -= done.bytes
    return done
  }

  /** Takes all out. */
  clear(): Pending[] {
    this.#bytes = 0
    this.#sentCount = 0
    return this.#events.splice(0)
  }

  /** Resolves when everything in it is acknowledged; rejects with why the newest is dropped. */
  flushed(): Promise<void> {
    const { newest } = this
    if (!newest) return Promise.resolve()
    return new Promise((resolve, reject) => {
      newest.waiters ??= []
      newest.waiters.push({ resolve, reject })
    })
  }

  /** Folds a patch into the unsent patch right before it; false when there is none that takes it (OB7). */
  fold(event: NewEvent, { maxEventBytes, maxPendingBytes }: OutboxOptions): boolean {
    if (this.#events.length <= this.#sentCount) return false
    const last = this.newest
    if (!last || last.type !== PATCH || last.snapshot) return false
    const data = composePatches(last.data, event.data)
    if (data === null) return false
    let hidden = last.hidden ?? event.hidden ?? null
    if (last.hidden && event.hidden) {
      hidden = composePatches(last.hidden, event.hidden)
      if (hidden === null) return false
    }
    const bytes = eventBytes({ type: PATCH, data, hidden })
    const pendingBytes = this.#bytes - last.bytes + bytes
    if (bytes > maxEventBytes || pendingBytes > maxPendingBytes) return false
    last.data = data
    last.hidden = hidden
    last.bytes = bytes
    this.#bytes = pendingBytes
    return true
  }
}
