import { LateSignal } from '../process/late-signal.ts'

/**
 * The time in which one call runs. It ends early when the call is answered `timeout` or its caller goes; a call that
 * settles just ends. The signal says so (JR9).
 */
export class CallScope {
  readonly #caller: { readonly isOpen: boolean }
  readonly #onError: (error: unknown) => void
  readonly #signal = new LateSignal()
  #isOver = false

  /** `onError` is told of listeners of the signal that throw. */
  constructor(caller: { readonly isOpen: boolean }, onError: (error: unknown) => void) {
    this.#caller = caller
    this.#onError = onError
  }

  get signal(): AbortSignal {
    return this.#signal.of(this.#isOver || !this.#caller.isOpen, this.#onError)
  }

  /** Nobody waits for the call any more. */
  end(): void {
    this.#isOver = true
    this.#signal.abort()
  }
}
