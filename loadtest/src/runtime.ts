import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from './clock.ts'
import { RunFailure } from './failure.ts'
import type { MetricSet } from './metrics/metric-set.ts'
import type { VirtualUser } from './virtual-user.ts'

/** What the modules that a scenario imports stand on. */
export interface Runtime {
  readonly clock: Clock
  readonly metrics: MetricSet
  /** `-e NAME=value`; nothing of the process's own environment, in which secrets are. */
  readonly env: Readonly<Record<string, string>>
}

/** The virtual user whose code runs: all of a process run on one thread. */
const current = new AsyncLocalStorage<VirtualUser>()
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
  define('__VU', () => current.getStore()?.id ?? 0)
  define('__ITER', () => current.getStore()?.iteration ?? 0)
  define('__ENV', () => current.getStore()?.env ?? runtime.env)
}

/** @throws RunFailure outside of a run: the modules are no library. */
export function runtime(): Runtime {
  if (!installed) throw new RunFailure("The k6 modules of this runner work within a run of it")
  return installed
}

/** @throws RunFailure at the top level of a file, where there is no virtual user yet, as in k6. */
export function currentUser(what: string): VirtualUser {
  const user = current.getStore()
  if (!user) throw new RunFailure(`${what} works within a function that a virtual user runs`)
  return user
}

/** Runs a function as a virtual user's code; what it starts belongs to that user. */
export function runAs<T>(user: VirtualUser, body: () => T): T {
  return current.run(user, body)
}
