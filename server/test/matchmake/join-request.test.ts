import { describe, expect, it } from 'vitest'
import { checkOptions, cleanName } from '../../src/matchmake/join-request.ts'

describe('join requests', () => {
  it('MM3 names lose what cannot be seen and are cut to 24 characters', () => {
    expect(cleanName('  Ada   Lovelace ', 'x')).toBe('Ada Lovelace')
    expect(cleanName('a\u0000b\u202Ec\u200Bd\ne', 'x')).toBe('abcd e')
    expect(cleanName('x'.repeat(5_000), 'f')).toBe('x'.repeat(24))
    expect(cleanName(`${'a'.repeat(23)}😀b`, 'f')).toBe(`${'a'.repeat(23)}😀`)
    expect(cleanName('👨‍👩‍👧‍👦', 'f')).toBe('👨‍👩‍👧‍👦')
    expect(cleanName('\u0000\u200B', 'fallback')).toBe('fallback')
    expect(cleanName(undefined, 'fallback')).toBe('fallback')
  })

  it('MM3 a name that is no string is refused', () => {
    for (const name of [1, {}, [], true])
      expect(() => cleanName(name, 'x')).toThrowError(
        expect.objectContaining({ code: 'bad_request' }),
      )
  })

  it('MM3 options are copied as JSON and bounded', () => {
    expect(checkOptions({ mode: 'duel' })).toEqual({ mode: 'duel' })
    expect(checkOptions(undefined)).toBeNull()
    expect(() => checkOptions({ big: 'x'.repeat(5_000) })).toThrow()
    expect(() => checkOptions(() => 1)).toThrow()
  })
})
