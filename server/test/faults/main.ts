// The long fault runs. Started by scripts/faults.mjs; prints the results as a markdown table to stdout.
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { fillDisk, makeSmallDisks, startOnSmallDisks } from './full-disk.ts'
import { fightForRoom, killWriters } from './owners.ts'
import { cutWire, killPrimary, loseMajority, stopPrimary } from './scenarios.ts'
import type { ReplicaSet, Round } from './scenarios.ts'
import { TcpProxy } from './tcp-proxy.ts'

const { values } = parseArgs({
  options: {
    // Divides every count: 10 makes a quick look.
    divide: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})

const rows: string[] = []
let hasFailed = false

/** Plays one kind of fault `count` times; a round that throws counts as a fault of its own. */
async function play(name: string, count: number, round: () => Promise<Round>): Promise<void> {
  if (values.only !== '' && !name.includes(values.only)) return
  const wanted = Math.max(1, Math.round(count / Number(values.divide)))
  const rounds: Round[] = []
  for (let index = 1; index <= wanted; index++) {
    const result = await round().catch((error: unknown): Round => {
      return { faults: [`did not end: ${String(error)}`], stallMs: 0, eventCount: 0 }
    })
    rounds.push(result)
    const { stallMs, faults, eventCount } = result
    const text = faults.length === 0 ? 'ok' : faults.slice(0, 5).join('; ')
    console.error(`${name} ${index}/${wanted}: ${eventCount} events, stall ${stallMs} ms, ${text}`)
  }
  const faults = rounds.flatMap((each) => each.faults)
  if (faults.length > 0) hasFailed = true
  const stalls = rounds.map(({ stallMs }) => stallMs).toSorted((a, b) => a - b)
  const events = rounds.reduce((sum, { eventCount }) => sum + eventCount, 0)
  const median = seconds(stalls[Math.floor(stalls.length / 2)] ?? 0)
  const longest = seconds(stalls.at(-1) ?? 0)
  const verdict = faults.length === 0 ? 'none' : `**${faults.length}**: ${faults[0]}`
  rows.push(
    `| ${name} | ${wanted} | ${events.toLocaleString('en')} | ${verdict} | ${median} | ${longest} |`,
  )
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

async function withSet(count: number, run: (set: ReplicaSet) => Promise<void>): Promise<void> {
  const set = await startReplicaSet({ count })
  try {
    await run(set)
  } finally {
    await set.stop()
  }
}

await withSet(3, async (set) => {
  await play('kill -9 of the primary', 20, () => killPrimary(set))
  await play('SIGSTOP of the primary for 15 s', 10, () => stopPrimary(set))
  await play('majority lost, then rolled back', 10, () => loseMajority(set))
})
await withSet(1, async (set) => {
  const proxy = await TcpProxy.start(set.members[0]?.port ?? 0)
  const wire = { proxy, directUri: set.uri }
  await play('wire cut for 3 s', 20, () => cutWire(wire, 'cut'))
  await play('wire half open for 8 s', 10, () => cutWire(wire, 'swallow'))
  await proxy.stop()
  await play('kill -9 of the game process, 50 a round', 1, () =>
    killWriters(set.uri, Math.ceil(50 / Number(values.divide))),
  )
  await play('two owners of one room, 30 takeovers a round', 5, () => fightForRoom(set.uri, 30))
})
const disks = makeSmallDisks()
if (!disks.folders) rows.push(`| full disk | 0 | - | left out: ${disks.reason} | - | - |`)
else {
  const set = await startOnSmallDisks(disks.folders)
  try {
    await play('full disk of the primary', 5, () => fillDisk(set, 'primary'))
    await play('full disk of all members for 5 s', 5, () => fillDisk(set, 'all'))
  } finally {
    await set.stop()
    disks.remove()
  }
}

console.log(
  '| fault | rounds | events | loss, doubles, disorder | stall, median | stall, longest |',
)
console.log('| --- | ---: | ---: | --- | ---: | ---: |')
for (const row of rows) console.log(row)
process.exit(hasFailed ? 1 : 0)
