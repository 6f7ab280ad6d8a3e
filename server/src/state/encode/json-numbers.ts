/**
 * Most bytes that one number takes, and what its last store may write beyond it: digits leave in stores of
 * four bytes, whose rest the next byte overwrites.
 */
export const NUMBER_BYTES = 30

const MINUS = 45
const POINT = 46
const ZERO = 48
const PLUS = 43
const EXPONENT = 101

/** 0 to 999 as three digits, and in the low byte how many of them are left without zeros at the end. */
const TRIPLES = Uint32Array.from({ length: 1000 }, (_, value) => {
  const text = String(value).padStart(3, '0')
  return fourBytes(text, text.replace(/0+$/, '').length)
})

/** 0 to 999 as their digits from the left, and in the low byte how many there are. */
const WHOLES = Uint32Array.from({ length: 1000 }, (_, value) =>
  fourBytes(String(value), String(value).length),
)

function fourBytes(text: string, last: number): number {
  const bytes = new DataView(new ArrayBuffer(4))
  for (let i = 0; i < text.length; i++) bytes.setUint8(i, text.charCodeAt(i))
  bytes.setUint8(3, last)
  return bytes.getUint32(0)
}

/** Writes any finite number as JSON.stringify does and returns the position after it. */
export function writeNumber(v: DataView, p: number, value: number): number {
  if (Number.isSafeInteger(value)) return writeInteger(v, p, value)
  // Below 2^31 doubles are closer than 1e-6: the one decimal with six places that reads back is the shortest.
  const size = Math.abs(value)
  const millionths = Math.floor(size * 1e6 + 0.5)
  if (size >= 2_147_483_648 || millionths / 1e6 !== size) return writeText(v, p, String(value))
  if (value < 0) v.setUint8(p++, MINUS)
  const whole = Math.floor(size)
  p = writeWhole(v, p, whole)
  v.setUint8(p, POINT)
  return writeFraction(v, p + 1, (millionths - whole * 1e6) * 1000)
}

/** Writes a whole number of at most 2^53 and returns the position after it. */
export function writeInteger(v: DataView, p: number, value: number): number {
  if ((value | 0) === value) {
    // This has no branch: signs of coordinates are random, and a branch told wrong is dear.
    v.setUint8(p, MINUS)
    const sign = value >> 31
    return writeWhole(v, p - sign, ((value ^ sign) - sign) >>> 0)
  }
  const size = Math.abs(value)
  if (value < 0) v.setUint8(p++, MINUS)
  if (size <= 4_294_967_295) return writeWhole(v, p, size >>> 0)
  const high = Math.floor(size / 1e9)
  const low = size - high * 1e9
  const after = writeWhole(v, p, high)
  const millions = (low / 1e6) >>> 0
  v.setUint32(after, TRIPLES[millions] as number)
  return writeSix(v, after + 3, low - millions * 1e6)
}

/** 0 to 2^32-1: whole numbers divided by a constant compile to a multiplication. */
function writeWhole(v: DataView, p: number, value: number): number {
  if (value < 1000) {
    const digits = WHOLES[value] as number
    v.setUint32(p, digits)
    return p + (digits & 255)
  }
  if (value < 1_000_000) {
    const thousands = (value / 1000) >>> 0
    const digits = WHOLES[thousands] as number
    v.setUint32(p, digits)
    const after = p + (digits & 255)
    v.setUint32(after, TRIPLES[value - thousands * 1000] as number)
    return after + 3
  }
  const millions = (value / 1_000_000) >>> 0
  return writeSix(v, writeWhole(v, p, millions), value - millions * 1_000_000)
}

function writeSix(v: DataView, p: number, value: number): number {
  const thousands = (value / 1000) >>> 0
  v.setUint32(p, TRIPLES[thousands] as number)
  v.setUint32(p + 3, TRIPLES[value - thousands * 1000] as number)
  return p + 6
}

/** Writes 1 to 999,999,999 billionths, without zeros at the end. */
function writeFraction(v: DataView, p: number, billionths: number): number {
  const first = (billionths / 1_000_000) | 0
  const rest = billionths - first * 1_000_000
  let digits = TRIPLES[first] as number
  v.setUint32(p, digits)
  if (rest === 0) return p + (digits & 255)
  const second = (rest / 1000) | 0
  const third = rest - second * 1000
  digits = TRIPLES[second] as number
  v.setUint32(p + 3, digits)
  if (third === 0) return p + 3 + (digits & 255)
  digits = TRIPLES[third] as number
  v.setUint32(p + 6, digits)
  return p + 6 + (digits & 255)
}

const LOG10_OF_2 = Math.log10(2)

/** The most decimals whose unit is still greater than the spacing of floats from 2^exponent on. */
function decimalsAt(exponent: number): number {
  return Math.floor((23 - exponent) * LOG10_OF_2)
}

/** Tables of 1/64 to 2^24, by the zeros in front of `size * 64` as a 32-bit number. */
const NEAR = Array.from({ length: 32 }, (_, zeros) => {
  const exponent = Math.min(23, 25 - zeros)
  const scale = 10 ** Math.max(0, decimalsAt(exponent))
  return { scale, half: scale * 2 ** (exponent - 24), unit: 1e9 / scale }
})
const SCALE = Float64Array.from(NEAR, ({ scale }) => scale)
/** Half the spacing of floats in units of the last decimal. */
const HALF = Float64Array.from(NEAR, ({ half }) => half)
/** Billionths in a unit of the last decimal, and of the decimal after it. */
const UNIT = Int32Array.from(NEAR, ({ unit }) => unit)
const NEXT_UNIT = Int32Array.from(NEAR, ({ unit }) => unit / 10)

