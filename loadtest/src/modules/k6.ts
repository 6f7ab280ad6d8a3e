import { RunFailure } from '../failure.ts'
import { runtime } from '../runtime.ts'
import { currentUser } from '../virtual-user.ts'

/** k6's `check`: each condition counts in `checks`, and under its name in the summary. True when all are met. */
export function check(
  value: unknown,
  conditions: Readonly<Record<string, (value: unknown) => unknown>>,
  tags: Readonly<Record<string, string>> = {},
): boolean {
  const user = currentUser('check')
  let areMet = true
  for (const [name, condition] of Object.entries(conditions)) {
    const isMet = Boolean(condition(value))
    runtime().metrics.addCheck(name, isMet, { ...user.tags, ...tags })
    areMet &&= isMet
  }
  return areMet
}

/** k6's `fail`: ends the iteration with an error. */
export function fail(message = ''): never {
  throw new Error(message)
}

/** k6's `group`, without a metric of its own. */
export function group<T>(_name: string, body: () => T): T {
  return body()
}

/** @throws RunFailure always: it would hold all virtual users of the process. */
export function sleep(): never {
  throw new RunFailure(
    "This runner has no sleep(), which blocks; await a promise of setTimeout of 'k6/timers'",
  )
}
