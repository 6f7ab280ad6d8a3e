import { RingsideError, createServer } from '@ringside/server'
import { MongoStore, maskAddress } from '@ringside/server/mongo'
import type { MongoStoreOptions } from '@ringside/server/mongo'
import { game } from './game.ts'

// No server is needed: that nobody listens there is an answer too.
const uri = 'mongodb://user:secret@127.0.0.1:1/arena?serverSelectionTimeoutMS=200'
const options: MongoStoreOptions = { uri, logger: console }
const server = createServer(game, { store: new MongoStore(options), whenLogIsFull: 'pause' })
const error: unknown = await server.listen({ port: 0 }).then(
  () => null,
  (cause: unknown) => cause,
)
if (!(error instanceof RingsideError) || error.code !== 'outbox_unreachable')
  throw new Error(`Expected outbox_unreachable, got ${String(error)}`)
if (!error.message.includes(maskAddress(uri)) || error.message.includes('secret'))
  throw new Error(`Expected a masked address, got '${error.message}'`)
console.log('ok: typed consumer of the log in MongoDB')
