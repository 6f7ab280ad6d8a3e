import {
  PayloadError,
  alertForm,
  dataUpdateForm,
  decodeJson,
  notificationForm,
} from '@ringside/protocol'
import type { Alert, DataUpdate, Infer, Json, Notification, Schema } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'

/** The body of a request, as it came. */
export type Body = Readonly<Record<string, Json>>

/** What a body says of an event, but for topic, target and messageId. `id` is the messageId it will have. */
export interface Filled {
  readonly type: string
  readonly data: Json | Notification | Alert | DataUpdate | { readonly id: string }
}

/** Reads the fields of one route's body (PU4). @throws RingsideError bad_request. */
export type Form = (body: Body, messageId: string) => Filled

/** `{ type, data }`: any type, any data. `eventType` is taken for `type`. */
export const plain: Form = (body) => {
  const { type, eventType, data, ...rest } = body
  refuseMore(rest, ['type', 'data', 'messageId', 'topic'])
  if (type !== undefined && eventType !== undefined)
    throw bad('Expected type or eventType, got both')
  if (data === undefined) throw bad('Expected data')
  return { type: (type ?? eventType) as string, data }
}

/** `{ title, message, level?, id?, change? }` */
export const notification: Form = (body, messageId) => {
  const { id = messageId, title, message, level = 'info', change } = read(notificationForm, body)
  checkId(id)
  if (change === 'deleted') return { type: 'notification.deleted', data: { id } }
  if (change !== undefined && change !== 'created' && body['id'] === undefined)
    throw bad('Expected the id of the notification that was updated')
  const data: Notification = { id, title: said('title', title), message: message ?? '', level }
  return { type: change === 'updated' ? 'notification.updated' : 'notification', data }
}

/** `{ severity, title?, message }` */
export const alert: Form = (body) => {
  const { severity, title = '', message } = read(alertForm, body)
  if (severity === undefined) throw bad('Expected severity: info, warning, error or critical')
  return { type: 'alert', data: { severity, title, message: said('message', message) } }
}

/** `{ entity, id, change, data? }` */
export const dataUpdate: Form = ({ data = null, ...body }) => {
  const { entity, id, change } = read(dataUpdateForm, body)
  if (change === undefined) throw bad('Expected change: created, updated or deleted')
  return {
    type: 'data-update',
    data: { entity: said('entity', entity), id: said('id', id), change, data },
  }
}

/** `{ message? }`, for trying out whether readers get anything. */
export const testEvent: Form = (body) => {
  const { message = 'Hello from Ringside', ...rest } = body
  refuseMore(rest, ['message', 'messageId', 'topic'])
  if (typeof message !== 'string') throw bad('Expected message as text')
  return { type: 'test-event', data: { message } }
}

function read<S extends Schema>(form: S, body: Body): Infer<S> {
  try {
    return decodeJson(form, body)
  } catch (error) {
    if (error instanceof PayloadError) throw bad(error.message)
    throw error
  }
}

function refuseMore(rest: Body, known: readonly string[]): void {
  const [name] = Object.keys(rest)
  if (name !== undefined)
    throw bad(`Expected ${known.join(', ')} and nothing else, got '${name.slice(0, 40)}'`)
}

const MAX_ID_CHARACTERS = 200

function checkId(id: string): void {
  if (id === '' || id.length > MAX_ID_CHARACTERS)
    throw bad(`Expected id of 1 to ${MAX_ID_CHARACTERS} characters`)
}

function said(name: string, text: string | undefined): string {
  if (text === undefined || text === '') throw bad(`Expected ${name}`)
  return text
}

function bad(message: string): RingsideError {
  return new RingsideError('bad_request', message)
}
