import type { Clock } from '../process/clock.ts'
import { Waits } from '../process/wait.ts'
import { warnOf } from '../process/log-line.ts'
import type { Logger } from '../process/logger.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'

/** A failure is followed by another try after so long, in ms. */
const RETRY_MS = 1_000

export interface RecordWriterParts {
  readonly outbox: Pick<Outbox, 'saveRoom'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Writes records of rooms: of one room one after the other, for an older must not land on a newer, and the
 * newest again until it is stored. At most one record waits for each room.
 */
export class RecordWriter {
  readonly #parts: RecordWriterParts
  /** Newest record of each room that is not known to be stored. */
  readonly #unsaved = new Map<string, RoomRecord>()
  readonly #writing = new Map<string, Promise<void>>()
  /** Ends the waits before another attempt. */
  readonly #waits: Waits
  #isStopped = false

  constructor(parts: RecordWriterParts) {
    this.#parts = parts
    this.#waits = new Waits(parts.clock)
  }

  /** The first record of a room, tried once. @throws whatever the log fails with. */
  add(record: RoomRecord): Promise<void> {
    const { room } = record
    const added = this.#parts.outbox.saveRoom(record)
    const writing = added.catch(() => {}).then(() => this.#writeNewest(room))
    this.#writing.set(room, writing)
    return added
  }

  /** Replaces the room's record, sooner or later. */
  replace(record: RoomRecord): void {
    const { room } = record
    this.#unsaved.set(room, record)
    if (!this.#writing.has(room)) this.#writing.set(room, this.#writeNewest(room))
  }

  /** Resolves when everything is stored, or after `stop`. */
  async drain(): Promise<void> {
    while (this.#writing.size > 0) await Promise.all(this.#writing.values())
  }

  /** Gives up what is not stored yet, and says how much that is. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#waits.release()
    const rooms = this.#unsaved.size
    if (rooms > 0) this.#parts.logger.error({ rooms }, 'room records were not saved')
  }

  async #writeNewest(room: string): Promise<void> {
    // Nothing is awaited between the last look and the end: a record that is replaced meanwhile starts anew.
    await Promise.resolve()
    for (let failures = 0; !this.#isStopped;) {
      const record = this.#unsaved.get(room)
      if (!record) break
      try {
        await this.#parts.outbox.saveRoom(record)
        failures = 0
        if (this.#unsaved.get(room) === record) this.#unsaved.delete(room)
      } catch (error) {
        if (failures === 0)
          warnOf(this.#parts.logger, error, [
            { roomId: room },
            'room record was not saved, trying again',
          ])
        failures++
        await this.#waits.sleep(RETRY_MS)
      }
    }
    this.#writing.delete(room)
  }
}
