import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { Listeners } from '../process/listeners.ts'
import { within } from '../process/wait.ts'
import { briefOf } from '../process/log-line.ts'
import type { Logger } from '../process/logger.ts'
import type { LogWriter } from './append/log-writer.ts'
import type { MessageBuffer } from './append/message-buffer.ts'
import type { PendingTotal } from './append/pending-total.ts'
import type { RoomBuffer } from './append/room-buffer.ts'
import type { NewMessage, Published } from './contract/messages.ts'
import type {
  ClientCheckpoints,
  Outbox,
  OutboxPage,
  OutboxQuery,
  OutboxStats,
  RoomLog,
  RoomLogHandlers,
  SealAges,
  SealedListener,
  StoredRoom,
} from './contract/outbox.ts'
import { roomEndOf } from './contract/store.ts'
import type { LogEvent, RoomEnd, RoomRecord, Snapshot } from './contract/store.ts'
import type { RoomWho } from './contract/room-who.ts'
import { Halt, stoppedError } from './health/halt.ts'
import type { Outage } from './health/outage.ts'
import type { HistoryWatch } from './history/history-watch.ts'
import type { LogView } from './history/log-view.ts'
import type { Checkpoints } from './keep/checkpoints.ts'
import type { Retention } from './keep/retention.ts'
import type { SnapshotSaver } from './keep/snapshot-saver.ts'
import type { OwnedRooms } from './owner/owned-rooms.ts'
import type { Claim } from './owner/takeover.ts'
import type { LogTail } from './read/log-tail.ts'
import { missing, readOn, readRoom, whoAtEnd } from './read/read-room.ts'
import type { SealedReader } from './read/sealed-reader.ts'

/** `stop` tries for so long to write what is left, in ms. */
const STOP_WITHIN_MS = 10_000
/** The store may take so long to close after that, in ms. */
const CLOSE_WITHIN_MS = 4_000

export interface LogOutboxParts {
  readonly store: LogView
  readonly clock: Clock
  readonly logger: Logger
  readonly outage: Outage
  readonly tail: LogTail
  readonly writer: LogWriter
  readonly messages: MessageBuffer
  readonly total: PendingTotal
  readonly rooms: OwnedRooms
  readonly snapshots: SnapshotSaver
  readonly checkpoints: Checkpoints
  readonly retention: Retention
  readonly reader: SealedReader
  readonly watch: HistoryWatch
  /** Takes the ownership of a room (OB4). */
  readonly take: (claim: Claim) => Promise<RoomBuffer>
  /** Called once, when this process can no longer write the log: every room was told before. */
  readonly onGivenUp: ((cause: Error) => void) | null
}

/**
 * The log of a process: its life from start to stop, and what the rest of the server may ask of it. States:
 * `new` -> `starting` -> `running` -> `stopping` -> `stopped`; a start that fails goes back to `new`, and a stop
 * may come in any of them.
 */
export class LogOutbox implements Outbox {
  readonly checkpoints: ClientCheckpoints
  readonly #parts: LogOutboxParts
  readonly #halt = new Halt()
  #state: 'new' | 'starting' | 'running' | 'stopping' | 'stopped' = 'new'
  #stopping: Promise<void> | null = null
  #origin = 0
  /** The log was restored under this process. */
  #isHalted = false
  readonly #halted = new Listeners<[]>()

  constructor(parts: LogOutboxParts) {
    this.#parts = parts
    this.checkpoints = parts.checkpoints
  }

