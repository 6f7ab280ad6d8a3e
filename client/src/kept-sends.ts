import type { Connection } from './connection.ts'
import type { PendingCalls } from './pending-calls.ts'
import { RequestError } from './request-error.ts'
import type { Timers } from './timers.ts'

/** A server's bucket takes so many at once; its defaults take twice as many. */
const MAX_SENDS = 100
const MAX_BYTES = 256 * 1024
/** What a player did so long ago is not done any more. */
const MAX_AGE_MS = 30_000

/** A call that has not been sent yet, among those that wait for their answers. */
export interface KeptCall {
  readonly calls: Pick<PendingCalls<never>, 'isWaiting' | 'fail'>
  readonly id: number
}

interface Kept {
  readonly frame: Uint8Array
  readonly at: number
  /** Null for a command, which nobody waits for. */
  readonly call: KeptCall | null
}

/**
 * What a game sends while its connection is away and wants to be sent later: in order, each at most once, and to the same
 * seat only (CN43).
 */
export class KeptSends {
  readonly #timers: Timers
  readonly #maxBytes: number
  #kept: Kept[] = []
  #bytes = 0
  #dropped = 0

  constructor(timers: Timers, maxBufferedBytes: number) {
    this.#timers = timers
    this.#maxBytes = Math.min(MAX_BYTES, maxBufferedBytes)
  }

  /** False when too much is kept. */
  add(frame: Uint8Array, call: KeptCall | null): boolean {
    this.#expire()
    if (this.#kept.length >= MAX_SENDS || this.#bytes + frame.byteLength > this.#maxBytes)
      return false
    this.#kept.push({ frame, at: this.#timers.now(), call })
    this.#bytes += frame.byteLength
    return true
  }

  has({ calls, id }: KeptCall): boolean {
    return this.#kept.some(({ call }) => call?.calls === calls && call.id === id)
  }

  /** Sends everything over a connection that takes it. */
  flush(connection: Connection): void {
    this.#expire()
    // One that is handed over is never sent again, whatever becomes of the connection.
    while (this.#kept.length > 0 && connection.send((this.#kept[0] as Kept).frame)) this.#shift()
  }

  /** Fails the calls, and counts the commands, that wait for a seat that is gone. */
  drop(reason: string): void {
    while (this.#kept.length > 0) this.#refuse(this.#shift(), reason)
  }

  /** The number of commands that were kept and not sent, since it was last asked for. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  #expire(): void {
    const oldest = this.#timers.now() - MAX_AGE_MS
    const kept = this.#kept
    this.#kept = []
    this.#bytes = 0
    for (const each of kept)
      if (each.at < oldest) this.#refuse(each, 'The connection was away for too long')
      // A call whose time is up is not sent.
      else if (!each.call || each.call.calls.isWaiting(each.call.id)) {
        this.#kept.push(each)
        this.#bytes += each.frame.byteLength
      }
  }

  #refuse({ call }: Kept, reason: string): void {
    if (call) call.calls.fail(call.id, new RequestError('disconnected', reason, true))
    else this.#dropped++
  }

  #shift(): Kept {
    const first = this.#kept.shift() as Kept
    this.#bytes -= first.frame.byteLength
    return first
  }
}
