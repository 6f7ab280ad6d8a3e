// One mongod of its own, in a temporary folder.
import { MongoMemoryServer } from 'mongodb-memory-server-core'
import { MONGOD_VERSION, findMongod } from '../../scripts/mongod.mjs'

/** Resolves with { uri, stop }; `stop` ends it and removes its data. */
export async function startMongod({ cacheGb }) {
  const systemBinary = await findMongod({ log: (line) => console.error(line) })
  const args = ['--wiredTigerCacheSizeGB', String(cacheGb)]
  const server = await MongoMemoryServer.create({
    // A machine that is busy with other work starts it slowly.
    instance: { storageEngine: 'wiredTiger', args, launchTimeout: 60_000 },
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  return {
    uri: server.getUri(),
    stop: () => server.stop({ doCleanup: true, force: true }),
  }
}
