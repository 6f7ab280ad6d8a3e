import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import { messageFault, refusedError } from './checks.ts'
import { messageBytes } from '../contract/sizes.ts'
import type { MessageLog, NewMessage, Published } from '../contract/messages.ts'
import type { OutboxOptions } from '../contract/outbox.ts'
import { messageKeyText } from '../contract/store.ts'
import { MessageOwner } from './message-owner.ts'
import type { PublishCall } from './message-owner.ts'
import type { Pending } from './pending-events.ts'
import type { PendingTotal } from './pending-total.ts'

export interface MessageBufferContext {
  readonly options: OutboxOptions
  /** It counts for the rooms of the process, too. */
  readonly total: PendingTotal
  readonly clock: Clock
  /** The `own` of all messages of this process: random per boot, and another than that of its tombstones. */
  readonly own: string
  readonly enqueue: (pending: Pending) => void
}

/**
 * The messages that wait to be written, in the order in which they were published (OB107). No two of one key are sent
 * in one batch. What waits is bounded (OB108), and so is the time for which a caller does (OB109).
 */
export class MessageBuffer implements MessageLog {
  readonly #context: MessageBufferContext
  /** By the text of their keys, oldest first. */
  readonly #owners = new Map<string, MessageOwner>()
  #callCount = 0
  #bytes = 0
  #at = 0
  #cancel: (() => void) | null = null

  constructor(context: MessageBufferContext) {
    this.#context = context
  }

  publish(message: NewMessage): Promise<Published> {
    return new Promise((resolve, reject) => {
      const bytes = messageBytes(message)
      this.#assertTakes(message, bytes)
      this.#take({ message, bytes, since: this.#context.clock.now(), resolve, reject })
    })
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #assertTakes(message: NewMessage, bytes: number): void {
    const { options, total, clock } = this.#context
    const fault = messageFault(message, options.maxEventBytes)
    if (fault) throw refusedError(fault)
    const [oldest] = this.#owners.values()
    if (oldest && clock.now() - oldest.since > options.maxOutboxLagMs) throw unknownError()
    const isFull =
      total.isFull ||
      this.#callCount >= options.maxPendingMessages ||
      // One message is always taken, or a small bound would let a large one never pass.
      (this.#callCount > 0 && this.#bytes + bytes > options.maxPendingMessageBytes)
    if (isFull) throw new RingsideError('too_many_requests', 'Too many messages wait to be written')
  }

  #take(call: PublishCall): void {
    this.#count(call, 1)
    const key = messageKeyText(call.message)
    const before = this.#owners.get(key)
    if (before) before.follow(call)
    else this.#owners.set(key, this.#ownerOf(key, call))
    this.#schedule(this.#context.options.maxOutboxLagMs)
  }

  #ownerOf(key: string, call: PublishCall): MessageOwner {
    const { own, enqueue } = this.#context
    return new MessageOwner(call, {
      own,
      enqueue,
      timeOf: (now) => (this.#at = Math.max(this.#at, now)),
      onReleased: (released) => this.#count(released, -1),
      onOver: () => this.#owners.delete(key),
    })
  }

  #count({ bytes }: PublishCall, sign: 1 | -1): void {
    this.#callCount += sign
    this.#bytes += sign * bytes
    this.#context.total.change(sign * bytes)
  }

  #schedule(ms: number): void {
    this.#cancel ??= this.#context.clock.after(ms, () => {
      this.#cancel = null
      this.#expire()
    })
  }

  #expire(): void {
    const { clock, options } = this.#context
    const { maxOutboxLagMs } = options
    const now = clock.now()
    let oldest = Infinity
    for (const owner of this.#owners.values()) {
      owner.expire(now - maxOutboxLagMs, unknownError())
      oldest = Math.min(oldest, owner.waitsSince)
    }
    // Thousands may wait, each since another ms: they are not looked at for each.
    if (oldest !== Infinity)
      this.#schedule(Math.max(oldest + maxOutboxLagMs - now, maxOutboxLagMs / 10))
  }
}

function unknownError(): RingsideError {
  return new RingsideError(
    'outbox_unreachable',
    'The log is not written at the moment: a message may be in it later, and may be sent again under its messageId',
  )
}
