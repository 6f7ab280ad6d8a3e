import type { LogEvent, LogStore } from '../../../outbox/contract/store.ts'

/** Everything in the store, tombstones too. */
export function everything(store: Pick<LogStore, 'events'>): Promise<LogEvent[]> {
  return store.events.range({ after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10_000 })
}

/** A log event made by hand, as a stranger's process would write it. */
export function strange(part: Partial<LogEvent> & { seq: number }): LogEvent {
  return {
    room: null,
    n: 0,
    epoch: 0,
    own: 'stranger',
    type: 'patch',
    at: 1_700_000_000_000,
    data: '{}',
    hidden: null,
    prev: 0,
    ...part,
  }
}
