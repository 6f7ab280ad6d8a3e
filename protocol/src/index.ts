export { cleanLine } from './clean-text.ts'
export { clipText } from './clip-text.ts'
export { MAX_TIMER_MS, callAfter, checkDelay } from './delay.ts'
export {
  CLOSE_CONTRACT_MISMATCH,
  CLOSE_MOVED,
  CLOSE_NORMAL,
  CONTRACT_MISMATCH_TEXT,
  mayRedial,
} from './close-code.ts'
export { closeCodes, errorCodes, isErrorCode, mayRetry } from './codes.ts'
export type { CloseCause, ErrorCode } from './codes.ts'
export { compareContracts } from './compare-contracts.ts'
export type { Affected, BreakingChange } from './compare-contracts.ts'
export { describeContract } from './contract-model.ts'
export { clientMismatch } from './contract-fit.ts'
export {
  contractFingerprint,
  contractText,
  readContractText,
  textFingerprint,
} from './contract-text.ts'
export type { MessageModel, MessageRole } from './message-model.ts'
export { command, defineGame, event } from './contract.ts'
export type {
  CommandDefinition,
  CommandOptions,
  Commands,
  EventDefinition,
  EventsOf,
  GameContract,
  PayloadOf,
  PublicStateOf,
  ReplyOf,
  RoomDefinition,
  Rooms,
  StateOf,
} from './contract.ts'
export {
  CLIENT_ID,
  EVENT_TYPE,
  FEED_EVENT_TYPES,
  FEED_NAME,
  MAX_TOPIC_CHARACTERS,
  MESSAGE_ID,
  TOPIC,
  isEventType,
  isTopic,
} from './event-type.ts'
export type { FieldModel } from './field-model.ts'
export { FEED_PROTOCOL } from './feed-event.ts'
export type {
  EventPage,
  FeedEvents,
  GameEvent,
  MatchmakeAnswer,
  PageEvent,
  ResetReason,
  RoomListing,
  RoomStateAnswer,
} from './feed-event.ts'
export {
  FIRST_RESERVED_ID,
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES_LIMIT,
  SUBPROTOCOL,
  encodeFrame,
  framePayload,
  isGameCommandId,
  readCommandId,
  writeCommandId,
} from './frame.ts'
export { decodeJson, encodeJson, shortestFloat } from './json-message.ts'
export { gotName, kindOf, nearestName, strangeMember } from './known-name.ts'
export { RPC_ERROR_ID, RPC_ID, rpcErrors } from './json-rpc.ts'
export type { RpcErrorName } from './json-rpc.ts'
export { applyMergePatch } from './merge-patch.ts'
export type { Json } from './merge-patch.ts'
export { decodeMessage, defaultValue, encodeMessage } from './message-codec.ts'
export { parseProto } from './parse-proto.ts'
export { printProto } from './print-proto.ts'
export {
  PayloadError,
  WireType,
  checkScalar,
  nameOf,
  named,
  readScalar,
  showValue,
  wireType,
} from './scalar.ts'
export type { Scalar } from './scalar.ts'
export { SmallReader } from './wire-reader.ts'
export {
  bool,
  bytes,
  f32,
  fromSteps,
  int,
  isSchema,
  list,
  map,
  num,
  object,
  oneOf,
  optional,
  quant,
  schema,
  str,
  toSteps,
  uint,
} from './schema.ts'
export type {
  Audience,
  Field,
  FieldKind,
  FieldOptions,
  Fields,
  Hidden,
  Infer,
  InferField,
  InferPublic,
  NamedField,
  QuantOptions,
  ScalarItem,
  Schema,
  SizedOptions,
} from './schema.ts'
export { StateParts } from './state-parts.ts'
export { decodeSystem, encodeSystem, rosterEntry, system } from './system-messages.ts'
export type { SystemMessage, SystemName, SystemValue } from './system-messages.ts'
export {
  COLUMN_OFFSET,
  GROUP_HANDLES,
  GROUP_KEYS,
  GROUP_PARENTS,
  GROUP_PARENT_FIELD,
  PATCH_AT,
  PATCH_EPOCH,
  PATCH_FIRST_GROUP,
  PATCH_REMOVED,
  PATCH_TICK,
  ROOT_HANDLE,
  stateLayout,
} from './state-layout.ts'
export type { StateClass, StateField, StateLayout } from './state-layout.ts'
export { applyStatePatch, revivePatch, reviveState } from './state-revive.ts'
export { alertForm, dataUpdateForm, notificationForm } from './topic-events.ts'
export type {
  Alert,
  AuditRecord,
  DataUpdate,
  Notification,
  PlayerPresence,
  PresenceSummary,
  PublishAnswer,
  RoomPresence,
  TopicEvent,
  TopicEvents,
} from './topic-events.ts'
