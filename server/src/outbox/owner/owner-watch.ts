import { briefOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'
import type { LogTail } from '../read/log-tail.ts'
import type { RoomBuffer } from '../append/room-buffer.ts'
import { OWNER } from '../contract/store.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'

export interface OwnerWatchContext {
  readonly store: Pick<LogStore, 'events'>
  readonly logger: Logger
  /** The ownerships of this process. */
  readonly rooms: Iterable<RoomBuffer>
}

/**
 * Finds out that a room of this process was taken over while nothing is written in it: where nothing collides
 * (OB55) the new owner's marker tells, as soon as it is sealed (OB56).
 */
export class OwnerWatch {
  readonly #context: OwnerWatchContext

  constructor(context: OwnerWatchContext) {
    this.#context = context
  }

  /** Looks at everything that the tail seals from now on. */
  follow(tail: LogTail): void {
    tail.onSealed((events, sealed, after) => {
      for (const event of events) if (event.type === OWNER) this.#fenceOlder(event)
      // The log was cut beyond its reader (OB67): an event that was not read may have been a marker.
      if (after === sealed) this.#lookAtAll()
    })
  }

  #fenceOlder(newest: LogEvent): void {
    for (const buffer of this.#context.rooms) {
      if (buffer.room !== newest.room || buffer.epoch >= newest.epoch) continue
      // The writer tells events on their way what became of them, and fences the room if they collide.
      buffer.durable().then(
        () => buffer.fence(newest),
        () => {},
      )
    }
  }

  #lookAtAll(): void {
    const { store, rooms, logger } = this.#context
    for (const { room } of rooms)
      store.events.lastOfRoom(room).then(
        (last) => last && this.#fenceOlder(last),
        (error: unknown) =>
          logger.warn({ roomId: room, err: briefOf(error) }, 'owner was not looked up'),
      )
  }
}
