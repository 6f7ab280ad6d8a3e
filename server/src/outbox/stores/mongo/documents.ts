import { Long } from 'mongodb'
import { readWho } from '../../contract/room-who.ts'
import type { RoomWho } from '../../contract/room-who.ts'
import type {
  EventMessage,
  LogEvent,
  RecordWrite,
  RoomEnd,
  RoomRecord,
  Snapshot,
  SnapshotPlace,
  StoredRecord,
} from '../../contract/store.ts'

/**
 * One event as it is stored. `n` and `epoch` are absent where there is no room: the index is partial on
 * them.
 */
export interface EventDocument {
  /** The seq, a 64-bit integer. */
  _id: Long | number
  room?: string
  n?: number
  epoch?: number
  own: string
  type: string
  at: Long | number
  /** It is absent only where it was not asked for. */
  data?: string
  hidden?: string
  prev?: number
  who?: RoomWho
  /** These five are there only where the event was published to a topic; `to` and `trace` may be absent even then. */
  topic?: string
  to?: string
  messageId?: string
  principal?: string
  trace?: string
  /**
   * It is true in the last document of an insert, the only one that change streams tell of. It is no part
   * of the event.
   */
  wake?: true
}

/** The one document that counts: _id is always `log`. */
export interface LogDocument {
  _id: 'log'
  origin: Long | number
  counter: Long | number
  floor: Long | number
  sealed: Long | number
  /** The id of its history; it is absent until a log of an older version is opened by this one. */
  history?: string
  /** It is absent until the log was restored. */
  voids?: { after: Long | number; upTo: Long | number }[]
  restoredAt?: Long | number
}

export interface SnapshotDocument {
  /** `room@seq`: storing the same snapshot twice is one. */
  _id: string
  room: string
  n: number
  seq: Long | number
  epoch: number
  at: Long | number
  /** It is absent in documents of older versions. */
  patchN?: number
  publicState: string
  hiddenState: string | null
  runtime: string
  who?: RoomWho
}

export interface RoomDocument {
  /** The room's id. */
  _id: string
  type: string
  /** A number in documents of older versions. */
  seed: string | Long | number
  delayMs: number
  /** This, `revision`, `isLocked` and `revealedAt` are absent in documents of older versions. */
  epoch?: number
  revision?: number
  isPrivate: boolean
  isLocked?: boolean
  revealedAt?: Long | number
  isLive: boolean
  createdAt: Long | number
  /** It is set when the room ended: the record expires some time after it. */
  endedAt?: Date
  /** The room's last event; it is absent while the room lives, and in documents of older versions. */
  end?: { n: number; seq: Long | number; at: Long | number; own: string }
}

/** The checkpoint of a client's feed; expires by `at`. */
export interface CheckpointDocument {
  /** `checkpointKey`. */
  _id: string
  seq: Long | number
  /** Absent in those of an older version. */
  selection?: string
  at: Date
}

/** A record of another subsystem; expires at `expireAt`. */
export interface RecordDocument {
  /** The record's key. */
  _id: string
  version: Long | number
  value: string
  /** It is absent where the record never expires. */
  expireAt?: Date
}

/** A whole number as BSON's 64-bit integer: as a double it would compare well, but read badly elsewhere. */
export function long(value: number): Long {
  return Long.fromNumber(value)
}

/** The driver gives safe 64-bit integers as numbers (`promoteLongs`); others as Long. */
export function toNumber(value: Long | number): number {
  return typeof value === 'number' ? value : value.toNumber()
}

export function toDocument(event: LogEvent): EventDocument {
  const document: EventDocument = {
    _id: long(event.seq),
    own: event.own,
    type: event.type,
    at: long(event.at),
    data: event.data,
  }
  if (event.room !== null) document.room = event.room
  if (event.n > 0) {
    document.n = event.n
    document.epoch = event.epoch
  }
  if (event.hidden !== null) document.hidden = event.hidden
  if (event.prev > 0) document.prev = event.prev
  if (event.who) document.who = event.who
  if (event.message) addMessage(document, event.message)
  return document
}

