export type { RpcParams } from './call/json-rpc/request-text.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './call/json-rpc/validator.ts'
export { ManualClock, SystemClock } from './clock.ts'
export type { Clock } from './clock.ts'
export { Rejection, RingsideError, reject, serverErrorCodes } from './errors.ts'
export type { ServerErrorCode } from './errors.ts'
export type { AuthorizeSpectator, WatchedRoom } from './feed/feed-access.ts'
export { readJson, readJsonObject } from './http/json-body.ts'
export { serveFolder } from './http/static-files.ts'
export type { StaticOptions } from './http/static-files.ts'
export { silentLogger } from './logger.ts'
export type { Logger } from './logger.ts'
export type { ServerLimits } from './options.ts'
export { MemoryStore } from './outbox/memory-store.ts'
export type { LogStore } from './outbox/store.ts'
export { createRandom } from './random.ts'
export type { Random } from './random.ts'
export type {
  BroadcastOptions,
  FullLogPolicy,
  JoinRequest,
  LeaveReason,
  Room,
  RoomHandlers,
  RoomHandlersOf,
  RoomOf,
  RoomSession,
} from './room/room-definition.ts'
export type {
  DisconnectReason,
  LoopbackSocket,
  Principal,
  RawHandler,
  RoomSummary,
  RouteContext,
  RouteHandler,
  RpcCaller,
  RpcContext,
  RpcHandler,
  RpcOutput,
  SeatRequest,
  Server,
  ServerOptions,
  Session,
  TypedHandler,
} from './server-types.ts'
export { createServer } from './server.ts'
export { entries, sizeOf, values } from './state/map-node.ts'
export { plainState } from './state/state-tracker.ts'
export { MemoryTransport } from './transport/memory.ts'
export type { HttpRequest, HttpResponse, Transport } from './transport/transport.ts'
