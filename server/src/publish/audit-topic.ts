import type { AuditRecord } from '@ringside/protocol'
import { OwnTopic } from './own-topic.ts'
import type { OwnTopicParts } from './own-topic.ts'

export interface AuditTopicParts extends OwnTopicParts {
  /** The id of a client as it may be told. */
  readonly shownClient: (clientId: string) => Promise<string>
}

/**
 * Tells what was done to whom as events of the topic `audit`, which its scope alone reads (PU7). Nobody waits for it: an
 * act that was done is done, whether or not the log takes the record of it.
 */
export class AuditTopic {
  readonly #topic: OwnTopic
  readonly #shownClient: (clientId: string) => Promise<string>

  constructor(parts: AuditTopicParts) {
    this.#shownClient = parts.shownClient
    this.#topic = new OwnTopic('audit record', parts)
  }

  /** So many records are in no log. */
  get lostCount(): number {
    return this.#topic.lostCount
  }

  /** Takes of the record what its type names, and nothing else. */
  tell({ action, by, target, remoteAddress, reason, durationMs, result }: AuditRecord): void {
    const record = { action, by, target, remoteAddress, reason, durationMs, result }
    const { to } = target
    const data = to === undefined ? record : this.#shown(record, to)
    this.#topic.tell({ topic: 'audit', type: 'audit', data }, { action, by, result })
  }

  async #shown(record: AuditRecord, to: string): Promise<AuditRecord> {
    return { ...record, target: { ...record.target, to: await this.#shownClient(to) } }
  }
}
