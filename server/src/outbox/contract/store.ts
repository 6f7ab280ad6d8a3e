import { isLogType } from './room-who.ts'
import type { RoomWho } from './room-who.ts'

/**
 * Step 7, the contract of what keeps the log: eight contracts, split by what is kept. The rules of the log
 * (docs/spec.md) are kept above it, in flush.ts, log-tail.ts and retention.ts, once for all stores. A store only
 * has to be honest about what became of a write, and never to go back: no read shows less than one before it has
 * shown, or than a write of this store has acknowledged, whatever fails over in between (OB40). A part of the
 * outbox takes only the contracts that it needs. Each contract has a suite in src/testing/contracts/store that
 * every store runs.
 */
export interface LogStore {
  readonly events: EventStore
  readonly marks: MarkStore
  readonly snapshots: SnapshotStore
  readonly rooms: RoomStore
  readonly checkpoints: CheckpointStore
  readonly records: RecordStore
  readonly clock: StoreClock
  readonly wake: WakeSource
  /** It is true when a write takes effect before it answers, or never: then events of any age may be cut. */
  readonly isLocal?: boolean
  /** Absent: each process counts for itself. */
  readonly rates?: RateStore
  /** Names the place of the store, without secrets, for the log of the process. */
  readonly address?: string
  /**
   * Bytes of `data` and `hidden` of all events kept, where they are in memory: bounded by `retentionBytes`.
   */
  readonly keptBytes?: number
  /** Creates what is missing; may be called by several processes at once, and again after `close`. */
  open(): Promise<void>
  /** Ends everything that runs; what is called after it may reject. */
  close(): Promise<void>
}

/** The events of the log, and the numbers that they get. */
export interface EventStore {
  /**
   * Takes `count` consecutive seqs from the counter and returns the first. The counter need not be durable:
   * what a fail-over takes back may be given again, but never what is at or below the floor. With
   * `historyId` it does so only while the log has that history (OB101), in the same step.
   * @throws RingsideError log_restored when it has another.
   */
  allocate(count: number, historyId?: string): Promise<number>
  /**
   * Inserts in order and stops at the first that cannot be inserted. `seq` is unique over the log,
   * {room, n} is unique where n > 0, {principal, messageId} where there is a message. It never throws for a failed
   * write: it says what is known.
   */
  insert(events: readonly LogEvent[]): Promise<InsertOutcome>
  /**
   * Allocates and inserts in one step that no reader can get between (a transaction). `make` may be
   * called more than once; its last call counts. All or nothing: `blocked` and `refused` name the culprit
   * of what `make` returned, and nothing was stored; after `unknown` the last numbers are the events' own.
   * With `historyId` it does nothing once the log has another history: `unknown`, because of `log_restored`.
   */
  insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId?: string,
  ): Promise<InsertOutcome>
  /** One event as a majority sees it, or null. */
  bySeq(seq: number): Promise<LogEvent | null>
  /** The event at one place of a room, or null. */
  byRoomN(room: string, n: number): Promise<LogEvent | null>
  /** The message that this principal has published under this id, as long as the log has it, or null (OB107). */
  byMessageId(principal: string, messageId: string): Promise<LogEvent | null>
  /** Those of up to 1,000 keys that are in the log, in any order, without their `data` and `hidden` ('' and null). */
  byMessageIds(keys: readonly MessageKey[]): Promise<LogEvent[]>
  /** Events with after < seq <= upTo, ascending, tombstones included, as a majority sees them. */
  range(query: RangeQuery): Promise<LogEvent[]>
  /** The event of the room with the greatest n, or null. */
  lastOfRoom(room: string): Promise<LogEvent | null>
  /**
   * Deletes events with seq <= `seq`, but keeps every `owner` event where `byRoomN` and `lastOfRoom` find
   * it: whoever lost the room to it finds it there, however late (OB57). Returns how many went. It is called
   * only after `raiseFloor` with the same `seq`.
   */
  deleteThrough(seq: number): Promise<number>
  /** Deletes whatever lies in a range that is void (OB104), `owner` events too. Returns how many went. */
  deleteVoid(range: VoidRange): Promise<number>
}

/** The few numbers of the log as a whole, each of which only grows, and its history. */
export interface MarkStore {
  /** First seq of this log - 1; `floor` and `sealed` begin there. */
  origin(): Promise<number>
  /** The greatest seq allocated so far, as a majority knows it: not below an event that may be shown. */
  counter(): Promise<number>
  /**
   * Everything at or below it may be gone. With `historyId` it is told in the same read whether the log still has
   * that history.
   * @throws RingsideError log_restored when it has another.
   */
  floor(historyId?: string): Promise<number>
  /**
   * Raises the floor, and the counter with it, before anything is deleted. It lowers neither. With `historyId` it
   * does so only while the log has that history, in the same step.
   * @throws RingsideError log_restored when it has another.
   */
  raiseFloor(seq: number, historyId?: string): Promise<void>
  /** The history of the log, its origin and its floor, in one read (OB100). */
  history(): Promise<LogHistory>
  /**
   * Begins another history in one step, if the log has that of `from`; false when it has another. It raises the
   * counter and the stored watermark to `base`, which is above every number that was ever given.
   */
  beginHistory(next: NewHistory): Promise<boolean>
  /** The stored sealed watermark (OB48). */
  sealed(): Promise<number>
  /** Never lowers it. */
  storeSealed(seq: number): Promise<void>
}

