/** Character codes that JSON gives a meaning. */
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * The members named `id` as they are written, of the object that the text is, or of each item of the list
 * that it is; null for one without. JSON.parse would keep neither a number of 17 digits nor `1.0`. Of
 * doubled members the last counts, as it does for JSON.parse.
 * @param text JSON that JSON.parse has taken.
 */
export function idsAsWritten(text: string): (string | null)[] {
  const ids: (string | null)[] = [null]
  const isList = text.trimStart().startsWith('[')
  /** The depth at which members of a request stand. */
  const level = isList ? 2 : 1
  let depth = 0
  let idStart = -1
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) {
      const end = endOfString(text, at)
      // Only a member's name is followed by a colon.
      const colon = depth === level && idStart < 0 ? skipSpace(text, end + 1) : -1
      if (colon >= 0 && text.charCodeAt(colon) === COLON && isId(text.slice(at, end + 1))) {
        idStart = colon + 1
        at = colon
      } else at = end
    } else if (unit === OPEN_LIST || unit === OPEN_OBJECT) depth++
    else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT || unit === COMMA) {
      if (depth === level && idStart >= 0) {
        ids[ids.length - 1] = text.slice(idStart, at).trim()
        idStart = -1
      }
      if (unit !== COMMA) depth--
      else if (isList && depth === 1) ids.push(null)
    }
  }
  return ids
}

/** `name` is a JSON string; a letter may be written as its escape. */
function isId(name: string): boolean {
  return name === '"id"' || (name.includes('\\') && JSON.parse(name) === 'id')
}

/** The place of the closing quote of the string that begins at `start`; the text's end when it has none. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return at
    at += unit === BACKSLASH ? 2 : 1
  }
  return text.length
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (text.charCodeAt(at) <= 0x20) at++
  return at
}
