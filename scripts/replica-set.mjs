// A real replica set of mongod processes in temporary folders: for `npm run mongo`, tests and fault runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core'
import { MONGOD_VERSION, findMongod } from './mongod.mjs'

const args = ['--wiredTigerCacheSizeGB', '0.25']
const configSettings = { electionTimeoutMillis: 2000 }
const name = 'ringside'

/**
 * Starts `count` members. Each has { port, folder, pid } and can be killed, stopped and started again on the same
 * folder; `stop` ends all and removes the temporary folders.
 * @param {{ count?: number, folders?: readonly string[], log?: (line: string) => void }} [options]
 */
export async function startReplicaSet({ count = 1, folders = [], log = () => {} } = {}) {
  const systemBinary = await findMongod({ log })
  const set = await MongoMemoryReplSet.create({
    replSet: { name, count, args, configSettings, storageEngine: 'wiredTiger' },
    instanceOpts: folders.map((dbPath) => ({ dbPath })),
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  const members = set.servers.map((server) => new Member(server, systemBinary))
  return {
    uri: set.getUri(),
    members,
    async stop() {
      // The data is thrown away: no reason to wait for an orderly end (15 s after a Ctrl-C).
      await Promise.all(members.map((member) => member.kill()))
      await set.stop({ doCleanup: true, force: folders.length === 0 })
    },
  }
}

/** One server that belongs to no replica set. */
export async function startStandalone() {
  const systemBinary = await findMongod({})
  const server = await MongoMemoryServer.create({
    instance: { storageEngine: 'wiredTiger', args },
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  const stop = async () => {
    await server.stop({ doCleanup: true, force: true })
  }
  return { uri: server.getUri(), stop }
}

/** One mongod; after a kill it can be started again by the same command. */
class Member {
  #instance
  #binary
  /** Started again by us, instead of the library's process. */
  #own = null

  constructor(server, binary) {
    this.#instance = server.instanceInfo.instance
    this.#binary = binary
    // A killed member is what a fault run wants, not an error of the library.
    this.#instance.on('instanceError', () => {})
  }

  get port() {
    return this.#instance.instanceOpts.port
  }

  get folder() {
    return this.#instance.instanceOpts.dbPath
  }

  get #process() {
    return this.#own ?? this.#instance.mongodProcess
  }

  get pid() {
    return this.#process?.pid ?? null
  }

  get isRunning() {
    const child = this.#process
    return Boolean(child && child.exitCode === null && child.signalCode === null)
  }

  /** Sends a signal: SIGKILL, SIGSTOP, SIGCONT. */
  signal(signal) {
    if (this.isRunning) this.#process.kill(signal)
  }

  /** SIGKILL, and waits until it is gone. */
  async kill() {
    if (!this.isRunning) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await gone
  }

  /** Starts it again on its folder; it is a member as soon as the others reach it. */
  restart() {
    if (this.isRunning) return
    this.#own = spawn(this.#binary, this.#instance.prepareCommandArgs(), { stdio: 'ignore' })
    this.#own.on('error', () => {})
  }
}
