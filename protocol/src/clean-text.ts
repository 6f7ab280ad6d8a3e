/** Only so much of a text is looked at, in UTF-16 units: what is cut costs time, and anybody may send it. */
const MAX_READ = 1_000

/** A line has at most so many UTF-16 units for each character that it may have: families of emoji have up to 11. */
const UNITS_PER_CHARACTER = 4

/** Marks upon one another, of which no language needs more: without a bound they run over the lines around. */
const STACKED_MARKS = /([\p{Mn}\p{Me}]{4})[\p{Mn}\p{Me}]+/gu

/**
 * Control, format (bidi overrides, zero width), separator and all other invisible characters, lone surrogates and the
 * blank braille pattern: they bend the text around them, or forge other names.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cn}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/u

/** Consonants join after these, and joiners decide how (UAX #31, section 2.3, rules A2 and B). */
const VIRAMA =
  '\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D3B\u0D3C\u0D4D\u0DCA\u1039\u103A\u1B44\uA9C0'
/** Letters of a cursive script that join to the right alone: a joiner after one would be seen by nobody (rule A1). */
const JOINS_NOTHING_AFTER =
  '\u0622-\u0625\u0627\u0629\u062F-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06C0\u06C3-\u06CB\u06CD\u06CF\u06D2\u06D3\u06D5\u06EE\u06EF'
const CURSIVE =
  '\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Nko}\\p{Script=Mandaic}\\p{Script=Mongolian}'

/**
 * Invisible characters that change what is seen, each between what it joins: they stay. Everything else that is
 * invisible goes.
 */
const JOINERS = [
  // A sequence of emoji, after an emoji, its tone or its variation selector (UTS #51).
  `(?<=[\\p{Extended_Pictographic}\\p{EMod}\\u{FE0F}])\\u200D(?=\\p{Extended_Pictographic})`,
  // A picture's form, and a keycap's.
  `(?<=\\p{Extended_Pictographic})[\\uFE0E\\uFE0F]`,
  `(?<=[0-9#*])\\uFE0F(?=\\u20E3)`,
  // The flag of a region: a black flag, its name in tags, the tag that ends it.
  `(?<=\\u{1F3F4}[\\u{E0020}-\\u{E007E}]{0,6})[\\u{E0020}-\\u{E007E}](?=[\\u{E0020}-\\u{E007E}]{0,6}\\u{E007F})`,
  `(?<=\\u{1F3F4}[\\u{E0020}-\\u{E007E}]{1,7})\\u{E007F}`,
  `(?<=[${CURSIVE}]\\p{M}{0,4})(?<![${JOINS_NOTHING_AFTER}]\\p{M}{0,4})[\\u200C\\u200D](?=[${CURSIVE}])`,
  `(?<=[${VIRAMA}])[\\u200C\\u200D](?=\\p{L})`,
  `(?<=\\p{L})\\u200D(?=[${VIRAMA}])`,
  `(?<=\\p{Script=Mongolian})[\\u180B-\\u180D\\u180F]`,
].join('|')
const SOMETHING_TO_SEE = /[\p{L}\p{N}\p{P}\p{S}]/u

/** Both are made when they are first needed: a browser that lacks them can do without a cleaned line. */
let segmenter: Intl.Segmenter | null = null
let invisible: RegExp | null = null

/**
 * Makes one line of text that can be shown anywhere: composed (NFC), blanks folded, without control characters and
 * whatever else cannot be seen, and cut to `max` characters as people count them (grapheme clusters, UAX #29): no
 * accent, flag or family is cut in half. What joins emoji, or letters of Persian or Hindi, stays. It has at most
 * 4 x `max` UTF-16 units, and is empty when nothing is to be seen. Of a text of any length the first 1,000 units count.
 */
export function cleanLine(text: string, max: number): string {
  invisible ??= new RegExp(`(${JOINERS})|${UNPRINTABLE.source}`, 'gu')
  const line = text
    .slice(0, MAX_READ)
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .replace(invisible, '$1')
    .replace(STACKED_MARKS, '$1')
    .trim()
  const cut = firstCharacters(line, max)
  return SOMETHING_TO_SEE.test(cut) ? cut : ''
}

function firstCharacters(line: string, max: number): string {
  segmenter ??= new Intl.Segmenter('und', { granularity: 'grapheme' })
  let end = 0
  let count = 0
  for (const { index, segment } of segmenter.segment(line)) {
    if (count++ === max || index + segment.length > max * UNITS_PER_CHARACTER) break
    end = index + segment.length
  }
  return line.slice(0, end).trim()
}
