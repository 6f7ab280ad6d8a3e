import type { KeptKeys } from '../auth/kept-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Route } from '../http/contract.ts'
import { beginJsonObject, sendJson } from '../http/json.ts'
import type { HttpRequest } from '../transport/contract.ts'
import { keyRoutes } from './key-routes.ts'
import type { Enter } from './entrance.ts'
import type { AdminAction, Audit } from './audit.ts'
import type { Fields, Operator } from './operator.ts'
import type { SanctionKind } from './sanction.ts'

/** The routes of operators are made of these. */
export interface AdminRouteParts {
  readonly operator: Operator
  readonly audit: Audit
  readonly enter: Enter
  readonly keys: KeptKeys
  /** Is it the operator's own key, rather than one that was made with it? */
  readonly isOwnKey: (principal: Principal) => boolean
  readonly maxBodyBytes: number
}

type Act = (fields: Fields) => unknown

/** `/admin/...`: each needs an operator, and each act is audited, done or refused (AD1, AD9). */
export function adminRoutes(parts: AdminRouteParts): Route[] {
  const { operator, audit, enter, maxBodyBytes } = parts

  const posted = (action: AdminAction, act: Act): Route => ({
    method: 'POST',
    path: `/admin/${action}`,
    async handler(request, response, context) {
      const body = beginJsonObject(request, maxBodyBytes)
      const { actor } = await enter(action, request, context)
      // A body that cannot be read is audited too.
      let fields: Fields = {}
      const run = async (): Promise<unknown> => act(fields)
      try {
        fields = await body
      } catch (error) {
        await audit.run(action, {}, [actor, () => Promise.reject(error)])
      }
      const answer = await audit.run(action, fields, [actor, run])
      sendJson(response, { body: answer ?? {} })
    },
  })

  const listed = (kind: SanctionKind): Route => ({
    method: 'GET',
    path: `/admin/${kind}s`,
    async handler(request, response, context) {
      const { actor } = await enter('list', request, context)
      const fields = fieldsOf(request)
      const limit = fields['limit'] === undefined ? undefined : Number(fields['limit'])
      const run = (): unknown => operator.list(kind, { after: fields['after'], limit })
      const { items, next } = (await audit.run('list', {}, [actor, run])) as ReturnType<
        Operator['list']
      >
      sendJson(response, { body: { [`${kind}s`]: items, next } })
    },
  })

  const lifted = (kind: SanctionKind): Route => ({
    method: 'DELETE',
    path: `/admin/${kind}s`,
    async handler(request, response, context) {
      const action = kind === 'ban' ? 'unban' : 'unmute'
      const { actor } = await enter(action, request, context)
      const fields = fieldsOf(request)
      await audit.run(action, fields, [actor, () => operator.lift(kind, fields)])
      response.send(204, { 'cache-control': 'no-store' }, '')
    },
  })

  return [
    posted('kick', (fields) => operator.kick(fields)),
    posted('ban', (fields) => operator.impose('ban', fields)),
    posted('mute', (fields) => operator.impose('mute', fields)),
    posted('close', (fields) => operator.closeRoom(fields)),
    posted('message', (fields) => operator.message(fields)),
    listed('ban'),
    lifted('ban'),
    listed('mute'),
    lifted('mute'),
    ...keyRoutes(parts),
  ]
}

export function fieldsOf({ query }: HttpRequest): Fields {
  return Object.assign(Object.create(null) as object, Object.fromEntries(query))
}
