import { checkTimeout } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import { RequestError } from './request-error.ts'

/** A server that answers nothing must not make the table grow for ever. */
const MAX_PENDING = 1_000

interface Pending<A> {
  readonly settle: (answer: A) => void
  readonly reject: (error: Error) => void
  readonly cancelTimeout: () => void
}

/** One call that is about to be sent. */
export interface Call<A, R> {
  /** Longest wait in ms; default: `requestTimeoutMs` of the client. */
  readonly timeoutMs?: number | undefined
  /** Sends it under this number; false when there is no connection. */
  readonly send: (id: number) => boolean
  /** Makes the result of the answer; an error of it becomes `bad_answer`. */
  readonly read: (answer: A) => R
}

/** The calls of one connection that wait for an answer, each under a number of its own. */
export class PendingCalls<A> {
  readonly #context: ClientContext
  readonly #byId = new Map<number, Pending<A>>()
  #lastId = 0

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** @throws RequestError (rejects): too_many_pending, disconnected, timeout, bad_answer, or what `fail` is given. */
  add<R>({ timeoutMs = this.#context.requestTimeoutMs, send, read }: Call<A, R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      checkTimeout(timeoutMs)
      if (this.#byId.size >= MAX_PENDING)
        throw new RequestError('too_many_pending', `${MAX_PENDING} requests wait already`, true)
      const id = this.#nextId()
      if (!send(id)) throw new RequestError('disconnected', 'There is no connection', true)
      const cancelTimeout = this.#context.timers.after(timeoutMs, () =>
        this.fail(id, new RequestError('timeout', `No answer within ${timeoutMs} ms`, true)),
      )
      const settle = (answer: A): void => {
        try {
          resolve(read(answer))
        } catch {
          reject(new RequestError('bad_answer', 'The answer is not of the contract', false))
        }
      }
      this.#byId.set(id, { settle, reject, cancelTimeout })
    })
  }

  /** Settles a call with its answer; an answer to a call that does not wait (any more) is dropped. */
  answer(id: number, answer: A): void {
    this.#take(id)?.settle(answer)
  }

  fail(id: number, error: Error): void {
    this.#take(id)?.reject(error)
  }

  isWaiting(id: number): boolean {
    return this.#byId.has(id)
  }

  /** Fails every call but those that were not sent yet; nobody knows whether the server did it. */
  failAll(why: string | RequestError, isUnsent: (id: number) => boolean = () => false): void {
    const error = typeof why === 'string' ? new RequestError('disconnected', why, true) : why
    for (const id of this.#byId.keys()) if (!isUnsent(id)) this.fail(id, error)
  }

  #take(id: number): Pending<A> | undefined {
    const pending = this.#byId.get(id)
    this.#byId.delete(id)
    pending?.cancelTimeout()
    return pending
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0
    while (this.#byId.has(this.#lastId))
    return this.#lastId
  }
}
