import type { RouteContext } from '../http/contract.ts'
import { RingsideError } from '../process/errors.ts'
import { isPromise } from '../process/promise.ts'
import type { HttpRequest } from '../transport/contract.ts'
import type { Actor, AdminAction, Audit } from './audit.ts'

/** Lets operators in, and nobody else. */
export type Enter = (action: AdminAction, request: HttpRequest, context: RouteContext) => Actor

/**
 * Makes the entrance of the routes of operators. It gives who acts.
 * @throws RingsideError unauthorized, forbidden: a key that is wrong or may not is audited, of which LI3 lets ten a
 * second be.
 */
export function entrance(audit: Audit): Enter {
  return (action, request, context) => {
    const { remoteAddress } = request
    try {
      return { by: context.requireKey().id, remoteAddress }
    } catch (error) {
      const code = error instanceof RingsideError ? error.code : null
      if (code === 'forbidden') {
        const holder = context.authenticate()
        const by = isPromise(holder) ? null : holder.id
        audit.tell(action, {}, [{ by, remoteAddress }, code])
      } else if (code === 'unauthorized' && request.header('x-api-key') !== '')
        audit.tell(action, {}, [{ by: null, remoteAddress }, code])
      throw error
    }
  }
}
