import type { KeptKeys, KeyFields } from '../auth/kept-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Route, RouteContext } from '../http/contract.ts'
import { beginJsonObject, sendJson } from '../http/json.ts'
import { RingsideError } from '../process/errors.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'
import type { Actor, AdminAction, Audit } from './audit.ts'
import type { Enter } from './entrance.ts'

export interface KeyRouteParts {
  readonly keys: KeptKeys
  readonly audit: Audit
  readonly enter: Enter
  /** Is it the operator's own key, rather than one that was made with it? */
  readonly isOwnKey: (principal: Principal) => boolean
  readonly maxBodyBytes: number
}

/**
 * `/admin/keys`: keys are made, changed, listed and revoked, by the operator's own key alone. A key that was made with
 * `admin` does all else, but makes no keys that outlive it (AU14).
 */
export function keyRoutes({
  keys,
  audit,
  enter: enterAny,
  isOwnKey,
  maxBodyBytes,
}: KeyRouteParts): Route[] {
  const enter = async (
    action: AdminAction,
    request: HttpRequest,
    context: RouteContext,
  ): Promise<Actor> => {
    const { actor, principal } = await enterAny(action, request, context)
    if (isOwnKey(principal)) return actor
    audit.tell(action, {}, [actor, 'forbidden'])
    throw new RingsideError('forbidden', "Keys are made by the operator's own key")
  }

  type Act = (fields: KeyFields) => Promise<{ readonly id: string } | null>
  const acted = (method: string, action: AdminAction, act: Act): Route => ({
    method,
    path: '/admin/keys',
    async handler(request: HttpRequest, response: HttpResponse, context: RouteContext) {
      const reading =
        method === 'DELETE'
          ? Object.fromEntries(request.query)
          : beginJsonObject(request, maxBodyBytes)
      const actor = await enter(action, request, context)
      const fields = await reading
      const told = { id: idIn(fields), durationMs: fields['durationMs'], reason: scopesIn(fields) }
      try {
        const answer = await stored(act(fields))
        // The id of a new key is known only now.
        audit.tell(action, { ...told, ...(answer && { id: answer.id }) }, [actor, 'done'])
        if (answer === null) response.send(204, { 'cache-control': 'no-store' }, '')
        else sendJson(response, { status: method === 'POST' ? 201 : 200, body: answer })
      } catch (error) {
        const result = error instanceof RingsideError ? error.code : 'internal'
        audit.tell(action, told, [actor, result])
        throw error
      }
    },
  })

  return [
    acted('POST', 'key.create', (fields) => keys.make(fields)),
    acted('PATCH', 'key.change', (fields) => keys.change(fields)),
    acted('DELETE', 'key.revoke', async (fields) => {
      await keys.revoke(fields)
      return null
    }),
    {
      method: 'GET',
      path: '/admin/keys',
      async handler(request, response, context) {
        audit.tell('key.list', {}, [await enter('key.list', request, context), 'done'])
        sendJson(response, { body: { keys: keys.list() } })
      },
    },
  ]
}

/** Whoever takes the text of a key for its id must not find it in the record. */
function idIn({ id }: KeyFields): string | undefined {
  return typeof id === 'string' && /^[a-z0-9]{1,25}$/.test(id) ? id : undefined
}

/** The scopes that were asked for, in a line; nothing of them has been checked. */
function scopesIn({ scopes }: KeyFields): string {
  if (!Array.isArray(scopes)) return ''
  return scopes.filter((scope) => typeof scope === 'string').join(' ')
}

/** A store that fails is away; what its driver says is not for those who ask. */
async function stored<T>(written: Promise<T>): Promise<T> {
  try {
    return await written
  } catch (error) {
    const isKnown = error instanceof RingsideError && error.code !== 'record_invalid'
    throw isKnown ? error : new RingsideError('unavailable', undefined, { cause: error })
  }
}
