import { Listeners } from './listeners.ts'
import type { Timers } from './timers.ts'

/** What nobody listens to yet is kept for so long after the connection stands. */
const HOLD_MS = 10_000
/** At most so much is kept; beyond it the oldest goes. */
const MAX_FRAMES = 1_000
const MAX_BYTES = 1024 * 1024

interface Early {
  readonly listeners: EarlyListeners<never>
  readonly bytes: number
  readonly call: () => void
}

/**
 * Keeps what a server sends before anybody can listen, or soon after: a greeting may share a packet with the state, and a
 * page adds its listeners when it is drawn. Each kind of message (an event's name, a command id, errors) waits for the first
 * listener of its own; then all that waits is handed out in the order in which it came, once the code that adds listeners
 * has run to its end. A kind that was listened to once is never kept again (CN40).
 */
export class EarlyFrames {
  readonly #timers: Timers
  #queue: Early[] = []
  #bytes = 0
  #openUntil = 0
  #isDrainDue = false

  constructor(timers: Timers) {
    this.#timers = timers
    this.begin()
  }

  /** A connection is made, or stands: what is kept from now on is kept for the whole time. */
  begin(): void {
    this.#openUntil = this.#timers.now() + HOLD_MS
  }

  /** A message without a listener would be kept now. */
  get isOpen(): boolean {
    return this.#timers.now() < this.#openUntil
  }

  /** For {@link EarlyListeners}. */
  keep(early: Early): void {
    this.#queue.push(early)
    this.#bytes += early.bytes
    early.listeners.waiting++
    while (this.#queue.length > MAX_FRAMES || this.#bytes > MAX_BYTES) this.#take(0)
  }

  /** Drops what was kept too long and nobody has asked for. */
  expire(): void {
    if (this.#queue.length === 0 || this.isOpen) return
    for (let at = this.#queue.length - 1; at >= 0; at--)
      if (this.#queue[at]?.listeners.size === 0) this.#take(at)
  }

  /** Hands out what is listened to, once the code that runs has run to its end. */
  drainSoon(): void {
    if (this.#isDrainDue) return
    this.#isDrainDue = true
    queueMicrotask(() => {
      this.#isDrainDue = false
      this.#drain()
    })
  }

  /** A listener may add others, have more frames come, or end it all. */
  #drain(): void {
    for (let at = 0; at < this.#queue.length;)
      if (this.#queue[at]?.listeners.size === 0) at++
      else this.#take(at).call()
  }

  #take(at: number): Early {
    const [early] = this.#queue.splice(at, 1) as [Early]
    this.#bytes -= early.bytes
    early.listeners.waiting--
    return early
  }

  /** It is over: nothing is handed out any more. */
  close(): void {
    this.#openUntil = 0
    while (this.#queue.length > 0) this.#take(0)
  }
}

/** The listeners of one kind of message; the first of them gets what came before it. */
export class EarlyListeners<A extends readonly unknown[]> extends Listeners<A> {
  /** Messages that wait for a listener. */
  waiting = 0
  #wasHeard = false
  readonly #early: EarlyFrames

  constructor(early: EarlyFrames) {
    super()
    this.#early = early
  }

  override add(listener: (...values: A) => void): () => void {
    this.#early.expire()
    if (this.waiting > 0) this.#early.drainSoon()
    return super.add(listener)
  }

  /** Somebody hears a message, now or soon; one that nobody hears need not be decoded. */
  get isWanted(): boolean {
    return this.size > 0 || (!this.#wasHeard && this.#early.isOpen)
  }

  /** Calls the listeners, or keeps the message for the first. */
  offer(bytes: number, ...values: A): void {
    if (this.waiting === 0 && (this.#wasHeard || this.size > 0)) this.#hand(values)
    else if (this.isWanted)
      this.#early.keep({
        listeners: this as unknown as EarlyListeners<never>,
        bytes,
        call: () => this.#hand(values),
      })
  }

  #hand(values: A): void {
    this.#wasHeard = true
    this.call(...values)
  }
}
