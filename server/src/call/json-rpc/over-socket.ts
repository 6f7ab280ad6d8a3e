import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import type { SessionCaller } from '../caller.ts'
import type { RpcReply } from '../reply.ts'
import { memberReply } from './member-reply.ts'
import { readRequests } from './request-text.ts'
import { RpcAnswers } from './rpc-answers.ts'
import type { SendAnswer } from './rpc-answers.ts'
import type { RpcCalls } from './rpc-calls.ts'

/** A session that sends texts of JSON-RPC. */
export interface RpcSession extends SessionCaller {
  /** Takes tokens for one member of a text; false = it cannot be afforded. */
  chargeMember(cost: number): boolean
}

/** JSON-RPC over the socket: a text is one frame, and so is its answer. */
export class RpcOverSocket {
  readonly #calls: RpcCalls

  constructor(calls: RpcCalls) {
    this.#calls = calls
  }

  /** Runs one text, which has been charged for. Nothing of `bytes` is kept. */
  receive(bytes: Uint8Array, session: RpcSession): void {
    this.#calls.run(readRequests(bytes), {
      caller: session,
      charge: (cost) => session.chargeMember(cost),
      send: sendTo(session),
    })
  }

  /** The target for the refusal of a text that is not even read: an error without an id. */
  unread(session: RpcSession): RpcReply {
    const answers = new RpcAnswers(1, false, sendTo(session))
    return memberReply(session, { answers, index: 0, id: 'null' })
  }
}

function sendTo(session: RpcSession): SendAnswer {
  return (text, isError) => {
    if (text !== null) session.sendPayload(isError ? RPC_ERROR_ID : RPC_ID, Buffer.from(text))
  }
}
