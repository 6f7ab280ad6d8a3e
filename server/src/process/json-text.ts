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
  if (text === undefined || !text.includes('\\ud')) return text
  return text.replace(ESCAPE, (escape, half: string) => (half.length > 1 ? '\\ufffd' : escape))
}
