export { maskAddress } from './outbox/mongo/address.ts'
export { MongoStore } from './outbox/mongo/mongo-store.ts'
export type { MongoStoreOptions } from './outbox/mongo/mongo-store.ts'
