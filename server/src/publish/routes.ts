import { CLIENT_ID, MESSAGE_ID } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Route } from '../http/contract.ts'
import { beginJsonObject, sendJson } from '../http/json.ts'
import { RingsideError } from '../process/errors.ts'
import type { HttpRequest } from '../transport/contract.ts'
import { alert, dataUpdate, notification, plain, testEvent } from './forms.ts'
import type { Form } from './forms.ts'
import type { PublishOrder, Publisher } from './publisher.ts'

export interface PublishRouteParts {
  readonly publisher: Publisher
  /** Says who asks. @throws RingsideError unauthorized for a key or token that is none. */
  readonly identify: (request: HttpRequest) => Principal | Promise<Principal>
  readonly newId: () => string
  readonly maxBodyBytes: number
}

/** `POST /feed/...`: each answers 202 once its event is durable (PU1, PU4). */
export function publishRoutes(parts: PublishRouteParts): Route[] {
  const { publisher, identify, newId, maxBodyBytes } = parts

  const posted = (path: string, form: Form): Route => ({
    method: 'POST',
    path,
    async handler(request, response, { params, traceparent }) {
      const reading = beginJsonObject(request, maxBodyBytes)
      const principal = await identify(request)
      if (principal.kind === 'anonymous') throw new RingsideError('unauthorized')
      const { messageId = newId(), topic, ...body } = withoutNulls(await reading)
      if (typeof messageId !== 'string' || !MESSAGE_ID.test(messageId))
        throw new RingsideError(
          'bad_request',
          'Expected messageId as 1 to 128 printable ASCII characters without spaces',
        )
      const order = { ...form(body, messageId), messageId, topic, to: params['clientId'] }
      const origin = { principal, remoteAddress: request.remoteAddress, trace: traceparent }
      const answer = await publisher.publish(order as PublishOrder, origin).catch(refusal)
      sendJson(response, { status: 202, body: answer })
    },
  })

  const targeted = posted('/feed/send/:clientId', plain)
  return [
    posted('/feed/broadcast', plain),
    {
      ...targeted,
      handler(request, response, context) {
        if (!CLIENT_ID.test(context.params['clientId'] ?? ''))
          throw new RingsideError('bad_request', 'Expected a clientId of 1 to 64 characters')
        return targeted.handler(request, response, context)
      },
    },
    posted('/feed/notification', notification),
    posted('/feed/alert', alert),
    posted('/feed/data-update', dataUpdate),
    posted('/feed/test-event', testEvent),
  ]
}

/** Says of the log's own refusals what the client may know. */
function refusal(error: unknown): never {
  if (error instanceof RingsideError && error.code === 'outbox_unreachable')
    throw new RingsideError(
      'unavailable',
      'The log did not answer: send it again with its messageId',
    )
  if (error instanceof RingsideError && error.code === 'event_refused')
    throw new RingsideError('body_too_large', 'The event can never be written: it is too large')
  throw error
}

/** An optional field that is null is as good as absent; data alone may mean it. */
function withoutNulls(body: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(body).filter(([name, value]) => value !== null || name === 'data'),
  )
}
