// One part of the fault runs on a real replica set: `--part three`, `wire`, `processes` or `disks`. Started by
// scripts/faults.mjs; prints each row of the table to stdout as soon as it is known, and every round to stderr.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { fillDisk, isCi, makeSmallDisks, startOnSmallDisks } from './full-disk.ts'
import type { ReplicaSet } from './members.ts'
import { fightForRoom, killWriters } from './owners.ts'
import type { Round } from './round.ts'
import { cutWire, killPrimary, loseMajority, stopPrimary } from './scenarios.ts'
import type { Wire } from './scenarios.ts'
import { TcpProxy } from './tcp-proxy.ts'

const { values } = parseArgs({
  options: {
    // Divides every count: 10 makes a quick look.
    divide: { type: 'string', default: '1' },
    part: { type: 'string', default: '' },
    // Only those whose name holds it.
    fault: { type: 'string', default: '' },
  },
})
const divisor = Number(values.divide)
if (!(divisor >= 1)) throw new Error(`Expected --divide from 1, got ${values.divide}`)

const logFolder = mkdtempSync(join(tmpdir(), 'ringside-faults-'))
// Ends what was started: `exit` of the replica set, and of the disks below.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    rmSync(logFolder, { recursive: true, force: true })
    process.exit(130)
  })

let rowCount = 0
let hasFailed = false

interface Kind<Rig> {
  readonly name: string
  /** Rounds of a whole run. */
  readonly count: number
  readonly play: (rig: Rig) => Promise<Round>
}

interface Open<Rig> {
  readonly rig: Rig
  close(): Promise<void>
}

const nothing: Omit<Round, 'faults'> = {
  stallMs: Number.NaN,
  waitMs: Number.NaN,
  eventCount: 0,
  phases: '',
}
/** What so many rounds in a row did not show, no further one will. */
const LONGEST_FAILING = 2

/** Plays one kind of fault; a round that throws counts as a fault of its own. */
async function playAll<Rig>({ name, count, play }: Kind<Rig>, rig: Rig): Promise<void> {
  const wanted = Math.max(1, Math.round(count / divisor))
  const rounds: Round[] = []
  const faults: string[] = []
  let failing = 0
  let played = 0
  for (; played < wanted && failing < LONGEST_FAILING; played++) {
    const startedAt = performance.now()
    const round = await play(rig).catch((error: unknown): Round => {
      return { ...nothing, faults: [`did not end: ${String(error)}`] }
    })
    failing = Number.isNaN(round.stallMs) ? failing + 1 : 0
    rounds.push(round)
    faults.push(...round.faults)
    const { eventCount, stallMs, waitMs, phases } = round
    const text = round.faults.length === 0 ? 'ok' : round.faults.slice(0, 5).join('; ')
    const took = seconds(performance.now() - startedAt)
    console.error(
      `${name} ${played + 1}/${wanted}: ${eventCount} events, stall ${seconds(stallMs)}, wait ${seconds(waitMs)}, ${text} (${took}${phases && `: ${phases}`})`,
    )
  }
  if (faults.length > 0) hasFailed = true
  const stalls = sorted(rounds.map(({ stallMs }) => stallMs))
  const waits = sorted(rounds.map(({ waitMs }) => waitMs))
  const events = rounds.reduce((sum, { eventCount }) => sum + eventCount, 0)
  const verdict = faults.length === 0 ? 'none' : `**${faults.length}**: ${cell(faults[0] ?? '')}`
  const counted = played === wanted ? `${wanted}` : `${played} of ${wanted}`
  const median = seconds(stalls[Math.floor(stalls.length / 2)])
  const longest = seconds(stalls.at(-1))
  const wait = seconds(waits.at(-1))
  row([name, counted, events.toLocaleString('en'), verdict, median, longest, wait])
}

/** Those that were measured, ascending. */
function sorted(numbers: readonly number[]): number[] {
  return numbers.filter((each) => !Number.isNaN(each)).toSorted((a, b) => a - b)
}

/** Plays those of `kinds` that are wanted on one rig. */
async function playOn<Rig>(
  kinds: readonly Kind<Rig>[],
  open: () => Promise<Open<Rig>>,
): Promise<void> {
  const wanted = kinds.filter(({ name }) => name.includes(values.fault))
  if (wanted.length === 0) return
  const { rig, close } = await open()
  try {
    for (const kind of wanted) await playAll(kind, rig)
  } finally {
    await close()
  }
}

