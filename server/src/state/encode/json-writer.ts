const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const OPEN = 123
const CLOSE = 125

/** The name of a member, made ready to be written many times. */
export interface JsonKey {
  /** In quotes, with a colon. */
  readonly json: string
  /** Its bytes by four, filled up with zeros; none when not all of it is ASCII. */
  readonly words: readonly number[]
  /** Bytes of it, 0 without words. */
  readonly length: number
}

/** Makes ready the name of a member. */
export function jsonKey(name: string): JsonKey {
  const json = `${JSON.stringify(name)}:`
  const words: number[] = []
  for (let at = 0; at < json.length; at += 4) {
    let word = 0
    for (let i = at; i < at + 4; i++) {
      const code = i < json.length ? json.charCodeAt(i) : 0
      if (code > 127) return { json, words: [], length: 0 }
      word = (word << 8) | code
    }
    words.push(word)
  }
  return { json, words, length: json.length }
}

/**
 * Writes JSON as bytes into one buffer that it keeps; `finish` copies it out as a string. Members are
 * written with a comma behind them, and `close` replaces the last one. The generated encoders use `b`, `v` and
 * `p` directly.
 */
export class JsonWriter {
  /** The same bytes as `b`. The declarations of the package name no Node type: they reach users. */
  #buffer = Buffer.allocUnsafeSlow(65_536)
  b: Uint8Array = this.#buffer
  v = new DataView(this.b.buffer, this.b.byteOffset, this.b.length)
  /** Next byte to write. */
  p = 0
  #isAscii = true

  begin(): void {
    this.p = 0
    this.#isAscii = true
  }

  /** Hands out the text that was written, without a trailing comma. */
  finish(): string {
    const end = this.p > 0 && this.b[this.p - 1] === COMMA ? this.p - 1 : this.p
    return this.#buffer.toString(this.#isAscii ? 'latin1' : 'utf8', 0, end)
  }

  /** Makes sure of `count` free bytes; `b` may be another afterwards. */
  need(count: number): void {
    if (this.p + count <= this.b.length) return
    const larger = Buffer.allocUnsafeSlow((this.p + count) * 2)
    larger.set(this.b.subarray(0, this.p))
    this.#buffer = larger
    this.b = larger
    this.v = new DataView(larger.buffer, larger.byteOffset, larger.length)
  }

  open(): void {
    this.need(2)
    this.b[this.p++] = OPEN
  }

  close(): void {
    this.need(2)
    if (this.b[this.p - 1] === COMMA) this.p--
    this.b[this.p++] = CLOSE
    this.b[this.p++] = COMMA
  }

  /** The name of a member and its colon: four bytes a store are faster than `raw`. */
  key(key: JsonKey): void {
    const { words, length } = key
    if (length === 0) return this.raw(key.json)
    this.need(length + 3)
    const v = this.v
    for (let i = 0, p = this.p; i < words.length; i++, p += 4) v.setInt32(p, words[i] as number)
    this.p += length
  }

  /** A value that is JSON already. */
  raw(json: string): void {
    const length = json.length
    this.need(length * 3)
    if (length < 32) {
      const b = this.b
      let p = this.p
      let i = 0
      for (; i < length; i++) {
        const code = json.charCodeAt(i)
        if (code > 127) break
        b[p++] = code
      }
      if (i === length) {
        this.p = p
        return
      }
    }
    const written = this.#buffer.write(json, this.p)
    if (written !== length) this.#isAscii = false
    this.p += written
  }

  /** A string, quoted and escaped. */
  string(value: string): void {
    const length = value.length
    if (length < 64) {
      this.need(length + 3)
      const b = this.b
      let p = this.p
      b[p++] = QUOTE
      let i = 0
      for (; i < length; i++) {
        const code = value.charCodeAt(i)
        if (code > 126 || code < 32 || code === QUOTE || code === BACKSLASH) break
        b[p++] = code
      }
      if (i === length) {
        b[p++] = QUOTE
        this.p = p
        return
      }
    }
    this.raw(JSON.stringify(value))
  }
}
