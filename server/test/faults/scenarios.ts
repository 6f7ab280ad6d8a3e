import { askMember, primaryOf, statusOf } from './members.ts'
import type { Member, ReplicaSet } from './members.ts'
import { playRound } from './round.ts'
import type { Fault, Probe, Round } from './round.ts'
import type { TcpProxy } from './tcp-proxy.ts'

/** An election takes at least so long, for the others first have to miss the primary. In ms. */
const LEAST_ELECTION_MS = 300

/** kill -9 of the primary; it comes back as a secondary once the round is over without it. */
export async function killPrimary(set: ReplicaSet): Promise<Round> {
  const { member, term } = await primaryOf(set)
  const { pid } = member
  const fault: Fault = {
    begin: () => member.kill(),
    lastsMs: 0,
    end: () => {},
    heal: () => member.restart(),
    missed: async () => [
      ...(member.pid === pid ? ['not struck: the primary was not killed'] : []),
      ...(await missedElection(set, term)),
    ],
    leastStallMs: LEAST_ELECTION_MS,
  }
  return playRound({ set, fault })
}

/** The primary stands still for 15 s and wakes up believing that it still is one. */
export async function stopPrimary(set: ReplicaSet): Promise<Round> {
  const { member, term } = await primaryOf(set)
  const fault: Fault = {
    begin: () => member.signal('SIGSTOP'),
    lastsMs: 15_000,
    end: () => member.signal('SIGCONT'),
    heal: () => member.signal('SIGCONT'),
    missed: () => missedElection(set, term),
    leastStallMs: LEAST_ELECTION_MS,
  }
  return playRound({ set, fault })
}

/**
 * The secondaries end, so that the primary takes writes that no majority has; then it ends as well, and the others
 * come back first: what it took alone is rolled back.
 */
export async function loseMajority(set: ReplicaSet): Promise<Round> {
  const { member, term } = await primaryOf(set)
  const others = set.members.filter((each) => each !== member)
  const faults: string[] = []
  const fault: Fault = {
    begin: () => Promise.all(others.map((each) => each.kill())),
    lastsMs: 1_500,
    end: async (probe) => {
      faults.push(...(await faultsOfLonePrimary(member, probe)))
      await member.kill()
      for (const each of others) each.restart()
    },
    heal: () => {
      for (const each of [...others, member]) each.restart()
    },
    missed: async () => [...faults, ...(await missedElection(set, term))],
    leastStallMs: 1_500,
  }
  return playRound({ set, fault })
}

/** It must have taken something alone, and nobody may have been shown it (OB1). */
async function faultsOfLonePrimary(member: Member, probe: Probe): Promise<string[]> {
  const sealed = Math.max(...probe.outboxes.map((outbox) => outbox.sealed))
  const { optimes } = await statusOf(member)
  const { appliedOpTime, lastCommittedOpTime } = optimes
  const faults: string[] = []
  if (appliedOpTime.ts.toString() === lastCommittedOpTime.ts.toString())
    faults.push('not struck: the primary took nothing alone')
  const newest = await askMember(member, (admin) => {
    const log = admin.client.db(probe.database).collection<{ _id: number }>('events')
    return log.findOne({}, { sort: { _id: -1 }, readConcern: { level: 'majority' } })
  })
  if (!newest || sealed > newest._id)
    faults.push(`shown up to ${sealed}, a majority has ${newest?._id ?? 'nothing'}`)
  return faults
}

async function missedElection(set: ReplicaSet, term: number): Promise<string[]> {
  const now = await primaryOf(set)
  return now.term > term ? [] : [`not struck: no election, the term is still ${term}`]
}

/** A member of one, with a wire that can fail before it. */
export interface Wire {
  readonly set: ReplicaSet
  readonly proxy: TcpProxy
  /** How long dead connections are watched, in ms. They stay dead until the round is over. Default 35,000. */
  readonly deadMs?: number
}

/**
 * `cut`; `half open`: nothing gets through, either way; `dead`: what is open is half open, new connections work;
 * `dead but heartbeats`: the same, but the driver's heartbeats go on and see nothing of it.
 */
export type WireFault = 'cut' | 'half open' | 'dead' | 'dead but heartbeats'

const CUT_MS = 3_000
const HALF_OPEN_MS = 8_000
const DEAD_MS = 35_000
const IDLE_COUNT = 20

/** Both writers lose MongoDB; who only reads, past the wire, does not. */
export async function cutWire(wire: Wire, kind: WireFault): Promise<Round> {
  const { set, proxy, deadMs = DEAD_MS } = wire
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  const begin: Record<WireFault, () => void> = {
    cut: () => proxy.cut(),
    'half open': () => proxy.swallow(),
    dead: () => proxy.deaden(),
    'dead but heartbeats': () => proxy.deaden(false),
  }
  const isDead = kind.startsWith('dead')
  const lastsMs = kind === 'cut' ? CUT_MS : isDead ? deadMs : HALF_OPEN_MS
  const fault: Fault = {
    begin: async ({ outboxes }) => {
      // Many idle connections in the pools: each that is dead may cost whoever takes it a timeout.
      await Promise.all(
        outboxes.flatMap((outbox) => Array.from({ length: IDLE_COUNT }, () => outbox.counter())),
      )
      proxy.resetCounts()
      begin[kind]()
    },
    lastsMs,
    // Dead connections stay dead: whoever has one must get away from it alone.
    end: () => isDead || proxy.mend(),
    heal: () => proxy.mend(),
    missed: () => {
      const { resetCount, refusedCount, swallowedFromClient, swallowedFromServer } = proxy.counts
      if (kind === 'cut' && (resetCount === 0 || refusedCount === 0))
        return [`not struck: ${resetCount} reset, ${refusedCount} refused`]
      if (kind !== 'cut' && (swallowedFromClient === 0 || swallowedFromServer === 0))
        return [`not struck: ${swallowedFromClient} and ${swallowedFromServer} bytes swallowed`]
      return []
    },
    // Nothing gets through while it lasts.
    leastStallMs: isDead ? 1_000 : lastsMs - 500,
  }
  return playRound({ set, uri, fault })
}
