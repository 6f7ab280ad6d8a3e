import { expect, test } from 'vitest'
import {
  bool,
  decodeMessage,
  encodeMessage,
  f32,
  int,
  list,
  num,
  optional,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import type { Schema } from '@ringside/protocol'
import { createRandom } from '../../src/process/random.ts'
import { compileDecode, compileEncode } from '../../src/call/compiled-codec.ts'

const flat = schema({
  name: str(1, { max: 20 }),
  x: f32(2),
  big: num(3),
  count: uint(4),
  delta: int(5),
  isOn: bool(6),
  maybe: optional(int(7)),
  maybeText: optional(str(8)),
})
const listed = schema({ ids: list(1, uint()), text: str(2) })

/** The value, or that it was refused. */
function outcome(run: () => unknown): unknown {
  try {
    return { value: run() }
  } catch (error) {
    return { refused: (error as Error).name }
  }
}

function expectSameDecode(of: Schema, bytes: Uint8Array, note: string): void {
  const frame = new Uint8Array(bytes.length + 4)
  frame.set(bytes, 4)
  const expected = outcome(() => decodeMessage(of, bytes))
  expect(
    outcome(() => compileDecode(of)(frame, 4)),
    note,
  ).toStrictEqual(expected)
}

const texts = ['', 'Ada', 'x'.repeat(20), 'x'.repeat(21), 'é', '😀', '\u0000', 'x'.repeat(200)]
const numbers = [
  0,
  -0,
  1,
  -1,
  127,
  128,
  2 ** 28,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 32 - 1,
  2 ** 32,
  0.5,
]
const oddNumbers = [
  1e-50,
  1e39,
  -1e39,
  Number.NaN,
  Infinity,
  1e300,
  16_777_217,
  '5',
  null,
  undefined,
]

test('CC1 compiled and interpreted encoding agree, what one refuses the other does not send (seeded)', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  const pick = (from: readonly unknown[]): unknown => from[random.int(0, from.length - 1)]
  const anyNumber = (): unknown => (random.next() < 0.9 ? pick(numbers) : pick(oddNumbers))
  const out = new Uint8Array(600)
  const encode = compileEncode(flat, out)
  let fast = 0
  for (let round = 0; round < 20_000; round++) {
    const value = {
      name: pick(texts),
      x: random.next() < 0.5 ? random.next() * 1000 : anyNumber(),
      big: anyNumber(),
      count: anyNumber(),
      delta: anyNumber(),
      isOn: random.next() < 0.95 ? random.next() < 0.5 : 1,
      maybe: pick([undefined, 0, 5]),
      maybeText: pick([undefined, '', 'b']),
    }
    const end = encode(value, 4)
    if (end < 0) continue
    fast++
    const expected = outcome(() => Array.from(encodeMessage(flat, value as never)))
    expect({ value: Array.from(out.subarray(4, end)) }, `seed ${seed}`).toEqual(expected)
  }
  expect(fast).toBeGreaterThan(100)
})

test('CC2 compiled and interpreted decoding agree on valid, cut and altered bytes (seeded)', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const bytes = encodeMessage(flat, {
      name: 'x'.repeat(random.int(0, 20)),
      x: random.next() < 0.5 ? random.int(-5, 5) : Math.fround(random.next()),
      big: random.next(),
      count: random.int(0, 2 ** 32 - 1) >>> random.int(0, 31),
      delta: random.int(-(2 ** 31), 2 ** 31 - 1) >> random.int(0, 31),
      isOn: random.next() < 0.5,
      maybe: random.next() < 0.5 ? undefined : random.int(-3, 3),
      maybeText: random.next() < 0.5 ? undefined : 'é',
    })
    const kind = random.int(0, 3)
    let altered = new Uint8Array(bytes)
    if (kind === 1) altered = altered.subarray(0, random.int(0, altered.length))
    if (kind === 2 && altered.length > 0)
      altered[random.int(0, altered.length - 1)] = random.int(0, 255)
    if (kind === 3)
      altered = Uint8Array.from({ length: random.int(0, 30) }, () => random.int(0, 255))
    expectSameDecode(flat, altered, `seed ${seed}: ${Buffer.from(altered).toString('hex')}`)
  }
})

test('CC3 by hand: NaN, overlong varints, doubled fields, unknown fields, lists', () => {
  for (const hex of [
    '',
    '150000c07f',
    '190000000000000080',
    '15000000 80'.replace(' ', ''),
    '20808000',
    '20ffffffffffffffffff01',
    '20052006',
    '3002',
    '30808001',
    '7a0161',
    'a00601',
    '0a02c328',
    '0aff',
    '22',
    '21',
  ])
    expectSameDecode(flat, Buffer.from(hex, 'hex'), hex)
  for (const value of [
    { ids: [1, 2], text: 'a' },
    { ids: [], text: '' },
  ])
    expectSameDecode(listed, encodeMessage(listed, value), 'listed')
  expect(compileEncode(listed, new Uint8Array(100))({ ids: [], text: '' }, 4)).toBe(-1)
})

test('CC3 text of every length, and a letter beyond ASCII in every place of it', () => {
  const message = schema({ text: str(1, { max: 60 }), after: int(2) })
  for (let size = 0; size <= 60; size++) {
    const bytes = encodeMessage(message, { text: 'abcdefghij'.repeat(6).slice(0, size), after: 7 })
    expectSameDecode(message, bytes, `${size} letters`)
    for (let place = 0; place < size; place++) {
      // Overwrites one letter by half of another, or two by a whole one.
      const broken = bytes.slice()
      broken[2 + place] = 0xc3
      expectSameDecode(message, broken, `${size} letters, half of one at ${place}`)
      if (place + 1 < size) broken[3 + place] = 0xa9
      expectSameDecode(message, broken, `${size} letters, another at ${place}`)
    }
  }
})

test('CC3 floats and doubles of every sign and size', () => {
  const message = schema({ x: f32(1), y: num(2) })
  const out = new Uint8Array(100)
  const encode = compileEncode(message, out)
  for (const value of [0, -0, 1, -1, 0.1, -3.25, 1e-45, 3.4e38, 1.5e-40, 123_456.789, -7e30]) {
    const expected = encodeMessage(message, { x: Math.fround(value), y: value })
    const end = encode({ x: Math.fround(value), y: value }, 4)
    expect(Array.from(out.subarray(4, end)), String(value)).toEqual(Array.from(expected))
    expectSameDecode(message, expected, String(value))
  }
})

test('CC4 what does not fit the memory is left to the other', () => {
  const message = schema({ a: str(1), b: str(2) })
  const value = { a: 'x'.repeat(40), b: 'x'.repeat(40) }
  for (let size = 0; size < 200; size++) {
    const end = compileEncode(message, new Uint8Array(size))(value, 4)
    expect(end === -1 || (end === 88 && size >= 88)).toBe(true)
  }
})
