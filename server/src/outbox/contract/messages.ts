import type { EventMessage } from './store.ts'

/** An event without a room, to be published. It has been checked: type, topic and ids are well-formed. */
export interface NewMessage extends EventMessage {
  /** `[A-Za-z][A-Za-z0-9._-]{0,63}`. */
  readonly type: string
  /** Encoded JSON, one line. */
  readonly data: string
}

export interface Published {
  readonly messageId: string
  /** True when the principal had published this messageId before: nothing was added to the log. */
  readonly duplicate: boolean
}

/** The log as publishers see it. */
export interface MessageLog {
  /**
   * Puts an event without a room into the log. Resolves once it is durable: acknowledged by a majority, journalled.
   * Events of one process keep the order in which they were published. A second one with the messageId of one that
   * the log still has of the same principal is dropped, whatever it holds, and answered as the first.
   * @throws RingsideError too_many_requests while too much waits to be written, event_refused when it can never be
   * written, outbox_unreachable or draining when what became of it is not known: the same messageId may be sent again.
   */
  publish(message: NewMessage): Promise<Published>
}
