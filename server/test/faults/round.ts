import { setTimeout as sleep } from 'node:timers/promises'
import type { Outbox } from '../../src/outbox/contract/outbox.ts'
import { describe, untilWhole } from './members.ts'
import type { ReplicaSet } from './members.ts'
import { dropRaw, rawFaults } from './raw-log.ts'
import { Load, Watcher, openOutbox, readPages, until } from './rig.ts'

/** What one round showed. */
export interface Round {
  /**
   * Empty: the fault struck, and what readers saw, what pages hold and what is stored is what was
   * acknowledged: no loss, no doubles, in order.
   */
  readonly faults: readonly string[]
  /** Longest time in ms in which a reader was shown nothing new. */
  readonly stallMs: number
  /** Longest time in ms from the acceptance of an event until every reader was shown it. */
  readonly waitMs: number
  readonly eventCount: number
  /** How long each phase of the round took: for whoever waits. */
  readonly phases: string
}

/** Steady load before and after the fault, in ms. */
const BEFORE_MS = 700
const AFTER_MS = 500
/** Fewer before, during or after the fault, and the round has compared next to nothing. */
const LEAST_EVENTS = 100

/** What a fault may look at, and use. */
export interface Probe {
  readonly database: string
  /** Of all processes, those that write first. */
  readonly outboxes: readonly Outbox[]
}

/** How one fault begins, ends and is mended, and what shows that it struck. */
export interface Fault {
  begin(probe: Probe): unknown
  /** From begin to end, in ms. */
  readonly lastsMs: number
  end(probe: Probe): unknown
  /** Brings back what is still away; harmless when nothing is. */
  heal(): unknown
  /** Why it cannot have struck; empty when it has. Asked once all is whole again. */
  missed(): Promise<readonly string[]> | readonly string[]
  /** A shorter stall, and it has not struck. In ms. */
  readonly leastStallMs: number
}

export interface RoundParts {
  readonly set: ReplicaSet
  readonly fault: Fault
  /** Of the two processes that write, and read as well. Default: the replica set's. */
  readonly uri?: string
}

/** After a fail-over numbers may be given twice: only to two who write does that matter. */
const WRITER_COUNT = 2

/** What the time of a round went into. */
class Phases {
  #since = performance.now()
  readonly #ended: string[] = []

  end(name: string): void {
    const now = performance.now()
    this.#ended.push(`${name} ${((now - this.#since) / 1000).toFixed(1)}`)
    this.#since = now
  }

  get text(): string {
    return this.#ended.join(', ')
  }
}

let rounds = 0

/** One round: load, fault, load again, then everything is compared, and once more when all is mended. */
export async function playRound(parts: RoundParts): Promise<Round> {
  const { set, fault, uri = set.uri } = parts
  const phases = new Phases()
  await untilWhole(set)
  phases.end('whole')
  const database = `fault-${process.pid}-${++rounds}`
  const watchers: Watcher[] = []
  let hasCompared = false
  try {
    // The last one only reads, past whatever the writers' wire does.
    for (const each of [...Array<string>(WRITER_COUNT).fill(uri), set.uri])
      watchers.push(new Watcher(await openOutbox({ uri: each, database })))
    const [first] = watchers
    if (!first) throw new Error('Expected a writer')
    const load = new Load(watchers.slice(0, WRITER_COUNT).map(({ outbox }) => outbox))
    const round = await strike({ set, fault, database, watchers, load, phases })
    await fault.heal()
    await untilWhole(set)
    phases.end('whole again')
    const faults = [...round.faults, ...(await fault.missed())]
    // What was acknowledged is still there when everyone is back.
    faults.push(...(await rawFaults(set.uri, database, load)))
    faults.push(...load.faultsOf(await readPages(first.outbox)))
    phases.end('compared again')
    hasCompared = true
    return { ...round, faults, phases: phases.text }
  } finally {
    await fault.heal()
    await Promise.all(watchers.map(({ outbox }) => outbox.stop()))
    // Members that start again would have ever more to open.
    if (hasCompared) await dropRaw(set.uri, database)
  }
}

interface Struck extends Required<Pick<RoundParts, 'set' | 'fault'>> {
  readonly database: string
  readonly watchers: readonly Watcher[]
  readonly load: Load
  readonly phases: Phases
}

async function strike(struck: Struck): Promise<Round> {
  const { set, fault, database, watchers, load, phases } = struck
  const untilShown = async (count: number, what: string): Promise<void> => {
    await until(() => watchers.every(({ seen }) => seen.length >= count), what).catch(
      async (error: unknown) => {
        // What stands still: a writer, the reader, or MongoDB itself.
        const stands = watchers.map(({ seen, outbox: { sealed, stats } }) => {
          return { shown: seen.length, sealed, ...stats }
        })
        const whole = `${String(error)}, ${count}: ${JSON.stringify(stands)}`
        throw new Error(`${whole}; ${await describe(set)}`, { cause: error })
      },
    )
  }
  await load.start()
  await sleep(BEFORE_MS)
  await untilShown(LEAST_EVENTS, 'events before the fault')
  for (const watcher of watchers) watcher.takeStallMs()
  phases.end('load')
  const beforeCount = load.acceptedCount
  const probe = { database, outboxes: watchers.map(({ outbox }) => outbox) }
  await fault.begin(probe)
  await sleep(fault.lastsMs)
  await fault.end(probe)
  phases.end('fault')
  await untilShown(load.acceptedCount + 1, 'events to be shown again after the fault')
  phases.end('shown')
  const duringCount = load.acceptedCount - beforeCount
  await sleep(AFTER_MS)
  const stallMs = Math.max(...watchers.map((watcher) => watcher.takeStallMs()))
  const atCount = load.acceptedCount
  await until(() => load.acceptedCount >= atCount + LEAST_EVENTS, 'events after the fault')
  await load.stop()
  await untilShown(load.acceptedCount, 'everything to be shown')
  phases.end('drained')

  const faults = watchers.flatMap(({ seen }) => load.faultsOf(seen))
  for (const { outbox } of watchers) faults.push(...load.faultsOf(await readPages(outbox)))
  phases.end('compared')
  if (load.fencedCount > 0) faults.push(`${load.fencedCount} rooms fenced`)
  if (duringCount < LEAST_EVENTS) faults.push(`${duringCount} events during the fault`)
  if (stallMs < fault.leastStallMs)
    faults.push(`not struck: a stall of ${stallMs} ms, expected ${fault.leastStallMs} or more`)
  const waitMs = Math.max(...watchers.map(({ longestWaitMs }) => longestWaitMs))
  return { faults, stallMs, waitMs, eventCount: load.acceptedCount, phases: phases.text }
}
