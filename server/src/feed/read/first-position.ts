import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'

/** So many numbers of the log are looked at together. */
const BLOCK = 1_000
const LIMIT = 1_000

/**
 * Finds where a reader with this delay begins: nothing at or below it is too young. What this process has sealed, and
 * everything once it has run for the delay, is judged by its own clock; what was sealed before, by `at` (FE131). Since
 * writers' clocks differ, the log is not in the order of `at`: it is looked at from its end backwards, until a block of
 * it has nothing young in it. It is never below the floor.
 */
export async function lastOldEnough(
  outbox: Pick<Outbox, 'ages' | 'read' | 'floor' | 'origin'>,
  delayMs: number,
  now: () => number,
): Promise<number> {
  const { ages } = outbox
  let position = ages.before
  let size = BLOCK
  for (let end = position; ;) {
    const first = Math.max(outbox.floor, outbox.origin)
    const ripe = ages.ripeUpTo(delayMs)
    if (ripe >= ages.before) return Math.max(ripe, first)
    if (end <= first) return Math.max(position, first)
    const block = { after: Math.max(first, end - size), upTo: end }
    const { oldestYoung, count } = await look(outbox, block, () => now() - delayMs)
    if (oldestYoung !== null) position = oldestYoung - 1
    else if (count > 0) return Math.max(position, first)
    end = block.after
    // A restore leaves long runs of numbers that hold nothing.
    size = count === 0 ? size * 2 : BLOCK
  }
}

/** Reads the block, and finds the first event of it that is younger than `youngest` says. */
async function look(
  outbox: Pick<Outbox, 'read'>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  youngest: () => number,
): Promise<{ readonly oldestYoung: number | null; readonly count: number }> {
  let oldestYoung: number | null = null
  let count = 0
  for (let from = after; from < upTo;) {
    const page = await pageOf(outbox, from, upTo)
    if (!page) break
    count += page.events.length
    oldestYoung ??= page.events.find(({ at }) => at > youngest())?.seq ?? null
    if (page.next <= from) break
    from = page.next
  }
  return { oldestYoung, count }
}

/** Null: the log was cut meanwhile, and the block with it. */
async function pageOf(outbox: Pick<Outbox, 'read'>, after: number, upTo: number) {
  try {
    return await outbox.read({ after, upTo, limit: LIMIT })
  } catch (error) {
    if (error instanceof RingsideError && error.code === 'past_retention') return null
    throw error
  }
}
