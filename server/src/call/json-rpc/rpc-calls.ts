import type { Metrics } from '../../process/metrics.ts'
import type { CommandRegistry } from '../command-table.ts'
import type { NamedCommand, RpcSocketReply } from '../call.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { NO_COMMAND_ID, isCommand } from '../call.ts'
import { errorText } from './answer-text.ts'
import { memberReply, RpcAnswers } from './rpc-answers.ts'
import type { AnswerSpace } from './answer-space.ts'
import type { MemberPlace, RpcTextCaller, SendAnswer } from './rpc-answers.ts'
import { valueOf } from './params.ts'
import type { RpcInput, RpcMember, RpcParams, RpcRequest } from './request-text.ts'

/** The sender of a text, and the way of its answer. */
export interface RpcSource {
  readonly caller: RpcTextCaller
  /** Takes tokens for one member; false = it cannot be afforded. */
  readonly charge: (cost: number) => boolean
  readonly send: SendAnswer
  /** The space of this sender's batches. */
  readonly space: AnswerSpace
}

/** The parts that calls of JSON-RPC go through. */
export interface RpcParts {
  readonly registry: CommandRegistry
  readonly dispatcher: Dispatcher
  readonly metrics: Metrics
}

/**
 * The entry of JSON-RPC: the members of a text become calls of the one dispatch, in their order. A caller
 * without a session finds methods and no commands.
 */
export class RpcCalls {
  readonly #parts: RpcParts

  constructor(parts: RpcParts) {
    this.#parts = parts
  }

  /** Runs what a text holds. It is answered when all of its members are done: at once if none of them waits. */
  run(input: RpcInput, source: RpcSource): void {
    const { send, space } = source
    switch (input.kind) {
      case 'parse_error':
        return this.#refuseText('parse_error', source)
      case 'invalid_batch':
      case 'too_large':
        return this.#refuseText('invalid_request', source)
      case 'single':
        return this.#runAll([input.member], new RpcAnswers(1, null, send), source)
      case 'batch': {
        const { members } = input
        return this.#runAll(members, new RpcAnswers(members.length, space, send), source)
      }
    }
  }

  #refuseText(name: 'parse_error' | 'invalid_request', { send, caller }: RpcSource): void {
    this.#parts.metrics.counters.messagesInvalid++
    send(errorText('null', { name }), true)
    caller.strike()
  }

  #runAll(members: readonly RpcMember[], answers: RpcAnswers, source: RpcSource): void {
    for (const [index, member] of members.entries()) {
      // A handler may have closed the connection: after that none runs (SE1).
      if (!source.caller.isOpen) return
      if (member.isValid) this.#call(member, { answers, index, id: member.id }, source)
      else this.#refuseMember({ answers, index, id: member.id }, source)
    }
  }

  #call({ method, params }: RpcRequest, place: MemberPlace, { caller, charge }: RpcSource): void {
    const { registry, dispatcher } = this.#parts
    const replyTo = memberReply(caller, place)
    const pays = (cost: number): boolean => {
      const isPaid = charge(cost)
      if (!isPaid) dispatcher.refuse('rate_limited', NO_COMMAND_ID, replyTo)
      return isPaid
    }
    const entry = registry.find(method)
    if (entry !== undefined && !isCommand(entry)) {
      if (pays(entry.cost)) dispatcher.dispatchMethod(entry, params, replyTo)
    } else if (entry !== undefined && replyTo.kind === 'rpc-socket') {
      if (pays(entry.cost)) this.#command(entry, params, replyTo)
    } else if (pays(1)) dispatcher.unknown(NO_COMMAND_ID, replyTo)
  }

  #command(entry: NamedCommand, params: RpcParams, replyTo: RpcSocketReply): void {
    const { dispatcher } = this.#parts
    let value: unknown
    try {
      value = valueOf(entry.payload, params)
    } catch (error) {
      return dispatcher.failed(error, entry, replyTo)
    }
    dispatcher.dispatch(entry, value, replyTo)
  }

  #refuseMember(place: MemberPlace & { readonly id: string }, source: RpcSource): void {
    const { caller, charge } = source
    if (!charge(1))
      return this.#parts.dispatcher.refuse(
        'rate_limited',
        NO_COMMAND_ID,
        memberReply(caller, place),
      )
    this.#parts.metrics.counters.messagesInvalid++
    const { answers, index, id } = place
    answers.done(index, errorText(id, { name: 'invalid_request' }), true)
    caller.strike()
  }
}