/** Numbers that hold nothing, for ever: after < seq <= upTo (OB102). */
export interface VoidRange {
  readonly after: number
  readonly upTo: number
}

/** A log goes on from a backup as another history of itself: what was written after the backup is void (OB102). */
export interface LogHistory {
  /** It was made with the log, or when it was last restored; a log of an older version gets one when it is opened. */
  readonly id: string
  readonly origin: number
  readonly floor: number
  /** Ascending, without one that touches another; at most 100. */
  readonly voids: readonly VoidRange[]
  /** Store time in ms at which the log was last restored, or 0. */
  readonly restoredAt: number
}

/** The history that a log is to have from now on. */
export interface NewHistory {
  /** The id that the log must have now. */
  readonly from: string
  readonly id: string
  readonly base: number
  readonly voids: readonly VoidRange[]
  readonly restoredAt: number
}

/** Full states of rooms at points of the log (OB62). */
export interface SnapshotStore {
  /** Replaces one of the same room and seq. */
  save(snapshot: Snapshot): Promise<void>
  /** Saves several, up to 100; when it throws, any of them may be stored. */
  saveAll(snapshots: readonly Snapshot[]): Promise<void>
  /** The newest snapshot of the room with seq <= `seq`, or null. */
  at(room: string, seq: number): Promise<Snapshot | null>
  /**
   * Finds, for each of these rooms (up to 1,000) that has one, the place of its newest snapshot with seq <=
   * `seq`.
   */
  places(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]>
  /**
   * The snapshots at these places (up to 100), without those that are not there; ends with the one that
   * reaches `maxBytes`, and holds one at least if there is any.
   */
  of(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]>
  /** Deletes what is older than needed, of up to 1,000 rooms. */
  delete(cuts: readonly SnapshotCut[]): Promise<void>
}

/**
 * The facts of rooms that must be known apart from their log (OB11). Those of ended rooms are forgotten
 * some time later.
 */
export interface RoomStore {
  /**
   * Replaces what is there unless that is newer, by epoch and then by revision: a write that comes late, or of
   * an old owner, changes nothing.
   */
  save(record: RoomRecord): Promise<void>
  /** Living rooms with an id above `after` ('' for the first page), ascending by id; at most `limit`. */
  living(after: string, limit: number): Promise<RoomRecord[]>
  /** The rooms made last among those that have ended, newest first; at most `limit`. */
  ended(limit: number): Promise<RoomRecord[]>
  /** The record of one room, or null: it was never made, or is forgotten. */
  get(room: string): Promise<RoomRecord | null>
}

/** The checkpoints of clients: each says how far the client has read one of its feeds, and what it followed (OB12). */
export interface CheckpointStore {
  /**
   * Remembers up to 1,000 checkpoints; lowers none. The selection is that of the greatest seq, of equal ones the last.
   * A checkpoint is forgotten after 30 days without a call.
   */
  save(checkpoints: readonly Checkpoint[]): Promise<void>
  /** How far the client has read this feed, or null. */
  of(clientId: string, feedName: string): Promise<StoredCheckpoint | null>
}

/**
 * Small records of other subsystems (bans, keys, contracts, subscriptions, nodes), each under a key of its own. A
 * key is 1 to 512 characters of printable ASCII without spaces, a value at most 256 KiB; anything else is refused
 * with `record_invalid` before the store is asked. A record that has expired by the store's time is as if it were
 * not there, for every method and from that moment on.
 */
export interface RecordStore {
  /** The record under the key, or null. */
  get(key: string): Promise<StoredRecord | null>
  /**
   * Compare-and-set: writes the record if the version under its key is `ifVersion`, and resolves with its new
   * version; resolves with null when another write was first. Of any number of writers with the same `ifVersion`
   * at most one wins. The new version is above every version that the key has had, a deleted or expired one too.
   * When it rejects with something else than `record_invalid`, the record may have been written all the same.
   * @throws RingsideError record_invalid; unavailable when a store in memory holds as much as it may.
   */
  put(write: RecordWrite): Promise<number | null>
  /** Records whose keys begin with `prefix`, ascending by key, a page at a time. */
  list(query: RecordQuery): Promise<RecordPage>
  /** Deletes the record if its version is `ifVersion`. False: it has another one, or is not there. */
  delete(key: string, ifVersion: number): Promise<boolean>
}

