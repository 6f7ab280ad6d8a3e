const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const OPEN = 123
const CLOSE = 125

/**
 * Writes JSON as bytes into one buffer that it keeps; `finish` copies it out as a string. Members are
 * written with a comma behind them, and `close` replaces the last one. The generated encoders use `b`, `v` and `p` directly.
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

  /** What was written, without a trailing comma. */
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

  /** A value or `"key":` that is JSON already. */
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
