import type { EventsOf, GameContract, PublicStateOf } from '@ringside/protocol'
import type { DeepReadonly, RoomType } from './client-types.ts'
import type { Feed, FeedMessage, FeedOptions } from './feed/feed-types.ts'

/** A room's state as spectators see it: without hidden fields, which are in nothing that a feed tells. */
export type SpectatorStateOf<G extends GameContract, T extends RoomType<G>> = DeepReadonly<
  PublicStateOf<G['rooms'][T]>
>

/** One of the game's own events on a feed, by its name. */
export type GameFeedEvent<G extends GameContract, T extends RoomType<G>> = {
  [N in keyof EventsOf<G['rooms'][T]> & string]: {
    readonly type: 'game'
    readonly name: N
    readonly id: string | null
    readonly data: {
      readonly room: string
      readonly n: number
      readonly at: number
      readonly data: DeepReadonly<EventsOf<G['rooms'][T]>[N]>
    }
  }
}[keyof EventsOf<G['rooms'][T]> & string]

/** One room of a feed that is read by its contract. */
export interface GameFeedRoom<G extends GameContract, T extends RoomType<G>> {
  /** Another object after each change. */
  readonly state: SpectatorStateOf<G, T>
  readonly n: number
  /** Database time in ms of the newest event. */
  readonly at: number
  readonly hasEnded: boolean
}

/** Options of a feed that is read by its contract. */
export interface GameFeedOptions<G extends GameContract, T extends RoomType<G>> extends Omit<
  FeedOptions,
  'onEvent' | 'onSnapshot' | 'onPatch' | 'state'
> {
  /** The type of the rooms that are followed. It may be left out where the contract has only one. */
  readonly type?: T
  /** Is called after each snapshot and each patch, with the state as it is then. */
  readonly onState?: (state: SpectatorStateOf<G, T>, room: string) => void
  /**
   * Is called with every event but snapshots and patches, in order: those of the game with what the contract declares
   * (one that it does not declare is a newer server's, and left out), and those of the feed itself.
   */
  readonly onEvent?: (
    event:
      | GameFeedEvent<G, T>
      | Exclude<FeedMessage, { readonly type: 'game' | 'snapshot' | 'patch' }>,
  ) => void
}

/** A followed feed whose states and events have the types of the contract. */
export interface GameFeed<G extends GameContract, T extends RoomType<G>> extends Feed {
  /** A room (the only one, without an id), or null before its snapshot. */
  get(room?: string): GameFeedRoom<G, T> | null
}
