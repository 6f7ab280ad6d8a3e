import { RingsideError } from '../../process/errors.ts'
import { isFullAnswer } from '../contract/sizes.ts'
import type { LogHistory, LogStore, NewHistory, VoidRange } from '../contract/store.ts'
import { Voids, snapshotOutside } from './voids.ts'

/**
 * The new numbers begin so far above the time, as seqs count it. The same backup may be restored twice, and one that
 * was taken before a restore after one that was taken later, so the time alone decides: whatever history is lost, its
 * numbers are below those of a later restore, as long as a log gets less than 1,000 events a ms.
 */
const AHEAD = 1_000_000_000
/** More ranges than this above the floor are refused: each process holds the list. */
const MAX_VOIDS = 100
const PAGE = 10_000

/** A plan says what becomes of a log that was restored. Making it changes nothing. */
export interface RestoredPlan {
  /** The last event that is kept. */
  readonly end: number
  /** Events and tombstones above `end`, which are given up: a number before them is missing. */
  readonly strayCount: number
  /** The ranges that were void before. */
  readonly before: readonly VoidRange[]
  readonly next: NewHistory
}

type RestoredStore = Pick<LogStore, 'events' | 'marks' | 'snapshots' | 'clock'>

/**
 * Finds out where a restored log ends, and how its next history begins (OB102): everything from the first number
 * that is missing up to the new base is void. A number is missing where the backup ended in the middle of what
 * several processes wrote, or where a server has run on while the log was restored.
 * `id` is that of the new history.
 * @throws RingsideError option_invalid when the log was restored too often; what the store throws.
 */
export async function planRestored(store: RestoredStore, id: string): Promise<RestoredPlan> {
  const history = await store.marks.history()
  const { id: from, floor, voids } = history
  const end = await endOf(store, history)
  const { last, strayCount } = await beyond(store, end)
  const known = Math.max(end, last, await store.marks.counter(), await store.marks.sealed())
  const restoredAt = store.clock.now()
  const time = restoredAt * 1000 + AHEAD
  // Only where the clock was set back is the log ahead of it.
  const base = known < time ? time : known + AHEAD
  // A range above the end is part of the new one.
  const before = voids.filter(({ after }) => after < end)
  // The base is void in the numbers, not as a position: whoever reads nothing yet stands there.
  const all = joined([...before, { after: end, upTo: base - 1 }])
  // One below the floor is kept while there is room for it: a room that was quiet since may have a snapshot in there.
  const excess = Math.max(0, all.length - MAX_VOIDS)
  if ((all[excess - 1]?.upTo ?? 0) > floor)
    throw new RingsideError(
      'option_invalid',
      `Expected at most ${MAX_VOIDS} restores within what the log keeps, got ${all.length}`,
    )
  const next = { from, id, base, voids: all.slice(excess), restoredAt }
  return { end, strayCount, before: voids, next }
}

/**
 * Begins the next history, then deletes what is void. It may be done again, after a failure too: the ranges become
 * one. Servers that have started in between stop.
 * @throws RingsideError unavailable when another one was first; what the store throws.
 */
export async function markRestored(
  store: RestoredStore,
  { end, before, next }: RestoredPlan,
): Promise<number> {
  // Of those that are no longer in the list nobody would know afterwards.
  for (const range of before) await store.events.deleteVoid(range)
  if (!(await store.marks.beginHistory(next)))
    throw new RingsideError('unavailable', 'The log was marked as restored by somebody else')
  return store.events.deleteVoid({ after: end, upTo: next.base })
}

/**
 * The last number before the first that is missing, or whose event does not follow the one before it in its room: a
 * server that ran on may have filled numbers that were lost.
 */
async function endOf(
  { events, snapshots }: RestoredStore,
  { origin, floor, voids: ranges }: LogHistory,
): Promise<number> {
  const voids = new Voids(ranges)
  const places = new Map<string, number>()
  // Nothing precedes a room's first event in a log that was never cut. What was cut is in the snapshot at the floor (OB6);
  // without one the event is believed.
  const lastCut = async (room: string): Promise<number | null> =>
    floor === origin
      ? 0
      : ((await snapshotOutside(voids, snapshots, { room, seq: floor }))?.n ?? null)
  let end = floor
  for (;;) {
    const query = { after: end, upTo: Number.MAX_SAFE_INTEGER, limit: PAGE, isBare: true }
    const page = await events.range(query)
    for (const { seq, room, n } of page) {
      // Where a void range ends its base follows, which is nobody's.
      const next = voids.rangeOf(end + 1)
      if (next) end = next.upTo + 1
      if (seq <= end) continue
      if (seq !== end + 1) return end
      if (room !== null) {
        const last = places.get(room) ?? (n === 1 ? 0 : await lastCut(room)) ?? n - 1
        if (n !== last + 1) return end
        places.set(room, n)
      }
      end = seq
    }
    if (!isFullAnswer(page, query)) return end
  }
}

async function beyond(
  { events }: RestoredStore,
  end: number,
): Promise<{ readonly last: number; readonly strayCount: number }> {
  let last = end
  let strayCount = 0
  for (;;) {
    const query = { after: last, upTo: Number.MAX_SAFE_INTEGER, limit: PAGE, isBare: true }
    const page = await events.range(query)
    strayCount += page.length
    last = page.at(-1)?.seq ?? last
    if (!isFullAnswer(page, query)) return { last, strayCount }
  }
}

/** Ranges between which there is nothing are one. */
function joined(ranges: readonly VoidRange[]): VoidRange[] {
  const found: VoidRange[] = []
  for (const range of ranges) {
    const before = found.at(-1)
    // A base between them has no event.
    if (before && range.after <= before.upTo + 1)
      found[found.length - 1] = { ...before, upTo: range.upTo }
    else found.push(range)
  }
  return found
}
