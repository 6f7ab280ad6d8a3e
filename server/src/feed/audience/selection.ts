import type { FeedEntry } from '../read/entry.ts'
import type { TopicFilter } from './topic-filter.ts'
import type { TypeFilter } from './type-filter.ts'

/** A stream follows these. */
export interface SelectionParts {
  /** Sorted ids; null = all public rooms, [] = none. */
  readonly rooms: readonly string[] | null
  readonly topics: TopicFilter
  /** null = all types. */
  readonly types: TypeFilter | null
  /** Events that are meant for this client alone belong to the stream, whatever their topics; null = nobody's. */
  readonly clientId: string | null
  /** True for the feed of one room, which ends with it and has neither topics nor a client. */
  readonly isSingle: boolean
}

/**
 * What a stream follows. It never changes: a stream that is to follow something else gets another. Whether its reader
 * may see what it asks for is asked apart, for every event (FE4).
 */
export class Selection implements SelectionParts {
  readonly rooms: readonly string[] | null
  readonly topics: TopicFilter
  readonly types: TypeFilter | null
  readonly clientId: string | null
  readonly isSingle: boolean
  /** Equal selections have equal keys; streams of one key are a group, and read the same tokens. */
  readonly key: string
  readonly #rooms: ReadonlySet<string> | null

  constructor({ rooms, topics, types, clientId, isSingle }: SelectionParts) {
    this.rooms = rooms
    this.topics = topics
    this.types = types
    this.clientId = clientId
    this.isSingle = isSingle
    // No part holds a blank.
    this.key = [
      isSingle ? 'room' : 'feed',
      rooms?.join(',') ?? '*',
      topics.key,
      types?.key ?? '',
      clientId ?? '',
    ].join(' ')
    this.#rooms = rooms && new Set(rooms)
  }

  /** The rooms as a set that never changes; null = all public ones. */
  get roomSet(): ReadonlySet<string> | null {
    return this.#rooms
  }

  /** True when events without a room can belong to it. */
  get hasTopics(): boolean {
    return this.topics.patterns.length > 0 || this.clientId !== null
  }

  /** True when it has no event, and never will. */
  get isEmpty(): boolean {
    return this.rooms?.length === 0 && !this.hasTopics
  }

  /** It is the one room whose events alone are read from the log; undefined when there is more. */
  get readRoom(): string | undefined {
    return this.rooms?.length === 1 && !this.hasTopics ? this.rooms[0] : undefined
  }

  /** The same for other rooms. */
  withRooms(rooms: readonly string[] | null): Selection {
    return new Selection({ ...this.#parts(), rooms })
  }

  /** The same for other types. */
  withTypes(types: TypeFilter | null): Selection {
    return new Selection({ ...this.#parts(), types })
  }

  /** Is the event one of those asked for? FE72: one that is meant for a client belongs to that client's streams alone. */
  wants(entry: FeedEntry): boolean {
    if (this.types && !this.types.allows(entry.type)) return false
    const { room, topic, to } = entry
    if (room !== null) return this.#rooms === null || this.#rooms.has(room)
    return to === null ? topic !== null && this.topics.allows(topic) : to === this.clientId
  }

  #parts(): SelectionParts {
    const { rooms, topics, types, clientId, isSingle } = this
    return { rooms, topics, types, clientId, isSingle }
  }
}