function row(cells: readonly string[]): void {
  if (rowCount++ === 0) {
    console.log(
      '| fault | rounds | events | loss, doubles, disorder | stall, median | longest | longest wait |',
    )
    console.log('| --- | ---: | ---: | --- | ---: | ---: | ---: |')
  }
  console.log(`| ${cells.join(' | ')} |`)
}

function seconds(ms: number | undefined): string {
  return ms === undefined || Number.isNaN(ms) ? '-' : `${(ms / 1000).toFixed(1)} s`
}

/** Fit for a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '/').replaceAll(/\s+/g, ' ').slice(0, 400)
}

async function openThree(): Promise<Open<ReplicaSet>> {
  const set = await startReplicaSet({ count: 3, logFolder })
  return { rig: set, close: () => set.stop() }
}

async function openWire(): Promise<Open<Wire>> {
  const set = await startReplicaSet({ count: 1, logFolder })
  const proxy = await TcpProxy.start(set.members[0]?.port ?? 0)
  const close = async (): Promise<void> => {
    await proxy.stop()
    await set.stop()
  }
  return { rig: { set, proxy }, close }
}

async function openOne(): Promise<Open<ReplicaSet>> {
  const set = await startReplicaSet({ count: 1, logFolder })
  return { rig: set, close: () => set.stop() }
}

const three: readonly Kind<ReplicaSet>[] = [
  { name: 'kill -9 of the primary', count: 20, play: killPrimary },
  { name: 'SIGSTOP of the primary for 15 s', count: 10, play: stopPrimary },
  { name: 'majority lost, then rolled back', count: 10, play: loseMajority },
]
const wire: readonly Kind<Wire>[] = [
  { name: 'cut for 3 s', count: 20, play: (on) => cutWire(on, 'cut') },
  { name: 'half open for 8 s', count: 10, play: (on) => cutWire(on, 'half open') },
  { name: 'all connections dead, new ones work', count: 4, play: (on) => cutWire(on, 'dead') },
  {
    name: 'the same, but heartbeats go on',
    count: 4,
    play: (on) => cutWire(on, 'dead but heartbeats'),
  },
]
const kills = Math.max(1, Math.round(50 / divisor))
const processes: readonly Kind<ReplicaSet>[] = [
  {
    name: `kill -9 between numbers and write, ${kills} in a row`,
    count: 1,
    play: ({ uri }) => killWriters(uri, kills),
  },
  {
    name: 'two owners of one room, 30 takeovers a round',
    count: 5,
    play: ({ uri }) => fightForRoom(uri, 30),
  },
]
const smallDisks: readonly Kind<ReplicaSet>[] = [
  { name: 'full disk of the primary for 3 s', count: 5, play: (set) => fillDisk(set, 'primary') },
  { name: 'full disk of all members for 5 s', count: 5, play: (set) => fillDisk(set, 'all') },
]

async function playOnSmallDisks(): Promise<void> {
  const disks = makeSmallDisks()
  if (disks.folders) {
    process.on('exit', () => disks.remove())
    await playOn(smallDisks, async () => {
      const set = await startOnSmallDisks(disks.folders, logFolder)
      return { rig: set, close: () => set.stop() }
    })
    return
  }
  const text = `left out, it needs the right to mount: ${cell(disks.reason)}`
  console.error(`full disk: ${text}${isCi ? ', which with CI=true is a failure' : ''}`)
  row(['full disk', '0', '-', isCi ? `**${text}**` : text, '-', '-', '-'])
  if (isCi) hasFailed = true
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  three: () => playOn(three, openThree),
  wire: () => playOn(wire, openWire),
  processes: () => playOn(processes, openOne),
  disks: playOnSmallDisks,
}
const play = parts[values.part]
if (!play) throw new Error(`Expected --part ${Object.keys(parts).join('|')}, got '${values.part}'`)
await play()
// What mongod says matters only where a round failed.
if (hasFailed) console.error(`the logs of mongod are in ${logFolder}`)
else rmSync(logFolder, { recursive: true, force: true })
process.exit(hasFailed ? 1 : 0)
