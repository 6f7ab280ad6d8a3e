/**
 * Names that no member of a client's JSON may have: code that copies what it is given by name would otherwise
 * reach a prototype.
 */
export const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
