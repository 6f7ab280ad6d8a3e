export { ManualClock, SystemClock } from './clock.ts'
export type { Clock } from './clock.ts'
export { Rejection, RingsideError, reject, serverErrorCodes } from './errors.ts'
export type { ServerErrorCode } from './errors.ts'
export { silentLogger } from './logger.ts'
export type { Logger } from './logger.ts'
export type { ServerLimits } from './options.ts'
export { createRandom } from './random.ts'
export type { Random } from './random.ts'
export type {
  BroadcastOptions,
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
  RawHandler,
  RoomSummary,
  RouteContext,
  RouteHandler,
  SeatRequest,
  Server,
  ServerOptions,
  Session,
  TypedHandler,
} from './server-types.ts'
export type { HttpRequest, HttpResponse } from './transport/transport.ts'