/** Counts that all processes share: of wrong keys, and of what else is no hot path. */
export interface RateStore {
  /** Adds `count` to those of `key` in its window of `durationMs`, which begins with the first one. */
  take(key: string, durationMs: number, count: number): Promise<RateCount>
}

/** So many there are in the window, those that were added among them, of which so many ms are left. */
export interface RateCount {
  readonly count: number
  readonly msLeft: number
}

/** The time of the store, which all processes share. */
export interface StoreClock {
  /** Gives ms since the Unix epoch, as the process estimates them; it is synchronous. */
  now(): number
}

/** The signal that there may be something new. */
export interface WakeSource {
  /**
   * Calls `wake` when something may have been inserted: may be lost, late or doubled (OB5). The result ends
   * it.
   */
  subscribe(wake: () => void): () => void
}

/** One document of the log. */
export interface LogEvent {
  /** Position in the one log of the cluster. */
  readonly seq: number
  /** null for topic events and tombstones. */
  readonly room: string | null
  /** Position within the room, from 1; 0 where there is no room. */
  readonly n: number
  /** Grows with each owner of the room; 0 where there is no room. */
  readonly epoch: number
  /** It is random per ownership of a room and tells one's own write from a stranger's. */
  readonly own: string
  /** `patch`, `joined`, `left`, `owner`, `end`, `tombstone`, `_who`, or a game's own, which never begins with `_`. */
  readonly type: string
  /** Store time in ms, non-decreasing within a room. */
  readonly at: number
  /** The public part as encoded JSON; '' for a tombstone. */
  readonly data: string
  /** The hidden part as encoded JSON (it never leaves the server), or null. */
  readonly hidden: string | null
  /** n of the room's patch before this event, 0 for none. Shown with patches only. */
  readonly prev: number
  /**
   * Who sees the room from this event on (OB126): in its n = 1 and in `_who` events, and in each event of a room that is
   * not open to all. Absent for others, and in logs of older versions.
   */
  readonly who?: RoomWho
  /** What a published event has in place of a room; absent for rooms' events and tombstones. */
  readonly message?: EventMessage
}

/** The key of a message: no two in the log have the same. */
export interface MessageKey {
  /** Who published it. */
  readonly principal: string
  /** Unique among those of the principal, for as long as retention keeps the event (OB107). */
  readonly messageId: string
}

/** An event that was published to a topic. Its `room` is null, its n and epoch are 0. */
export interface EventMessage extends MessageKey {
  /** Dotted words, as `project.42.build`. */
  readonly topic: string
  /** The client it is meant for, which alone may see it; null: all readers of the topic. */
  readonly to: string | null
  /** `traceparent` of the request that published it (W3C Trace Context), or null. */
  readonly trace: string | null
}

export interface RangeQuery {
  /** Exclusive. */
  readonly after: number
  /** Inclusive. */
  readonly upTo: number
  /** 1-10,000. */
  readonly limit: number
  /** The query asks for this room's events only. */
  readonly room?: string
  /** The query asks for these rooms' events only; up to 100 rooms, and not with `room`. */
  readonly rooms?: readonly string[]
  /** The page ends with the event that reaches so many bytes of `data` and `hidden`. Default: no bound. */
  readonly maxBytes?: number
  /**
   * The answer leaves out `data` and `hidden` ('' and null): the caller only asks what is where. Default
   * false.
   */
  readonly isBare?: boolean
}

export type InsertOutcome =
  | { readonly kind: 'stored' }
  /** events[0..index) are stored; events[index] met a duplicate, found as `blocking` (null: gone again). */
  | { readonly kind: 'blocked'; readonly index: number; readonly blocking: LogEvent | null }
  /** events[0..index) are stored; events[index] can never be stored (too big, refused). */
  | { readonly kind: 'refused'; readonly index: number; readonly cause: unknown }
  /** Nothing is known; any prefix may be stored now or later. */
  | { readonly kind: 'unknown'; readonly cause: unknown }

/** Full private state of a room at one point (OB62). */
export interface Snapshot {
  readonly room: string
  readonly n: number
  /** seq of the event n. */
  readonly seq: number
  readonly epoch: number
  readonly at: number
  /** n of the room's last patch up to here: the `prev` of the next one, where the log is cut (FE38). */
  readonly patchN: number
  /** The public state as encoded JSON: spectators may see it. */
  readonly publicState: string
  /** The hidden part of the state as encoded JSON, or null. */
  readonly hiddenState: string | null
  /** Encoded JSON that the room needs to go on (Runtime): tick, seed, metadata, lock and privacy. */
  readonly runtime: string
  /** Who sees the room at n (OB126); absent where the log does not say. */
  readonly who?: RoomWho
}

