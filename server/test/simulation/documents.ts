import { OWNER, messageKeyText } from '../../src/outbox/contract/store.ts'
import type {
  LogEvent,
  MessageKey,
  NewHistory,
  RangeQuery,
  Snapshot,
  VoidRange,
} from '../../src/outbox/contract/store.ts'

/** One entry of the replica set's oplog. `request` makes a retried write harmless. */
export type Change =
  | { readonly kind: 'event'; readonly event: LogEvent; readonly request: string }
  | { readonly kind: 'delete'; readonly seq: number }
  | { readonly kind: 'history'; readonly next: NewHistory }
  | { readonly kind: 'counter'; readonly count: number; readonly request: string }
  | { readonly kind: 'floor'; readonly to: number }
  | { readonly kind: 'sealed'; readonly to: number }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'no-snapshot'; readonly room: string; readonly below: number }
  | { readonly kind: 'transaction'; readonly changes: readonly Change[] }

/** What one member of the set holds: all collections, as they are after some prefix of the oplog. */
export class Documents {
  readonly events = new Map<number, LogEvent>()
  /** By room and n. */
  readonly #places = new Map<string, LogEvent>()
  /** By the text of their keys. */
  readonly #messages = new Map<string, LogEvent>()
  /** Ascending. */
  #seqs: number[] = []
  readonly #lasts = new Map<string, LogEvent[]>()
  readonly snapshots = new Map<string, Snapshot[]>()
  /** What retried writes have done already. */
  readonly done = new Map<string, number>()
  /** How many entries of the oplog it holds: its place in the time of the set. */
  time = 0
  counter: number
  floor: number
  sealed: number
  historyId = 'first'
  voids: readonly VoidRange[] = []
  restoredAt = 0

  constructor(origin: number) {
    this.counter = this.floor = this.sealed = origin
  }

  clone(): Documents {
    const copy = new Documents(0)
    for (const event of this.events.values()) copy.#add(event)
    for (const [room, snapshots] of this.snapshots) copy.snapshots.set(room, [...snapshots])
    for (const [request, value] of this.done) copy.done.set(request, value)
    copy.counter = this.counter
    copy.floor = this.floor
    copy.sealed = this.sealed
    copy.historyId = this.historyId
    copy.voids = this.voids
    copy.restoredAt = this.restoredAt
    return copy
  }

  /** Holds what the other one holds, as a restore leaves it; time goes on. */
  become(other: Documents, time: number): void {
    this.events.clear()
    this.#places.clear()
    this.#messages.clear()
    this.#seqs = []
    this.#lasts.clear()
    this.snapshots.clear()
    for (const event of other.events.values()) this.#add(event)
    for (const [room, snapshots] of other.snapshots) this.snapshots.set(room, [...snapshots])
    this.counter = other.counter
    this.floor = other.floor
    this.sealed = other.sealed
    this.historyId = other.historyId
    this.voids = other.voids
    this.restoredAt = other.restoredAt
    this.time = time
  }

  /** Applies the next entry of the oplog. */
  advance(change: Change): void {
    this.time++
    this.apply(change)
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'event':
        this.#add(change.event)
        this.done.set(change.request, change.event.seq)
        return
      case 'delete':
        this.#delete(change.seq)
        return
      case 'counter':
        this.done.set(change.request, this.counter + 1)
        this.counter += change.count
        return
      case 'floor':
        this.floor = Math.max(this.floor, change.to)
        this.counter = Math.max(this.counter, change.to)
        return
      case 'sealed':
        this.sealed = Math.max(this.sealed, change.to)
        return
      case 'history':
        this.historyId = change.next.id
        this.voids = change.next.voids
        this.restoredAt = change.next.restoredAt
        this.counter = this.sealed = change.next.base
        return
      case 'snapshot':
        this.#saveSnapshot(change.snapshot)
        return
      case 'no-snapshot': {
        const kept = (this.snapshots.get(change.room) ?? []).filter((s) => s.seq >= change.below)
        this.snapshots.set(change.room, kept)
        return
      }
      case 'transaction':
        for (const each of change.changes) this.apply(each)
    }
  }

  /** The event that has the same seq, the same place in its room, or the same key of its principal. */
  blocking(event: LogEvent): LogEvent | null {
    const taken = this.events.get(event.seq) ?? this.byRoomN(event.room, event.n)
    return taken ?? (event.message ? this.byMessage(event.message) : null)
  }

  byMessage(key: MessageKey): LogEvent | null {
    return this.#messages.get(messageKeyText(key)) ?? null
  }

  byRoomN(room: string | null, n: number): LogEvent | null {
    return room === null || n === 0 ? null : (this.#places.get(`${room} ${n}`) ?? null)
  }

  lastOfRoom(room: string): LogEvent | null {
    return this.#lasts.get(room)?.at(-1) ?? null
  }

  range(query: RangeQuery): LogEvent[] {
    const found: LogEvent[] = []
    for (let i = indexAfter(this.#seqs, query.after); i < this.#seqs.length; i++) {
      const event = this.events.get(this.#seqs[i] ?? 0)
      if (!event || event.seq > query.upTo || found.length === query.limit) break
      const isAsked = query.rooms ? query.rooms.includes(event.room ?? '') : true
      if (isAsked && (query.room === undefined || event.room === query.room)) found.push(event)
    }
    return found
  }

  snapshotAt(room: string, seq: number): Snapshot | null {
    return this.snapshots.get(room)?.findLast((snapshot) => snapshot.seq <= seq) ?? null
  }

  /** Seqs <= `seq`, but for markers (OB4). */
  deletable(seq: number): number[] {
    const found: number[] = []
    for (const each of this.#seqs) {
      if (each > seq) break
      if (this.events.get(each)?.type !== OWNER) found.push(each)
    }
    return found
  }

  #add(event: LogEvent): void {
    this.events.set(event.seq, event)
    this.#seqs.splice(indexAfter(this.#seqs, event.seq), 0, event.seq)
    if (event.message) this.#messages.set(messageKeyText(event.message), event)
    if (event.room === null) return
    this.#places.set(`${event.room} ${event.n}`, event)
    const list = this.#lasts.get(event.room) ?? []
    this.#lasts.set(event.room, list)
    const isLast = (list.at(-1)?.n ?? 0) < event.n
    list.push(event)
    if (!isLast) list.sort((a, b) => a.n - b.n)
  }

  #delete(seq: number): void {
    const event = this.events.get(seq)
    if (!event) return
    this.events.delete(seq)
    this.#seqs.splice(indexAfter(this.#seqs, seq - 1), 1)
    if (event.message) this.#messages.delete(messageKeyText(event.message))
    if (event.room === null) return
    this.#places.delete(`${event.room} ${event.n}`)
    const list = this.#lasts.get(event.room) ?? []
    list.splice(list.indexOf(event), 1)
  }

  #saveSnapshot(snapshot: Snapshot): void {
    const list = (this.snapshots.get(snapshot.room) ?? []).filter((s) => s.seq !== snapshot.seq)
    list.push(snapshot)
    list.sort((a, b) => a.seq - b.seq)
    this.snapshots.set(snapshot.room, list)
  }
}

function indexAfter(list: readonly number[], value: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}
