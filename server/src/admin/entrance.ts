import { checkOperator } from '../auth/principal.ts'
import type { Principal } from '../auth/principal.ts'
import type { RouteContext } from '../http/contract.ts'
import { RingsideError } from '../process/errors.ts'
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

/**
 * Makes the entrance of the routes of operators. It gives who acts. A key or token that is wrong or may not is audited, of
 * which LI3 lets ten a second be; whoever brings none fills no record.
 */
export function entrance(audit: Audit): Enter {
  return async (action, request, context) => {
    const { remoteAddress } = request
    const told = (by: string | null, error: unknown): unknown => {
      if (error instanceof RingsideError && REFUSALS.has(error.code))
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
