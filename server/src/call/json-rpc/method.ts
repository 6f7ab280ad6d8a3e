import { RingsideError } from '../../errors.ts'
import { isPromise } from '../../failure.ts'
import type { RpcCaller, RpcContext } from '../../server-types.ts'
import type { MethodDefinition } from '../../session/command-registry.ts'
import type { Caller } from '../caller.ts'
import type { RpcParams } from './request-text.ts'
import type { Validate } from './validator.ts'

/** What runs for a method. `params` is what the validator made of them. */
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
  if (typeof handler !== 'function')
    throw new RingsideError('option_invalid', `Expected a handler of method '${name}'`)
  return {
    name,
    run(params, caller) {
      const context = new CallContext(caller)
      const value = validate(params as RpcParams)
      if (!isPromise(value)) return handler(value as never, context)
      // Whoever went meanwhile has no handler run any more (SE1).
      return value.then((value) => (caller.isOpen ? handler(value as never, context) : undefined))
    },
  }
}

/** What a handler learns of its call. The signal is made when it is first asked for. */
class CallContext implements RpcContext {
  readonly caller: RpcCaller
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
    this.caller =
      caller.kind === 'session'
        ? { kind: 'session', session: caller.handle }
        : { kind: 'principal', principal: caller.principal, remoteAddress: caller.remoteAddress }
  }

  get signal(): AbortSignal {
    return this.#caller.signal
  }
}
