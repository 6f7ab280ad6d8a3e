// One process of the load: runs its segment of the virtual users. `run.ts` starts it.
import { machineClock } from './clock.ts'
import { RunFailure, exitCodes, textOf } from './failure.ts'
import { runLoad } from './load.ts'
import type { LoadOrder, Order, Report } from './messages.ts'
import { MetricSet } from './metrics/metric-set.ts'
import { readOptions } from './options.ts'
import { installRuntime } from './runtime.ts'
import { loadScenarioFile } from './scenario-file.ts'

const orders: ((order: Order) => void)[] = []
process.on('message', (order: Order) => orders.shift()?.(order))
process.on('disconnect', () => process.exit(exitCodes.interrupted))

work().then(tell, (error: unknown) => {
  const isOurs = error instanceof RunFailure
  tell({
    kind: 'failed',
    message: isOurs ? error.message : textOf(error),
    exitCode: isOurs ? error.exitCode : exitCodes.scriptFailed,
  })
})

async function work(): Promise<Report> {
  const load = (await nextOrder()) as LoadOrder
  const metrics = new MetricSet()
  const { env, segment, localAddresses } = load
  installRuntime({ clock: machineClock, metrics, env })
  const file = await loadScenarioFile(load.path)
  const options = readOptions(file.options)
  for (const { metric } of options.thresholds) metrics.part(metric)
  const going = nextOrder()
  tell({ kind: 'ready' })
  const go = await going
  const data: unknown = go.kind === 'go' && go.data !== null ? JSON.parse(go.data) : undefined
  const errors = await runLoad({
    clock: machineClock,
    metrics,
    file,
    options,
    segment,
    env,
    localAddresses,
    data,
  })
  return { kind: 'done', metrics: metrics.record(), errors }
}

function nextOrder(): Promise<Order> {
  return new Promise((resolve) => {
    orders.push(resolve)
  })
}

function tell(report: Report): void {
  process.send?.(report)
}
