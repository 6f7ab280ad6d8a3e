export { maskAddress } from './outbox/stores/mongo/address.ts'
export { MongoStore } from './outbox/stores/mongo/store.ts'
export type { MongoStoreOptions } from './outbox/stores/mongo/store.ts'
