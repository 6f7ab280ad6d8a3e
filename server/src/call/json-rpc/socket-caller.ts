import type { CallSeat, CommandEntry, PendingCalls, ReplyTo, SessionCaller } from '../call.ts'
import type { Session } from '../public-contract.ts'

/** A session that sends texts of JSON-RPC. */
export interface RpcSession extends SessionCaller {
  /** Bytes of the answers that wait for the rest of their batches. */
  heldBytes: number
  /** Takes tokens from the client's bucket; false = there are too few. */
  charge(cost: number): boolean
  /** Counts a message over the limit, and refuses it now and then; null = it has been answered. */
  drop(id: number, replyTo: ReplyTo | null): void
}

/**
 * The session as the caller of one text. While the text runs its members' faults are only noted; they
 * count as one, once it was answered: a batch of members that nobody handles would otherwise close its
 * client before that is told. Faults of calls that settle later count at once.
 */
export class SocketCaller implements SessionCaller {
  readonly kind = 'session'
  readonly #session: RpcSession
  #isRunning = true
  #isStruck = false
  #isShort = false

  constructor(session: RpcSession) {
    this.#session = session
  }

  /** Takes tokens for one member; false = it cannot be afforded. */
  charge(cost: number): boolean {
    if (this.#session.charge(cost)) return true
    this.#isShort = true
    return false
  }

  /** The members have been run: their faults count. `id` is that of the text's frame. */
  ran(id: number): void {
    this.#isRunning = false
    if (this.#isShort) this.#session.drop(id, null)
    if (this.#isStruck) this.#session.strike()
  }

  strike(): void {
    if (this.#isRunning) this.#isStruck = true
    else this.#session.strike()
  }

  get isOpen(): boolean {
    return this.#session.isOpen
  }

  get handle(): Session {
    return this.#session.handle
  }

  get seat(): CallSeat | null {
    return this.#session.seat
  }

  get pending(): PendingCalls | null {
    return this.#session.pending
  }

  set pending(pending: PendingCalls | null) {
    this.#session.pending = pending
  }

  send(frame: Uint8Array): void {
    this.#session.send(frame)
  }

  sendBuffer(frame: ArrayBuffer): void {
    this.#session.sendBuffer(frame)
  }

  sendPayload(id: number, payload: Uint8Array): void {
    this.#session.sendPayload(id, payload)
  }

  sendValue(entry: CommandEntry, value: unknown): boolean {
    return this.#session.sendValue(entry, value)
  }
}
