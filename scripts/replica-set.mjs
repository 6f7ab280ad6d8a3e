// A real replica set of mongod processes in temporary folders: for `npm run mongo`, tests and fault runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core'
import { MONGOD_VERSION, findMongod } from './mongod.mjs'

const args = ['--wiredTigerCacheSizeGB', '0.25']
/** A mongod on a busy machine takes longer than the library's 10 s. */
const launchTimeout = 60_000
const configSettings = { electionTimeoutMillis: 2000 }
const name = 'ringside'

/**
 * Starts `count` members. Each has { port, folder, pid } and can be killed, stopped and started again on the same
 * folder; `stop` ends all and removes the temporary folders. With `logFolder` each writes its own log there.
 * @param {{ count?: number, folders?: readonly string[], logFolder?: string, log?: (line: string) => void }} [options]
 */
export async function startReplicaSet({ count = 1, folders = [], logFolder, log = () => {} } = {}) {
  const systemBinary = await findMongod({ log })
  const set = await MongoMemoryReplSet.create({
    replSet: { name, count, args, configSettings, storageEngine: 'wiredTiger' },
    instanceOpts: Array.from({ length: count }, (_, index) => {
      const dbPath = folders[index]
      return dbPath === undefined ? { launchTimeout } : { launchTimeout, dbPath }
    }),
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  const members = set.servers.map((server) => new Member(server, systemBinary, logFolder))
  // Nobody else ends members that were started again.
  const endAll = () => {
    for (const member of members) {
      member.signal('SIGKILL')
      if (folders.length === 0)
        rmSync(member.folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }
  process.on('exit', endAll)
  return {
    uri: set.getUri(),
    members,
    async stop() {
      // The data is thrown away, so there is no reason to wait for an orderly end (15 s after a Ctrl-C).
      process.off('exit', endAll)
      await Promise.all(members.map((member) => member.kill()))
      await set.stop({ doCleanup: true, force: folders.length === 0 })
      for (const member of members) member.close()
    },
  }
}

/** Starts one server that belongs to no replica set. */
export async function startStandalone() {
  const systemBinary = await findMongod({})
  const server = await MongoMemoryServer.create({
    instance: { storageEngine: 'wiredTiger', args, launchTimeout },
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
  /** The process that we started again, instead of the library's. */
  #own = null
  /** The file that its log goes to, or null. */
  #log = null

  constructor(server, binary, logFolder) {
    this.#instance = server.instanceInfo.instance
    this.#binary = binary
    if (logFolder !== undefined) {
      this.logPath = join(logFolder, `mongod-${this.port}.log`)
      this.#log = openSync(this.logPath, 'a')
      this.#instance.mongodProcess.stdout.on('data', (bytes) => this.#note(bytes))
    }
    // A killed member is what a fault run wants, not an error of the library.
    this.#instance.on('instanceError', () => {})
  }

  /** Path of its log; null without `logFolder`. */
  logPath = null

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

  /** Sends SIGKILL and waits until it is gone. */
  async kill() {
    if (!this.isRunning) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await gone
  }

  /** Starts it again on its folder; it is a member as soon as the others reach it. */
  restart() {
    if (this.isRunning) return
    const output = this.#log ?? 'ignore'
    this.#own = spawn(this.#binary, this.#instance.prepareCommandArgs(), {
      stdio: ['ignore', output, output],
    })
    this.#own.on('error', () => {})
    this.#own.on('exit', (code, signal) => this.#note(`ended with ${code ?? signal}\n`))
  }

  /** Ends the writing to its log. */
  close() {
    if (this.#log !== null) closeSync(this.#log)
    this.#log = null
  }

  #note(bytes) {
    if (this.#log !== null) writeSync(this.#log, bytes)
  }
}
