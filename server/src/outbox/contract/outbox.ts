import type { MessageLog } from './messages.ts'
import type { RoomWho } from './room-who.ts'
import type {
  Checkpoint,
  LogEvent,
  RoomEnd,
  RoomRecord,
  Snapshot,
  StoredCheckpoint,
} from './store.ts'

/**
 * The log as the rest of the server sees it, whichever store keeps it. Constructed in server.ts by
 * `createOutbox(store, options, context)`.
 */
export interface Outbox extends MessageLog {
  /** @throws RingsideError outbox_unreachable (may be tried again), draining when `stop` came meanwhile. */
  start(): Promise<void>
  /**
   * Flushes what was accepted, waits for `lastWrites`, then stops everything and closes the store; ends within
   * 15 s whatever the store does. Whoever waits for the log is told `draining`. A second call is the first.
   * @throws RingsideError outbox_unreachable, with the counts, when accepted events were not written.
   */
  stop(lastWrites?: () => Promise<void>): Promise<void>
  /**
   * Takes the ownership of a room: a new room begins at n = 1; a room with history gets a marker
   * (`owner` event) at n = last + 1 with a higher epoch (OB4). With `read`, only from the owner that it was
   * read of: whoever has claimed the room since keeps it.
   * @throws RingsideError room_taken when another owner was first, room_over when the room has ended.
   */
  openRoom(room: string, handlers: RoomLogHandlers, read?: StoredRoom): Promise<RoomLog>
  /** W of OB3: nothing beyond it is shown to anybody. */
  readonly sealed: number
  /** How long ago this process sealed what is sealed. */
  readonly ages: SealAges
  /** Nothing at or below it can be read any more (OB64). */
  readonly floor: number
  /** First seq of this log - 1: a position below it is of another log. */
  readonly origin: number
  /** Says whether a restore of the log has made this position void: it is another log's (OB103). */
  isVoid(seq: number): boolean
  /**
   * Calls when the log was restored under this process: nothing of it may be shown any more. The result ends it.
   */
  onHalted(listener: () => void): () => void
  /** The id of the log's history (OB100). */
  readonly historyId: string
  /** The log was restored from a backup at some time. */
  readonly wasRestored: boolean
  /** The sealed event at one place of a room, or null: it is gone, void, not sealed yet, or never was. */
  eventOf(room: string, n: number): Promise<LogEvent | null>
  /** Greatest seq ever allocated, asked of the store. */
  counter(): Promise<number>
  /**
   * The tail: called with each run of newly sealed events in order, tombstones left out, after
   * `sealed` was raised. One call a turn at most. `events` are all of (after, sealed]; `after` is the
   * `sealed` of the call before, or greater when the log was cut faster than this process could read:
   * readers at a lower position have lost events. The returned function stops it.
   */
  onSealed(listener: SealedListener): () => void
  /**
   * Gives sealed events with seq > after, ascending, tombstones left out. `next` says where to read on: it is the
   * last seq looked at, and `sealed` when the end was reached.
   * @throws RingsideError past_retention when `after` is below the floor (checked after the read).
   */
  read(query: OutboxQuery): Promise<OutboxPage>
  /** The newest snapshot at or below `seq`, or null. */
  snapshotAt(room: string, seq: number): Promise<Snapshot | null>
  /** Keeps what must be known of a room apart from its log, unless a newer record is there (LogStore). */
  saveRoom(record: RoomRecord): Promise<void>
  /** Living rooms with an id above `after` ('' for the first page), ascending by id; at most `limit`. */
  livingRooms(after: string, limit: number): Promise<RoomRecord[]>
  /** The rooms made last among those that have ended, newest first; at most `limit`. */
  endedRooms(limit: number): Promise<RoomRecord[]>
  /** The record of one room, or null: it was never made, or is forgotten. */
  roomRecord(room: string): Promise<RoomRecord | null>
  /** The room's last event if that is its end and is still in the log; else null. */
  endOf(room: string): Promise<RoomEnd | null>
  /** The checkpoints of clients (OB19). */
  readonly checkpoints: ClientCheckpoints
  /**
   * The room as its log has it at the moment, for whoever is about to claim it: the newest snapshot and the
   * events after it by n. It waits for no watermark, for a run of n without a gap is whole (CL4).
   * @throws RingsideError past_retention when neither snapshot nor log has it any more, room_over when it has
   * ended.
   */
  readRoom(room: string): Promise<StoredRoom>
  /**
   * The same up to this ownership's marker, for the owner that goes on with it; only what came after `read` is
   * read.
   * @throws RingsideError past_retention when neither snapshot nor log has it any more.
   */
  stateOf(log: RoomLog, read?: StoredRoom): Promise<StoredRoom>
  /** Who sees the room as its log says it at its end, however that was reached (OB126); null where it does not say. */
  whoOf(room: string): Promise<RoomWho | null>
  /** The store's time in ms. */
  now(): number
  readonly stats: OutboxStats
}

