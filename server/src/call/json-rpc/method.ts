import { checkFunction, shownText } from '../../process/argument.ts'
import { isPromise } from '../../process/promise.ts'
import type { RpcCaller, RpcContext } from '../public-contract.ts'
import type { MethodDefinition } from '../command-table.ts'
import type { CallScope } from '../call-scope.ts'
import type { Caller } from '../call.ts'
import type { RpcParams } from './request-text.ts'
import type { Validate } from './params.ts'

/** The handler of a method. It gets `params` as the validator made them. */
export type LooseRpcHandler = (params: never, context: RpcContext) => unknown

/**
 * A method as the command table holds it: its params are checked, then its handler runs.
 * @throws RingsideError option_invalid for a handler that is no function.
 */
export function methodOf(
  name: string,
  validate: Validate,
  handler: LooseRpcHandler,
): MethodDefinition {
  checkFunction(`the handler of method ${shownText(name)}`, handler)
  return {
    name,
    run(params, caller, scope) {
      const context = new CallContext(caller, scope)
      const value = validate(params as RpcParams)
      if (!isPromise(value)) return handler(value as never, context)
      // No handler runs for a caller that went meanwhile (SE1).
      return value.then((value) => (caller.isOpen ? handler(value as never, context) : undefined))
    },
  }
}

/** A call as its handler sees it. */
class CallContext implements RpcContext {
  readonly caller: RpcCaller
  readonly #scope: CallScope

  constructor(caller: Caller, scope: CallScope) {
    this.#scope = scope
    this.caller =
      caller.kind === 'session'
        ? { kind: 'session', session: caller.handle }
        : { kind: 'principal', principal: caller.principal, remoteAddress: caller.remoteAddress }
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }
}