/** The place of a snapshot. */
export interface SnapshotPlace {
  readonly room: string
  readonly seq: number
}

/** Snapshots of a room that may go. */
export interface SnapshotCut {
  readonly room: string
  /** Those with seq < `below`. */
  readonly below: number
}

/** Everything up to `seq` was read. */
export interface StoredCheckpoint {
  readonly seq: number
  /** What the stream followed there, in the feed's own words: at most 1,024 characters. '' is not known. */
  readonly selection: string
}

/** A client has read one of its feeds up to `seq`. */
export interface Checkpoint extends StoredCheckpoint {
  readonly clientId: string
  /** '' for the feed that has no name. */
  readonly feedName: string
}

/** A record as a RecordStore keeps it under one key. */
export interface StoredRecord {
  readonly key: string
  /** Above 0; grows with each write of the key. */
  readonly version: number
  /** Text of the subsystem's own, most often JSON. */
  readonly value: string
  /** Store time in ms from which on it is not there any more; null: never. */
  readonly expiresAt: number | null
}

export interface RecordWrite {
  readonly key: string
  readonly value: string
  /** The version that the writer has seen; 0: there must be none. */
  readonly ifVersion: number
  /** Default: null, which is never. */
  readonly expiresAt?: number | null
}

export interface RecordQuery {
  /** '' for all records. */
  readonly prefix: string
  /** Exclusive: the `next` of the page before. Default: from the first. */
  readonly after?: string
  /** 1-1,000. A page also ends with the record that reaches 4 MiB of values. */
  readonly limit: number
}

export interface RecordPage {
  readonly records: readonly StoredRecord[]
  /** The `after` of the next page; null: nothing more was there. */
  readonly next: string | null
}

/** The facts of a room that are known without reading its log. */
export interface RoomRecord {
  readonly room: string
  readonly type: string
  /**
   * The secret of its randomness (OB20), 64 hex digits; it is shown to nobody. A record of an older version has the
   * digits of a number of 32 bits.
   */
  readonly seed: string
  readonly delayMs: number
  /** The epoch of the owner that wrote it. */
  readonly epoch: number
  /** Grows with each change by one owner and the next: of two records of an epoch the higher is right. */
  readonly revision: number
  readonly isPrivate: boolean
  readonly isLocked: boolean
  /** W of the log when the room last became public; 0 where it always was, or never. */
  readonly revealedAt: number
  readonly isLive: boolean
  /** Store time in ms at which it was made. */
  readonly createdAt: number
  /** Its last event; null while it lives. */
  readonly end: RoomEnd | null
}

/**
 * The last event of a room, kept apart from the log, which it outlives (FE116). n is 0 where nobody wrote it down
 * before it left the log, and seq too until the log was asked for it.
 */
export interface RoomEnd {
  readonly n: number
  readonly seq: number
  /** Store time in ms; with n = 0 that at which the room was found to be over. */
  readonly at: number
  /** That of the event; '' with n = 0. */
  readonly own: string
}

/** The type of the events that fill holes; they are never shown. */
export const TOMBSTONE = 'tombstone'

/** What is said to stand where retention has emptied a place: it is taken for ever, by nobody's event. */
export function cutPlaceAt(seq: number): LogEvent {
  return {
    seq,
    room: null,
    n: 0,
    epoch: 0,
    own: '',
    type: TOMBSTONE,
    at: 0,
    data: '',
    hidden: null,
    prev: 0,
  }
}

/** The type of the event by which a new owner takes a room with history (OB4). */
export const OWNER = 'owner'

/** The type of the event that ends a room; nothing follows it. */
export const END = 'end'

/** The type of the events that carry a merge patch of the room's state. */
export const PATCH = 'patch'

/** Gives the end of a room if the event is that. */
export function roomEndOf(event: LogEvent | null): RoomEnd | null {
  if (event?.type !== END) return null
  const { n, seq, at, own } = event
  return { n, seq, at, own }
}

/** Gives n of the room's last patch up to this event. */
export function patchNOf(event: LogEvent): number {
  return isShownAsPatch(event.type) ? event.n : event.prev
}

/** What the log writes for itself stands in the feed as an empty patch (FE6), and counts as one (FE38). */
export function isShownAsPatch(type: string): boolean {
  return type === PATCH || isLogType(type)
}

/** Gives a text that two messages share only if they have the same key. */
export function messageKeyText({ principal, messageId }: MessageKey): string {
  return `${principal.length} ${principal}${messageId}`
}

/** Says whether the record must not replace `known`. */
export function isOlderRecord(record: RoomRecord, known: RoomRecord | undefined): boolean {
  if (!known) return false
  if (record.epoch !== known.epoch) return record.epoch < known.epoch
  return record.revision < known.revision
}
