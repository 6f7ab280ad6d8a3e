import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { composePatches } from '../../../src/outbox/append/patch-merge.ts'
import { createRandom } from '../../../src/process/random.ts'
import type { Random } from '../../../src/process/random.ts'

it('OB7 folds members, keeps removals, takes the later value', () => {
  expect(composePatches('{}', '{"a":1}')).toBe('{"a":1}')
  expect(composePatches('{"a":1}', '{}')).toBe('{"a":1}')
  expect(composePatches('{"a":1,"b":{"x":1}}', '{"a":null,"b":{"y":null}}')).toBe(
    '{"a":null,"b":{"x":1,"y":null}}',
  )
  expect(composePatches('{"a":[1,2]}', '{"a":[3]}')).toBe('{"a":[3]}')
  expect(composePatches('{"a":{"x":1}}', '{"a":5}')).toBe('{"a":5}')
})

it('OB7 says so when no merge patch can express both', () => {
  expect(composePatches('{"a":null}', '{"a":{"x":1}}')).toBeNull()
  expect(composePatches('{"a":5}', '{"a":{"x":1}}')).toBeNull()
  expect(composePatches('{"b":{"a":[1]}}', '{"b":{"a":{"x":1}}}')).toBeNull()
  expect(composePatches('5', '{"a":1}')).toBeNull()
  expect(composePatches('{"a":1}', '[1]')).toBeNull()
})

it('OB7 __proto__ is an ordinary member', () => {
  expect(composePatches('{"__proto__":{"x":1}}', '{"__proto__":{"y":2},"a":1}')).toBe(
    '{"__proto__":{"x":1,"y":2},"a":1}',
  )
  expect(({} as { y?: number }).y).toBeUndefined()
})

function randomPatch(random: Random, depth: number): Json {
  const result: { [key: string]: Json } = {}
  for (const key of ['a', 'b', 'c']) {
    const kind = random.int(0, 5)
    if (kind === 0) result[key] = null
    else if (kind === 1) result[key] = random.int(0, 9)
    else if (kind === 2) result[key] = [random.int(0, 9)]
    else if (kind === 3 && depth > 0) result[key] = randomPatch(random, depth - 1)
  }
  return result
}

it('OB7 the composed patch does what both do one after the other (2,000 random pairs)', () => {
  const random = createRandom(7)
  let composedCount = 0
  for (let round = 0; round < 2_000; round++) {
    const [start, first, second] = [0, 1, 2].map(() => randomPatch(random, 2))
    const texts = [start, first, second].map((json) => JSON.stringify(json))
    const parsed = (index: number): Json => JSON.parse(texts[index] ?? '') as Json
    const composed = composePatches(texts[1] ?? '', texts[2] ?? '')
    if (composed === null) continue
    composedCount++
    const base = (): Json => applyMergePatch({}, parsed(0))
    const expected = applyMergePatch(applyMergePatch(base(), parsed(1)), parsed(2))
    const actual = applyMergePatch(base(), JSON.parse(composed) as Json)
    expect(actual, `seed 7, round ${round}: ${texts.join(' ')}`).toEqual(expected)
  }
  expect(composedCount).toBeGreaterThan(500)
})
