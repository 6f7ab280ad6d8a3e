import { encodeFrame } from '@ringside/protocol'
import type { Principal } from '../auth/principal.ts'
import { RingsideError } from '../process/errors.ts'
import { checkFrame, checkReason } from '../call/frame-check.ts'
import type { Session } from '../call/public-contract.ts'

const NOTHING = new Uint8Array(0)

/** The machinery behind a handle; ClientSession is it. */
export interface HandledSession {
  readonly isOpen: boolean
  readonly remoteAddress: string
  readonly isMuted: boolean
  readonly signal: AbortSignal
  readonly auth: unknown
  readonly principal: Principal
  readonly seat: { readonly roomId: string } | null
  sendPayload(id: number, payload: Uint8Array): void
  broadcast(frame: Uint8Array): void
  closeWith(code: number, reason: string): void
}

/** The session as game code holds it: a face of {@link HandledSession} without its machinery. */
export class SessionHandle implements Session {
  readonly id: string
  readonly #session: HandledSession
  /** It is made when it is first asked for, for many a session never needs it. */
  #data: Record<string, unknown> | null = null

  constructor(id: string, session: HandledSession) {
    this.id = id
    this.#session = session
  }

  get data(): Record<string, unknown> {
    return (this.#data ??= {})
  }

  set data(data: Record<string, unknown>) {
    this.#data = data
  }

  get remoteAddress(): string {
    return this.#session.remoteAddress
  }

  get auth(): unknown {
    return this.#session.auth
  }

  get principal(): Principal {
    return this.#session.principal
  }

  get isMuted(): boolean {
    return this.#session.isMuted
  }

  get isOpen(): boolean {
    return this.#session.isOpen
  }

  get signal(): AbortSignal {
    return this.#session.signal
  }

  get roomId(): string | null {
    return this.#session.seat?.roomId ?? null
  }

  send(commandId: number, payload?: Uint8Array): void {
    checkFrame(commandId, payload)
    if (this.#session.isOpen) this.#session.sendPayload(commandId, payload ?? NOTHING)
  }

  broadcast(commandId: number, payload?: Uint8Array): void {
    checkFrame(commandId, payload)
    if (this.#session.isOpen) this.#session.broadcast(encodeFrame(commandId, payload))
  }

  close(code = 1000, reason = ''): void {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
      throw new RingsideError('option_invalid', `Expected 1000 or 3000-4999, got ${String(code)}`)
    checkReason(reason)
    this.#session.closeWith(code, reason)
  }
}
