import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outbox, RoomLog } from '../../src/outbox/contract/outbox.ts'
import { OWNER, TOMBSTONE } from '../../src/outbox/contract/store.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { Watcher, openOutbox, quietHandlers, readPages, until } from './rig.ts'
import { readRaw } from './raw-log.ts'
import type { Round } from './round.ts'
import { runUntilKilled } from './child.ts'

const CHILD = fileURLToPath(new URL('./doomed-writer.ts', import.meta.url))

/** Here events have no time of acceptance that another process could read. */
const unmeasured = { waitMs: Number.NaN, phases: '' }

interface Life {
  readonly accepted: string[]
  acknowledgedN: number
  /** Numbers that it had when it died, with nothing written under them. */
  taken: readonly number[]
}

/** Runs one game process until it kills itself. */
async function liveOnce(args: readonly string[]): Promise<Life> {
  const out = await runUntilKilled(CHILD, args)
  const life: Life = { accepted: [], acknowledgedN: 0, taken: [] }
  for (const line of out.split('\n')) {
    if (line.startsWith('accepted ')) life.accepted.push(line.slice(9))
    if (line.startsWith('acknowledged ')) life.acknowledgedN = Number(line.slice(13))
    if (line.startsWith('taken ')) life.taken = line.slice(6).split(' ').map(Number)
  }
  return life
}

/**
 * kill -9 of game processes that own the same room one after the other, each between taking numbers and
 * writing them. What each had acknowledged is there; what it had not is a prefix of what it accepted.
 */
export async function killWriters(uri: string, count: number): Promise<Round> {
  const database = `fault-owner-${process.pid}-${Date.now()}`
  const room = 'roomofmany00'
  const reader = new Watcher(await openOutbox({ uri, database }))
  try {
    const lives: Life[] = []
    for (let life = 0; life < count; life++)
      lives.push(await liveOnce([uri, database, room, `life-${life}`]))
    // The last process's numbers are a hole too: it shows once something comes after it.
    const last = await openOutbox({ uri, database })
    const log = await last.openRoom(room, quietHandlers)
    await until(() => reader.outbox.sealed >= last.sealed && last.sealed > 0, 'the holes to close')
    await until(() => reader.seen.some(({ n }) => n === log.acknowledgedN), 'the last marker')
    // Pages end where their own reader stands: it must stand where the other one does.
    const newest = reader.seen.at(-1)?.seq ?? 0
    await until(() => last.sealed >= newest, 'the other reader')
    const seen = reader.ofRoom(room)
    const faults = seen.flatMap(({ n }, i) => (n === i + 1 ? [] : [`n ${n} at ${i + 1}`]))
    if (JSON.stringify(await readPages(last)) !== JSON.stringify(reader.seen))
      faults.push('pages and tail differ')
    const raw = new Map((await readRaw(uri, database)).map(({ _id, type }) => [_id, type]))
    for (const [index, life] of lives.entries()) {
      const { accepted, acknowledgedN, taken } = life
      const shown = seen.filter(({ data }) => data.includes(`"life-${index}"`))
      const isPrefix = shown.every(({ data }, i) => data === accepted[i])
      if (!isPrefix) faults.push(`life ${index}: not what it accepted, in its order`)
      if ((shown.at(-1)?.n ?? 0) < acknowledgedN && seen[acknowledgedN - 1]?.type !== OWNER)
        faults.push(`life ${index}: ${acknowledgedN} acknowledged, shown up to ${shown.at(-1)?.n}`)
      if (shown.length === 0) faults.push(`life ${index} wrote nothing`)
      if (taken.length === 0 || taken.some((seq) => raw.get(seq) !== TOMBSTONE))
        faults.push(`life ${index}: not struck between numbers and write`)
      if (shown.length >= accepted.length) faults.push(`life ${index}: not struck, all was written`)
    }
    await last.stop()
    return { ...unmeasured, faults, stallMs: reader.takeStallMs(), eventCount: seen.length }
  } finally {
    await reader.outbox.stop()
  }
}

interface Owner {
  readonly log: RoomLog
  readonly accepted: string[]
  isFenced: boolean
}

