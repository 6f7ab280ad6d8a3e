import type { AuditRecord } from '@ringside/protocol'
import type { MessageLog } from '../outbox/contract/messages.ts'
import { jsonText } from '../process/json-text.ts'
import type { Logger } from '../process/logger.ts'

export interface AuditTopicParts {
  readonly log: MessageLog
  readonly newId: () => string
  readonly logger: Logger
}

/** So many records may wait for the log; more are lost, and counted. */
const MAX_WAITING = 10_000

/**
 * Tells what was done to whom as events of the topic `audit`, which its scope alone reads (PU7). Nobody waits for it: an
 * act that was done is done, whether or not the log takes the record of it.
 */
export class AuditTopic {
  readonly #parts: AuditTopicParts
  #waiting = 0
  #lostCount = 0

  constructor(parts: AuditTopicParts) {
    this.#parts = parts
  }

  /** So many records are in no log. */
  get lostCount(): number {
    return this.#lostCount
  }

  /** Takes of the record what its type names, and nothing else. */
  tell({ action, by, target, remoteAddress, reason, durationMs, result }: AuditRecord): void {
    const record = { action, by, target, remoteAddress, reason, durationMs, result }
    if (this.#waiting >= MAX_WAITING) return this.#lose(record, null)
    this.#waiting++
    const { log, newId } = this.#parts
    log
      .publish({
        topic: 'audit',
        type: 'audit',
        to: null,
        messageId: newId(),
        principal: 'server',
        trace: null,
        data: jsonText(record) as string,
      })
      .catch((error: unknown) => this.#lose(record, error))
      .finally(() => this.#waiting--)
  }

  #lose({ action, by, result }: AuditRecord, error: unknown): void {
    // The first of them is told, for a log that is away loses all of them.
    if (this.#lostCount++ === 0)
      this.#parts.logger.error({ action, by, result, err: error }, 'audit record was lost')
  }
}
