import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import { LogWriter } from './append/log-writer.ts'
import { MessageBuffer } from './append/message-buffer.ts'
import type { Pending } from './append/pending-events.ts'
import { PendingTotal } from './append/pending-total.ts'
import type { BufferContext } from './append/room-buffer.ts'
import type { CutHold, Outbox, OutboxOptions } from './contract/outbox.ts'
import type { LogStore } from './contract/store.ts'
import { Outage } from './health/outage.ts'
import { HistoryWatch } from './history/history-watch.ts'
import { LogView } from './history/log-view.ts'
import { Checkpoints } from './keep/checkpoints.ts'
import { Retention } from './keep/retention.ts'
import { SnapshotSaver } from './keep/snapshot-saver.ts'
import { LogOutbox } from './log-outbox.ts'
import { OwnedRooms } from './owner/owned-rooms.ts'
import { OwnerWatch } from './owner/owner-watch.ts'
import { takeRoom } from './owner/takeover.ts'
import { LogTail } from './read/log-tail.ts'
import { SealedReader } from './read/sealed-reader.ts'

/** The part of an outbox that comes from outside. */
export interface OutboxContext {
  readonly clock: Clock
  readonly logger: Logger
  /** A new id at each call, 12 random characters or more: never the same in two processes. */
  readonly randomId: () => string
  /** The largest delay of a room in use, in ms: what is younger is kept. Default 0. */
  readonly maxDelayMs?: () => number
  /** What holds the cut of the log back for a while (FE119). Default: nothing. */
  readonly holdCut?: CutHold
  /** Called once, when this process can no longer write the log: every room was told before. */
  readonly onGivenUp?: (cause: Error) => void
}

/**
 * Makes the log over a store. Nothing runs before `start`; `stop` closes the store too. Several may share
 * one MemoryStore, as processes share a database.
 */
export function createOutbox(
  given: LogStore,
  options: OutboxOptions,
  context: OutboxContext,
): Outbox {
  const { clock, logger, randomId, maxDelayMs = () => 0, onGivenUp = null, holdCut } = context
  const outage = new Outage({
    clock,
    logger,
    address: given.address ?? 'in memory',
    pendingEvents: () => writer.pendingEvents,
  })
  const onRestored = (cause: Error): void => outbox.halt(cause)
  const store = new LogView(given, onRestored)
  const historyId = (): string => store.historyId
  const watch = new HistoryWatch({ store, clock, historyId, onRestored })
  const shared = { store, options, clock, logger, outage, own: randomId() }
  const rooms = new OwnedRooms()
  const total = new PendingTotal(options.maxPendingTotalBytes, clock)
  const tail = new LogTail({ ...shared, onPoll: () => watch.look() })
  const sealed = (): number => tail.sealed
  new OwnerWatch({ ...shared, rooms }).follow(tail)
  const writer: LogWriter = new LogWriter({
    ...shared,
    sealed,
    isOurs: () => watch.isOurs(),
    onAcknowledged: (event) => watch.note(event),
    onFlushed: () => tail.wake(),
    onAbandoned: (cause) => outbox.giveUp(cause),
  })
  const enqueue = (pending: Pending): void => writer.enqueue(pending)
  const messages = new MessageBuffer({ options, total, clock, own: randomId(), enqueue })
  const snapshots = new SnapshotSaver(shared)
  const checkpoints = new Checkpoints({ ...shared, sealed })
  const retention = new Retention({
    ...shared,
    sealed,
    stepBack: (seq, count) => store.voids.stepBack(seq, count),
    maxDelayMs,
    askForSnapshot: (room) => rooms.askForSnapshot(room),
    ...(holdCut ? { holdCut } : {}),
  })
  const reader = new SealedReader({
    ...shared,
    sealed,
    noteFloor: (floor) => retention.noteFloor(floor),
  })
  const restoredAtSince = (seq: number): number => store.restoredAtSince(seq)
  const buffers: BufferContext = {
    options,
    total,
    clock,
    logger,
    enqueue,
    saveSnapshot: (snapshot) => snapshots.save(snapshot),
    onOver: (buffer) => rooms.delete(buffer),
    onLost: (room, count) => rooms.noteLost(room, count),
  }
  const outbox: LogOutbox = new LogOutbox({
    store,
    clock,
    logger,
    outage,
    tail,
    writer,
    messages,
    total,
    rooms,
    snapshots,
    checkpoints,
    retention,
    reader,
    watch,
    take: (claim) => takeRoom(claim, { store, buffers, randomId, restoredAtSince }),
    onGivenUp,
  })
  return outbox
}
