const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const OPEN = 123
const CLOSE = 125

/**
 * Writes JSON as bytes into one buffer that it keeps; `finish` copies it out as a string. Numbers to
 * bytes cost a quarter of V8's number formatting. Members are written with a comma behind them, and
 * `close` replaces the last one. The generated encoders use `b`, `v` and `p` directly.
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

/** Most bytes that one number takes. */
export const NUMBER_BYTES = 26

/** Writes a whole number of at most 2^53 and returns the position after it. */
export function writeInteger(b: Uint8Array, p: number, value: number): number {
  let rest = value
  if (rest < 0) {
    b[p++] = 45
    rest = -rest
  }
  if (rest > 4_294_967_295) {
    const high = Math.floor(rest / 1e9)
    p = writeInteger(b, p, high)
    return writePadded(b, p, { value: rest - high * 1e9, digits: 9 })
  }
  if (rest > 2_147_483_647) return writePadded(b, p, { value: rest, digits: 10 })
  return writeDigits(b, p, rest)
}

/** The two digits of 0 to 99, as characters: half as many divisions. */
const TENS = Uint8Array.from({ length: 100 }, (_, value) => 48 + Math.floor(value / 10))
const ONES = Uint8Array.from({ length: 100 }, (_, value) => 48 + (value % 10))

/** 0 to 2^31-1: divisions of small integers by a constant compile to a multiplication. */
function writeDigits(b: Uint8Array, p: number, value: number): number {
  let left = value | 0
  if (left < 10) {
    b[p] = 48 + left
    return p + 1
  }
  if (left < 100) {
    b[p] = TENS[left] as number
    b[p + 1] = ONES[left] as number
    return p + 2
  }
  const after = p + digitCount(left)
  let end = after
  while (left > 99) {
    const next = (left / 100) | 0
    const pair = left - next * 100
    b[--end] = ONES[pair] as number
    b[--end] = TENS[pair] as number
    left = next
  }
  b[--end] = ONES[left] as number
  if (left > 9) b[--end] = TENS[left] as number
  return after
}

function writePadded(
  b: Uint8Array,
  p: number,
  number: { readonly value: number; readonly digits: number },
): number {
  let left = number.value
  for (let at = p + number.digits - 1; at >= p; at--) {
    const next = Math.floor(left / 10)
    b[at] = 48 + (left - next * 10)
    left = next
  }
  return p + number.digits
}

function digitCount(value: number): number {
  if (value < 100_000) {
    if (value < 100) return value < 10 ? 1 : 2
    return value < 1_000 ? 3 : value < 10_000 ? 4 : 5
  }
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7
  return value < 100_000_000 ? 8 : value < 1_000_000_000 ? 9 : 10
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11]

/** By binary exponent, 0 to 23: the most decimals whose unit is still greater than a float's spacing. */
const DECIMALS = Array.from({ length: 24 }, (_, exponent) =>
  Math.floor((23 - exponent) * Math.log10(2)),
)

/** Half the spacing of floats in units of that last decimal, less what the product may be off. */
const SURE = DECIMALS.map((decimals, exponent) => 10 ** decimals * 2 ** (exponent - 24) * 0.9999)

/**
 * Writes the shortest decimal that reads back as the same 32-bit float; `value` is such a float. With as many
 * decimals as the spacing of floats allows there is one candidate, and a shorter decimal is that
 * candidate with zeros at its end; when it does not read back, one or two more decimals do.
 */
export function writeF32(b: Uint8Array, p: number, value: number): number {
  const size = value < 0 ? -value : value
  if (size >= 16_777_216 || (size < 1e-3 && size !== 0)) return writeText(b, p, shortestF32(value))
  const whole = size | 0
  if (whole === size) return writeInteger(b, p, value)
  const exponent = 31 - Math.clz32(whole)
  let k = whole > 0 ? (DECIMALS[exponent] as number) : decimalsBelow1(size)
  const scaled = size * (POWERS[k] as number)
  let digits = (scaled + 0.5) | 0
  const off = digits < scaled ? scaled - digits : digits - scaled
  // Nearly always the product tells; only at the edge (and below 1) the division has to.
  if (
    (whole > 0 && off < (SURE[exponent] as number)) ||
    Math.fround(digits / (POWERS[k] as number)) === size
  ) {
    for (let next = (digits / 10) | 0; next * 10 === digits; next = (digits / 10) | 0) {
      digits = next
      k--
    }
  } else {
    do {
      if (k === 11) return writeText(b, p, shortestF32(value))
      k++
      digits = Math.round(size * (POWERS[k] as number)) | 0
    } while (Math.fround(digits / (POWERS[k] as number)) !== size)
  }
  if (value < 0) b[p++] = 45
  p = writeDigits(b, p, whole)
  b[p] = 46
  // A decimal on the other side of a whole number would not have read back: `whole` is right.
  let left = (digits - whole * (POWERS[k] as number)) | 0
  const after = p + k + 1
  let at = after
  for (; k > 1; k -= 2) {
    const next = (left / 100) | 0
    const pair = left - next * 100
    b[--at] = ONES[pair] as number
    b[--at] = TENS[pair] as number
    left = next
  }
  if (k === 1) b[--at] = 48 + left
  return after
}

function decimalsBelow1(size: number): number {
  return size >= 0.125 ? 7 : size >= 0.015_625 ? 8 : 9
}

/** The shortest decimal of a 32-bit float as text. */
export function shortestF32(value: number): string {
  for (let precision = 1; precision < 9; precision++) {
    const text = value.toPrecision(precision)
    if (Math.fround(Number(text)) === value) return String(Number(text))
  }
  return String(Number(value.toPrecision(9)))
}

/** Writes any finite number. */
export function writeNumber(b: Uint8Array, p: number, value: number): number {
  if (Number.isSafeInteger(value)) return writeInteger(b, p, value)
  return writeText(b, p, String(value))
}

function writeText(b: Uint8Array, p: number, text: string): number {
  for (let i = 0; i < text.length; i++) b[p++] = text.charCodeAt(i)
  return p
}
