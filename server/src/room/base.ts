import type { Json } from '@ringside/protocol'
import type { RoomType } from './context.ts'
import type { RoomSession } from './definition.ts'
import type { Profile } from './profile.ts'
import type { SeatTable } from './seats/seat-table.ts'

/** The part of a room that only tells of its type, seats and profile; room.ts adds what happens in it. */
export abstract class RoomBase {
  abstract readonly kind: RoomType
  abstract readonly seats: SeatTable
  abstract readonly profile: Profile

  get type(): string {
    return this.kind.name
  }
  get tickHz(): number {
    return this.kind.tickHz
  }
  /** Length of one step of the loop in ms: the tick, or the patch interval of a room without one. */
  get tickMs(): number {
    return 1000 / (this.kind.tickHz || this.kind.patchHz)
  }
  get sessions(): ReadonlyMap<string, RoomSession> {
    return this.seats.seated
  }
  get clientCount(): number {
    return this.seats.seated.size
  }
  get isLocked(): boolean {
    return this.profile.isLocked
  }
  get metadata(): Json {
    return this.profile.metadata
  }

  lock(): void {
    this.profile.setLocked(true)
  }

  unlock(): void {
    this.profile.setLocked(false)
  }

  setPrivate(isPrivate: boolean): void {
    this.profile.setPrivate(isPrivate)
  }

  setMetadata(metadata: Json): void {
    this.profile.setMetadata(metadata)
  }
}
