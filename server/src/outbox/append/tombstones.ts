import { TOMBSTONE } from '../contract/store.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'

/**
 * Writes tombstones into those of `seqs` (ascending) that hold nothing (OB47). Whoever comes second loses:
 * an event that got there first stays, one that comes later is blocked. Returns how many were written;
 * throws when the store fails, and then any part may have been written: calling again is harmless.
 */
export async function writeTombstones(
  store: Pick<LogStore, 'events' | 'clock'>,
  seqs: readonly number[],
  own: string,
): Promise<number> {
  let left = seqs.map((seq) => tombstone(seq, own, store.clock.now()))
  let count = 0
  while (left.length > 0) {
    const outcome = await store.events.insert(left)
    if (outcome.kind === 'stored') return count + left.length
    if (outcome.kind !== 'blocked') throw outcome.cause
    count += outcome.index
    left = left.slice(outcome.index + 1)
    // If one was taken, others may be: one read saves a round trip for each.
    left = await withoutTaken(store, left)
  }
  return count
}

async function withoutTaken(
  { events: stored }: Pick<LogStore, 'events'>,
  events: LogEvent[],
): Promise<LogEvent[]> {
  const first = events[0]
  const last = events[events.length - 1]
  if (!first || !last) return events
  const found = await stored.range({ after: first.seq - 1, upTo: last.seq, limit: 10_000 })
  const taken = new Set(found.map((event) => event.seq))
  return events.filter((event) => !taken.has(event.seq))
}

function tombstone(seq: number, own: string, at: number): LogEvent {
  return {
    seq,
    room: null,
    n: 0,
    epoch: 0,
    own,
    type: TOMBSTONE,
    at,
    data: '',
    hidden: null,
    prev: 0,
  }
}
