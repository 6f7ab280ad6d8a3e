import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/process/random.ts'
import {
  NUMBER_BYTES,
  float,
  floatText,
  shortestF32,
  writeFloat,
  writeInteger,
  writeNumber,
} from '../../src/state/encode/json-numbers.ts'

const SEED = 20_261_121
const out = Buffer.alloc(2 * NUMBER_BYTES)
const view = new DataView(out.buffer, out.byteOffset, out.length)

type Write = (view: DataView, p: number, value: number) => number

/** What `write` writes, and that it keeps to its room. */
function written(write: Write, value: number): string {
  out.fill(0)
  const after = write(view, 0, value)
  if (out.subarray(NUMBER_BYTES).some((byte) => byte !== 0))
    throw new Error(`Expected at most ${NUMBER_BYTES} bytes for ${value}`)
  return out.toString('latin1', 0, after)
}

function writeF32(v: DataView, p: number, value: number): number {
  float[0] = value
  return writeFloat(v, p)
}

const scratch = new Float32Array(1)
const bits = new Uint32Array(scratch.buffer)

function floatOf(pattern: number): number {
  bits[0] = pattern
  return (scratch[0] as number) + 0
}

/** The float nearest to `value`, the one before it and the one after it. */
function around(value: number): number[] {
  scratch[0] = value
  const pattern = bits[0] as number
  return [pattern - 1, pattern, pattern + 1].map((one) => floatOf(one >>> 0))
}

/** Expects `shortestF32`, which asks V8 for one digit more until the float reads back. */
function expectShortest(values: Iterable<number>): void {
  for (const value of values)
    if (Number.isFinite(value) && written(writeF32, value) !== shortestF32(value))
      expect.fail(`${written(writeF32, value)} for ${shortestF32(value)} (seed ${SEED})`)
}

describe('numbers as JSON', () => {
  test('ST2 the shortest decimal of a float reads back, in the notation of JSON.stringify', () => {
    const shown: [value: number, text: string][] = [
      [0, '0'],
      [0.1, '0.1'],
      [-1234.56, '-1234.56'],
      [1 / 3, '0.33333334'],
      [0.015_625, '0.015625'],
      [1e-6, '0.000001'],
      [9.999_999e-7, '9.999999e-7'],
      [1e-7, '1e-7'],
      [1e-45, '1e-45'],
      [1.175_494_4e-38, '1.1754944e-38'],
      [16_777_215, '16777215'],
      [123_456_792, '123456790'],
      [1e20, '100000000000000000000'],
      [9.999_999e20, '999999900000000000000'],
      [1e21, '1e+21'],
      [3.402_823_4e38, '3.4028235e+38'],
      [-3.402_823_4e38, '-3.4028235e+38'],
    ]
    for (const [value, text] of shown) {
      expect(written(writeF32, Math.fround(value))).toBe(text)
      expect(floatText(Math.fround(value))).toBe(text)
      expect(JSON.stringify(JSON.parse(text))).toBe(text)
      expect(Math.fround(Number(text))).toBe(Math.fround(value))
    }
  })

  test('ST2 every exponent, with fractions at the edges', () => {
    const fractions = [0, 1, 2, 0x3f_ffff, 0x40_0000, 0x7f_fffe, 0x7f_ffff]
    for (let exponent = 0; exponent < 255; exponent++)
      expectShortest(
        fractions.flatMap((fraction) => [
          floatOf(((exponent << 23) | fraction) >>> 0),
          floatOf((0x8000_0000 | (exponent << 23) | fraction) >>> 0),
        ]),
      )
  })

  test('ST2 short decimals of every size and the floats beside them', () => {
    for (let power = -45; power < 39; power++)
      for (let digits = 1; digits < 100; digits += 7)
        expectShortest(around(Number(`${digits}e${power}`)))
    for (let hundredths = 0; hundredths < 30_000; hundredths += 11)
      expectShortest(around(hundredths / 100))
  })

  test(`ST2 any float, and any of the sizes that games have (seed ${SEED})`, () => {
    const random = createRandom(SEED)
    const pattern = (): number => Math.floor(random.next() * 2 ** 32)
    const usual = (): number =>
      ((pattern() & 0x807f_ffff) | ((118 + Math.floor(random.next() * 34)) << 23)) >>> 0
    expectShortest(Array.from({ length: 4_000 }, () => floatOf(pattern())))
    expectShortest(Array.from({ length: 16_000 }, () => floatOf(usual())))
  })

  test('ST2 whole numbers of any size', () => {
    const powers = Array.from({ length: 16 }, (_, power) => 10 ** power)
    const sizes = [7, 2 ** 31, 2 ** 32, 1.7e12, 4_000_000_000_007, 2 ** 53 - 1, ...powers]
    for (const size of sizes)
      for (const value of [size - 1, size, Math.min(size + 1, 2 ** 53 - 1)])
        for (const signed of [value, 0 - value])
          expect(written(writeInteger, signed)).toBe(String(signed))
  })

  test(`ST2 doubles as JSON.stringify writes them (seed ${SEED})`, () => {
    const random = createRandom(SEED)
    const edges = [0.1 + 0.2, 1e-6, 1.5e-6, 1e-7, 0.999_999_5, 2 ** 31 - 0.5, 2 ** 31 + 0.5, 5e-324]
    const tiny = [1.000_000_000_000_000_2, 2_147_483_647.999_999, 1.797_693_134_862_315_7e308]
    const many = Array.from({ length: 8_000 }, (_, i) => {
      const places = 10 ** (i % 9)
      const value = (random.next() * 2 - 1) * 10 ** (i % 12)
      return i % 3 === 0 ? value : Math.round(value * places) / places + 0
    })
    for (const value of [...edges, ...tiny, ...many])
      expect(written(writeNumber, value)).toBe(JSON.stringify(value))
  })
})
