import { clipText } from '@ringside/protocol'
import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

/** After this a failure is told in full again. */
const FORGET_MS = 60_000
/** Kinds of failure that are remembered at once; the one that was told first makes room. */
const MAX_KINDS = 500
const MAX_NAME_CHARACTERS = 64
/** Where this package's own code lies. */
const OWN_FOLDER = new URL('..', import.meta.url).pathname

/** The fields of a log line, its error as `err` among them, and its message. */
export type FailureLine = readonly [
  fields: { readonly err?: unknown; readonly [name: string]: unknown },
  message: string,
]

interface Told {
  readonly level: 'warn' | 'error'
  readonly place: string
  readonly kind: string
  readonly message: string
  readonly atMs: number
  /** Failures of its kind that were only counted since. */
  more: number
}

/**
 * Tells failures of game code (CA12): the first of each kind at each place in full, and those of the next minute as
 * a count. A client could otherwise have a hundred stacks logged for one message. The kind is the name of the error
 * and the place where it was made, never its text, which may be the client's.
 *
 * It keeps no timer: the count is told with the next failure of any kind after the minute, or by `flush`.
 */
export class FailureLog {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #ids: Readonly<Record<string, string>>
  /** In the order in which they were told. */
  readonly #told = new Map<string, Told>()

  /** `ids` say whose failures these are, in the lines of the counts too. */
  constructor(logger: Logger, clock: Clock, ids: Readonly<Record<string, string>> = {}) {
    this.#logger = logger
    this.#clock = clock
    this.#ids = ids
  }

  error(place: string, line: FailureLine): void {
    this.#tell('error', place, line)
  }

  warn(place: string, line: FailureLine): void {
    this.#tell('warn', place, line)
  }

  /** Tells the counts that were not told yet, and forgets all. */
  flush(): void {
    this.#forget(Infinity)
  }

  #tell(level: 'warn' | 'error', place: string, [fields, message]: FailureLine): void {
    const atMs = this.#clock.now()
    this.#forget(atMs)
    const kind = kindOf(fields.err)
    const key = `${message}\n${place}\n${kind}`
    const told = this.#told.get(key)
    if (told !== undefined) {
      told.more++
      return
    }
    if (this.#told.size >= MAX_KINDS) this.#forgetFirst()
    this.#told.set(key, { level, place, kind, message, atMs, more: 0 })
    this.#logger[level](fields, message)
  }

  #forget(nowMs: number): void {
    for (const { atMs } of this.#told.values()) {
      if (nowMs - atMs < FORGET_MS) return
      this.#forgetFirst()
    }
  }

  #forgetFirst(): void {
    for (const [key, { level, place, kind, message, more }] of this.#told) {
      this.#told.delete(key)
      if (more > 0)
        this.#logger[level]({ ...this.#ids, place, kind, more }, `${message}: more like it`)
      return
    }
  }
}

/** The name of an error and the first line of its stack. What is thrown may be anything, and may throw itself. */
function kindOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error
    const name = clipText(error.name, MAX_NAME_CHARACTERS)
    const { stack = '' } = error
    // The stack begins with the text, unless that was changed later: then where it ends is not known.
    const start = stack.indexOf(error.message)
    if (start < 0) return name
    const frames = stack.slice(start + error.message.length)
    const places = Array.from(frames.matchAll(/\n\s+at ([^\n]*)/g), ([, place = '']) => place)
    // Our own checks throw in one place for every mistake: the game's line tells them apart.
    const place = places.find((each) => !each.includes(OWN_FOLDER)) ?? places[0]
    return place === undefined ? name : `${name} at ${place}`
  } catch {
    return 'unknown'
  }
}
