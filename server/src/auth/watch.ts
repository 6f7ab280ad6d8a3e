import type { Clock } from '../process/clock.ts'
import type { Principal } from './principal.ts'

/** Ends that come one after the other are looked at together, this far apart, in ms. */
const LEAST_WAIT_MS = 50
/** A clock that is set is noticed within so long, in ms. */
const LONGEST_WAIT_MS = 10_000

export interface PrincipalWatchParts {
  readonly clock: Clock
  /** The store's time in ms. */
  readonly now: () => number
}

/**
 * Tells those who serve somebody for long (streams, sessions) that what they may do has changed or is over. It holds as
 * many listeners as there are streams and sessions, and one timer, for the first end.
 */
export class PrincipalWatch {
  readonly #parts: PrincipalWatchParts
  readonly #listeners = new Map<Principal, Set<() => void>>()
  #cancel: (() => void) | null = null
  #wakesAt = Infinity
  #isStopped = false

  constructor(parts: PrincipalWatchParts) {
    this.#parts = parts
  }

  /** Principals that somebody watches, for asserts. */
  get size(): number {
    return this.#listeners.size
  }

  /**
   * Calls `listener`, synchronously, each time that what `principal` may do has changed; `isValid` says whether it is
   * over, which is told once. The returned function ends it, and must be called when the stream or session ends.
   */
  watch(principal: Principal, listener: () => void): () => void {
    // Neither ever changes.
    if (principal.kind === 'anonymous' || principal.kind === 'server') return () => {}
    const listeners = this.#listeners.get(principal) ?? new Set()
    this.#listeners.set(principal, listeners)
    // The same function may be given twice.
    const own = (): void => listener()
    listeners.add(own)
    this.#arm(principal.expiresAt)
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(principal) === listeners)
        this.#listeners.delete(principal)
    }
  }

  /** What this one may do has changed. */
  changed(principal: Principal): void {
    const listeners = this.#listeners.get(principal)
    if (!listeners) return
    if (principal.isValid) this.#arm(principal.expiresAt)
    else this.#listeners.delete(principal)
    for (const listener of Array.from(listeners)) if (listeners.has(listener)) listener()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
    this.#cancel = null
    this.#listeners.clear()
  }

  #arm(expiresAt: number | null): void {
    if (expiresAt === null || expiresAt >= this.#wakesAt || this.#isStopped) return
    const { clock, now } = this.#parts
    this.#cancel?.()
    this.#wakesAt = expiresAt
    const waitMs = Math.min(Math.max(expiresAt - now(), LEAST_WAIT_MS), LONGEST_WAIT_MS)
    this.#cancel = clock.after(waitMs, () => this.#look())
  }

  #look(): void {
    this.#cancel = null
    this.#wakesAt = Infinity
    for (const principal of Array.from(this.#listeners.keys()))
      if (!principal.isValid) this.changed(principal)
    let first = Infinity
    for (const { expiresAt } of this.#listeners.keys())
      first = Math.min(first, expiresAt ?? Infinity)
    if (first < Infinity) this.#arm(first)
  }
}
