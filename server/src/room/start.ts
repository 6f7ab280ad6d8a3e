import type { Json } from '@ringside/protocol'
import type { RoomLog } from '../outbox/contract/outbox.ts'
import type { StateTracker } from '../state/contract.ts'
import type { RoomType } from './type.ts'
import type { Runtime } from './runtime.ts'
import type { RestoredSeats } from './seats/restored-seats.ts'

/** Makes the tracker of a room's first state. */
export type TrackState = (initial: unknown) => StateTracker

/** The parts that every room is made of. */
export interface LiveRoomParts {
  readonly id: string
  readonly type: RoomType
  readonly log: RoomLog
  /** Secret of its randomness, where that starts anew. */
  readonly seed: string
}

/** A room that goes on from its log. */
export interface RestoredStart {
  readonly kind: 'restored'
  readonly tracker: StateTracker
  readonly runtime: Runtime
  readonly seats: RestoredSeats
}

/** A room begins anew, or goes on from its log. */
export type Start =
  /** `options` are the creator's wishes: hostile until onCreate has checked them. */
  { readonly kind: 'new'; readonly options: Json; readonly track: TrackState } | RestoredStart
