import { decodeSystem, encodeSystem, system } from '@ringside/protocol'
import type { ClientContext } from './client-context.ts'
import type { ClockSync } from './clock-sync.ts'
import type { Connection } from './connection.ts'
import { Wakes } from './wake.ts'

/** The first pings come quickly, so that the clock is good from the start. */
const FIRST_PINGS = 4
const FIRST_PING_MS = 300
const PING_MS = 5_000
/** A peer is taken for gone when it has left a ping unanswered, and said nothing else, for this long. */
const SILENCE_MS = 12_000
/** After a wake-up the answer is waited for no longer: the connection is probably gone. */
const PROBE_MS = 3_000
/** What comes within this time of a probe may have lain in the machine while it slept. */
const STALE_MS = 250
/** A beat that comes so late says that this process stood, not that the peer was silent. */
const LATE_MS = 2_000

/**
 * Pings over one connection, which feeds the clock and notices a peer that is silently gone. A wake-up is a reason to
 * doubt (CN58): a probe is sent at once, and the connection given up unless its answer, or anything that cannot be from
 * before, comes soon.
 */
export class Heartbeat {
  readonly #context: ClientContext
  readonly #clock: ClockSync
  readonly #connection: Connection
  readonly #wakes: Wakes
  #stopWakes = (): void => {}
  #cancel = (): void => {}
  #cancelProbe: (() => void) | null = null
  #probedAt = 0
  #sent = 0
  #dueAt = Infinity
  /** Send time of the oldest ping that nothing has followed, or null. */
  #waitingSince: number | null = null

  constructor(context: ClientContext, connection: Connection, clock: ClockSync) {
    this.#context = context
    this.#connection = connection
    this.#clock = clock
    this.#wakes = new Wakes(context.timers)
  }

  start(): void {
    this.#stopWakes = this.#wakes.listen(() => this.#probe())
    this.#beat()
  }

  stop(): void {
    this.#stopWakes()
    this.#cancel()
    this.#endProbe()
  }

  /** Every frame tells that the peer lives, and PONG sets the clock. */
  take(id: number, frame: Uint8Array): void {
    this.#waitingSince = null
    if (this.#cancelProbe && this.#context.timers.now() - this.#probedAt >= STALE_MS)
      this.#endProbe()
    if (id !== system.pong.id) return
    const { clientTime, serverTime } = decodeSystem('pong', frame)
    if (clientTime >= this.#probedAt) this.#endProbe()
    this.#clock.sample(clientTime, serverTime)
  }

  #beat(): void {
    const { timers } = this.#context
    const now = timers.now()
    // The answers may lie here unread.
    if (now - this.#dueAt > LATE_MS) {
      this.#waitingSince = null
      this.#probe()
    }
    if (this.#waitingSince !== null && now - this.#waitingSince > SILENCE_MS) {
      this.#connection.abort('Nothing was heard from the server')
      return
    }
    this.#ping(now)
    const waitMs = ++this.#sent < FIRST_PINGS ? FIRST_PING_MS : PING_MS
    this.#dueAt = now + waitMs
    this.#cancel = timers.after(waitMs, () => this.#beat())
  }

  #probe(): void {
    if (this.#cancelProbe) return
    const { timers } = this.#context
    this.#probedAt = timers.now()
    this.#cancelProbe = timers.after(PROBE_MS, () =>
      this.#connection.abort('Nothing was heard after a wake-up'),
    )
    this.#ping(this.#probedAt)
  }

  #endProbe(): void {
    this.#cancelProbe?.()
    this.#cancelProbe = null
  }

  #ping(now: number): void {
    this.#waitingSince ??= now
    this.#connection.send(encodeSystem('ping', { clientTime: now }))
  }
}
