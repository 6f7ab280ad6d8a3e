import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import type { ServerLimits } from '../../process/limits.ts'
import { memberReply, RpcAnswers } from './rpc-answers.ts'
import { measured, readRequests } from './request-text.ts'
import type { RpcInput } from './request-text.ts'
import type { AnswerSpace } from './answer-space.ts'
import type { SendAnswer } from './rpc-answers.ts'
import type { RpcCalls } from './rpc-calls.ts'
import { SocketCaller } from './socket-caller.ts'
import type { RpcSession } from './socket-caller.ts'
import { costOfText } from './text-size.ts'

/** Bounds of the texts of a socket, in bytes. */
export type RpcTextLimits = Pick<ServerLimits, 'maxRpcBytes' | 'maxQueuedBytes'>

/** JSON-RPC over the socket: a text is one frame, and so is its answer. */
export class RpcSocketEntry {
  readonly #calls: RpcCalls
  readonly #limits: RpcTextLimits

  constructor(calls: RpcCalls, limits: RpcTextLimits) {
    this.#calls = calls
    this.#limits = limits
  }

  /**
   * Charges a text by its size, then reads it and runs it. One over `maxRpcBytes` costs 1 and is not read.
   * Nothing of `bytes` is kept.
   */
  receive(bytes: Uint8Array, session: RpcSession): void {
    const send: SendAnswer = (text, isError) => {
      if (text !== null) session.sendPayload(isError ? RPC_ERROR_ID : RPC_ID, Buffer.from(text))
    }
    const size = bytes.length > this.#limits.maxRpcBytes ? null : measured(bytes)
    if (!session.charge(size === null ? 1 : 1 + costOfText(size))) {
      // It is not even read: whatever its id is, the answer has none.
      const place = { answers: new RpcAnswers(1, null, send), index: 0, id: 'null' }
      return session.drop(RPC_ID, memberReply(session, place))
    }
    const text = new SocketCaller(session)
    const charge = (cost: number): boolean => text.charge(cost)
    const input: RpcInput = size === null ? { kind: 'too_large' } : readRequests(bytes, size)
    this.#calls.run(input, { caller: text, charge, send, space: this.#spaceOf(session) })
    text.ran(RPC_ID)
  }

  #spaceOf(session: RpcSession): AnswerSpace {
    const { maxQueuedBytes } = this.#limits
    return {
      take(bytes) {
        if (session.heldBytes + bytes > maxQueuedBytes) return false
        session.heldBytes += bytes
        return true
      },
      free(bytes) {
        session.heldBytes -= bytes
      },
    }
  }
}
