import { decodeJson, isSchema } from '@ringside/protocol'
import type { Infer, Schema } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import { isPromise } from '../../process/promise.ts'
import { REFUSED_KEYS } from '../../process/refused-keys.ts'
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
 * Lets params through as they were sent, but for a member of a refused name (JR7): a handler that copies what it is
 * given would otherwise change a prototype.
 * @throws RingsideError invalid_payload.
 */
export function withoutPrototype(params: RpcParams): RpcParams {
  // Recursion is bounded by the depth of a text.
  const key = refusedKey(params)
  if (key === TOO_LARGE)
    throw new RingsideError('invalid_payload', 'Expected numbers that a double can hold')
  if (key !== null)
    throw new RingsideError('invalid_payload', `Expected params without the key '${key}'`)
  return params
}

/** It stands for a number like 1e309, which is Infinity by now; no member that is refused is named so. */
const TOO_LARGE = 'Infinity'

/** The first refused name in a value of JSON, or `TOO_LARGE`; null when there is none. */
function refusedKey(value: unknown): string | null {
  if (typeof value === 'number' && !Number.isFinite(value)) return TOO_LARGE
  if (typeof value !== 'object' || value === null) return null
  for (const key of Object.keys(value)) {
    if (!Array.isArray(value) && REFUSED_KEYS.has(key)) return key
    const found = refusedKey((value as { readonly [key: string]: unknown })[key])
    if (found !== null) return found
  }
  return null
}

/**
 * A validator of any library that follows Standard Schema (https://standardschema.dev), as far as it is
 * used here: zod, valibot, arktype and others. It may be async.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** The verdict of a validator of Standard Schema. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One thing that is wrong. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Turns params into the value that a handler gets, or a promise of it. @throws RingsideError invalid_payload. */
export type Validate = (params: RpcParams) => unknown

/**
 * Makes the check of params by a schema of the protocol or by a Standard Schema.
 * @throws RingsideError option_invalid for any other validator.
 */
export function validateBy(validator: Schema | StandardSchema): Validate {
  if (isStandard(validator)) {
    const standard = validator['~standard']
    return (params) => {
      const result = standard.validate(withoutPrototype(params))
      return isPromise(result) ? result.then(outputOf) : outputOf(result)
    }
  }
  if (!isObject(validator) || !isSchema(validator))
    throw new RingsideError('option_invalid', 'Expected a schema or a Standard Schema validator')
  return (params) => valueOf(validator, withoutPrototype(params))
}

function isStandard(validator: Schema | StandardSchema): validator is StandardSchema {
  // Some libraries' validators are functions.
  if (typeof validator !== 'function' && !isObject(validator)) return false
  const standard = (validator as Partial<StandardSchema>)['~standard']
  return typeof standard?.validate === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function outputOf(result: StandardResult<unknown>): unknown {
  if (!result.issues) return result.value
  const [issue] = result.issues
  const path = issue?.path?.map((part) => String(typeof part === 'object' ? part.key : part))
  const where = path && path.length > 0 ? `${path.join('.')}: ` : ''
  throw new RingsideError('invalid_payload', `${where}${issue?.message ?? 'Expected other params'}`)
}
