import type { Clock } from './clock.ts'
import { RunFailure } from './failure.ts'
import type { MetricSet } from './metrics/metric-set.ts'
import { runningUser } from './virtual-user.ts'

/** What the modules that a scenario imports stand on. */
export interface Runtime {
  readonly clock: Clock
  readonly metrics: MetricSet
  /** `-e NAME=value`; nothing of the process's own environment, in which secrets are. */
  readonly env: Readonly<Record<string, string>>
}

let installed: Runtime | null = null

/**
 * Sets what `k6`, `k6/http` and the others use. They are modules that a scenario imports, so that this one thing cannot
 * come in as a parameter; a process runs one scenario file.
 */
export function installRuntime(runtime: Runtime): void {
  installed = runtime
  // Scenarios read these as globals; the values differ with the virtual user that reads.
  const define = (name: string, get: () => unknown): void => {
    Object.defineProperty(globalThis, name, { configurable: true, get })
  }
  define('__VU', () => runningUser()?.id ?? 0)
  define('__ITER', () => runningUser()?.iteration ?? 0)
  define('__ENV', () => runningUser()?.env ?? runtime.env)
}

/** @throws RunFailure outside of a run: the modules are no library. */
export function runtime(): Runtime {
  if (!installed) throw new RunFailure('The k6 modules of this runner work within a run of it')
  return installed
}
