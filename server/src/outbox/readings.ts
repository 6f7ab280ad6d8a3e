import type { Part } from '../process/part.ts'
import type { Outbox } from './contract/outbox.ts'

/** The values of the log for `/metrics`, and nothing else: the part of the rooms starts and stops it (host/). */
export function logReadings(outbox: Pick<Outbox, 'stats' | 'sealed'>): Part<never> {
  return {
    name: 'readings of the log',
    gauges: [
      {
        name: 'outbox_lag_ms',
        help: 'Age of the oldest event not yet acknowledged, in ms',
        read: () => outbox.stats.lagMs,
      },
      {
        name: 'tail_lag_ms',
        help: 'Time since the log was last read with success, in ms',
        read: () => outbox.stats.tailLagMs,
      },
      {
        name: 'outbox_pending_events',
        help: 'Events not yet acknowledged',
        read: () => outbox.stats.pendingEvents,
      },
      {
        name: 'outbox_lost_events',
        help: 'Accepted events that were given up: they are in no log',
        read: () => outbox.stats.lostEvents,
      },
      {
        name: 'sealed_seq',
        help: 'Every event up to this one may be shown',
        read: () => outbox.sealed,
      },
    ],
    counters: [
      {
        name: 'events_appended_total',
        help: 'Events acknowledged by the log',
        read: () => outbox.stats.appendedCount,
      },
      {
        name: 'events_voided_total',
        help: 'Sequence numbers of the log given up',
        read: () => outbox.stats.tombstoneCount,
      },
    ],
  }
}
