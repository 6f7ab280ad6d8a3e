/**
 * Step 7, the contract of what keeps the log. The rules (OB1-OB7, docs/spec.md) are kept above it, in
 * flush.ts, log-tail.ts and retention.ts, once for all stores; a store only has to be honest about what
 * became of a write, and never to go back: no read of events, snapshots or the floor shows less than one
 * before it has shown, or than it said was inserted, whatever fails over in between (FE1). Implementations
 * are held to one suite (test/outbox-contract.ts).
 */
export interface LogStore {
  /** True when a write takes effect before it answers, or never: then events of any age may be cut. */
  readonly isLocal?: boolean
  /** Where it is, without secrets, for the process's own log. */
  readonly address?: string
  /** Bytes of `data` and `hidden` of all events kept, where they are in memory: bounded by `retentionBytes`. */
  readonly keptBytes?: number
  /** Creates what is missing; may be called by several processes at once. */
  open(): Promise<void>
  close(): Promise<void>
  /** The store's time in ms, estimated by the process; synchronous. */
  now(): number
  /**
   * Takes `count` consecutive seqs from the counter and returns the first. The counter need not be durable:
   * what a fail-over takes back may be given again, but never what is at or below the floor.
   */
  allocate(count: number): Promise<number>
  /** The greatest seq allocated so far, as a majority knows it: not below an event that may be shown. */
  counter(): Promise<number>
  /** First seq of this log - 1; `floor` and `sealed` begin there. */
  origin(): Promise<number>
  /**
   * Inserts in order and stops at the first that cannot be inserted. `seq` is unique over the log,
   * {room, n} is unique where n > 0. Never throws for a failed write: it says what is known.
   */
  insert(events: readonly LogEvent[]): Promise<InsertOutcome>
  /**
   * Allocates and inserts in one step that no reader can get between (a transaction). `make` may be
   * called more than once; its last call counts. All or nothing: `blocked` and `refused` name the culprit
   * of what `make` returned, and nothing was stored; after `unknown` the last numbers are the events' own.
   */
  insertNext(count: number, make: (first: number) => readonly LogEvent[]): Promise<InsertOutcome>
  /** One event as a majority sees it, or null. */
  bySeq(seq: number): Promise<LogEvent | null>
  byRoomN(room: string, n: number): Promise<LogEvent | null>
  /** Events with after < seq <= upTo, ascending, tombstones included, as a majority sees them. */
  range(query: RangeQuery): Promise<LogEvent[]>
  /** The event of the room with the greatest n, or null. */
  lastOfRoom(room: string): Promise<LogEvent | null>
  /** Everything <= floor may be gone. Raised before anything is deleted, and the counter with it. */
  floor(): Promise<number>
  raiseFloor(seq: number): Promise<void>
  /**
   * Deletes events with seq <= `seq`, but keeps every `owner` event where `byRoomN` and `lastOfRoom` find
   * it: whoever lost the room to it finds it there, however late (OB4). Returns how many went.
   */
  deleteThrough(seq: number): Promise<number>
  /** The stored sealed watermark; `storeSealed` never lowers it. */
  sealed(): Promise<number>
  storeSealed(seq: number): Promise<void>
  saveSnapshot(snapshot: Snapshot): Promise<void>
  /** The same for several, up to 100; when it throws, any of them may be stored. */
  saveSnapshots(snapshots: readonly Snapshot[]): Promise<void>
  /** The newest snapshot of the room with seq <= `seq`, or null. */
  snapshotAt(room: string, seq: number): Promise<Snapshot | null>
  /** Of each of these rooms (up to 1,000) that has one: where its newest snapshot with seq <= `seq` is. */
  snapshotPlaces(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]>
  /**
   * The snapshots at these places (up to 100), without those that are not there; ends with the one that
   * reaches `maxBytes`, and holds one at least if there is any.
   */
  snapshotsOf(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]>
  /** Deletes what is older than needed, of up to 1,000 rooms. */
  deleteSnapshots(cuts: readonly SnapshotCut[]): Promise<void>
  /**
   * Keeps what must be known of a room apart from its log. It replaces what is there unless that is newer, by
   * epoch and then by revision: a write that comes late, or of an old owner, changes nothing.
   */
  saveRoom(record: RoomRecord): Promise<void>
  /** Living rooms with an id above `after` ('' for the first page), ascending by id; at most `limit`. */
  livingRooms(after: string, limit: number): Promise<RoomRecord[]>
  /** The rooms made last among those that have ended, newest first; at most `limit`. */
  endedRooms(limit: number): Promise<RoomRecord[]>
  /** Remembers how far up to 1,000 clients have read; lowers none. Forgotten after 30 days without a call. */
  saveCheckpoints(checkpoints: readonly Checkpoint[]): Promise<void>
  checkpoint(clientId: string): Promise<number | null>
  /** Calls `wake` when something may have been inserted: may be lost, late or doubled (OB5). */
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
  /** Random per ownership of a room: tells one's own write from a stranger's. */
  readonly own: string
  /** `patch`, `joined`, `left`, `owner`, `end`, `tombstone`, or a game's own. */
  readonly type: string
  /** Store time in ms, non-decreasing within a room. */
  readonly at: number
  /** Encoded JSON, public part. '' for a tombstone. */
  readonly data: string
  /** Encoded JSON, hidden part (never leaves the server), or null. */
  readonly hidden: string | null
  /** n of the room's patch before this event, 0 for none. Shown with patches only. */
  readonly prev: number
}