/**
 * The age of what is sealed, by the clock of this process, from the moment at which it read it (FE131). No other
 * machine's clock has a part in it.
 */
export interface SealAges {
  /** It was sealed when this process began to read the log: how old it was then is not known here. */
  readonly before: number
  /**
   * Everything up to this seq has been sealed for `ageMs` at least; what is at or below `before`, since this process
   * began. -1: nothing.
   */
  ripeUpTo(ageMs: number): number
  /** In so many ms `ripeUpTo` reaches `seq`, which is sealed. */
  waitFor(seq: number, ageMs: number): number
}

/** `events` are all of (after, sealed]; `after` is W before, or the floor where that is higher (OB67). */
export type SealedListener = (events: readonly LogEvent[], sealed: number, after: number) => void

/** The checkpoints of clients, as the outbox keeps them: each says how far a client has read a feed (OB19). */
export interface ClientCheckpoints {
  /**
   * The client has read the feed up to `seq`; more than W it cannot have seen, so that much is taken.
   * @throws RingsideError too_many_requests while 10,000 others wait to be written.
   */
  note(checkpoint: Checkpoint): void
  /** Resolves with how far the client has read the feed, or null when it never told, or not for 30 days. */
  of(clientId: string, feedName: string): Promise<StoredCheckpoint | null>
}

/** A room as its log has it, up to its event n. */
export interface StoredRoom {
  readonly room: string
  /** n, seq and epoch are those of the last event that is part of it. */
  readonly n: number
  readonly seq: number
  readonly epoch: number
  /** Store time in ms of the last event that is not a new owner's marker. */
  readonly at: number
  /** The state is encoded JSON, as that of a snapshot. */
  readonly publicState: string
  readonly hiddenState: string | null
  /** `runtime` of the newest snapshot, or null when none was stored yet. */
  readonly runtime: string | null
  /** Who sees the room at n (OB126); null where the log does not say. */
  readonly who: RoomWho | null
  /** The events after that snapshot, patches left out: they tell who joined and left meanwhile. */
  readonly events: readonly LogEvent[]
}

export interface OutboxQuery {
  readonly after: number
  /** It is inclusive; `sealed` is the default and the most. */
  readonly upTo?: number
  /** 1-1,000. */
  readonly limit: number
  readonly room?: string
  /** The page ends with the event that reaches so many bytes of data. 16 MiB is the default and the most. */
  readonly maxBytes?: number
}

export interface OutboxPage {
  readonly events: readonly LogEvent[]
  readonly next: number
}

export interface OutboxStats {
  /** Events accepted but not yet acknowledged, over all rooms. */
  readonly pendingEvents: number
  readonly pendingBytes: number
  /** Age of the oldest of them in ms; 0 when there is none. */
  readonly lagMs: number
  /** The time since the tail last read the log with success, in ms: nothing newer is shown yet. */
  readonly tailLagMs: number
  readonly lastError: string | null
  /** Reads have been failing for a second and more: whoever needs one need not wait for it to fail, too. */
  readonly isReadAway: boolean
  /** Writes have been failing for as long. */
  readonly isWriteAway: boolean
  /** Accepted events that were given up: they are in no log. */
  readonly lostEvents: number
  /** The log can no longer be written by this process (OB66): only a new one can go on. */
  readonly isGivenUp: boolean
  readonly appendedCount: number
  readonly coalescedCount: number
  readonly tombstoneCount: number
}

/**
 * One ownership of one room's log. All but `durable` and `close` is synchronous. Their promises always settle,
 * and one that nobody looks at is no unhandled rejection.
 */
