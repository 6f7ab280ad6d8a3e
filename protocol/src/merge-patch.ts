/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * Applies an RFC 7396 merge patch and returns the result. Objects of `target` are changed in place;
 * arrays of the patch become part of the result, so the patch must not be used afterwards.
 * A `__proto__` member is an ordinary member here, whatever `target` was made by.
 */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result: { [key: string]: Json } = isObject(target) ? target : Object.create(null)
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json
    if (value === null) delete result[key]
    else
      setOwn(result, key, isObject(value) ? applyMergePatch(ownValue(result, key), value) : value)
  }
  return result
}

/** Defines the member: a plain assignment of `__proto__` would change the prototype of what JSON.parse made. */
function setOwn(target: { [key: string]: Json }, key: string, value: Json): void {
  if (key !== '__proto__') target[key] = value
  else
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
}

/** Looks past the prototype, so that a key such as `constructor` finds nothing inherited. */
function ownValue(target: { [key: string]: Json }, key: string): Json | undefined {
  return Object.hasOwn(target, key) ? target[key] : undefined
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
