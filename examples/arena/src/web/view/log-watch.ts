/** A live stream that brings nothing for longer than this, in ms, may stand still for a reason. */
const QUIET_MS = 3_000
/** The server is asked this often, in ms, as long as the stream is quiet. */
const ASK_MS = 5_000

/**
 * Tells a quiet stream from one that waits for the server's log: an SSE stream stays open and live while the
 * log is away. Nothing is asked as long as events come.
 */
export class LogWatch {
  readonly #ask: () => Promise<boolean | null>
  #heardAt = Number.NaN
  #askedAt = -Infinity
  #isWaiting = false

  /** `ask` tells whether the server's log works; null = there is no answer, and the last one stays. */
  constructor(ask: () => Promise<boolean | null>) {
    this.#ask = ask
  }

  /** True when the stream is live and brings nothing because the server's log is away. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** Time in ms since anything has come. */
  quietMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#heardAt) || 0
  }

  /** Notes that an event has come. */
  heard(nowMs: number): void {
    this.#heardAt = nowMs
    this.#isWaiting = false
  }

  /** Looks at the stream; call it about once a second while somebody watches. `isLive`: events may come. */
  check(nowMs: number, isLive: boolean): void {
    // The stream may be quiet for a while from now on.
    if (!isLive || Number.isNaN(this.#heardAt)) return this.heard(nowMs)
    if (this.quietMs(nowMs) <= QUIET_MS || nowMs - this.#askedAt < ASK_MS) return
    this.#askedAt = nowMs
    const heardAt = this.#heardAt
    void this.#ask().then((works) => {
      if (works !== null && heardAt === this.#heardAt) this.#isWaiting = !works
    })
  }
}

/** Gives the badge's words for a stream that waits; `behindMs` = the room's own delay. */
export function waitingWords(quietMs: number, behindMs = 0): string {
  const seconds = Math.round((quietMs + behindMs) / 1_000)
  return `Waiting for the server's log · what you see is ${seconds} s old`
}
