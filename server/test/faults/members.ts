import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import type { Db } from 'mongodb'
import type { startReplicaSet } from '../../../scripts/replica-set.mjs'

/** A real replica set. */
export type ReplicaSet = Awaited<ReturnType<typeof startReplicaSet>>
/** One mongod of it. */
export type Member = ReplicaSet['members'][number]

/** What one member says of itself and the others. */
export interface MemberStatus {
  /** 1 primary, 2 secondary; all else is on its way. */
  readonly myState: number
  /** Grows with each election. */
  readonly term: number
  readonly members: readonly { readonly state: number; readonly health: number }[]
  readonly optimes: Readonly<Record<'appliedOpTime' | 'lastCommittedOpTime', OpTime>>
}

interface OpTime {
  readonly ts: { toString(): string }
  /** Term in which it was written; a driver's Long, or a number. */
  readonly t: { toString(): string }
}

const PRIMARY = 1
const SECONDARY = 2
const ANSWER_WITHIN_MS = 3_000
/** A member that starts again and rolls back takes 10 s, on a machine with far too much to do a minute and more. */
const WHOLE_WITHIN_MS = 180_000
const POLL_MS = 500
/** What mongod 6.0.5 under load may stand in without an end, at 'Rolling back to the stable timestamp'. */
const ROLLBACK = 9
const LONGEST_ROLLBACK_MS = 40_000

/** What `ask` gives of a database of one member, whatever its state. */
export async function askMember<T>(member: Member, ask: (admin: Db) => Promise<T>): Promise<T> {
  const uri = `mongodb://127.0.0.1:${member.port}/?directConnection=true`
  const patience = { connectTimeoutMS: ANSWER_WITHIN_MS, socketTimeoutMS: ANSWER_WITHIN_MS }
  const client = new MongoClient(uri, { ...patience, serverSelectionTimeoutMS: ANSWER_WITHIN_MS })
  try {
    return await ask(client.db('admin'))
  } finally {
    await client.close()
  }
}

/** @throws what the driver throws when the member does not answer within 3 s. */
export function statusOf(member: Member): Promise<MemberStatus> {
  return askMember(member, async (admin) => {
    return (await admin.command({ replSetGetStatus: 1 })) as unknown as MemberStatus
  })
}

/** The member that is primary now, and its term. */
export async function primaryOf(set: ReplicaSet): Promise<{ member: Member; term: number }> {
  for (const deadline = Date.now() + WHOLE_WITHIN_MS; Date.now() < deadline; await sleep(POLL_MS))
    for (const member of set.members) {
      const status = await statusOf(member).catch(() => null)
      if (status?.myState === PRIMARY) return { member, term: status.term }
    }
  throw new Error(`No member became primary within ${WHOLE_WITHIN_MS} ms: ${await describe(set)}`)
}

/**
 * Waits until every member is primary or secondary by its own account and the primary's, and has something of the
 * primary's term: one that still has to roll back calls itself a secondary for some seconds before it notices,
 * and a fault that strikes then leaves no majority for as long as it rolls back. One that does not end with that
 * is started again, which ends it.
 */
export async function untilWhole(set: ReplicaSet): Promise<void> {
  const rollbackSince = new Map<Member, number>()
  for (const deadline = Date.now() + WHOLE_WITHIN_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const all = await Promise.all(set.members.map((each) => statusOf(each).catch(() => null)))
    for (const [index, member] of set.members.entries())
      if (all[index]?.myState !== ROLLBACK) rollbackSince.delete(member)
      else if (!rollbackSince.has(member)) rollbackSince.set(member, Date.now())
    for (const [member, since] of rollbackSince) {
      if (Date.now() - since < LONGEST_ROLLBACK_MS) continue
      process.stderr.write(`mongod ${member.port} stands in ROLLBACK: it is started again\n`)
      rollbackSince.delete(member)
      await member.kill()
      member.restart()
    }
    const primaries = all.filter((status) => status?.myState === PRIMARY)
    const secondaries = all.filter((status) => status?.myState === SECONDARY)
    const [primary] = primaries
    if (!primary || primaries.length + secondaries.length < all.length) continue
    const term = String(primary.term)
    const isWhole = primary.members.every(({ state, health }) => health === 1 && state <= SECONDARY)
    if (isWhole && all.every((status) => String(status?.optimes.appliedOpTime.t) === term)) return
  }
  throw new Error(`The replica set did not become whole again: ${await describe(set)}`)
}

/** What stands: each member's state by its own account, and where its log is. */
export async function describe(set: ReplicaSet): Promise<string> {
  const lines = set.members.map(async (member) => {
    const log = member.logPath === null ? '' : `, log ${String(member.logPath)}`
    if (!member.isRunning) return `${member.port} has ended${log}`
    try {
      const { myState, term, members } = await statusOf(member)
      const others = members.map(({ state, health }) => `${state}/${health}`)
      return `${member.port} state ${myState} term ${term} sees ${others.join(' ')}${log}`
    } catch (error) {
      return `${member.port} does not answer: ${String(error)}${log}`
    }
  })
  return (await Promise.all(lines)).join('; ')
}
