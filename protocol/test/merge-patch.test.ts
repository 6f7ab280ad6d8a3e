import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'

/** RFC 7396, appendix A: original, patch, result. */
const appendix: readonly (readonly [string, string, string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
]

describe('merge patch', () => {
  it.each(appendix)('PR9: RFC 7396 appendix: %s patched by %s is %s', (target, patch, result) => {
    const got = applyMergePatch(JSON.parse(target) as Json, JSON.parse(patch) as Json)
    expect(JSON.parse(JSON.stringify(got))).toEqual(JSON.parse(result))
  })

  it('PR9: a patch on nothing makes a whole object, nulls left out at every level', () => {
    const got = applyMergePatch(undefined, { a: { b: null, c: 1 }, d: null })
    expect(JSON.stringify(got)).toBe('{"a":{"c":1}}')
  })

  it('PR9: __proto__ is an ordinary member, whoever made the target', () => {
    const patch = '{"__proto__":{"polluted":true},"a":{"__proto__":{"deep":1}}}'
    for (const target of [undefined, {}, JSON.parse('{"a":{"x":1}}') as Json]) {
      const got = applyMergePatch(target, JSON.parse(patch) as Json) as Record<string, Json>
      expect(Object.keys(got)).toContain('__proto__')
      expect(got['polluted']).toBeUndefined()
      expect((got['a'] as Record<string, Json>)['deep']).toBeUndefined()
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
      const again = applyMergePatch(got, JSON.parse('{"__proto__":{"more":2}}') as Json)
      expect(JSON.stringify(again)).toContain('"__proto__":{"polluted":true,"more":2}')
      const removed = applyMergePatch(again, JSON.parse('{"__proto__":null}') as Json)
      expect(Object.keys(removed as object)).not.toContain('__proto__')
    }
  })

  it('PR9: a member named like an inherited one is not merged with what is inherited', () => {
    const got = applyMergePatch({}, { constructor: { a: 1 }, toString: { b: 2 } })
    expect(JSON.stringify(got)).toBe('{"constructor":{"a":1},"toString":{"b":2}}')
  })

  it('PR9: agrees with the pseudocode of the RFC on random documents', () => {
    const random = seededRandom()
    for (let round = 0; round < 2_000; round++) {
      const target = randomJson(random, 3)
      const patch = randomJson(random, 3)
      const expected = reference(structuredClone(target), structuredClone(patch))
      expect(JSON.stringify(applyMergePatch(target, patch))).toBe(JSON.stringify(expected))
    }
  })
})

/** RFC 7396 section 2, word by word. */
function reference(target: Json | undefined, patch: Json): Json {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target)
  const result: { [key: string]: Json } = isObject ? target : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = reference(result[name], value)
  }
  return result
}

function randomJson(random: () => number, depth: number): Json {
  const pick = Math.floor(random() * (depth > 0 ? 7 : 4))
  if (pick === 0) return null
  if (pick === 1) return random() < 0.5
  if (pick === 2) return Math.floor(random() * 5)
  if (pick === 3) return 'text'
  if (pick === 4) return [randomJson(random, depth - 1)]
  const entries = 'abc'
    .split('')
    .filter(() => random() < 0.6)
    .map((name) => [name, randomJson(random, depth - 1)] as const)
  return Object.fromEntries(entries)
}
