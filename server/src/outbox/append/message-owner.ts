import type { NewMessage, Published } from '../contract/messages.ts'
import type { LogEvent } from '../contract/store.ts'
import { refusedError } from './checks.ts'
import type { EventOwner, Pending } from './pending-events.ts'

/** One call of `publish` that waits for its answer. */
export interface PublishCall {
  readonly message: NewMessage
  readonly bytes: number
  readonly since: number
  readonly resolve: (published: Published) => void
  readonly reject: (cause: Error) => void
}

export interface MessageOwnerContext {
  readonly own: string
  readonly enqueue: (pending: Pending) => void
  /** Gives the time of an event that is sent now: it does not go back within the messages of a process. */
  readonly timeOf: (now: number) => number
  /** The call is kept no longer. */
  readonly onReleased: (call: PublishCall) => void
  /** Nothing waits under the key any more. */
  readonly onOver: () => void
}

/**
 * One message on its way, and the calls with the same key that came meanwhile. The first call's is written. Those that
 * follow are answered as its duplicates; where it can never be written, the next one's is written in its place.
 */
export class MessageOwner implements EventOwner {
  readonly #context: MessageOwnerContext
  /** The first is being written. */
  readonly #calls: PublishCall[]
  /** The first caller was told that nothing is known; its message is written still. */
  #isFirstAnswered = false

  constructor(first: PublishCall, context: MessageOwnerContext) {
    this.#calls = [first]
    this.#context = context
    this.#send(first)
  }

  /** The time at which the message that is being written was accepted. */
  get since(): number {
    return this.#calls[0]?.since ?? Infinity
  }

  /** The time since which a caller waits that was not answered; Infinity: nobody does. */
  get waitsSince(): number {
    return this.#calls[this.#isFirstAnswered ? 1 : 0]?.since ?? Infinity
  }

  follow(call: PublishCall): void {
    this.#calls.push(call)
  }

  /** Rejects callers that have waited since `before`, or longer. */
  expire(before: number, cause: Error): void {
    while (this.waitsSince <= before) {
      if (!this.#isFirstAnswered) this.#calls[0]?.reject(cause)
      else for (const call of this.#calls.splice(1, 1)) this.#release(call, cause)
      this.#isFirstAnswered = true
    }
  }

  bind({ type, data }: Pending, seq: number, now: number): LogEvent {
    const { own, timeOf } = this.#context
    const [first] = this.#calls
    if (!first) throw new Error('Expected a message to bind, got one that is over')
    const { topic, to, messageId, principal, trace } = first.message
    const message = { topic, to, messageId, principal, trace }
    const at = timeOf(now)
    return { seq, room: null, n: 0, epoch: 0, own, type, at, data, hidden: null, prev: 0, message }
  }

  acknowledge(): void {
    this.#answerAll(false)
  }

  /** The log has a message with this key: nothing is added to it. */
  fence(): void {
    this.#answerAll(true)
  }

  refuse(_event: LogEvent | null, cause: unknown): void {
    const first = this.#calls.shift()
    this.#isFirstAnswered = false
    if (first) this.#release(first, refusedError(cause))
    const [next] = this.#calls
    if (next) this.#send(next)
    else this.#context.onOver()
  }

  abandon(cause: Error): void {
    for (const call of this.#calls.splice(0)) this.#release(call, cause)
    this.#context.onOver()
  }

  #send({ message: { type, data }, bytes, since }: PublishCall): void {
    this.#context.enqueue({
      owner: this,
      type,
      data,
      hidden: null,
      who: undefined,
      bytes,
      since,
      minSeq: 0,
      snapshot: null,
      waiters: null,
    })
  }

  #answerAll(isKnown: boolean): void {
    for (const [index, call] of this.#calls.splice(0).entries()) {
      this.#context.onReleased(call)
      const { messageId } = call.message
      call.resolve({ messageId, duplicate: isKnown || index > 0 })
    }
    this.#context.onOver()
  }

  #release(call: PublishCall, cause: Error): void {
    this.#context.onReleased(call)
    call.reject(cause)
  }
}
