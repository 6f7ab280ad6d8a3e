import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import { memberReply, RpcAnswers } from './rpc-answers.ts'
import { readRequests } from './request-text.ts'
import type { SendAnswer } from './rpc-answers.ts'
import type { RpcCalls } from './rpc-calls.ts'
import { SocketCaller } from './socket-caller.ts'
import type { RpcSession } from './socket-caller.ts'

/** JSON-RPC over the socket: a text is one frame, and so is its answer. */
export class RpcSocketEntry {
  readonly #calls: RpcCalls

  constructor(calls: RpcCalls) {
    this.#calls = calls
  }

  /** Charges 1, then reads one text and runs it. Nothing of `bytes` is kept. */
  receive(bytes: Uint8Array, session: RpcSession): void {
    const send: SendAnswer = (text, isError) => {
      if (text !== null) session.sendPayload(isError ? RPC_ERROR_ID : RPC_ID, Buffer.from(text))
    }
    if (!session.charge(1)) {
      // It is not even read: whatever its id is, the answer has none.
      const place = { answers: new RpcAnswers(1, false, send), index: 0, id: 'null' }
      return session.drop(RPC_ID, memberReply(session, place))
    }
    const text = new SocketCaller(session)
    const charge = (cost: number): boolean => text.charge(cost)
    this.#calls.run(readRequests(bytes), { caller: text, charge, send })
    text.ran(RPC_ID)
  }
}