function addMessage(document: EventDocument, message: EventMessage): void {
  document.topic = message.topic
  if (message.to !== null) document.to = message.to
  document.messageId = message.messageId
  document.principal = message.principal
  if (message.trace !== null) document.trace = message.trace
}

function toMessage(document: EventDocument): EventMessage | null {
  const { topic, to = null, messageId, principal, trace = null } = document
  if (topic === undefined || messageId === undefined || principal === undefined) return null
  return { topic, to, messageId, principal, trace }
}

/** The documents of one insert, in order. */
export function toDocuments(events: readonly LogEvent[]): EventDocument[] {
  const documents = events.map(toDocument)
  const last = documents.at(-1)
  if (last) last.wake = true
  return documents
}

export function toEvent(document: EventDocument): LogEvent {
  const event = {
    seq: toNumber(document._id),
    room: document.room ?? null,
    n: document.n ?? 0,
    epoch: document.epoch ?? 0,
    own: document.own,
    type: document.type,
    at: toNumber(document.at),
    data: document.data ?? '',
    hidden: document.hidden ?? null,
    prev: document.prev ?? 0,
  }
  if (document.who !== undefined) return { ...event, who: readWho(document.who) }
  const message = document.messageId === undefined ? null : toMessage(document)
  return message ? { ...event, message } : event
}

export function snapshotId({ room, seq }: SnapshotPlace): string {
  return `${room}@${seq}`
}

export function toSnapshotDocument(snapshot: Snapshot): SnapshotDocument {
  return {
    ...snapshot,
    _id: snapshotId(snapshot),
    seq: long(snapshot.seq),
    at: long(snapshot.at),
  }
}

export function toSnapshot(document: SnapshotDocument): Snapshot {
  const { room, n, epoch, publicState, hiddenState, runtime } = document
  const seq = toNumber(document.seq)
  const at = toNumber(document.at)
  const { patchN = n } = document
  const snapshot = { room, n, seq, epoch, at, patchN, publicState, hiddenState, runtime }
  return document.who === undefined ? snapshot : { ...snapshot, who: readWho(document.who) }
}

export function toRoomDocument(record: RoomRecord, now: number): RoomDocument {
  const { room, type, seed, delayMs, epoch, revision, isPrivate, isLocked, isLive } = record
  const document: RoomDocument = {
    _id: room,
    type,
    seed,
    delayMs,
    epoch,
    revision,
    isPrivate,
    isLocked,
    revealedAt: long(record.revealedAt),
    isLive,
    createdAt: long(record.createdAt),
  }
  if (!isLive) document.endedAt = new Date(now)
  if (record.end) {
    const { n, seq, at, own } = record.end
    document.end = { n, seq: long(seq), at: long(at), own }
  }
  return document
}

export function toRoomRecord(document: RoomDocument): RoomRecord {
  const { _id: room, type, delayMs, isPrivate, isLive } = document
  const { epoch = 0, revision = 0, isLocked = false } = document
  const seed = String(document.seed)
  const revealedAt = toNumber(document.revealedAt ?? 0)
  const createdAt = toNumber(document.createdAt)
  const access = { isPrivate, isLocked, revealedAt }
  const end = isLive ? null : endOf(document)
  return { room, type, seed, delayMs, epoch, revision, ...access, isLive, createdAt, end }
}

/** A document of an older version tells only when the room was found to be over. */
function endOf({ end, endedAt, createdAt }: RoomDocument): RoomEnd {
  if (!end) return { n: 0, seq: 0, at: endedAt?.getTime() ?? toNumber(createdAt), own: '' }
  const { n, seq, at, own } = end
  return { n, seq: toNumber(seq), at: toNumber(at), own }
}

export function toRecordDocument(
  { key, value, expiresAt = null }: RecordWrite,
  version: number,
): RecordDocument {
  const document: RecordDocument = { _id: key, version: long(version), value }
  if (expiresAt !== null) document.expireAt = new Date(expiresAt)
  return document
}

export function toStoredRecord({ _id, version, value, expireAt }: RecordDocument): StoredRecord {
  const expiresAt = expireAt ? expireAt.getTime() : null
  return { key: _id, version: toNumber(version), value, expiresAt }
}
