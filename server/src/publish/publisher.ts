import {
  CLIENT_ID,
  FEED_EVENT_TYPES,
  MAX_TOPIC_CHARACTERS,
  MESSAGE_ID,
  isEventType,
  isTopic,
} from '@ringside/protocol'
import { isClosedTopic } from '../auth/pattern.ts'
import type { Principal } from '../auth/principal.ts'
import type { MessageLog, NewMessage, Published } from '../outbox/contract/messages.ts'
import { checkMembers, shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import { jsonText } from '../process/json-text.ts'

/** An event without a room, as a publisher gives it. */
export interface PublishOrder {
  /** 1-10 words with dots between them. Default `public`. */
  readonly topic?: string | undefined
  /** A letter, then up to 63 letters, digits, `.`, `_` and `-`. */
  readonly type: string
  /** Whatever JSON can say. */
  readonly data: unknown
  /** The one client that may see it, where it is connected or when it comes back. Default: all readers of the topic. */
  readonly to?: string | undefined
  /**
   * Makes a retry harmless: a second event of the same publisher with it is dropped, for as long as the log keeps the
   * first. 1-128 printable ASCII characters without spaces. Default: one of its own.
   */
  readonly messageId?: string | undefined
}

/** Who publishes, from where. */
export interface PublishOrigin {
  readonly principal: Pick<Principal, 'id' | 'mayPublish'>
  /** Null for the server's own code. */
  readonly remoteAddress: string | null
  /** `traceparent` of the request, or null. */
  readonly trace: string | null
}

/** What is told of each event that was published, or refused. It holds nothing of the event's data. */
export interface PublishAct {
  readonly origin: PublishOrigin
  readonly target: { readonly topic: string; readonly type: string; readonly to: string | null }
  readonly messageId: string
  /** `done`, `duplicate`, or the code of the refusal. */
  readonly result: string
}

export interface PublisherParts {
  readonly log: MessageLog
  readonly newId: () => string
  /** Is told of every event, synchronously. */
  readonly onAct: (act: PublishAct) => void
  /** Bounds how much each principal publishes. @throws TooManyRequests. */
  readonly charge: (principalId: string) => void | Promise<void>
  /** Bounds how much each principal is refused, for each refusal is written down. @throws TooManyRequests. */
  readonly chargeRefusal: (principalId: string) => void | Promise<void>
}

const DEFAULT_TOPIC = 'public'
const MEMBERS = ['topic', 'type', 'data', 'to', 'messageId']

/** Puts events without a room into the log, from code and over HTTP alike. */
export class Publisher {
  readonly #parts: PublisherParts
  #publishedCount = 0
  #duplicateCount = 0
  #refusedCount = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** So many events were put into the log. */
  get publishedCount(): number {
    return this.#publishedCount
  }

  /** So many had been published before. */
  get duplicateCount(): number {
    return this.#duplicateCount
  }

  get refusedCount(): number {
    return this.#refusedCount
  }

  /**
   * Resolves once the event is durable (PU1).
   * @throws RingsideError bad_request, forbidden, too_many_requests, event_refused, outbox_unreachable, draining.
   */
  async publish(order: PublishOrder, origin: PublishOrigin): Promise<Published> {
    const message = this.#messageOf(order, origin)
    const tell = (result: string): void => {
      const { topic, type, to, messageId } = message
      this.#parts.onAct({ origin, target: { topic, type, to }, messageId, result })
    }
    const { charge, chargeRefusal } = this.#parts
    const { principal } = origin
    try {
      // Whoever tries what they may not is counted as well: each try is told in the audit.
      await charge(principal.id)
      if (isClosedTopic(message.topic) || !principal.mayPublish(message)) {
        await chargeRefusal(principal.id)
        throw new RingsideError('forbidden', `Not allowed to publish to '${message.topic}'`)
      }
      const published = await this.#parts.log.publish(message)
      if (published.duplicate) this.#duplicateCount++
      else this.#publishedCount++
      tell(published.duplicate ? 'duplicate' : 'done')
      return published
    } catch (error) {
      this.#refusedCount++
      tell(error instanceof RingsideError ? error.code : 'internal')
      throw error
    }
  }

  /** Checks what is published, whoever publishes it (PU2). */
  #messageOf(order: PublishOrder, { principal, trace }: PublishOrigin): NewMessage {
    checkMembers('a member of what is published', order, MEMBERS)
    const { topic = DEFAULT_TOPIC, type, to = null, messageId = this.#parts.newId() } = order
    if (!isTopic(topic))
      throw bad(
        `Expected topic as words with dots between them, at most ${MAX_TOPIC_CHARACTERS} characters, got ${shownText(topic)}`,
      )
    if (!isEventType(type))
      throw bad(
        FEED_EVENT_TYPES.has(type)
          ? `Expected a type that the feed does not use itself, got ${shownText(type)}`
          : `Expected type as a letter and up to 63 letters, digits, '.', '_' and '-', got ${shownText(type)}`,
      )
    if (to !== null && !(typeof to === 'string' && CLIENT_ID.test(to)))
      throw bad(`Expected the id of a client of 1 to 64 characters, got ${shownText(to)}`)
    if (typeof messageId !== 'string' || !MESSAGE_ID.test(messageId))
      throw bad(
        `Expected messageId as 1 to 128 printable ASCII characters without spaces, got ${shownText(messageId)}`,
      )
    return { topic, type, to, messageId, principal: principal.id, trace, data: dataText(order) }
  }
}

function dataText(order: PublishOrder): string {
  let text: string | undefined
  try {
    text = jsonText(order.data)
  } catch (error) {
    throw new RingsideError('bad_request', 'Expected data that JSON can say', { cause: error })
  }
  if (text === undefined) throw bad('Expected data that JSON can say, got none')
  return text
}

function bad(message: string): RingsideError {
  return new RingsideError('bad_request', message)
}
