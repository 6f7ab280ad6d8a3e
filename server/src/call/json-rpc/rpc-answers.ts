import { encodeJson, errorCodes, named } from '@ringside/protocol'
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
import type { AnswerSpace } from './answer-space.ts'
import type { HttpCaller } from './http-caller.ts'

/** Takes the answer to one text: the JSON, and whether it is a single error. Null says that there is none. */
export type SendAnswer = (text: string | null, isError: boolean) => void

/**
 * The answers to one text. It sends once all of its members are done, in their order; of a text of
 * notifications alone it says that there is nothing to send.
 */
export class RpcAnswers {
  readonly #texts: (string | null)[]
  /** Null for a text that is no batch: nothing of it waits. */
  readonly #space: AnswerSpace | null
  readonly #send: SendAnswer
  #waiting: number
  #heldBytes = 0
  #isError = false

  constructor(count: number, space: AnswerSpace | null, send: SendAnswer) {
    this.#texts = Array.from({ length: count }, () => null)
    this.#waiting = count
    this.#space = space
    this.#send = send
  }

  /** True when the answer of a member fits beside those that wait. Ask once, before `done`; an error need not. */
  fits(text: string): boolean {
    if (this.#space === null) return true
    const bytes = Buffer.byteLength(text)
    if (!this.#space.take(bytes)) return false
    this.#heldBytes += bytes
    return true
  }

  /** Member `index` is done, once; null for a notification. */
  done(index: number, text: string | null, isError: boolean): void {
    this.#texts[index] = text
    this.#isError = isError
    if (--this.#waiting > 0) return
    this.#space?.free(this.#heldBytes)
    const told = this.#texts.filter((text) => text !== null)
    if (told.length === 0) this.#send(null, false)
    else if (this.#space !== null) this.#send(batchText(told), false)
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

/** A result for which the batch has no space left. */
const NO_SPACE: Refusal = { code: 'rate_limited', message: errorCodes.rate_limited.text }

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
    if (text === null || answers.fits(text)) answers.done(index, text, false)
    else this.refuse(NO_SPACE)
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
  const { reply, name } = entry
  return reply === null ? null : named(name, () => encodeJson(reply, result as never))
}
