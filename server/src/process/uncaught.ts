import { AsyncLocalStorage } from 'node:async_hooks'
import type { FailureLog } from './failure-log.ts'
import type { Part } from './part.ts'

/** Code of a game that began something: a hook, a command or a timer of a room, a route. */
export interface Origin {
  readonly where: string
  /** `traceparent` of the request that began it. */
  readonly trace?: string | null
  /** Default: the catcher is told. */
  readonly report?: (error: unknown, where: string) => void
}

/** Takes what game code throws where nobody calls it: in a bare `setTimeout`, in a promise that nobody waits for. */
export interface Catcher {
  /** `where` is what began it, if that is known. */
  onUncaught(error: unknown, where: string | null): void
}

const origins = new AsyncLocalStorage<Origin>()
const catchers: Catcher[] = []

/** Runs code of a game, so that what it leaves behind can be traced to it. */
export function runFrom<T>(origin: Origin, code: () => T): T {
  return origins.run(origin, code)
}

/** `traceparent` of the request whose code runs now, or null. */
export function currentTrace(): string | null {
  return origins.getStore()?.trace ?? null
}

/**
 * Keeps the process alive from here on, until the returned function is called (RM41): a throw or a rejection that nobody
 * catches is told to the room that began it, else to the catcher that came first. Listeners of the program's own are
 * called as well.
 */
export function catchUncaught(catcher: Catcher): () => void {
  catchers.push(catcher)
  if (catchers.length === 1) {
    process.on('uncaughtException', uncaught)
    process.on('unhandledRejection', uncaught)
  }
  return () => {
    const at = catchers.indexOf(catcher)
    if (at < 0) return
    catchers.splice(at, 1)
    if (catchers.length > 0) return
    process.off('uncaughtException', uncaught)
    process.off('unhandledRejection', uncaught)
  }
}

function uncaught(error: unknown): void {
  // A logger that throws must not end what it was to tell of.
  try {
    const origin = origins.getStore()
    const where = origin ? `outside of ${origin.where}` : null
    if (where !== null && origin?.report) origin.report(error, where)
    else catchers[0]?.onUncaught(error, where)
  } catch {}
}

/** Catches while the server runs, unless it was told to let the process end. */
export function uncaughtPart(failures: FailureLog, policy: 'log' | 'crash'): Part<never> {
  if (policy === 'crash') return { name: 'uncaught' }
  let release = (): void => {}
  return {
    name: 'uncaught',
    start() {
      release = catchUncaught({
        onUncaught(err, where) {
          const fields = where === null ? { err } : { err, where }
          failures.error(where ?? 'uncaught', [fields, 'uncaught error; the process goes on'])
        },
      })
    },
    stop() {
      release()
      failures.flush()
    },
  }
}
