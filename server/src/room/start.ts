import type { Json } from '@ringside/protocol'
import type { RoomLog } from '../outbox/contract/outbox.ts'
import type { StateTracker } from '../state/contract.ts'
import type { RoomType } from './context.ts'
import type { RoomRuntime } from './runtime.ts'

/** Makes the tracker of a room's first state. */
export type TrackState = (initial: unknown) => StateTracker

/** What every room is made of. */
export interface RoomParts {
  readonly id: string
  readonly type: RoomType
  readonly log: RoomLog
  /** Secret of its randomness, where it starts anew. */
  readonly seed: string
}

/** How a room begins. */
export type RoomStart =
  /** `options` is what the creator asked for: hostile until onCreate has checked it. */
  | { readonly kind: 'new'; readonly options: Json; readonly track: TrackState }
  | { readonly kind: 'restored'; readonly tracker: StateTracker; readonly runtime: RoomRuntime }