/** Each owner writes an event every 2 ms or so until the next takes over. */
const LEAST_EVENTS_PER_HANDOVER = 10

/** Two processes that take one room from each other under load, and sometimes at the same moment. */
export async function fightForRoom(uri: string, handoverCount: number): Promise<Round> {
  const database = `fault-fight-${process.pid}-${Date.now()}`
  const room = 'roomfoughtov'
  const outboxes = await Promise.all([0, 1].map(() => openOutbox({ uri, database })))
  const reader = new Watcher(await openOutbox({ uri, database }))
  const owners: Owner[] = []
  let isOver = false
  let refusedCount = 0

  const take = async (outbox: Outbox): Promise<void> => {
    const state = { isFenced: false }
    const onFenced = (): void => {
      state.isFenced = true
    }
    const log = await outbox.openRoom(room, { ...quietHandlers, onFenced }).catch(() => null)
    if (!log) {
      refusedCount++
      return
    }
    const owner: Owner = Object.assign(state, { log, accepted: [] })
    owners.push(owner)
    void (async () => {
      for (let index = 0; !isOver && !owner.isFenced; index++) {
        const data = JSON.stringify({ own: log.epoch, index })
        if (log.append({ type: 'mark', data })) owner.accepted.push(data)
        await sleep(2)
      }
    })()
  }

  try {
    for (let handover = 0; handover < handoverCount; handover++) {
      const [a, b] = outboxes
      const next = outboxes[handover % 2]
      if (!a || !b || !next) break
      // Every third time both want it at once.
      await (handover % 3 === 2 ? Promise.all([take(a), take(b)]) : take(next))
      await sleep(200)
    }
    isOver = true
    await until(() => outboxes.every(({ stats }) => stats.pendingEvents === 0), 'acknowledgement')
    const lastN = Math.max(...owners.map(({ log }) => log.acknowledgedN))
    await until(() => reader.seen.some(({ n }) => n >= lastN), 'everything to be shown')
    const faults = faultsOfFight(reader.ofRoom(room), owners)
    const fencedCount = owners.filter(({ isFenced }) => isFenced).length
    // The first takes an empty room; all after it take it from somebody.
    if (fencedCount < handoverCount - 1 - refusedCount)
      faults.push(`not struck: ${fencedCount} of ${handoverCount} were fenced`)
    if (reader.seen.length < handoverCount * LEAST_EVENTS_PER_HANDOVER)
      faults.push(`not struck: ${reader.seen.length} events in ${handoverCount} takeovers`)
    const eventCount = reader.seen.length
    return { ...unmeasured, faults, stallMs: reader.takeStallMs(), eventCount }
  } finally {
    isOver = true
    await Promise.all([...outboxes, reader.outbox].map((outbox) => outbox.stop()))
  }
}

function faultsOfFight(seen: readonly LogEvent[], owners: readonly Owner[]): string[] {
  const faults = seen.flatMap(({ n }, i) => (n === i + 1 ? [] : [`n ${n} at ${i + 1}`]))
  let epoch = 0
  for (const event of seen) {
    if (event.epoch < epoch) faults.push(`epoch ${event.epoch} after ${epoch}`)
    epoch = event.epoch
  }
  const living = owners.filter(({ isFenced }) => !isFenced)
  if (living.length !== 1) faults.push(`${living.length} owners are left`)
  for (const { log, accepted, isFenced } of owners) {
    const shown = seen.filter((event) => event.epoch === log.epoch && event.type === 'mark')
    if (!shown.every(({ data }, i) => data === accepted[i]))
      faults.push(`epoch ${log.epoch}: not what it accepted, in its order`)
    const acknowledged = seen.filter((e) => e.epoch === log.epoch && e.n <= log.acknowledgedN)
    const marks = acknowledged.filter(({ type }) => type === 'mark')
    if (!isFenced && shown.length !== accepted.length)
      faults.push(`epoch ${log.epoch}: ${shown.length} shown of ${accepted.length}`)
    // A fenced owner's log was acknowledged exactly as far as it is shown.
    if (isFenced && marks.length !== shown.length)
      faults.push(`epoch ${log.epoch}: ${marks.length} acknowledged, ${shown.length} shown`)
  }
  return faults
}
