/** An escape in JSON: half a surrogate pair, or any other, which is stepped over so that `\\ud800` is no half. */
const ESCAPE = /\\(u[dD][89abAB][0-9a-fA-F]{2}|u[dD][c-fC-F][0-9a-fA-F]{2}|[^])/g

/**
 * Encodes a value as one line of well-formed JSON: halves of surrogate pairs, which not every reader takes, become
 * U+FFFD. Undefined for what JSON has no text for.
 * @throws TypeError for a circle or a bigint.
 */
export function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value) as string | undefined
  // JSON.stringify writes whole pairs as they are and escapes halves alone.
  return text === undefined ? text : lineJson(withoutHalves(text))
}

function withoutHalves(json: string): string {
  if (!json.includes('\\ud')) return json
  return json.replace(ESCAPE, (escape, half: string) => (half.length > 1 ? '\\ufffd' : escape))
}

const LINE_ENDS = /[\u0085\u2028\u2029]/
const ALL_LINE_ENDS = /[\u0085\u2028\u2029]/g

/**
 * Escapes what some readers take for the end of a line, though JSON and Server-Sent Events do not (SS2): Python's
 * `splitlines`, and JavaScript of before 2019. JSON has such characters in its strings alone.
 */
export function lineJson(json: string): string {
  if (!LINE_ENDS.test(json)) return json
  return json.replace(ALL_LINE_ENDS, (end) =>
    end === '\u0085' ? '\\u0085' : end === '\u2028' ? '\\u2028' : '\\u2029',
  )
}
