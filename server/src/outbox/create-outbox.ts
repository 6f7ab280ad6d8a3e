import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { briefOf } from '../process/failure.ts'
import type { Logger } from '../process/logger.ts'
import { Checkpoints } from './keep/checkpoints.ts'
import { Halt, stoppedError, within } from './health/halt.ts'
import { LogTail } from './read/log-tail.ts'
import { LogWriter } from './append/log-writer.ts'
import { Outage } from './health/outage.ts'
import type {
  Outbox,
  OutboxOptions,
  OutboxPage,
  OutboxQuery,
  OutboxStats,
  RoomLog,
  RoomLogHandlers,
  StoredRoom,
} from './contract/outbox.ts'
import { OwnerWatch } from './owner/owner-watch.ts'
import { PageReader } from './read/page-reader.ts'
import { PendingTotal } from './append/pending-total.ts'
import { missing, readOn, readRoom } from './read/read-room.ts'
import { Retention } from './keep/retention.ts'
import type { BufferContext, RoomBuffer } from './append/room-buffer.ts'
import { SnapshotSaver } from './keep/snapshot-saver.ts'
import type { LogEvent, LogStore, RoomRecord, Snapshot } from './contract/store.ts'
import { takeRoom } from './owner/takeover.ts'

/** How long `stop` tries to write what is left, in ms. */
const STOP_WITHIN_MS = 10_000
/** How long the store may take to close after that. */
const CLOSE_WITHIN_MS = 4_000
/** What an outbox takes from outside. */
export interface OutboxContext {
  readonly clock: Clock
  readonly logger: Logger
  /** A new id at each call, 12 random characters or more: never the same in two processes. */
  readonly randomId: () => string
  /** The largest delay of a room in use, in ms: what is younger is kept. Default 0. */
  readonly maxDelayMs?: () => number
  /** Once, when this process can no longer write the log: every room was told before. */
  readonly onGivenUp?: (cause: Error) => void
}

/**
 * Makes the log over a store. Nothing runs before `start`; `stop` closes the store too. Several may share
 * one MemoryStore, as processes share a database.
 */
export function createOutbox(
  store: LogStore,
  options: OutboxOptions,
  context: OutboxContext,
): Outbox {
  return new LogOutbox(store, options, context)
}

class LogOutbox implements Outbox {
  readonly checkpoints: Checkpoints
  readonly #store: LogStore
  readonly #context: OutboxContext
  readonly #writer: LogWriter
  readonly #tail: LogTail
  readonly #pages: PageReader
  readonly #retention: Retention
  readonly #snapshots: SnapshotSaver
  readonly #buffers: BufferContext
  readonly #rooms = new Set<RoomBuffer>()
  readonly #halt = new Halt()
  readonly #outage: Outage
  #state: 'new' | 'starting' | 'running' | 'stopping' | 'stopped' = 'new'
  #stopping: Promise<void> | null = null
  /** Rooms of which accepted events were given up, and how many those were. */
  readonly #lostRooms = new Set<string>()
  #lostCount = 0
  #origin = 0
  #appendedCount = 0
  #coalescedCount = 0

