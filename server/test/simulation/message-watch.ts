import { messageKeyText } from '../../src/outbox/contract/store.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import type { Findings } from './findings.ts'
import { numberOf } from './mark.ts'

/**
 * OB107 as one process sees it: a message that the process was told is known is not sent again, or the rooms of its
 * batch would wait for it until the process gives its log up.
 */
export class MessageWatch {
  readonly #findings: Pick<Findings, 'check'>
  /** Calls of `publish` whose message was known. */
  readonly #known = new Set<number>()

  constructor(findings: Pick<Findings, 'check'>) {
    this.#findings = findings
  }

  /** An insert was answered: `blocking` stands in the way of `event`. */
  blocked(event: LogEvent, blocking: LogEvent): void {
    if (!event.message || !blocking.message || blocking.seq === event.seq) return
    if (numberOf(event) === numberOf(blocking)) return
    if (messageKeyText(event.message) === messageKeyText(blocking.message))
      this.#known.add(numberOf(event))
  }

  insert(events: readonly LogEvent[]): void {
    const again = events.find((event) => event.message && this.#known.has(numberOf(event)))
    this.#findings.check(!again, 'OB107', () => `${again?.seq} is known, and was sent again`)
  }
}
