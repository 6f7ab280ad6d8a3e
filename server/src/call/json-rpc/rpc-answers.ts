import { encodeJson } from '@ringside/protocol'
import type { Refusal } from '../../process/refusal.ts'
import type {
  CallEntry,
  Caller,
  RpcHttpReply,
  RpcReply,
  RpcSocketReply,
  SessionCaller,
} from '../call.ts'
import { isCommand } from '../call.ts'
import { batchText, errorText, failureOf, resultText } from './answer-text.ts'
import type { HttpCaller } from './http-caller.ts'

/** Takes the answer to one text: the JSON, and whether it is a single error. Null says that there is none. */
export type SendAnswer = (text: string | null, isError: boolean) => void

/**
 * The answers to one text. It sends once all of its members are done, in their order; of a text of
 * notifications alone it says that there is nothing to send.
 */
export class RpcAnswers {
  readonly #texts: (string | null)[]
  readonly #isBatch: boolean
  readonly #send: SendAnswer
  #waiting: number
  #isError = false

  constructor(count: number, isBatch: boolean, send: SendAnswer) {
    this.#texts = Array.from({ length: count }, () => null)
    this.#waiting = count
    this.#isBatch = isBatch
    this.#send = send
  }

  /** Member `index` is done, once; null for a notification. */
  done(index: number, text: string | null, isError: boolean): void {
    this.#texts[index] = text
    this.#isError = isError
    if (--this.#waiting > 0) return
    const told = this.#texts.filter((text) => text !== null)
    if (told.length === 0) this.#send(null, false)
    else if (this.#isBatch) this.#send(batchText(told), false)
    else this.#send(told[0] ?? null, this.#isError)
  }
}

/** The sender of a text: a session over its socket, or a request over HTTP. */
export type RpcTextCaller = SessionCaller | HttpCaller

/** The place of a member in its text. */
export interface MemberPlace {
  readonly answers: RpcAnswers
  readonly index: number
  /** The id as it was written; null for a notification. */
  readonly id: string | null
}

/** The target of one member's answer, which goes out together with those of its text. */
abstract class MemberReply<C extends Caller> {
  readonly caller: C
  readonly #place: MemberPlace

  constructor(caller: C, place: MemberPlace) {
    this.caller = caller
    this.#place = place
  }

  answer(entry: CallEntry, result: unknown): void {
    const { answers, index, id } = this.#place
    const text = id === null ? null : resultText(id, jsonOf(entry, result))
    answers.done(index, text, false)
  }

  refuse(refusal: Refusal): void {
    const { answers, index, id } = this.#place
    answers.done(index, id === null ? null : errorText(id, failureOf(refusal)), true)
  }
}

class SocketReply extends MemberReply<SessionCaller> implements RpcSocketReply {
  readonly kind = 'rpc-socket'
  kept(): this {
    return this
  }
}

class HttpReply extends MemberReply<HttpCaller> implements RpcHttpReply {
  readonly kind = 'rpc-http'

  kept(): this {
    return this
  }
}

/** Makes the target of a member. */
export function memberReply(caller: RpcTextCaller, place: MemberPlace): RpcReply {
  return caller.kind === 'session' ? new SocketReply(caller, place) : new HttpReply(caller, place)
}

/** @throws PayloadError when a command's handler did not return its reply. */
function jsonOf(entry: CallEntry, result: unknown): unknown {
  if (!isCommand(entry)) return result
  return entry.reply === null ? null : encodeJson(entry.reply, result as never)
}
