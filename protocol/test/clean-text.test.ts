import { describe, expect, test } from 'vitest'
import { cleanLine, clipText } from '@ringside/protocol'

const family = '👨‍👩‍👧‍👦'
const scotland = '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}'
const longest = '🧑🏽‍❤️‍💋‍🧑🏾'

/** Lines that come out as they are: what joins their characters is part of them. */
const kept: readonly [what: string, line: string][] = [
  ['a family of emoji', family],
  ['a couple with tones of skin', longest],
  ['a flag of two letters', '🇺🇦 🇧🇷'],
  ['the flag of a region', scotland],
  ['a keycap', '1️⃣ #️⃣'],
  ['a heart as a picture', '❤️'],
  ['a rainbow flag', '🏳️‍🌈'],
  ['Persian with a ZWNJ (he wants)', 'می‌خواهم'],
  ['Persian with a ZWNJ (books)', 'کتاب‌ها'],
  ['Hindi, a conjunct that is kept apart', 'क्‍ष'],
  ['Hindi, an explicit halant', 'क्‌ष'],
  ['Sinhala (Sri)', 'ශ්‍රී'],
  ['Bengali, ya-phalaa after ra', 'র‍্যাব'],
  ['Malayalam', 'മലയാളം'],
  ['Thai with its marks', 'น้ำ'],
  ['Vietnamese', 'Nguyễn Thị Mỹ'],
  ['Hebrew with points', 'שָׁלוֹם'],
  ['Hangul', '한국어'],
  ['Arabic', 'محمد'],
  ['punctuation', "O'Neil-Łęcki, Jr."],
]

describe('PR24 a line is cut by what people take for characters, and keeps what joins them', () => {
  test.each(kept)('%s', (_, line) => {
    expect(cleanLine(line, 24)).toBe(line)
    // Twenty-four of them, and one that has no place any more.
    const [first] = Array.from(new Intl.Segmenter('und').segment(line), ({ segment }) => segment)
    const many = cleanLine((first ?? '').repeat(30), 24)
    const segments = Array.from(new Intl.Segmenter('und').segment(many), ({ segment }) => segment)
    expect(new Set(segments)).toEqual(new Set([first]))
    expect(segments.length).toBeLessThanOrEqual(24)
    expect(many.length).toBeLessThanOrEqual(96)
  })

  test('it is cut between characters', () => {
    expect(cleanLine(`${'a'.repeat(23)}${family}b`, 24)).toBe(`${'a'.repeat(23)}${family}`)
    expect(cleanLine(`${'a'.repeat(24)}${family}`, 24)).toBe('a'.repeat(24))
    expect(cleanLine(`${'a'.repeat(23)}e\u0301`, 24)).toBe(`${'a'.repeat(23)}é`)
    expect(cleanLine(`${'a'.repeat(23)}x\u0301y`, 24)).toBe(`${'a'.repeat(23)}x\u0301`)
    expect(cleanLine('🇺🇦'.repeat(30), 24)).toBe('🇺🇦'.repeat(24))
    expect(cleanLine(longest.repeat(10), 24)).toBe(longest.repeat(Math.floor(96 / longest.length)))
    expect(cleanLine('abc def', 4)).toBe('abc')
  })

  test('the same name has one form', () => {
    expect(cleanLine('Zoe\u0308', 24)).toBe('Zoë')
    expect(cleanLine(' \t Ada \u00A0\u2003 Lovelace\n', 24)).toBe('Ada Lovelace')
  })
})

const gone: readonly [what: string, text: string, line: string][] = [
  ['control characters', 'a\u0000b\u001Bc\u0085d', 'abcd'],
  ['overrides of direction', 'a\u202Eb\u2066c\u2069\u200Fd\u061C', 'abcd'],
  ['zero width', 'a\u200Bb\uFEFFc\u2060d', 'ab cd'],
  ['a joiner between Latin letters', 'a\u200Db\u200Cc', 'abc'],
  ['a joiner at the ends', '\u200Da\u200D', 'a'],
  ['a joiner after an emoji alone', '👩\u200D', '👩'],
  ['a joiner between an emoji and a letter', '👩\u200Da', '👩a'],
  ['joiners upon one another', '👩\u200D\u200D👩', '👩👩'],
  ['a joiner after a letter that joins nothing', 'د\u200Cم', 'دم'],
  ['a variation selector after a letter', 'a\uFE0Fb\uFE01', 'ab'],
  ['a variation selector after a digit alone', '1\uFE0F', '1'],
  ['tags without a flag', 'a\u{E0067}\u{E007F}b', 'ab'],
  ['tags that do not end', '🏴\u{E0067}\u{E0062}', '🏴'],
  ['lone surrogates', 'a\uD83Db\uDE00', 'ab'],
  ['what no character is', 'a\uFFFE\u{1FFFF}b', 'ab'],
  ['Hangul fillers and blanks', 'a\u3164\u115F\u2800b', 'ab'],
  ['marks beyond the fourth', `a${'\u0333'.repeat(50)}b`, `a${'\u0333'.repeat(4)}b`],
  ['nothing but marks', '\u0333\u0333', ''],
  ['nothing but joiners and blanks', ' \u200D \u200C\u3164 ', ''],
  ['nothing', '', ''],
  ['one character that never ends', '👩\u200D'.repeat(400), ''],
]

describe('PR24 a line loses what cannot be seen', () => {
  test.each(gone)('%s', (_, text, line) => {
    expect(cleanLine(text, 24)).toBe(line)
    // Once is enough.
    expect(cleanLine(line, 24)).toBe(line)
  })

  test('a text of a mebibyte costs what its first characters cost', () => {
    expect(cleanLine('x'.repeat(1_048_576), 24)).toBe('x'.repeat(24))
    expect(cleanLine('\u200D'.repeat(1_048_576), 24)).toBe('')
  })
})

test('PR25 a clipped text has no half of a character', () => {
  expect(clipText('abc', 3)).toBe('abc')
  expect(clipText('abcd', 3)).toBe('abc…')
  expect(clipText('ab😀d', 3)).toBe('ab…')
  expect(clipText('ab😀d', 4)).toBe('ab😀…')
})
