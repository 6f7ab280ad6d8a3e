import { setImmediate as soon } from 'node:timers'
import type { ManualClock } from '../process/clock.ts'

/** Bodies of `fetch` pass through several turns of the event loop where a promise takes none. */
const SETTLE_TURNS = 4
/** Timers at one instant beyond which a test would never end. */
const MAX_AT_ONE_INSTANT = 20_000
const DEFAULT_LIMIT_MS = 60_000
const DEFAULT_DEADLINE_MS = 5_000
const MAX_SHOWN_CHARACTERS = 200

export interface UntilOptions {
  /** Named in the failure. Default: the condition's source. */
  readonly what?: string
  /** The test's time after which it fails, in ms. Default 60,000. */
  readonly limitMs?: number
  /** Named in the failure, so that the same run can be had again. */
  readonly seed?: number
}

export interface EventuallyOptions {
  /** Named in the failure. Default: the condition's source. */
  readonly what?: string
  /** Real time after which it fails, in ms. Default 5,000. */
  readonly deadlineMs?: number
}

/** Lets everything run that waits on settled promises, the bodies of `fetch` included. No time passes. */
export async function settle(): Promise<void> {
  for (let count = 0; count < SETTLE_TURNS; count++) await turn()
}

/**
 * Moves a clock forward: timers run one at a time in their order, and promises settle after each, as they do
 * in a process.
 * @throws Error when timers at one instant make each other without end.
 */
export async function advance(clock: ManualClock, ms: number): Promise<void> {
  const end = clock.now() + ms
  await run(clock, end, () => false)
  // Another run may have moved it further.
  clock.advance(Math.max(0, end - clock.now()))
}

/**
 * Moves a clock from timer to timer until the condition gives something truthy, and returns that. A condition that
 * throws does not hold yet.
 * @throws Error that says what was waited for, with what the condition threw last as its `cause`.
 */
export async function until<T>(
  clock: ManualClock,
  condition: () => T,
  options: UntilOptions = {},
): Promise<T> {
  const { limitMs = DEFAULT_LIMIT_MS } = options
  const watch = new Watch(condition)
  if (await run(clock, clock.now() + limitMs, () => watch.holds())) return watch.value as T
  const seed = options.seed === undefined ? '' : ` (seed ${options.seed})`
  throw watch.failure(`${limitMs} ms of the test's time${seed}`, options.what)
}

/**
 * Moves a clock from timer to timer until the promise settles, and returns or throws what it settled with.
 * @throws Error that says what was waited for, when it does not settle within `limitMs` of the test's time.
 */
export async function during<T>(
  clock: ManualClock,
  promise: Promise<T>,
  options: UntilOptions = {},
): Promise<T> {
  let isDone = false
  const done = (): void => {
    isDone = true
  }
  promise.then(done, done)
  const what = options.what ?? 'the promise to settle'
  await until(clock, () => isDone, { ...options, what })
  return promise
}

/**
 * Does as {@link until} in real time, turn by turn of the event loop and without a timer: for sockets, files
 * and other processes, which no manual clock moves. It keeps the processor busy meanwhile.
 * @throws Error that says what was waited for, with what the condition threw last as its `cause`.
 */
export async function eventually<T>(
  condition: () => T,
  options: EventuallyOptions = {},
): Promise<T> {
  const { deadlineMs = DEFAULT_DEADLINE_MS } = options
  const end = performance.now() + deadlineMs
  const watch = new Watch(condition)
  while (!watch.holds()) {
    if (performance.now() >= end) throw watch.failure(`${deadlineMs} ms`, options.what)
    await turn()
  }
  return watch.value as T
}

/** True as soon as `isDone`; false when nothing is due by `end` any more. */
async function run(clock: ManualClock, end: number, isDone: () => boolean): Promise<boolean> {
  let instant = clock.now()
  let count = 0
  for (;;) {
    await turn()
    if (isDone()) return true
    if (!clock.runNext(end)) {
      // An answer whose body has come may set a timer yet.
      await settle()
      if (isDone()) return true
      if (!clock.runNext(end)) return false
    }
    if (clock.now() !== instant) count = 0
    instant = clock.now()
    if (++count > MAX_AT_ONE_INSTANT)
      throw new Error(`Timers make each other without end at ${instant}: time cannot go on`)
  }
}

/** Not a turn of whatever a test has put in the place of setImmediate. */
function turn(): Promise<void> {
  return new Promise((resolve) => soon(resolve))
}

class Watch<T> {
  value: T | null = null
  readonly #condition: () => T
  #thrown: unknown

  constructor(condition: () => T) {
    this.#condition = condition
  }

  holds(): boolean {
    try {
      this.value = this.#condition()
      this.#thrown = undefined
    } catch (error) {
      this.value = null
      this.#thrown = error
      return false
    }
    return Boolean(this.value)
  }

  failure(waited: string, what = this.#source()): Error {
    const cause = this.#thrown
    const last = cause instanceof Error ? `; at last: ${cause.message}` : ''
    return new Error(`Waited ${waited} in vain for: ${what}${last}`, { cause })
  }

  #source(): string {
    const source = String(this.#condition).replace(/^\(\) =>\s*/, '')
    return source.length > MAX_SHOWN_CHARACTERS
      ? `${source.slice(0, MAX_SHOWN_CHARACTERS)}...`
      : source
  }
}
