import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import type { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { Load, Watcher, openOutbox, readPages, until } from './rig.ts'
import type { TcpProxy } from './tcp-proxy.ts'

export type ReplicaSet = Awaited<ReturnType<typeof startReplicaSet>>
type Member = ReplicaSet['members'][number]

/** What one round showed. */
export interface Round {
  /** Empty: what readers saw is what was acknowledged, no loss, no doubles, in order. */
  readonly faults: readonly string[]
  /** Longest time in ms in which readers were shown nothing new. */
  readonly stallMs: number
  readonly eventCount: number
}

/** Steady load before and after the fault, in ms. */
const BEFORE_MS = 700
const AFTER_MS = 500

/** How one fault begins and ends. `hasPassed`: new events are shown again. */
export interface Fault {
  begin(): unknown
  /** At most this long from begin to end, in ms. */
  readonly lastsMs: number
  end(): unknown
}

let rounds = 0

export interface RoundParts {
  /** Of the writer. */
  readonly uri: string
  /** Of those who read. */
  readonly readerUris: readonly string[]
  readonly fault: Fault
}

/** One round: load, fault, load again, then everything is compared. */
export async function playRound({ uri, readerUris, fault }: RoundParts): Promise<Round> {
  const database = `fault-${process.pid}-${++rounds}`
  const writer = await openOutbox({ uri, database })
  const readers: Watcher[] = []
  try {
    for (const readerUri of readerUris)
      readers.push(new Watcher(await openOutbox({ uri: readerUri, database })))
    const watchers = [new Watcher(writer), ...readers]
    const load = new Load(writer)
    await load.start()
    await sleep(BEFORE_MS)
    for (const watcher of watchers) watcher.takeStallMs()
    await fault.begin()
    await sleep(fault.lastsMs)
    await fault.end()
    const before = load.acceptedCount
    await until(
      () => watchers.every(({ seen }) => seen.length > before),
      'events to be shown again after the fault',
    ).catch((error: unknown) => {
      // What stands still: the writer, a reader, or MongoDB itself.
      const stands = watchers.map(({ seen, outbox: { sealed, stats } }) => {
        return { shown: seen.length, sealed, ...stats }
      })
      throw new Error(`${String(error)} ${before} ${JSON.stringify(stands)}`, { cause: error })
    })
    await sleep(AFTER_MS)
    const stallMs = Math.max(...watchers.map((watcher) => watcher.takeStallMs()))
    await load.stop()
    await until(
      () => watchers.every(({ seen }) => seen.length >= load.acceptedCount),
      'everything to be shown',
    )
    const faults = watchers.flatMap(({ seen }) => load.faultsOf(seen))
    for (const { outbox } of watchers) faults.push(...load.faultsOf(await readPages(outbox)))
    if (load.fencedCount > 0) faults.push(`${load.fencedCount} rooms fenced`)
    return { faults, stallMs, eventCount: load.acceptedCount }
  } finally {
    await Promise.all([writer, ...readers.map(({ outbox }) => outbox)].map((each) => each.stop()))
  }
}

/** The member that is primary now. */
export async function primaryOf(set: ReplicaSet): Promise<Member> {
  const client = await MongoClient.connect(set.uri)
  try {
    const { primary } = await client.db('admin').command({ hello: 1 })
    const port = Number(String(primary).split(':').at(-1))
    const member = set.members.find((each) => each.port === port)
    if (!member) throw new Error(`Expected a member on ${port}`)
    return member
  } finally {
    await client.close()
  }
}

/** Waits until every member is primary or secondary: the next fault must leave a majority. */
export async function untilHealthy(set: ReplicaSet): Promise<void> {
  const client = await MongoClient.connect(set.uri)
  try {
    for (let attempt = 0; attempt < 300; attempt++) {
      const status = await client
        .db('admin')
        .command({ replSetGetStatus: 1 })
        .catch(() => null)
      const states = (status?.['members'] ?? []) as { state: number }[]
      const isWhole = states.length === set.members.length
      if (isWhole && states.every(({ state }) => state === 1 || state === 2)) return
      await sleep(200)
    }
    throw new Error('The replica set did not become whole again')
  } finally {
    await client.close()
  }
}

/** kill -9 of the primary; it comes back later as a secondary. */
export async function killPrimary(set: ReplicaSet): Promise<Round> {
  await untilHealthy(set)
  const primary = await primaryOf(set)
  const fault: Fault = {
    begin: () => primary.kill(),
    lastsMs: 0,
    end: () => {},
  }
  try {
    return await playRound({ uri: set.uri, readerUris: [set.uri], fault })
  } finally {
    primary.restart()
  }
}

/** The primary stands still for 15 s and wakes up believing that it still is one. */
export async function stopPrimary(set: ReplicaSet): Promise<Round> {
  await untilHealthy(set)
  const primary = await primaryOf(set)
  const fault: Fault = {
    begin: () => primary.signal('SIGSTOP'),
    lastsMs: 15_000,
    end: () => primary.signal('SIGCONT'),
  }
  try {
    return await playRound({ uri: set.uri, readerUris: [set.uri], fault })
  } finally {
    primary.signal('SIGCONT')
  }
}

/**
 * The secondaries end, so that the primary takes writes that no majority has, until it steps down; then it
 * ends as well, and the others come back first: what it took alone is rolled back.
 */
export async function loseMajority(set: ReplicaSet): Promise<Round> {
  await untilHealthy(set)
  const primary = await primaryOf(set)
  const others = set.members.filter((member) => member !== primary)
  const fault: Fault = {
    begin: () => Promise.all(others.map((member) => member.kill())),
    lastsMs: 1_500,
    end: async () => {
      await primary.kill()
      for (const member of others) member.restart()
    },
  }
  try {
    return await playRound({ uri: set.uri, readerUris: [set.uri], fault })
  } finally {
    for (const member of [...others, primary]) member.restart()
  }
}

export interface Wire {
  readonly proxy: TcpProxy
  /** The database without the proxy, for a reader whose connection holds. */
  readonly directUri: string
}

/** Writer and one reader lose MongoDB; another reader does not. */
export async function cutWire({ proxy, directUri }: Wire, kind: 'cut' | 'swallow'): Promise<Round> {
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  const fault: Fault = {
    begin: () => (kind === 'cut' ? proxy.cut() : proxy.swallow()),
    lastsMs: kind === 'cut' ? 3_000 : 8_000,
    end: () => proxy.mend(),
  }
  try {
    return await playRound({ uri, readerUris: [uri, directUri], fault })
  } finally {
    proxy.mend()
  }
}
