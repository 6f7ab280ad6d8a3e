import { decodeSystem, encodeSystem, system } from '@ringside/protocol'
import type { ClientContext } from './client-context.ts'
import type { ClockSync } from './clock-sync.ts'
import type { Connection } from './connection.ts'

/** The first pings come quickly, so that the clock is good from the start. */
const FIRST_PINGS = 4
const FIRST_PING_MS = 300
const PING_MS = 5_000
/** A peer is taken for gone when it has left a ping unanswered, and said nothing else, for this long. */
const SILENCE_MS = 12_000

/** Pings over one connection, which feeds the clock and notices a peer that is silently gone. */
export class Heartbeat {
  readonly #context: ClientContext
  readonly #clock: ClockSync
  readonly #connection: Connection
  #cancel: (() => void) | null = null
  #sent = 0
  /** Send time of the oldest ping that nothing has followed, or null. */
  #waitingSince: number | null = null

  constructor(context: ClientContext, connection: Connection, clock: ClockSync) {
    this.#context = context
    this.#connection = connection
    this.#clock = clock
  }

  start(): void {
    this.#beat()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  /** Every frame tells that the peer lives, and PONG sets the clock. */
  take(id: number, frame: Uint8Array): void {
    this.#waitingSince = null
    if (id !== system.pong.id) return
    const { clientTime, serverTime } = decodeSystem('pong', frame)
    this.#clock.sample(clientTime, serverTime)
  }

  #beat(): void {
    const { timers } = this.#context
    const now = timers.now()
    if (this.#waitingSince !== null && now - this.#waitingSince > SILENCE_MS) {
      this.#connection.abort('Nothing was heard from the server')
      return
    }
    this.#waitingSince ??= now
    this.#connection.send(encodeSystem('ping', { clientTime: now }))
    this.#sent++
    this.#cancel = timers.after(this.#sent < FIRST_PINGS ? FIRST_PING_MS : PING_MS, () =>
      this.#beat(),
    )
  }
}
