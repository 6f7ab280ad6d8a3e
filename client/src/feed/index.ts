export { openFeed } from './open-feed.ts'
export { ackFeed, followFeed } from './stream-calls.ts'
export { keepAuthorized } from './keep-authorized.ts'
export type { Authorizable, KeepAuthorizedOptions } from './keep-authorized.ts'
export { topicHandlers } from './topic-handlers.ts'
export { withToken } from './with-token.ts'
export { createFeedState } from './feed-state.ts'
export type {
  CheckpointStorage,
  Feed,
  FeedFollowed,
  FeedMessage,
  FeedOptions,
  FeedReset,
  FeedRoomState,
  FeedSelection,
  FeedState,
  FeedStatus,
  FeedStatusInfo,
  FeedTarget,
  FeedWish,
  TopicHandlers,
} from './feed-types.ts'