/** The float that `writeFloat` writes: as an argument it would be boxed. */
export const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/**
 * Writes the shortest decimal that reads back as the 32-bit float in `float`, of several the closest one, and
 * returns the position after it. That has no loop over digits, which is slower.
 */
export function writeFloat(v: DataView, p: number): number {
  v.setUint8(p, MINUS)
  p += (bits[0] as number) >>> 31
  const size = Math.abs(float[0] as number)
  if (size >= 16_777_216) return writeFar(v, p, size)
  const whole = size | 0
  if (whole === size) return writeWhole(v, p, whole)
  if (size < 0.015_625) return writeFar(v, p, size)
  p = writeWhole(v, p, whole)
  v.setUint8(p, POINT)
  return writeFraction(v, p + 1, nearFraction(size, whole))
}

/**
 * The billionths of the shortest decimal of 1/64 to 2^24, no whole number. With as many decimals as the
 * spacing of floats allows there is one candidate: it reads back when it is less than half that spacing away,
 * and a shorter decimal is the candidate with zeros at its end. Else the next decimal does. Products are
 * exact (24 bits times 5^9 below 2^53), so comparing them decides. Whole and fraction wrap at 2^32 alike.
 */
function nearFraction(size: number, whole: number): number {
  const zeros = Math.clz32((size * 64) | 0)
  const scaled = size * (SCALE[zeros] as number)
  const digits = (scaled + 0.5) | 0
  const all =
    Math.abs(scaled - digits) < (HALF[zeros] as number)
      ? Math.imul(digits, UNIT[zeros] as number)
      : Math.imul((scaled * 10 + 0.5) | 0, NEXT_UNIT[zeros] as number)
  return (all - Math.imul(whole, 1_000_000_000)) | 0
}

/** The nearest doubles to powers of ten, from 1e-32 on. */
const POWERS = Float64Array.from({ length: 78 }, (_, index) => Number(`1e${index - 32}`))
const FIRST_POWER = 32

/**
 * Does as `nearFraction` for any size, more slowly. Products are rounded here, and V8 does the cases that they cannot
 * tell: two in five from 2^25 to 2^27, whose decimals lie halfway between two floats, and else hardly any.
 */
function writeFar(v: DataView, p: number, size: number): number {
  const magnitude = (bits[0] as number) & 0x7fff_ffff
  // Below a power of two floats are twice as dense as above.
  if ((magnitude & 0x7f_ffff) === 0) return writeText(v, p, shortestF32(size))
  const exponent = Math.max(magnitude >>> 23, 1) - 127
  let decimals = decimalsAt(exponent)
  const scale = POWERS[FIRST_POWER + decimals] as number
  let scaled = size * scale
  let digits = (scaled + 0.5) | 0
  const beyond = Math.abs(scaled - digits) - scale * 2 ** (exponent - 24)
  if (beyond > -1e-7) {
    scaled *= 10
    decimals++
    digits = (scaled + 0.5) | 0
    if (beyond < 1e-7 || Math.abs(scaled - digits) > 0.499_999)
      return writeText(v, p, shortestF32(size))
  }
  for (let next = (digits / 10) | 0; next * 10 === digits; next = (digits / 10) | 0) {
    digits = next
    decimals--
  }
  return writeDecimal(v, p, { digits, decimals })
}

/** Writes `digits / 10^decimals` in the notation that JSON.stringify takes for its size. */
function writeDecimal(
  v: DataView,
  p: number,
  { digits, decimals }: { readonly digits: number; readonly decimals: number },
): number {
  const count = writeWhole(v, p, digits) - p
  const exponent = count - 1 - decimals
  if (exponent < -6 || exponent > 20) return writeExponent(v, p, { count, exponent })
  if (exponent >= 0) {
    for (p += count; decimals < 0; decimals++) v.setUint8(p++, ZERO)
    return p
  }
  v.setUint8(p++, ZERO)
  v.setUint8(p++, POINT)
  for (let at = exponent; at < -1; at++) v.setUint8(p++, ZERO)
  return writeWhole(v, p, digits)
}

/** Gives the `count` digits at `p` a point and an exponent. */
function writeExponent(
  v: DataView,
  p: number,
  { count, exponent }: { readonly count: number; readonly exponent: number },
): number {
  let after = p + count
  if (count > 1) {
    for (let at = after; at > p + 1; at--) v.setUint8(at, v.getUint8(at - 1))
    v.setUint8(p + 1, POINT)
    after++
  }
  v.setUint8(after, EXPONENT)
  v.setUint8(after + 1, exponent < 0 ? MINUS : PLUS)
  return writeWhole(v, after + 2, Math.abs(exponent))
}

const text = Buffer.allocUnsafeSlow(NUMBER_BYTES)
const textView = new DataView(text.buffer, text.byteOffset, text.length)

/** Gives the text that `writeFloat` writes of a 32-bit float. */
export function floatText(value: number): string {
  float[0] = value
  return text.toString('latin1', 0, writeFloat(textView, 0))
}

/** Gives the same by asking V8 for one digit more until the float reads back, which is much slower. */
export function shortestF32(value: number): string {
  for (let precision = 1; precision < 9; precision++) {
    const digits = value.toPrecision(precision)
    if (Math.fround(Number(digits)) === value) return String(Number(digits))
  }
  return String(Number(value.toPrecision(9)))
}

function writeText(v: DataView, p: number, text: string): number {
  for (let i = 0; i < text.length; i++) v.setUint8(p++, text.charCodeAt(i))
  return p
}
