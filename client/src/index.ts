export { connect } from './connect.ts'
export type {
  AbortOptions,
  Client,
  ClientRoom,
  CloseInfo,
  CommandError,
  CommandSender,
  ConnectOptions,
  DeepReadonly,
  EntryOptions,
  EventInfo,
  JoinOptions,
  PatchInfo,
  PlainSession,
  RequestOptions,
  RoomStateOf,
  RoomStatus,
  RoomsHandlers,
  RoomsStatus,
  RoomsWatch,
  RoomType,
  RoomNotice,
  RosterEntry,
  SendOptions,
  ServerClock,
  StatusInfo,
  WhileAway,
} from './client-types.ts'
export {
  ackFeed,
  createFeedState,
  followFeed,
  keepAuthorized,
  topicHandlers,
  withToken,
} from './feed/index.ts'
export { openFeed } from './open-feed.ts'
export type {
  GameFeed,
  GameFeedEvent,
  GameFeedOptions,
  GameFeedRoom,
  SpectatorStateOf,
} from './game-feed-types.ts'
export type {
  Authorizable,
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
  KeepAuthorizedOptions,
  TopicHandlers,
} from './feed/index.ts'
export { RequestError } from './request-error.ts'
export type { ClientErrorCode } from './request-error.ts'
export { RpcError } from './rpc-error.ts'
export type { RpcParams } from './rpc-text.ts'
export type { SocketFactory, WebSocketLike } from './socket/socket.ts'
export { systemTimers } from './timers.ts'
export type { Timers } from './timers.ts'
