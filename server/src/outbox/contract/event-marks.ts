import type { LogEvent } from './store.ts'

/**
 * How far the events of a room have been counted (RM52). An event's index is its place among all events of its room, over
 * all owners; it stands beside the event in the log, as the hidden part of that.
 */
export interface EventMarks {
  /** Index of the last event; 0 before the first. */
  readonly index: number
  /** Every owner with a higher epoch that has emitted something is in `owners`. */
  readonly since: number
  /** Owners that have emitted, by epoch, each with the index before its first event. */
  readonly owners: readonly EmittingOwner[]
}

export type EmittingOwner = readonly [epoch: number, before: number]

/** Owners that are remembered: a client that was away for more of them is told that it has missed events. */
const MAX_OWNERS = 16

/** The marks of a new room. */
export const NO_EVENTS: EventMarks = { index: 0, since: 0, owners: [] }

/** Encodes the hidden part of an event in the log. */
export function encodeEventIndex(index: number): string {
  return `{"index":${index}}`
}

/** The marks after one more event of an owner. */
export function countEvent(marks: EventMarks, epoch: number, index: number): EventMarks {
  let { since, owners } = marks
  if ((owners.at(-1)?.[0] ?? -1) < epoch) {
    owners = [...owners, [epoch, marks.index]]
    // Nobody knows any more what came between that owner and the next.
    if (owners.length > MAX_OWNERS) since = Math.max(since, owners[0]?.[0] ?? 0)
    owners = owners.slice(-MAX_OWNERS)
  }
  return { index: Math.max(marks.index, index), since, owners }
}

/** The marks after an event of the log: patches, and what is no game's event, do not change them. */
export function foldEventMarks(
  marks: EventMarks,
  { type, epoch, hidden }: Pick<LogEvent, 'type' | 'epoch' | 'hidden'>,
): EventMarks {
  if (type === 'patch' || !hidden) return marks
  const { index } = JSON.parse(hidden) as { readonly index?: unknown }
  return typeof index === 'number' ? countEvent(marks, epoch, index) : marks
}

/** Puts the marks into the `runtime` of a snapshot. */
export function withEventMarks(runtime: string, marks: EventMarks): string {
  return JSON.stringify({ ...(JSON.parse(runtime) as object), events: marks })
}

/** The marks of a `runtime`; null where the log was written before there were any. */
export function eventMarksOf(runtime: string): EventMarks | null {
  const { events } = JSON.parse(runtime) as { readonly events?: EventMarks }
  return events ?? null
}
