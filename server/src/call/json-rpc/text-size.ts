/** Character codes that JSON gives a meaning; in UTF-8 their bytes are part of no other character. */
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const SPACE = 0x20

/** The most that a text may ask of JSON.parse. */
export interface TextBounds {
  /** Lists and objects inside each other. */
  readonly depth: number
  /** Commas, lists and objects together: about as many as there are values. */
  readonly values: number
  /** Names of members of objects. */
  readonly names: number
  /** Items of the list that the text is. */
  readonly items: number
}

/** The size of a text, counted up to the first bound that it breaks. */
export interface TextSize {
  readonly bytes: number
  readonly names: number
  /** Null for a text within all bounds. */
  readonly broken: keyof TextBounds | null
}

/**
 * Counts what JSON.parse would make of a text. It takes any bytes, JSON or not, so that it can be asked before
 * they are parsed: a client could otherwise drive the parser's recursion, and its table of names, which costs far
 * more than the bytes that are sent.
 */
export function sizeOfText(bytes: Uint8Array, bounds: TextBounds): TextSize {
  const { length } = bytes
  let depth = 0
  let values = 0
  let names = 0
  let items = 1
  const broken = (bound: keyof TextBounds): TextSize => ({ bytes: length, names, broken: bound })
  const isList = firstOf(bytes) === OPEN_LIST
  for (let at = 0; at < length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (byte === COLON) {
      if (++names > bounds.names) return broken('names')
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > bounds.depth) return broken('depth')
      if (++values > bounds.values) return broken('values')
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
    else if (byte === COMMA) {
      if (isList && depth === 1 && ++items > bounds.items) return broken('items')
      if (++values > bounds.values) return broken('values')
    }
  }
  return { bytes: length, names, broken: null }
}

const BYTES_PER_TOKEN = 1_024
const NAMES_PER_TOKEN = 32

/**
 * Tokens that a text takes before it is parsed (JR16), besides the 1 of any message. A name that the parser has not
 * seen before takes it as long as some hundred bytes of a string.
 */
export function costOfText({ bytes, names }: TextSize): number {
  return Math.floor(bytes / BYTES_PER_TOKEN) + Math.floor(names / NAMES_PER_TOKEN)
}

/** The first byte that is no space; undefined when there is none. */
function firstOf(bytes: Uint8Array): number | undefined {
  return bytes.find((byte) => byte > SPACE)
}

/** The place of the closing quote of the string that begins at `start`; the text's end when it has none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    at += byte === BACKSLASH ? 2 : 1
  }
  return bytes.length
}
