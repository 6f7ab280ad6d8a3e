import type { RoomRecord } from '../outbox/contract/store.ts'
import { eachAtOnce } from './at-once.ts'

/** Rooms restored at the same time: each waits for the log several times. */
const AT_ONCE = 32
const PAGE = 1_000

export interface RestoreAllParts {
  /** Living rooms with an id above `after`, ascending. */
  readonly page: (after: string, limit: number) => Promise<RoomRecord[]>
  /** False when the room cannot go on. @throws what concerns all rooms. */
  readonly restore: (record: RoomRecord) => Promise<boolean>
  /** A room that does not go on here. */
  readonly onLeft: (record: RoomRecord) => void | Promise<void>
  /** Rooms restored at most. */
  readonly limit: number
}

/** Numbers of rooms that go on, that could not go on, and that were not tried because there were too many. */
export interface RestoreCounts {
  restored: number
  left: number
  beyond: number
}

/** Restores the living rooms, several at once. @throws what `restore` threw first, when all have settled. */
export async function restoreAll(parts: RestoreAllParts): Promise<RestoreCounts> {
  const counts: RestoreCounts = { restored: 0, left: 0, beyond: 0 }
  let tried = 0
  const one = async (record: RoomRecord): Promise<void> => {
    const isTried = tried - counts.left < parts.limit
    if (isTried) tried++
    if (isTried && (await parts.restore(record))) counts.restored++
    else {
      counts[isTried ? 'left' : 'beyond']++
      await parts.onLeft(record)
    }
  }
  for (let after: string | null = ''; after !== null;) {
    const page: RoomRecord[] = await parts.page(after, PAGE)
    after = page.length < PAGE ? null : (page[page.length - 1]?.room ?? null)
    await eachAtOnce(page, AT_ONCE, one)
  }
  return counts
}
