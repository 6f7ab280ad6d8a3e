export type { AdminAction, AuditEntry } from './admin/audit.ts'
export type { Sanction, SanctionKind, SanctionOrder, SanctionTarget } from './admin/sanction.ts'
export type { CookieOptions } from './auth/cookie.ts'
export type { AskedRoom, Principal } from './auth/principal.ts'
export type { RequestFacts } from './auth/request-facts.ts'
export type { JwtOptions } from './auth/token-check.ts'
export type { RawOptions } from './call/command-table.ts'
export type { RpcParams } from './call/json-rpc/request-text.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './call/json-rpc/params.ts'
export { ManualClock, SystemClock } from './process/clock.ts'
export type { Clock, TimeSource } from './process/clock.ts'
export { Rejection, RingsideError, reject, serverErrorCodes } from './process/errors.ts'
export type { ServerErrorCode } from './process/errors.ts'
export type { AuthorizeSpectator, WatchedRoom } from './feed/audience/access.ts'
export { folderArchive } from './archive/folder/folder-archive.ts'
export type { FolderArchiveOptions } from './archive/folder/folder-archive.ts'
export type {
  ArchiveChunk,
  ArchiveDraft,
  ArchivePin,
  ArchiveStats,
  ArchiveStore,
  ArchivedMatch,
} from './archive/contract.ts'
export { readJson, readJsonObject, sendJson } from './http/json.ts'
export type { JsonAnswer } from './http/json.ts'
export { serveFolder } from './http/static-files.ts'
export type { StaticOptions } from './http/static-files.ts'
export { silentLogger } from './process/logger.ts'
export type { Logger } from './process/logger.ts'
export type { ServerLimits } from './process/limits.ts'
export { MemoryStore } from './outbox/stores/memory/store.ts'
export type { MemoryStoreOptions } from './outbox/stores/memory/store.ts'
export type { RoomWho } from './outbox/contract/room-who.ts'
export type {
  Checkpoint,
  CheckpointStore,
  EventMessage,
  StoredCheckpoint,
  EventStore,
  InsertOutcome,
  LogEvent,
  LogHistory,
  LogStore,
  MarkStore,
  MessageKey,
  NewHistory,
  RangeQuery,
  RateCount,
  RateStore,
  RecordPage,
  RecordQuery,
  RecordStore,
  RecordWrite,
  RoomEnd,
  RoomRecord,
  RoomStore,
  Snapshot,
  SnapshotCut,
  SnapshotPlace,
  SnapshotStore,
  StoreClock,
  StoredRecord,
  VoidRange,
  WakeSource,
} from './outbox/contract/store.ts'
export type { Published } from './outbox/contract/messages.ts'
export { createRandom } from './process/random.ts'
export type { Random } from './process/random.ts'
export type {
  BroadcastOptions,
  EmitOptions,
  FullLogPolicy,
  JoinRequest,
  LeaveReason,
  MayAwait,
  Room,
  RoomHandlers,
  RoomHandlersOf,
  RoomOf,
  RoomSession,
  Synchronous,
} from './room/definition.ts'
export type { PublishOrder } from './publish/publisher.ts'
export type { TraceSpan, Tracer } from './http/tracing.ts'
export type {
  DisconnectReason,
  RpcCaller,
  RpcContext,
  RpcHandler,
  Session,
} from './call/public-contract.ts'
export type { AuthorizeConnection, ConnectionRequest } from './session/doorkeeper.ts'
export type { RouteContext, RouteHandler } from './http/contract.ts'
export type {
  MatchArchive,
  NoticeLevel,
  RawHandler,
  RoomSummary,
  RpcOptions,
  RpcOutput,
  SeatRequest,
  Server,
  TypedHandler,
} from './server-types.ts'
export type { ServerOptions } from './options.ts'
export { createServer } from './server.ts'
export { entries, sizeOf, values } from './state/tree/map-node.ts'
export { plainState } from './state/tracker.ts'
export type { ClientAddress } from './transport/client-address.ts'
export { SendResult } from './transport/contract.ts'
export type {
  ByteStream,
  Connection,
  HttpRequest,
  HttpResponse,
  ListenAddress,
  LoopbackSocket,
  Transport,
  TransportHandlers,
  TransportOptions,
  UpgradeDecision,
  UpgradeRequest,
} from './transport/contract.ts'
export { MemoryTransport } from './transport/memory/transport.ts'
export type { MemoryDial, MemoryRefusal } from './transport/memory/transport.ts'
export type { AnswerReader, MemoryExchange, MemoryRequest } from './transport/memory/http.ts'
export type { MemorySocket } from './transport/memory/socket.ts'
