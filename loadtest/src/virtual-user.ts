import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from './clock.ts'
import { RunFailure } from './failure.ts'
import type { Tags } from './metrics/metric.ts'

/** The virtual user whose code runs: all of a process run on one thread. */
const current = new AsyncLocalStorage<VirtualUser>()

/** The virtual user whose code runs; null between them. */
export function runningUser(): VirtualUser | null {
  return current.getStore() ?? null
}

/** @throws RunFailure at the top level of a file, where there is no virtual user yet, as in k6. */
export function currentUser(what: string): VirtualUser {
  const user = runningUser()
  if (!user) throw new RunFailure(`${what} works within a function that a virtual user runs`)
  return user
}

/** A socket, request or timer that a virtual user has open. */
export interface Resource {
  /** Ends it at once, without a further callback into the scenario. */
  stop(): void
}

/** How an iteration came to its end; `failed` has what was thrown. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'interrupted' }

export interface VirtualUserOptions {
  readonly id: number
  readonly clock: Clock
  readonly env: Readonly<Record<string, string>>
  readonly tags: Tags
  /** Source address of its sockets; null: the system's choice. */
  readonly localAddress: string | null
}

/**
 * One virtual user: idle, or in an iteration. An iteration begins with `run`; it is over when its function has settled
 * and no socket, request or timer of it is open any more, as in k6, or with the first error, or when it is interrupted.
 */
export class VirtualUser {
  readonly id: number
  readonly env: Readonly<Record<string, string>>
  readonly tags: Tags
  readonly localAddress: string | null
  /** Counts from 0; -1 before the first. */
  iteration = -1
  readonly #clock: Clock
  readonly #open = new Set<Resource>()
  #isBodyDone = false
  #end: ((outcome: Outcome) => void) | null = null

  constructor({ id, clock, env, tags, localAddress }: VirtualUserOptions) {
    this.id = id
    this.#clock = clock
    this.env = env
    this.tags = tags
    this.localAddress = localAddress
  }

  /** Runs one iteration; never rejects. */
  run(body: () => unknown): Promise<Outcome> {
    this.iteration++
    this.#isBodyDone = false
    return new Promise((resolve) => {
      this.#end = (outcome) => {
        this.#end = null
        for (const resource of this.#open) resource.stop()
        this.#open.clear()
        resolve(outcome)
      }
      void current.run(this, () => this.#runBody(body))
    })
  }

  async #runBody(body: () => unknown): Promise<void> {
    const { iteration } = this
    try {
      await body()
    } catch (error) {
      if (iteration === this.iteration) this.#end?.({ kind: 'failed', error })
      return
    }
    if (iteration !== this.iteration) return
    this.#isBodyDone = true
    this.#endWhenIdle()
  }

  /** Calls a listener of the scenario; what it throws fails the iteration. */
  call(listener: () => void): void {
    if (!this.#end) return
    try {
      current.run(this, listener)
    } catch (error) {
      this.#end?.({ kind: 'failed', error })
    }
  }

  /** An iteration lasts as long as something that it opened. What comes after its end is stopped at once. */
  add(resource: Resource): void {
    if (this.#end) this.#open.add(resource)
    else resource.stop()
  }

  delete(resource: Resource): void {
    this.#open.delete(resource)
    this.#endWhenIdle()
  }

  interrupt(): void {
    this.#end?.({ kind: 'interrupted' })
  }

  #endWhenIdle(): void {
    if (!this.#isBodyDone || this.#open.size > 0) return
    // The promises that the last callback has settled may yet open something.
    this.#clock.soon(() => {
      if (this.#isBodyDone && this.#open.size === 0) this.#end?.({ kind: 'done' })
    })
  }
}
