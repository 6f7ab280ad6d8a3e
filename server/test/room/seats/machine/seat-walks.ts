import { everyOrder, runSeats, walkSeats } from './seat-runs.ts'
import { GRACE_MS } from './seat-model.ts'
import type { RoomPlan } from './seat-model.ts'
import { SeatServers } from './seat-world.ts'

/**
 * Many walks, all orders, or one: `WALKS=5000 SEED=1 node --import tsx --conditions=source <this file>`, with
 * `EVERY=3 START='ask A,take A'` or `SEATS='ask A,take A,break A'` and `PLAN='{"isAsync":true}'` in place of the seed.
 * The first failure of each kind is shown.
 */
const { env } = process
const servers = await SeatServers.start()
const plan: RoomPlan = {
  maxClients: 2,
  isAsync: false,
  deeds: {},
  graceMs: GRACE_MS,
  isAsking: false,
  ...(JSON.parse(env['PLAN'] ?? '{}') as Partial<RoomPlan>),
}
const began = performance.now()
let count = 0
const problems = new Map<string, number>()
const run = async (what: string, work: () => Promise<unknown>): Promise<void> => {
  count++
  try {
    await work()
  } catch (error) {
    const text = (error as Error).message
    const kind = text.split('\n').slice(2).join(' ').replace(/[0-9]/g, '').slice(0, 60)
    const seen = problems.get(kind) ?? 0
    problems.set(kind, seen + 1)
    if (seen === 0) console.log(`${what}: ${(error as Error).stack}\n`)
  }
}
if (env['SEATS']) {
  const list = env['SEATS'].split(',').map((action) => action.trim())
  await run('list', () => runSeats(servers, plan, (_, at) => list[at] ?? null))
} else if (env['EVERY']) {
  const start = (env['START'] ?? '').split(',').filter(Boolean)
  for (const list of everyOrder(plan, start, Number(env['EVERY'])))
    await run(list.join(), () => runSeats(servers, plan, (_, at) => list[at] ?? null))
} else {
  const first = Number(env['SEED'] ?? 1)
  for (let seed = first; seed < first + Number(env['WALKS'] ?? 100); seed++)
    await run(`seed ${seed}`, () => walkSeats(servers, seed, Number(env['LENGTH'] ?? 60)))
}
console.log(count, 'runs', Math.round(performance.now() - began), 'ms', problems)
await servers.close()
console.log('timers left', servers.clock.pendingCount)
