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
export { createFeedState } from './feed/index.ts'
export { openFeed } from './open-feed.ts'
export type {
  GameFeed,
  GameFeedEvent,
  GameFeedOptions,
  GameFeedRoom,
  SpectatorStateOf,
} from './game-feed-types.ts'
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
} from './feed/index.ts'
export { RequestError } from './request-error.ts'
export type { ClientErrorCode } from './request-error.ts'
export { RpcError } from './rpc-error.ts'
export type { RpcParams } from './rpc-text.ts'
export type { SocketFactory, WebSocketLike } from './socket/socket.ts'
export { systemTimers } from './timers.ts'
export type { Timers } from './timers.ts'
