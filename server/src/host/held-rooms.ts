import type { LiveRoom } from '../room/room.ts'
import type { Tenancy } from './tenancy.ts'

/** The rooms that run here, by their ids: those that the tenancies hold, and nothing beside them. */
export class HeldRooms {
  readonly #tenancies: ReadonlyMap<string, Pick<Tenancy, 'room'>>

  constructor(tenancies: ReadonlyMap<string, Pick<Tenancy, 'room'>>) {
    this.#tenancies = tenancies
  }

  get(roomId: string): LiveRoom | undefined {
    return this.#tenancies.get(roomId)?.room ?? undefined
  }

  has(roomId: string): boolean {
    return this.get(roomId) !== undefined
  }

  /** It is counted anew at each look. */
  get size(): number {
    let count = 0
    for (const { room } of this.#tenancies.values()) if (room) count++
    return count
  }

  *keys(): Generator<string> {
    for (const [roomId, { room }] of this.#tenancies) if (room) yield roomId
  }

  *values(): Generator<LiveRoom> {
    for (const { room } of this.#tenancies.values()) if (room) yield room
  }
}
