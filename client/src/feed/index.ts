export { openFeed } from './open-feed.ts'
export { createFeedState } from './feed-state.ts'
export type {
  CheckpointStorage,
  Feed,
  FeedMessage,
  FeedOptions,
  FeedReset,
  FeedRoomState,
  FeedState,
  FeedStatus,
  FeedStatusInfo,
  FeedTarget,
} from './feed-types.ts'