  /** The writer has given the log up, and every owner was told. */
  giveUp(cause: unknown): void {
    if (this.#state !== 'running' || this.#isHalted) return
    const { logger, clock, rooms, onGivenUp } = this.#parts
    const fields = { events: rooms.lostCount, rooms: rooms.lostRoomCount, err: briefOf(cause) }
    logger.error(
      fields,
      'the log is given up: accepted events are lost, only a new process goes on',
    )
    const text = `The log is given up: ${fields.events} events of ${fields.rooms} rooms are lost`
    // It is told in a turn of its own, for whoever is told may close everything.
    if (onGivenUp)
      clock.soon(() => onGivenUp(new RingsideError('outbox_unreachable', text, { cause })))
  }

  /**
   * The log was restored under this process (OB101): it writes nothing more and shows nothing more, its rooms stop,
   * and whoever waits for the log is let go. Only a new process goes on.
   */
  halt(cause: Error): void {
    if (this.#state !== 'running' || this.#isHalted) return
    this.#isHalted = true
    const { logger, clock, tail, retention, watch, snapshots, writer, rooms, onGivenUp } =
      this.#parts
    watch.stop()
    tail.halt()
    void retention.stop()
    snapshots.stop()
    this.#halt.halt(new RingsideError('unavailable', undefined, { cause }))
    writer.abandon(cause)
    for (const room of rooms) room.abandon(cause)
    const fields = { events: rooms.lostCount, rooms: rooms.lostRoomCount, err: briefOf(cause) }
    logger.error(
      fields,
      'the log was restored under this process, which stops: run `npx --no-install ringside-log restored` once all servers have ended, then start them anew',
    )
    // It is told in a turn of its own, for whoever is told may close everything.
    if (onGivenUp) clock.soon(() => onGivenUp(cause))
    this.#halted.call()
  }

  onHalted(listener: () => void): () => void {
    return this.#halted.add(listener)
  }

  get historyId(): string {
    return this.#parts.store.historyId
  }

  get wasRestored(): boolean {
    return !this.#parts.store.voids.isEmpty
  }

  isVoid(seq: number): boolean {
    return this.#parts.store.voids.has(seq)
  }

  get sealed(): number {
    return this.#parts.tail.sealed
  }

  get ages(): SealAges {
    return this.#parts.tail.ages
  }

  get floor(): number {
    return this.#parts.retention.floor
  }

  get origin(): number {
    return this.#origin
  }

  get stats(): OutboxStats {
    const { writer, tail, outage, rooms, total } = this.#parts
    return {
      pendingEvents: writer.pendingEvents,
      pendingBytes: writer.pendingBytes,
      lagMs: writer.lagMs,
      tailLagMs: tail.lagMs,
      lastError: writer.lastError ?? tail.lastError,
      isReadAway: this.#isHalted || outage.isAway('read'),
      isWriteAway: this.#isHalted || outage.isAway('write'),
      lostEvents: rooms.lostCount,
      isGivenUp: this.#state === 'running' && writer.isAbandoned,
      appendedCount: writer.appendedCount,
      coalescedCount: total.coalescedCount,
      tombstoneCount: writer.tombstoneCount + tail.tombstoneCount,
    }
  }

  async start(): Promise<void> {
    if (this.#stopping) throw stoppedError()
    if (this.#state !== 'new') return
    this.#state = 'starting'
    try {
      await this.#halt.race(() => this.#begin())
      this.#state = 'running'
    } catch (cause) {
      if (this.#isStopping) throw stoppedError()
      // A store that cannot be reached yet: `start` may be tried again.
      await this.#halt.race(async () => {
        await this.#parts.tail.stop()
        await this.#parts.store.close()
      })
      this.#state = 'new'
      if (cause instanceof RingsideError) throw cause
      throw new RingsideError('outbox_unreachable', undefined, { cause })
    }
  }

  async #begin(): Promise<void> {
    await this.#parts.store.open()
    const { origin } = await this.#parts.store.begin()
    this.#origin = origin
    if (!this.#isStopping) await this.#parts.tail.start()
    if (!this.#isStopping) await this.#parts.retention.start()
    if (!this.#isStopping) return
    // It was stopped while the store took its time: nobody waits for this any more.
    await Promise.all([this.#parts.tail.stop(), this.#parts.retention.stop()])
    await this.#parts.store.close()
  }

  get #isStopping(): boolean {
    return this.#stopping !== null
  }

  stop(lastWrites: () => Promise<void> = async () => {}): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = this.#stop(lastWrites)
      // Each caller is told; one that does not look must not end the process by that.
      this.#stopping.catch(() => {})
    }
    return this.#stopping
  }

  async #stop(lastWrites: () => Promise<void>): Promise<void> {
    const { clock, logger, rooms } = this.#parts
    const wasRunning = this.#state === 'running'
    const isOpen = wasRunning || this.#state === 'starting'
    this.#state = 'stopping'
    if (wasRunning) await within(clock, STOP_WITHIN_MS, this.#flushAll(lastWrites))
    this.#parts.watch.stop()
    void this.#parts.tail.stop()
    this.#parts.outage.stop()
    this.#parts.snapshots.stop()
    this.#parts.checkpoints.stop()
    this.#parts.messages.stop()
    this.#parts.writer.abandon(new RingsideError('outbox_unreachable', 'The log was stopped'))
    this.#halt.halt(stoppedError())
    if (isOpen) await within(clock, CLOSE_WITHIN_MS, this.#closeStore())
    this.#state = 'stopped'
    if (rooms.lostCount === 0) return
    const fields = { events: rooms.lostCount, rooms: rooms.lostRoomCount }
    logger.error(fields, 'the log was stopped with accepted events unwritten')
    throw new RingsideError(
      'outbox_unreachable',
      `Expected every accepted event to be written, got ${fields.events} of ${fields.rooms} rooms that are not`,
    )
  }

  /** It never rejects. */
  async #flushAll(lastWrites: () => Promise<void>): Promise<void> {
    try {
      // Their timers end at once, whatever the store answers.
      const stopping = [this.#parts.retention.stop()]
      // The caller that closed the room is told how it went.
      const closing = [...this.#parts.rooms].map((room) => room.close().catch(() => {}))
      await this.#parts.writer.drain()
      await Promise.all(closing)
      await lastWrites()
      await this.#parts.snapshots.drain()
      await this.#parts.checkpoints.flush()
      stopping.push(this.#parts.tail.stop())
      await Promise.all(stopping)
    } catch (error) {
      this.#parts.logger.error({ err: briefOf(error) }, 'the log was not flushed to its end')
    }
  }

  /** It never rejects. */
  async #closeStore(): Promise<void> {
    try {
      await this.#parts.store.close()
    } catch (error) {
      this.#parts.logger.error(
        { err: briefOf(error) },
        'the store of the log did not close cleanly',
      )
    }
  }

  async openRoom(room: string, handlers: RoomLogHandlers, read?: StoredRoom): Promise<RoomLog> {
    this.#assertRunning()
    const claim = { room, handlers, fromEpoch: read?.epoch ?? null }
    const buffer = await this.#reached(() => this.#parts.take(claim))
    this.#assertRunning()
    this.#parts.rooms.add(buffer)
    return buffer
  }

  async eventOf(room: string, n: number): Promise<LogEvent | null> {
    const found = await this.#reached(() => this.#parts.store.events.byRoomN(room, n))
    // It may have been sealed while it was read, and that is as well: what is sealed never changes.
    return found && found.seq <= this.sealed ? found : null
  }

  publish(message: NewMessage): Promise<Published> {
    const publishing = this.#publish(message)
    // A caller that does not ask how it went must not end the process by that.
    publishing.catch(() => {})
    return publishing
  }

  async #publish(message: NewMessage): Promise<Published> {
    if (this.#isStopping) throw stoppedError()
    this.#assertRunning()
    return this.#parts.messages.publish(message)
  }

  counter(): Promise<number> {
    return this.#reached(() => this.#parts.store.marks.counter())
  }

  saveRoom(record: RoomRecord): Promise<void> {
    return this.#reached(() => this.#parts.store.rooms.save(record))
  }

  livingRooms(after: string, limit: number): Promise<RoomRecord[]> {
    return this.#reached(() => this.#parts.store.rooms.living(after, limit))
  }

  endedRooms(limit: number): Promise<RoomRecord[]> {
    return this.#reached(() => this.#parts.store.rooms.ended(limit))
  }

  roomRecord(room: string): Promise<RoomRecord | null> {
    return this.#reached(() => this.#parts.store.rooms.get(room))
  }

  endOf(room: string): Promise<RoomEnd | null> {
    return this.#reached(async () => roomEndOf(await this.#parts.store.events.lastOfRoom(room)))
  }

  readRoom(room: string): Promise<StoredRoom> {
    return this.#reached(() => readRoom(this.#parts.store, room))
  }

  stateOf(log: RoomLog, read?: StoredRoom): Promise<StoredRoom> {
    return this.#reached(() => this.#stateOf(log, read))
  }

  async #stateOf({ room, acknowledgedN }: RoomLog, read?: StoredRoom): Promise<StoredRoom> {
    const { store } = this.#parts
    const marker = acknowledgedN === 0 ? null : await store.events.byRoomN(room, acknowledgedN)
    if (!marker) throw missing(room)
    const { n, seq, epoch } = marker
    // Most often nothing was written between the look and the claim.
    if (read?.n === n - 1) return { ...read, n, seq, epoch }
    const whole = await (read ? readOn(store, read, seq) : readRoom(store, room, seq))
    if (whole.n !== n) throw missing(room)
    return whole
  }

  whoOf(room: string): Promise<RoomWho | null> {
    return this.#reached(() => whoAtEnd(this.#parts.store, room))
  }

  now(): number {
    return this.#parts.store.clock.now()
  }

  onSealed(listener: SealedListener): () => void {
    return this.#parts.tail.onSealed(listener)
  }

  read(query: OutboxQuery): Promise<OutboxPage> {
    return this.#reached(() => this.#parts.reader.read(query))
  }

  snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    return this.#reached(() => this.#parts.store.snapshots.at(room, Math.min(seq, this.sealed)))
  }

  /** A store that throws is a log that cannot be reached: a client may try again (503). */
  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#halt.race(work)
    } catch (cause) {
      if (cause instanceof RingsideError) throw cause
      throw new RingsideError('unavailable', undefined, { cause })
    }
  }

  #assertRunning(): void {
    if (this.#isHalted) throw new RingsideError('log_restored')
    if (this.#state !== 'running')
      throw new RingsideError('outbox_unreachable', 'Expected a running log: start it first')
  }
}