export interface RangeQuery {
  /** Exclusive. */
  readonly after: number
  /** Inclusive. */
  readonly upTo: number
  /** 1-10,000. */
  readonly limit: number
  /** Only this room's events. */
  readonly room?: string
  /** Only these rooms' events; up to 100 rooms, and not with `room`. */
  readonly rooms?: readonly string[]
  /** The page ends with the event that reaches so many bytes of `data` and `hidden`. Default: no bound. */
  readonly maxBytes?: number
  /** Leaves out `data` and `hidden` ('' and null): for who only asks what is where. Default false. */
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

/** Full private state of a room at one point (OB6). */
export interface Snapshot {
  readonly room: string
  readonly n: number
  /** seq of the event n. */
  readonly seq: number
  readonly epoch: number
  readonly at: number
  /** n of the room's last patch up to here: the `prev` of the next one, where the log is cut (FE6). */
  readonly patchN: number
  /** Encoded JSON of the public state: what spectators may see. */
  readonly publicState: string
  /** Encoded JSON of the hidden part of the state, or null. */
  readonly hiddenState: string | null
  /** Encoded JSON of what the room needs to go on (RoomRuntime): tick, seed, seats, metadata. */
  readonly runtime: string
}

/** Where a snapshot is. */
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

/** A client has read up to `seq`. */
export interface Checkpoint {
  readonly clientId: string
  readonly seq: number
}

/** What is known of a room without reading its log. */
export interface RoomRecord {
  readonly room: string
  readonly type: string
  /**
   * Secret of its randomness (OB20), 64 hex digits; shown to nobody. A record of an older version has the
   * digits of a number of 32 bits.
   */
  readonly seed: string
  readonly delayMs: number
  /** Of the owner that wrote it. */
  readonly epoch: number
  /** Grows with each change by one owner and the next: of two records of an epoch the higher is right. */
  readonly revision: number
  readonly isPrivate: boolean
  readonly isLocked: boolean
  /** Where the log was sealed when the room last became public; 0 where it always was, or never. */
  readonly revealedAt: number
  readonly isLive: boolean
  /** Store time in ms at which it was made. */
  readonly createdAt: number
}

/** Type of the events that fill holes; never shown. */
export const TOMBSTONE = 'tombstone'

/** Type of the event by which a new owner takes a room with history (OB4). */
export const OWNER = 'owner'

/** Type of the event that ends a room; nothing follows it. */
export const END = 'end'

/** Type of the events that carry a merge patch of the room's state. */
export const PATCH = 'patch'

/** n of the room's last patch up to this event. */
export function patchNOf(event: LogEvent): number {
  return event.type === PATCH ? event.n : event.prev
}

/** A record that must not replace `known`. */
export function isOlderRecord(record: RoomRecord, known: RoomRecord | undefined): boolean {
  if (!known) return false
  if (record.epoch !== known.epoch) return record.epoch < known.epoch
  return record.revision < known.revision
}
