import { encodeMessage, encodeSystem, errorCodes, isErrorCode, named } from '@ringside/protocol'
import type { Refusal } from '../process/refusal.ts'
import type { CommandEntry, SessionCaller, SessionReply } from './call.ts'

/** The answer to a plain command goes out on its own id; `undefined` sends nothing. One per session. */
export class PlainReply implements SessionReply {
  readonly caller: SessionCaller

  constructor(caller: SessionCaller) {
    this.caller = caller
  }

  get kind(): 'plain' {
    return 'plain'
  }

  answer(entry: CommandEntry, result: unknown): void {
    if (result === undefined) return
    if (entry.encode !== null && this.caller.sendValue(entry, result)) return
    const payload = payloadOf(entry, result)
    if (payload !== undefined) this.caller.sendPayload(entry.id, payload)
  }

  refuse(refusal: Refusal, id: number): void {
    this.caller.send(encodeError(refusal, id, undefined))
  }

  kept(): PlainReply {
    return this
  }
}

/** The answer to a REQUEST goes out as REPLY or ERROR with its correlation. One per session, filled anew. */
export class RequestReply implements SessionReply {
  readonly caller: SessionCaller
  #correlation = 0

  constructor(caller: SessionCaller) {
    this.caller = caller
  }

  /** Says which REQUEST the next answer is for. */
  to(correlation: number): this {
    this.#correlation = correlation
    return this
  }

  get kind(): 'request' {
    return 'request'
  }

  answer(entry: CommandEntry, result: unknown): void {
    const payload = payloadOf(entry, result) ?? NOTHING
    this.caller.send(encodeSystem('reply', { correlation: this.#correlation, payload }))
  }

  refuse(refusal: Refusal, id: number): void {
    this.caller.send(encodeError(refusal, id, this.#correlation))
  }

  kept(): RequestReply {
    return new RequestReply(this.caller).to(this.#correlation)
  }
}

/** @throws TypeError, PayloadError for what the command cannot answer with. */
function payloadOf(entry: CommandEntry, result: unknown): Uint8Array | undefined {
  const { reply, name } = entry
  if (reply !== null) return named(name, () => encodeMessage(reply, result as never))
  if (result instanceof Uint8Array) return result
  if (result !== undefined && entry.payload === null)
    throw new TypeError(`Expected command ${entry.name} to return a Uint8Array or undefined`)
  return undefined
}

function encodeError(
  { code, message }: Refusal,
  command: number,
  correlation: number | undefined,
): Uint8Array {
  const retry = isErrorCode(code) && errorCodes[code].retry
  return encodeSystem('error', { command, correlation, code, message, retry })
}

const NOTHING = new Uint8Array(0)
