import { RangeGauge, eventBytes } from '../../contract/sizes.ts'
import { cutPlaceAt, messageKeyText } from '../../contract/store.ts'
import type {
  EventStore,
  InsertOutcome,
  LogEvent,
  MessageKey,
  RangeQuery,
  VoidRange,
} from '../../contract/store.ts'
import { indexAfter, insertBySeq } from './by-seq.ts'
import type { MemoryMarks } from './marks.ts'
import { RoomEvents } from './room-events.ts'

export interface MemoryEventsParts {
  /** The counter of the same log. */
  readonly marks: MemoryMarks
  /** Called after each insert, synchronously. */
  readonly onInserted: () => void
}

/** The events of a log in memory. */
export class MemoryEvents implements EventStore {
  readonly #parts: MemoryEventsParts
  readonly #rooms = new Map<string, RoomEvents>()
  /** By the text of their keys. */
  readonly #messages = new Map<string, LogEvent>()
  /** Ascending by seq. */
  readonly #all: LogEvent[] = []
  /** Everything at or below it was deleted. */
  #base: number
  #keptBytes = 0

  constructor(parts: MemoryEventsParts) {
    this.#parts = parts
    this.#base = parts.marks.next - 1
  }

  /** The bytes of `data` and `hidden` of all of them. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  async allocate(count: number, historyId?: string): Promise<number> {
    this.#parts.marks.assertHistory(historyId)
    return this.#parts.marks.take(count)
  }

  async insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    return this.#apply(events)
  }

  async insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId?: string,
  ): Promise<InsertOutcome> {
    const { marks } = this.#parts
    try {
      marks.assertHistory(historyId)
    } catch (cause) {
      return { kind: 'unknown', cause }
    }
    const events = make(marks.next)
    const places = new Set<string>()
    for (const [index, event] of events.entries()) {
      const blocking = this.#blocking(event)
      const place = placeOf(event)
      if (blocking || (place !== null && places.has(place)))
        return { kind: 'blocked', index, blocking }
      if (place !== null) places.add(place)
    }
    marks.take(count)
    return this.#apply(events)
  }

  async bySeq(seq: number): Promise<LogEvent | null> {
    return this.#at(seq)
  }

  async byRoomN(room: string, n: number): Promise<LogEvent | null> {
    return this.#rooms.get(room)?.byN(n) ?? null
  }

  async byMessageId(principal: string, messageId: string): Promise<LogEvent | null> {
    return this.#messages.get(messageKeyText({ principal, messageId })) ?? null
  }

  async byMessageIds(keys: readonly MessageKey[]): Promise<LogEvent[]> {
    const found = new Set(keys.flatMap((key) => this.#messages.get(messageKeyText(key)) ?? []))
    return Array.from(found, bare)
  }

  async range(query: RangeQuery): Promise<LogEvent[]> {
    const gauge = new RangeGauge(query)
    const found: LogEvent[] = []
    for (const event of this.#eventsOf(query)) {
      found.push(query.isBare ? bare(event) : event)
      if (gauge.isFullWith(event)) break
    }
    return found
  }

  *#eventsOf(query: RangeQuery): Iterable<LogEvent> {
    const { room, rooms } = query
    if (room !== undefined) yield* this.#rooms.get(room)?.range(query) ?? []
    else if (rooms)
      yield* rooms
        .flatMap((each) => this.#rooms.get(each)?.range(query) ?? [])
        .sort((a, b) => a.seq - b.seq)
    else
      for (let index = indexAfter(this.#all, query.after); index < this.#all.length; index++) {
        const event = this.#all[index]
        if (!event || event.seq > query.upTo) return
        yield event
      }
  }

  async lastOfRoom(room: string): Promise<LogEvent | null> {
    return this.#rooms.get(room)?.last ?? null
  }

  async deleteThrough(seq: number): Promise<number> {
    const gone = this.#all.splice(0, indexAfter(this.#all, seq))
    this.#base = Math.max(this.#base, seq)
    const rooms = new Set<string>()
    for (const event of gone) {
      this.#forget(event)
      if (event.room !== null) rooms.add(event.room)
    }
    for (const id of rooms) {
      const room = this.#rooms.get(id)
      room?.deleteThrough(this.#base)
      if (room?.isEmpty) this.#rooms.delete(id)
    }
    return gone.length
  }

  async deleteVoid({ after, upTo }: VoidRange): Promise<number> {
    const start = indexAfter(this.#all, after)
    const gone = this.#all.splice(start, indexAfter(this.#all, upTo) - start)
    for (const event of gone) {
      this.#forget(event)
      if (event.room === null) continue
      const room = this.#rooms.get(event.room)
      room?.delete(event)
      if (room?.isEmpty) this.#rooms.delete(event.room)
    }
    return gone.length
  }

  /** It is gone from the list of all. */
  #forget(event: LogEvent): void {
    this.#keptBytes -= eventBytes(event)
    if (event.message) this.#messages.delete(messageKeyText(event.message))
  }

  #at(seq: number): LogEvent | null {
    const found = this.#all[indexAfter(this.#all, seq) - 1]
    return found?.seq === seq ? found : null
  }

  #apply(events: readonly LogEvent[]): InsertOutcome {
    let outcome: InsertOutcome = { kind: 'stored' }
    for (const [index, event] of events.entries()) {
      const blocking = this.#blocking(event)
      if (blocking) {
        outcome = { kind: 'blocked', index, blocking }
        break
      }
      this.#put(event)
    }
    this.#parts.onInserted()
    return outcome
  }

  #put(event: LogEvent): void {
    insertBySeq(this.#all, event)
    this.#keptBytes += eventBytes(event)
    this.#parts.marks.reach(event.seq)
    if (event.message) this.#messages.set(messageKeyText(event.message), event)
    if (event.room === null) return
    let room = this.#rooms.get(event.room)
    if (!room) this.#rooms.set(event.room, (room = new RoomEvents()))
    room.add(event)
  }

  #blocking(event: LogEvent): LogEvent | null {
    // A place that retention has emptied is taken still: a write that late must not vanish unseen.
    if (event.seq <= this.#base) return cutPlaceAt(event.seq)
    const bySeq = this.#at(event.seq)
    if (bySeq) return bySeq
    if (event.message) return this.#messages.get(messageKeyText(event.message)) ?? null
    if (event.room === null || event.n === 0) return null
    return this.#rooms.get(event.room)?.byN(event.n) ?? null
  }
}

function bare(event: LogEvent): LogEvent {
  return { ...event, data: '', hidden: null }
}

/** A text that two events share only if one of them cannot be stored; null: the event has no place. */
function placeOf({ room, n, message }: LogEvent): string | null {
  if (message) return `message ${messageKeyText(message)}`
  return n > 0 ? `${n} ${room}` : null
}