  constructor(store: LogStore, options: OutboxOptions, context: OutboxContext) {
    const { clock, logger } = context
    const outage = new Outage({
      clock,
      logger,
      address: store.address ?? 'in memory',
      pendingEvents: () => this.#writer.pendingEvents,
    })
    const shared = { store, options, clock, logger, outage, own: context.randomId() }
    this.#store = store
    this.#context = context
    this.#outage = outage
    this.#tail = new LogTail(shared)
    new OwnerWatch({ ...shared, rooms: this.#rooms }).follow(this.#tail)
    this.#writer = new LogWriter({
      ...shared,
      onFlushed: () => this.#tail.wake(),
      sealed: () => this.#tail.sealed,
      onAbandoned: (cause) => this.#givenUp(cause),
    })
    this.#snapshots = new SnapshotSaver(shared)
    this.checkpoints = new Checkpoints({ ...shared, sealed: () => this.#tail.sealed })
    this.#retention = new Retention({
      ...shared,
      sealed: () => this.#tail.sealed,
      askForSnapshot: (room) => this.#askForSnapshot(room),
      maxDelayMs: context.maxDelayMs ?? (() => 0),
    })
    this.#pages = new PageReader({
      ...shared,
      sealed: () => this.#tail.sealed,
      noteFloor: (floor) => this.#retention.noteFloor(floor),
    })
    this.#buffers = {
      options,
      total: new PendingTotal(options.maxPendingTotalBytes, clock),
      clock,
      logger,
      enqueue: (pending) => {
        this.#appendedCount++
        this.#writer.enqueue(pending)
      },
      saveSnapshot: (snapshot) => this.#snapshots.save(snapshot),
      onOver: (buffer) => this.#rooms.delete(buffer),
      onCoalesced: () => this.#coalescedCount++,
      onLost: (room, count) => {
        this.#lostRooms.add(room)
        this.#lostCount += count
      },
    }
  }

  #givenUp(cause: unknown): void {
    if (this.#state !== 'running') return
    const { logger, clock, onGivenUp } = this.#context
    const fields = { events: this.#lostCount, rooms: this.#lostRooms.size, err: briefOf(cause) }
    logger.error(
      fields,
      'the log is given up: accepted events are lost, only a new process goes on',
    )
    const text = `The log is given up: ${fields.events} events of ${fields.rooms} rooms are lost`
    // In a turn of its own: whoever is told may close everything.
    if (onGivenUp)
      clock.soon(() => onGivenUp(new RingsideError('outbox_unreachable', text, { cause })))
  }

  get sealed(): number {
    return this.#tail.sealed
  }

  get floor(): number {
    return this.#retention.floor
  }

  get origin(): number {
    return this.#origin
  }

  get stats(): OutboxStats {
    return {
      pendingEvents: this.#writer.pendingEvents,
      pendingBytes: this.#writer.pendingBytes,
      lagMs: this.#writer.lagMs,
      tailLagMs: this.#tail.lagMs,
      lastError: this.#writer.lastError ?? this.#tail.lastError,
      isReadAway: this.#outage.isAway('read'),
      isWriteAway: this.#outage.isAway('write'),
      lostEvents: this.#lostCount,
      isGivenUp: this.#state === 'running' && this.#writer.isAbandoned,
      appendedCount: this.#appendedCount,
      coalescedCount: this.#coalescedCount,
      tombstoneCount: this.#writer.tombstoneCount + this.#tail.tombstoneCount,
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
        await this.#tail.stop()
        await this.#store.close()
      })
      this.#state = 'new'
      if (cause instanceof RingsideError) throw cause
      throw new RingsideError('outbox_unreachable', undefined, { cause })
    }
  }

  async #begin(): Promise<void> {
    await this.#store.open()
    this.#origin = await this.#store.marks.origin()
    if (!this.#isStopping) await this.#tail.start()
    if (!this.#isStopping) await this.#retention.start()
    if (!this.#isStopping) return
    // Stopped while the store took its time: nobody waits for this any more.
    await Promise.all([this.#tail.stop(), this.#retention.stop()])
    await this.#store.close()
  }

  get #isStopping(): boolean {
    return this.#stopping !== null
  }

  stop(lastWrites: () => Promise<void> = async () => {}): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = this.#stop(lastWrites)
      // Told to each caller; one that does not look must not end the process by that.
      this.#stopping.catch(() => {})
    }
    return this.#stopping
  }

  async #stop(lastWrites: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#context
    const wasRunning = this.#state === 'running'
    const isOpen = wasRunning || this.#state === 'starting'
    this.#state = 'stopping'
    if (wasRunning) await within(clock, STOP_WITHIN_MS, this.#flushAll(lastWrites))
    void this.#tail.stop()
    this.#outage.stop()
    this.#snapshots.stop()
    this.checkpoints.stop()
    this.#writer.abandon(new RingsideError('outbox_unreachable', 'The log was stopped'))
    this.#halt.halt(stoppedError())
    if (isOpen) await within(clock, CLOSE_WITHIN_MS, this.#closeStore())
    this.#state = 'stopped'
    if (this.#lostCount === 0) return
    const fields = { events: this.#lostCount, rooms: this.#lostRooms.size }
    logger.error(fields, 'the log was stopped with accepted events unwritten')
    throw new RingsideError(
      'outbox_unreachable',
      `Expected every accepted event to be written, got ${fields.events} of ${fields.rooms} rooms that are not`,
    )
  }

  /** Never rejects. */
  async #flushAll(lastWrites: () => Promise<void>): Promise<void> {
    try {
      // Their timers end at once, whatever the store answers.
      const stopping = [this.#retention.stop()]
      // How it went is told to whoever closed the room.
      const closing = [...this.#rooms].map((room) => room.close().catch(() => {}))
      await this.#writer.drain()
      await Promise.all(closing)
      await lastWrites()
      await this.#snapshots.drain()
      await this.checkpoints.flush()
      stopping.push(this.#tail.stop())
      await Promise.all(stopping)
    } catch (error) {
      this.#context.logger.error({ err: briefOf(error) }, 'the log was not flushed to its end')
    }
  }

  /** Never rejects. */
  async #closeStore(): Promise<void> {
    try {
      await this.#store.close()
    } catch (error) {
      this.#context.logger.error(
        { err: briefOf(error) },
        'the store of the log did not close cleanly',
      )
    }
  }

  async openRoom(room: string, handlers: RoomLogHandlers, read?: StoredRoom): Promise<RoomLog> {
    this.#assertRunning()
    const context = { ...this.#context, store: this.#store, buffers: this.#buffers }
    const claim = { room, handlers, fromEpoch: read?.epoch ?? null }
    const buffer = await this.#reached(() => takeRoom(claim, context))
    this.#assertRunning()
    this.#rooms.add(buffer)
    return buffer
  }

  counter(): Promise<number> {
    return this.#reached(() => this.#store.marks.counter())
  }

  saveRoom(record: RoomRecord): Promise<void> {
    return this.#reached(() => this.#store.rooms.save(record))
  }

  livingRooms(after: string, limit: number): Promise<RoomRecord[]> {
    return this.#reached(() => this.#store.rooms.living(after, limit))
  }

  endedRooms(limit: number): Promise<RoomRecord[]> {
    return this.#reached(() => this.#store.rooms.ended(limit))
  }

  readRoom(room: string): Promise<StoredRoom> {
    return this.#reached(() => readRoom(this.#store, room))
  }

  stateOf(log: RoomLog, read?: StoredRoom): Promise<StoredRoom> {
    return this.#reached(() => this.#stateOf(log, read))
  }

  async #stateOf({ room, acknowledgedN }: RoomLog, read?: StoredRoom): Promise<StoredRoom> {
    const marker =
      acknowledgedN === 0 ? null : await this.#store.events.byRoomN(room, acknowledgedN)
    if (!marker) throw missing(room)
    const { n, seq, epoch } = marker
    // Most often nothing was written between the look and the claim.
    if (read?.n === n - 1) return { ...read, n, seq, epoch }
    const whole = await (read ? readOn(this.#store, read, seq) : readRoom(this.#store, room, seq))
    if (whole.n !== n) throw missing(room)
    return whole
  }

  now(): number {
    return this.#store.clock.now()
  }

  onSealed(
    listener: (events: readonly LogEvent[], sealed: number, after: number) => void,
  ): () => void {
    return this.#tail.onSealed(listener)
  }

  read(query: OutboxQuery): Promise<OutboxPage> {
    return this.#reached(() => this.#pages.read(query))
  }

  snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    return this.#reached(() => this.#store.snapshots.at(room, Math.min(seq, this.sealed)))
  }

  #askForSnapshot(room: string): boolean {
    const owned = Array.from(this.#rooms).filter((buffer) => buffer.room === room)
    return owned.filter((buffer) => buffer.askForSnapshot()).length > 0
  }

  /** What a store throws is a log that cannot be reached: for a client, something to try again (503). */
  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#halt.race(work)
    } catch (cause) {
      if (cause instanceof RingsideError) throw cause
      throw new RingsideError('unavailable', undefined, { cause })
    }
  }

  #assertRunning(): void {
    if (this.#state !== 'running')
      throw new RingsideError('outbox_unreachable', 'Expected a running log: start it first')
  }
}
