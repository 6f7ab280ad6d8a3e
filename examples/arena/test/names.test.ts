import { expect, test } from 'vitest'
import { uniqueName } from '../src/shared/names.ts'

test('AR4 a taken name gets a number, whatever its case, and stays within 24 characters', () => {
  expect(uniqueName('Ada', new Set(['Bob']))).toBe('Ada')
  expect(uniqueName('ada', new Set(['Ada', 'Ada 2']))).toBe('ada 3')
  const long = 'n'.repeat(24)
  const second = uniqueName(long, new Set([long]))
  expect(second).toHaveLength(24)
  expect(second.endsWith(' 2')).toBe(true)
  expect(uniqueName(' \u0007 ', new Set())).toBe('Guest')
  const family = '👨‍👩‍👧‍👦'
  const families = uniqueName(family.repeat(9), new Set([family.repeat(8)]))
  expect(families).toBe(`${family.repeat(8)} 2`)
})
