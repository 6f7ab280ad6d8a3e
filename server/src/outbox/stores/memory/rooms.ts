import { isOlderRecord } from '../../contract/store.ts'
import type { RoomRecord, RoomStore } from '../../contract/store.ts'

/** So many records are kept; those of the rooms that ended first go first. */
const MAX_ROOMS = 50_000

/** The records of rooms in memory. */
export class MemoryRooms implements RoomStore {
  readonly #records = new Map<string, RoomRecord>()

  async save(record: RoomRecord): Promise<void> {
    if (isOlderRecord(record, this.#records.get(record.room))) return
    this.#records.delete(record.room)
    this.#records.set(record.room, record)
    if (this.#records.size <= MAX_ROOMS) return
    for (const [room, { isLive }] of this.#records) {
      if (isLive) continue
      this.#records.delete(room)
      break
    }
  }

  async living(after: string, limit: number): Promise<RoomRecord[]> {
    return Array.from(this.#records.values())
      .filter(({ room, isLive }) => isLive && room > after)
      .sort((a, b) => (a.room < b.room ? -1 : 1))
      .slice(0, limit)
  }

  async get(room: string): Promise<RoomRecord | null> {
    return this.#records.get(room) ?? null
  }

  async ended(limit: number): Promise<RoomRecord[]> {
    return Array.from(this.#records.values())
      .filter(({ isLive }) => !isLive)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, limit)
  }
}
