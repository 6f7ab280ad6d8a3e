import type { MessageLog } from '../outbox/contract/messages.ts'
import { jsonText } from '../process/json-text.ts'
import type { Logger } from '../process/logger.ts'

export interface OwnTopicParts {
  readonly log: MessageLog
  readonly newId: () => string
  readonly logger: Logger
}

export interface OwnEvent {
  readonly topic: string
  readonly type: string
  readonly data: object | Promise<object>
}

/** So many events may wait for the log; more are lost, and counted. */
const MAX_WAITING = 10_000

/** Writes a topic of the server's own. Nobody waits for it: what was done is done, whether or not the log takes word of it. */
export class OwnTopic {
  readonly #name: string
  readonly #parts: OwnTopicParts
  #waiting = 0
  #lostCount = 0

  /** `name` is told in the log of the process when an event is lost. */
  constructor(name: string, parts: OwnTopicParts) {
    this.#name = name
    this.#parts = parts
  }

  /** So many events are in no log. */
  get lostCount(): number {
    return this.#lostCount
  }

  /** So many are on their way to the log. */
  get waitingCount(): number {
    return this.#waiting
  }

  /**
   * Writes an event; data that is still to come is waited for. `told` has what the log of the process may have of it when
   * it is lost.
   */
  tell(event: OwnEvent, told: object): void {
    if (this.#waiting >= MAX_WAITING) return this.#lose(told, null)
    this.#waiting++
    this.#put(event)
      .catch((error: unknown) => this.#lose(told, error))
      .finally(() => this.#waiting--)
  }

  async #put({ topic, type, data }: OwnEvent): Promise<void> {
    const { log, newId } = this.#parts
    const known = data instanceof Promise ? await data : data
    await log.publish({
      topic,
      type,
      to: null,
      messageId: newId(),
      principal: 'server',
      trace: null,
      data: jsonText(known) as string,
    })
  }

  #lose(told: object, error: unknown): void {
    // The first of them is told, for a log that is away loses all of them.
    if (this.#lostCount++ === 0)
      this.#parts.logger.error({ ...told, err: error }, `${this.#name} was lost`)
  }
}
