import type { FeedEvents, GameEvent, ResetReason } from '@ringside/protocol/feed-event'
import type { Json } from '@ringside/protocol/merge-patch'
import type { TopicEvent, TopicEvents } from '@ringside/protocol'
import type { Timers } from '../timers.ts'

/** A reader follows an address of the feed, one room, or many rooms over one stream. */
export type FeedTarget =
  /** `http://host/rooms/abc/feed?from=start`, or a path in a browser. */
  | string
  /** One room. */
  | { readonly address?: string; readonly room: string }
  /** Many rooms and topics over one stream. */
  | FeedWish

/** What a feed of many follows: at most 100 rooms and 20 topics. */
export interface FeedWish {
  readonly address?: string
  /** Ids and aliases (`@arena`). None: topics only. Left out: all that are public. */
  readonly rooms?: readonly string[]
  /** Topics and patterns (`project.42.*`). None: rooms only. Left out: those that the server shows to all. */
  readonly topics?: readonly string[]
}

/** What a feed of many is to follow: what is left out stays, `null` means what an absent one does. */
export interface FeedSelection {
  readonly rooms?: readonly string[] | null
  readonly topics?: readonly string[] | null
  readonly types?: readonly string[] | null
}

/** What a feed follows, as the server says. */
export interface FeedFollowed {
  readonly streamId: string
  readonly rooms: readonly string[]
  /** The room that each alias stands for now. */
  readonly aliases: Readonly<Record<string, string | null>>
  readonly topics: readonly string[]
  /** Null: all. */
  readonly types: readonly string[] | null
  /** These rooms are not there (yet). */
  readonly unknown: readonly string[]
  readonly delayMs: number
}

/** Handlers of topics' events by type: those of the server's own routes, and those that the application declares. */
export type TopicHandlers<Own extends object = object> = {
  readonly [K in keyof TopicEvents]?: (event: TopicEvents[K], id: string | null) => void
} & {
  readonly [K in Exclude<keyof Own, keyof TopicEvents>]?: (
    event: TopicEvent<Own[K]>,
    id: string | null,
  ) => void
}

/**
 * State of a feed. `connecting` (first dial) -> `catching-up` (events of the past arrive) -> `live`;
 * a break leads to `reconnecting` and back to `catching-up`. Final: `ended` (the room is over, or
 * close() was called) and `failed` (the server refuses for good).
 */
export type FeedStatus = 'connecting' | 'catching-up' | 'live' | 'reconnecting' | 'ended' | 'failed'

export interface FeedStatusInfo {
  /** HTTP status that ended or interrupted the stream. */
  readonly httpStatus?: number
  readonly reason?: string
  /** Ms until the next attempt (reconnecting). */
  readonly retryInMs?: number
}

/** The feed must be read anew, and a `snapshot` follows. This reader itself notices `gap`. */
export interface FeedReset {
  readonly reason: ResetReason | 'gap'
  /** In one room: the numbers `n` that the jump spans, where they are known. */
  readonly from?: number
  readonly to?: number
  /** The room of these numbers. */
  readonly room?: string
}

/**
 * One event of a feed: one of the feed's own by its type, a game's own (`kill`, `chat`, ...) or a topic's by its name.
 * `id` is its position, to resume from and no more; null where it has none of its own (hello, parts of a bootstrap).
 */
export type FeedMessage =
  | {
      [K in keyof FeedEvents]: { type: K; id: string | null; data: FeedEvents[K] }
    }[keyof FeedEvents]
  | { type: 'game'; name: string; id: string | null; data: GameEvent }
  | { type: 'topic'; name: string; id: string | null; data: TopicEvent }

/** Keeps a checkpoint between page loads; localStorage fits. */
export interface CheckpointStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

export interface FeedOptions {
  /** The reader begins at `live` (default), `start`, a position (in one room also an `n`), or so long ago (`-30s`). A checkpoint beats it. */
  readonly from?: string | number
  /** Speed of a replay; without it the past comes as fast as it is read. */
  readonly speed?: number
  /** The stream shows only these event types (`*` wildcards). Gaps can then be noticed by patches only. */
  readonly types?: readonly string[]
  /** The reader goes on after this position (in one room also an `n`, as a number), which beats a stored one. */
  readonly checkpoint?: string | number
  /**
   * The reader's request at a checkpoint of an earlier page load: `snapshot` (default) begins with the state at
   * the checkpoint; `events` goes on with the next event, for readers that keep no state.
   */
  readonly resume?: 'snapshot' | 'events'
  readonly storage?: CheckpointStorage
  /** Key in `storage`. Default `ringside:<path of the feed>`. */
  readonly storageKey?: string
  /** The reader's name for itself: the server keeps what is meant for it, and what it has acknowledged ({@link ackFeed}). */
  readonly clientId?: string
  /** The name of this feed among those of the client, each of which has a checkpoint of its own. */
  readonly feed?: string
  /** Headers of the request, for example an API key. A token that changes comes by {@link withToken}. */
  readonly headers?: Readonly<Record<string, string>>
  readonly fetch?: typeof fetch
  readonly random?: () => number
  readonly timers?: Timers
  /** A feed has no socket: it is here so that what `connect` was given (`headers`, `timers`, a test's network) can be passed on. */
  readonly socket?: unknown
  /** A stream without a byte for this long is dead, in ms. Default: 2.5 heartbeats of the server (37,500). */
  readonly silenceMs?: number
  /** Is called with every event but snapshots and patches (also hello, caught-up, joined, ...), in order. */
  readonly onEvent?: (event: FeedMessage) => void
  readonly onSnapshot?: (snapshot: FeedEvents['snapshot'], id: string | null) => void
  readonly onPatch?: (patch: FeedEvents['patch'], id: string | null) => void
  readonly onReset?: (reset: FeedReset) => void
  readonly onStatus?: (status: FeedStatus, info: FeedStatusInfo) => void
  /** Keeps public state up to date before the handlers run. */
  readonly state?: FeedState
}

/** A followed feed. */
export interface Feed {
  readonly status: FeedStatus
  /** Position after the last event that was handed out, or null; everything up to it has been seen. */
  readonly checkpoint: string | null
  /** Stops for good and stores the checkpoint; no handler is called afterwards. */
  close(): void
}

/** Public state of one room at a position of its log. */
export interface FeedRoomState {
  /** Changed in place by patches. */
  readonly state: Json
  readonly n: number
  /** Database time in ms of the newest event. */
  readonly at: number
  readonly epoch: number | null
  readonly hasEnded: boolean
}

/** Public state of the followed rooms; feed it by {@link FeedOptions.state} or by hand. */
export interface FeedState {
  readonly rooms: ReadonlyMap<string, FeedRoomState>
  /** The state of a room (of the only one, without an id), or null before its snapshot. */
  get(room?: string): FeedRoomState | null
  /** Takes one event. Calls `onChange` listeners when a state changed. */
  apply(event: FeedMessage): void
  /** Calls after each change. Returns unsubscribe. */
  onChange(listener: (room: string, state: FeedRoomState) => void): () => void
  /** Forgets all rooms; a snapshot must follow. */
  clear(): void
}
