import { guardedAbort } from './guarded-abort.ts'

/** A signal that is made when it is first asked for, since most of its owners are never asked. */
export class LateSignal {
  #controller: AbortController | null = null

  /**
   * `isOver` says that its owner is gone: one that is made only then is aborted already. `onError` is told of
   * listeners that throw, as it was given first.
   */
  of(isOver: boolean, onError: (error: unknown) => void): AbortSignal {
    if (this.#controller === null) {
      this.#controller = guardedAbort(onError)
      if (isOver) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /** Tells those who have it. */
  abort(): void {
    this.#controller?.abort()
  }
}
