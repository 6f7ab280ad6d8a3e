import type { KeptKeys } from '../auth/kept-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Route } from '../http/contract.ts'
import type { Reading, Part } from '../process/part.ts'
import type { StreamAct } from '../http/contract.ts'
import { Audit } from './audit.ts'
import type { AuditParts } from './audit.ts'
import { entrance } from './entrance.ts'
import { Operator } from './operator.ts'
import type { OperatorParts } from './operator.ts'
import { adminRoutes } from './routes.ts'

/** Operators are given these. */
export interface AdminContext extends OperatorParts, AuditParts {
  readonly keys: KeptKeys
  readonly isOwnKey: (principal: Principal) => boolean
  readonly maxBodyBytes: number
}

/** What an operator is made of, with its routes and the parts of the server that it is. */
export interface Admin {
  readonly operator: Operator
  readonly audit: Audit
  /** Runs what an operator does with a stream of the feed, and tells of it. */
  readonly onStream: StreamAct
  /** Its routes; it stops looking for changes before the log is closed. */
  readonly part: Part<Route>
  /** It reads bans and mutes: the log has been opened before. */
  readonly records: Part<Route>
}

export function createAdmin({ keys, isOwnKey, maxBodyBytes, ...context }: AdminContext): Admin {
  const { sanctions } = context
  const audit = new Audit(context)
  const operator = new Operator(context)
  const enter = entrance(audit, context.clock)
  const gauges: Reading[] = [
    { name: 'sanctions', help: 'Bans and mutes that are known', read: () => sanctions.size },
  ]
  return {
    operator,
    audit,
    onStream: async (streamId, [request, context], act) => {
      const { actor } = await enter('stream.close', request, context)
      await audit.run('stream.close', { streamId }, [actor, act])
    },
    part: {
      name: 'operators',
      routes: adminRoutes({ operator, audit, enter, keys, isOwnKey, maxBodyBytes }),
      gauges,
      drain: () => sanctions.stop(),
      stop: () => sanctions.stop(),
    },
    records: { name: 'bans and mutes', start: () => sanctions.start() },
  }
}
