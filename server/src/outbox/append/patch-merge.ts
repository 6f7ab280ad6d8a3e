import type { Json } from '@ringside/protocol'

type JsonObject = { [key: string]: Json }

/**
 * Composes two RFC 7396 merge patches, given and returned as encoded JSON objects, so that the result
 * does what `first` and then `second` do. null when no merge patch can say it: an object that takes
 * the place of something replaced or removed would be merged into what was there before.
 */
export function composePatches(first: string, second: string): string | null {
  if (second === '{}') return first
  if (first === '{}') return second
  const before = JSON.parse(first) as Json
  const after = JSON.parse(second) as Json
  if (!isObject(before) || !isObject(after)) return null
  const composed = compose(before, after)
  return composed === null ? null : JSON.stringify(composed)
}

function compose(before: JsonObject, after: JsonObject): JsonObject | null {
  // No prototype: a member called __proto__ is an ordinary one.
  const result: JsonObject = Object.assign(Object.create(null) as JsonObject, before)
  for (const key of Object.keys(after)) {
    const value = after[key] as Json
    const earlier = Object.hasOwn(before, key) ? (before[key] as Json) : undefined
    if (!isObject(value) || earlier === undefined) {
      result[key] = value
      continue
    }
    if (!isObject(earlier)) return null
    const inner = compose(earlier, value)
    if (inner === null) return null
    result[key] = inner
  }
  return result
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
