export { TestStream } from './event-stream.ts'
export type { StreamEvent } from './event-stream.ts'
export { Link } from './network/link.ts'
export type { LinkClientOptions, LinkOptions } from './network/link.ts'
export { LinkSocket } from './network/link-socket.ts'
export type { LinkMode } from './network/wire.ts'
export type { LinkShape } from './network/shape.ts'
export { RawClient, RefusedRequest } from './raw-client.ts'
export type { TestFrame } from './raw-client.ts'
export { TestServer, startTestServer } from './test-server.ts'
export type {
  DialOptions,
  JoinOptions,
  LoggedLine,
  MakeServer,
  RawPlayer,
  TestAnswer,
  TestRequest,
  TestServerOptions,
  TestServerSettings,
} from './test-server.ts'
export { overrideStore } from './store/around-store.ts'
export type { StoreMembers } from './store/around-store.ts'
export { StoreFaults } from './store/faults.ts'
export { hookedStore } from './store/hooked-store.ts'
export type { StoreHooks, StoreOperation } from './store/hooked-store.ts'
export { advance, during, eventually, settle, until } from './time.ts'
export type { EventuallyOptions, UntilOptions } from './time.ts'
export { FakeFeed } from './fake-feed.ts'
export type { FakeFeedOptions, FakeFeedRequest, FakeFeedSeams } from './fake-feed.ts'
export { FakeRoom } from './fake-room.ts'
