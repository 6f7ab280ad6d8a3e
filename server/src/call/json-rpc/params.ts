import { decodeJson } from '@ringside/protocol'
import type { Infer, Schema } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { RpcParams } from './request-text.ts'

/**
 * The value of a schema's message: params by name are its canonical JSON, params by position its fields by
 * ascending number, none is a message of defaults.
 * @throws RingsideError invalid_payload that names the path; more positions than fields are too many.
 */
export function valueOf<S extends Schema>(schema: S, params: RpcParams): Infer<S> {
  try {
    return decodeJson(schema, Array.isArray(params) ? byName(schema, params) : (params ?? {}))
  } catch (error) {
    // A PayloadError tells of what the client sent, and of nothing else.
    if (!(error instanceof Error) || error.name !== 'PayloadError') throw error
    throw new RingsideError('invalid_payload', error.message)
  }
}

function byName(schema: Schema, params: readonly unknown[]): object {
  const { ordered } = schema
  if (params.length > ordered.length)
    throw new RingsideError('invalid_payload', `Expected at most ${ordered.length} params`)
  return Object.fromEntries(ordered.map(({ name }, index) => [name, params[index]]))
}

/**
 * Lets params through as they were sent, but for a member named `__proto__`: a handler that copies what it
 * is given would otherwise change a prototype.
 * @throws RingsideError invalid_payload.
 */
export function withoutPrototype(params: RpcParams): RpcParams {
  // Recursion is bounded by the depth of a text.
  if (namesPrototype(params))
    throw new RingsideError('invalid_payload', "Expected params without the key '__proto__'")
  return params
}

function namesPrototype(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(namesPrototype)
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(namesPrototype)
}
