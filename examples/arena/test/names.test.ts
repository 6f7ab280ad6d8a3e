import { expect, test } from 'vitest'
import { cleanText, uniqueName } from '../src/shared/names.ts'

test('AR4 text loses control, format and bidi characters and runs of blanks', () => {
  expect(cleanText('  a\u0000b\r\n\tc\u202Ed\u200Be\u2028f  ', 200)).toBe('a b c d e f')
  expect(cleanText('\u0000\u200B \u2060', 200)).toBe('')
  expect(cleanText('a\uD800b', 200)).toBe('a b')
})

test('AR4 text is cut without splitting a character', () => {
  expect(cleanText('x'.repeat(300), 200)).toHaveLength(200)
  expect(cleanText('abc\u{1F600}', 4)).toBe('abc')
  expect(cleanText('abc\u{1F600}', 5)).toBe('abc\u{1F600}')
})

test('AR4 a taken name gets a number, whatever its case, and stays within 24 characters', () => {
  expect(uniqueName('Ada', new Set(['Bob']))).toBe('Ada')
  expect(uniqueName('ada', new Set(['Ada', 'Ada 2']))).toBe('ada 3')
  const long = 'n'.repeat(24)
  const second = uniqueName(long, new Set([long]))
  expect(second).toHaveLength(24)
  expect(second.endsWith(' 2')).toBe(true)
  expect(uniqueName(' \u0007 ', new Set())).toBe('Guest')
})
