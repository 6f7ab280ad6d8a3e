import { checkOperator } from '../auth/principal.ts'
import type { Principal } from '../auth/principal.ts'
import type { RouteContext } from '../http/contract.ts'
import { RingsideError } from '../process/errors.ts'
import { AddressRate } from '../limit/address-rate.ts'
import type { Clock } from '../process/clock.ts'
import type { HttpRequest } from '../transport/contract.ts'
import type { Actor, AdminAction, Audit } from './audit.ts'

/** An operator who was let in. */
export interface Entered {
  readonly actor: Actor
  readonly principal: Principal
}

/** Lets operators in, and nobody else. The body of the request is read in the same turn, before it is waited for. */
export type Enter = (
  action: AdminAction,
  request: HttpRequest,
  context: RouteContext,
) => Promise<Entered>

/** These say that what somebody brought is wrong, and not that the server cannot look at it. */
const REFUSALS: ReadonlySet<string> = new Set(['unauthorized', 'token_expired', 'forbidden'])

/** Each record is a write of the log, and a token that may not is no wrong one, of which LI3 lets so many be. */
const TOLD_PER_SECOND = 10

/**
 * Makes the entrance of the routes of operators. It gives who acts. A key or token that is wrong or may not is audited, ten
 * times a second for each address (AD16); whoever brings none fills no record.
 */
export function entrance(audit: Audit, clock: Clock): Enter {
  const tellings = new AddressRate({ points: TOLD_PER_SECOND }, clock)
  return async (action, request, context) => {
    const { remoteAddress } = request
    const told = (by: string | null, error: unknown): unknown => {
      const isRefusal = error instanceof RingsideError && REFUSALS.has(error.code)
      if (isRefusal && tellings.take(remoteAddress))
        audit.tell(action, {}, [{ by, remoteAddress }, error.code])
      return error
    }
    let principal: Principal
    try {
      principal = await context.authenticate()
    } catch (error) {
      throw told(null, error)
    }
    try {
      checkOperator(principal)
    } catch (error) {
      throw principal.kind === 'anonymous' ? error : told(principal.id, error)
    }
    return { principal, actor: { by: principal.id, remoteAddress } }
  }
}
