import type { Json } from './merge-patch.ts'

/** A feed tells its reader to start over for one of these reasons. */
export type ResetReason = 'retention' | 'slow' | 'unknown-checkpoint' | 'another-log'

/** Data of the feed's own events, by SSE event type. A game's own events are {@link GameEvent}. */
export interface FeedEvents {
  hello: {
    streamId: string
    /** Whoever has it may change the stream, and tell how far its client has read; servers of before have none. */
    streamKey?: string
    rooms: string[]
    /** The rooms that the aliases asked for stand for; absent where there are none. */
    aliases?: { [alias: string]: string | null }
    /** Topics and patterns; servers of before have none. */
    topics?: string[]
    delayMs: number
    retryMs: number
    protocol: string
    /** A stream is never silent for longer, in ms; servers of before do not tell. */
    heartbeatMs?: number
  }
  snapshot: { room: string; n: number; at: number; state: Json }
  patch: { room: string; n: number; prev: number; at: number; data: Json }
  joined: { room: string; n: number; at: number; data: { sessionId: string; name: string } }
  left: { room: string; n: number; at: number; data: { sessionId: string; name: string } }
  owner: { room: string; n: number; at: number; epoch: number }
  /** In the feed of one room `from` and `to` are n of it, `from` only where the reader's position was one; in other feeds they are absent. */
  reset: { reason: ResetReason; room?: string; from?: number; to?: number }
  /** `waitMs`: so long it is waited for. */
  'room-unknown': { room: string; waitMs: number }
  'room-alias': { alias: string; room: string | null }
  'caught-up': object
  /** The last one of a feed that was asked for with an end. */
  bound: { reason: 'to' | 'limit' | 'for' }
  /** Only with `heartbeat=event`. */
  heartbeat: { at: number }
  'going-away': { retryMs: number }
  end: { room: string; n: number; at: number }
}

/** A game's own event as it stands on the feed. */
export interface GameEvent {
  room: string
  n: number
  at: number
  data: Json
}

/** Version of the feed, told in `hello`. */
export const FEED_PROTOCOL = 'ringside.feed.1'

/** Answer of `GET /rooms/:id/state`. */
export interface RoomStateAnswer {
  room: string
  n: number
  at: number
  state: Json
}

/** One event of `GET /rooms/:id/events`: an SSE event in JSON. */
export interface PageEvent {
  n: number
  type: string
  /** Its position in the room's feed: as `Last-Event-ID`, `after` or `at` it names this very event. */
  id: string
  data: Json
}

/** Answer of `GET /rooms/:id/events`; `sealed` pages never change and may be cached for ever. */
export interface EventPage {
  events: PageEvent[]
  /** n of the last event: pass it as `after` to read on. */
  next: number
  sealed: boolean
}

/** One room of `GET /rooms`. */
export interface RoomListing {
  roomId: string
  type: string
  clients: number
  maxClients: number
  spectators: number
  locked: boolean
  metadata: Json
  delayMs: number
}

/** Answer of `POST /matchmake/*`. */
export interface MatchmakeAnswer {
  roomId: string
  sessionId: string
  node: string
  /**
   * WebSocket to dial: an address, or a path below the server's base, that is the address of this request without
   * `matchmake/...`. A slash in front, as servers of before sent it, means the base too.
   */
  url: string
  ticket: string
  /** Server time in ms after which the ticket is void. */
  expiresAt: number
}
