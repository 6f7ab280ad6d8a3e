import type { Logger } from './logger.ts'

/** A value that is read when somebody scrapes `/metrics`, where it shows as `ringside_<name>`. */
export interface Reading {
  readonly name: string
  readonly help: string
  readonly read: () => number
}

/** The same for each of a fixed set of values of one label; none of them comes from outside. */
export interface LabelledReading {
  readonly name: string
  readonly help: string
  readonly label: string
  readonly readAll: () => Readonly<Record<string, number>>
}

/**
 * A subsystem as the server runs it. Parts stand in one list: they start in its order, each after the one before
 * it, drain in its order, and stop in reverse. A part that has nothing to do at a step leaves it out.
 *
 * A step may come when another has not ended or was never taken: `drain` and `stop` of a part whose `start` is
 * under way end that start, and either may come twice.
 */
export interface Part<Route = unknown> {
  /** Names the part in log lines. */
  readonly name: string
  /** Begins. When it fails nothing after it is started, and every part is drained and stopped. */
  start?(): void | Promise<void>
  /** Takes nothing new, and finishes what was accepted. */
  drain?(): void | Promise<void>
  /** Ends: afterwards no timer, listener or connection of the part is left. */
  stop?(): void | Promise<void>
  /** Read once, right after `start`; they are added in the order of the parts, and earlier ones win. */
  readonly routes?: readonly Route[]
  /** Values that go up and down; read once, right after `start`. */
  readonly gauges?: readonly (Reading | LabelledReading)[]
  /** Values that only grow; their names end in `_total`. Read once, right after `start`. */
  readonly counters?: readonly Reading[]
}

/**
 * Starts each part in order; `onStarted` is called after each of them and may throw.
 * @throws what the first of them throws; then the rest is not begun.
 */
export async function startParts<Route>(
  parts: readonly Part<Route>[],
  onStarted: (part: Part<Route>) => void,
): Promise<void> {
  for (const part of parts) {
    await part.start?.()
    onStarted(part)
  }
}

/**
 * Drains the parts in order, then stops them in reverse. Every step is taken, also after one that failed: a log
 * that could not be written must not leave a socket open. Each failure is logged.
 * @throws the first of them, at the end.
 */
export async function takeDownParts(parts: readonly Part[], logger: Logger): Promise<void> {
  const failures: unknown[] = []
  const take = async (part: Part, step: 'drain' | 'stop'): Promise<void> => {
    try {
      await part[step]?.()
    } catch (error) {
      logger.error({ part: part.name, step, err: error }, 'a step of closing failed')
      failures.push(error)
    }
  }
  for (const part of parts) await take(part, 'drain')
  for (const part of [...parts].reverse()) await take(part, 'stop')
  if (failures.length > 0) throw failures[0]
}