export interface RoomLog {
  readonly room: string
  readonly epoch: number
  /** n of the last acknowledged event; of a room just taken over: its marker's. */
  readonly acknowledgedN: number
  /** The room's `end`, once it is acknowledged. */
  readonly end: RoomEnd | null
  /** It is true when the bounded buffer takes no more: the room must pause (OB72). */
  readonly isFull: boolean
  /** True while some of its events are not acknowledged. */
  readonly hasPending: boolean
  /**
   * Accepts one event; its n and seq are bound when it is sent. False = the buffer is full (nothing
   * was accepted; only `end` is taken even then), or this ownership is over. An event that can never
   * be written answers false, and `onRefused` follows in a later turn; from then on only `end` is taken.
   */
  append(event: NewEvent): boolean
  /**
   * Hands over the room's state as it is right after everything appended so far; it is stored once
   * that is acknowledged.
   */
  snapshot(state: SnapshotInput): void
  /**
   * The same for the last time before the ownership is given up. Resolves when everything that was appended is
   * acknowledged and a snapshot of this very point is stored: then `close` leaves the room to its next owner
   * with nothing missing.
   * @throws RingsideError as `durable`; unavailable when the snapshot was not stored.
   */
  handOver(state: SnapshotInput): Promise<void>
  /**
   * Resolves when all that was appended before is acknowledged.
   * @throws RingsideError when it will never be: event_refused, room_taken, outbox_unreachable (given up, or
   * stopped); room_over once the ownership was closed.
   */
  durable(): Promise<void>
  /**
   * Flushes, then gives the ownership up. `last` are the room's last events (what a full buffer has
   * turned away, then `end`): they are accepted beyond the bound; after `onRefused` only `end` is.
   * @throws RingsideError as `durable`, when anything that was appended, or of `last`, was not written.
   */
  close(last?: readonly NewEvent[]): Promise<void>
}

export interface NewEvent {
  readonly type: string
  /** It is encoded JSON, one line. */
  readonly data: string
  readonly hidden?: string | null
  /** Who sees the room from it on: of the first event of a room, and of `_who`. */
  readonly who?: RoomWho | undefined
}

export type SnapshotInput = Pick<Snapshot, 'publicState' | 'hiddenState' | 'runtime'>

export interface RoomLogHandlers {
  /** Another owner has taken the room (OB55): stop it and close its clients. */
  onFenced(): void
  /**
   * The log can no longer be written by this process (OB66): stop the room and close its clients; it goes
   * on from its log with its next owner.
   */
  onGivenUp(): void
  /** The buffer takes events again after `isFull`. */
  onWritable(): void
  /** An event can never be written; the room must close. Its number was voided. */
  onRefused(cause: unknown): void
  /** Every `snapshotEvery` events: call `snapshot` at the next chance. */
  onSnapshotDue(): void
}

/** A part of a room's log that is about to be cut, by the seqs of its first and last event. */
export interface CutPart {
  readonly room: string
  readonly first: number
  readonly last: number
}

/**
 * Is asked before the log is cut up to `floor`, and resolves with how far it may be: `floor` or less. Whoever holds
 * it answers quickly and is asked again, and must not hold it for ever.
 */
export type CutHold = (parts: readonly CutPart[], floor: number) => Promise<number>

/** Options of the log; process/limits.ts checks them. */
export interface OutboxOptions {
  /** A flush waits for at most so many ms while none is under way (0: it goes in the next turn). */
  readonly flushDelayMs: number
  /** The tail polls every so many ms; wake-ups make it faster. */
  readonly pollMs: number
  /** A hole is waited for so long before tombstones are written, in ms of successful reads. */
  readonly holeTimeoutMs: number
  /** A room is asked for a snapshot after so many events. */
  readonly snapshotEvery: number
  /** Bound on accepted, unacknowledged events of one room, and their bytes. */
  readonly maxPendingEvents: number
  readonly maxPendingBytes: number
  /** Bound on messages that wait to be written, and their bytes; one message is always taken. */
  readonly maxPendingMessages: number
  readonly maxPendingMessageBytes: number
  /** The bound over all rooms and messages of the process, in bytes. */
  readonly maxPendingTotalBytes: number
  /** The rooms pause when the oldest unacknowledged event is older than this, in ms. */
  readonly maxOutboxLagMs: number
  /** An event's encoded size limit in bytes. */
  readonly maxEventBytes: number
  /** Events older than this may be deleted, in ms. */
  readonly retentionMs: number
  /** At most so many events are kept. */
  readonly retentionEvents: number
  /** A log in memory keeps at most so many bytes of events. */
  readonly retentionBytes: number
}
