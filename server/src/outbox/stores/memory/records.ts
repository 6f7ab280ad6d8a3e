import { isOlderRecord } from '../../contract/store.ts'
import type { RoomRecord } from '../../contract/store.ts'

/** Records of ended rooms kept; the oldest go first. */
const MAX_ENDED_ROOMS = 10_000

/** A MemoryStore's records of rooms (OB11). */
export class MemoryRecords {
  readonly #records = new Map<string, RoomRecord>()

  save(record: RoomRecord): void {
    if (isOlderRecord(record, this.#records.get(record.room))) return
    this.#records.delete(record.room)
    this.#records.set(record.room, record)
    if (this.#records.size <= MAX_ENDED_ROOMS) return
    for (const [room, { isLive }] of this.#records) {
      if (isLive) continue
      this.#records.delete(room)
      break
    }
  }

  living(after: string, limit: number): RoomRecord[] {
    return Array.from(this.#records.values())
      .filter(({ room, isLive }) => isLive && room > after)
      .sort((a, b) => (a.room < b.room ? -1 : 1))
      .slice(0, limit)
  }

  ended(limit: number): RoomRecord[] {
    return Array.from(this.#records.values())
      .filter(({ isLive }) => !isLive)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, limit)
  }
}
