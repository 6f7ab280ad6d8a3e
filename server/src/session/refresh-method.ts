import { schema, str } from '@ringside/protocol'
import type { MethodDefinition } from '../call/command-table.ts'
import { methodOf } from '../call/json-rpc/method.ts'
import { validateBy } from '../call/json-rpc/params.ts'
import type { RpcContext } from '../call/public-contract.ts'
import { RingsideError } from '../process/errors.ts'
import type { SessionTable } from './session-table.ts'

/**
 * The method `auth.refresh` { token } of JSON-RPC, over a WebSocket: a new token takes the place of the one that the
 * connection came with, before that is over (AU28).
 */
export function refreshMethod(sessions: Pick<SessionTable, 'refresh'>): MethodDefinition {
  return methodOf(
    'auth.refresh',
    validateBy(schema({ token: str(1) })),
    async ({ token }: { readonly token: string }, { caller }: RpcContext) => {
      if (caller.kind !== 'session')
        throw new RingsideError('bad_request', 'Over HTTP each request brings its own token')
      const { expiresAt } = await sessions.refresh(caller.session.id, token)
      return { expiresAt }
    },
  )
}
