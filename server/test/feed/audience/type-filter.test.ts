import { describe, expect, it } from 'vitest'
import { parseTypeFilter } from '../../../src/feed/audience/type-filter.ts'

describe('FE14 types=', () => {
  it.each([
    ['kill', 'kill', true],
    ['kill', 'kills', false],
    ['ki*', 'ki', true],
    ['ki*', 'kiss', true],
    ['ki*', 'aki', false],
    ['*ed', 'ed', true],
    ['*ed', 'joined', true],
    ['*ed', 'edit', false],
    ['*in*', 'joined', true],
    ['*in*', 'in', true],
    ['*in*', 'left', false],
    ['j*d', 'joined', true],
    ['j*d', 'joine', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba*ab', 'abab', false],
    ['ab*ba*ab', 'abbaab', true],
    ['**', 'anything', true],
    ['*', 'patch', true],
    ['x*', 'end', true],
  ])('FE14 %s shows %s: %s, asked once or again', (text, type, isShown) => {
    const filter = parseTypeFilter(text)
    expect([filter?.allows(type), filter?.allows(type)]).toEqual([isShown, isShown])
  })

  it('FE14 FE42 it takes 10 patterns', () => {
    const patterns = Array.from({ length: 10 }, (_, index) => `*${'x'.repeat(37)}${index}*`)
    expect(parseTypeFilter(patterns.join(','))?.key.split(',')).toHaveLength(10)
    expect(parseTypeFilter([...patterns, 'y'].join(','))).toBeNull()
  })
})
