import { describe, expect, it } from 'vitest'
import {
  PayloadError,
  bool,
  bytes,
  decodeJson,
  decodeMessage,
  encodeJson,
  encodeMessage,
  f32,
  int,
  list,
  map,
  num,
  object,
  optional,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import type { Schema } from '@ringside/protocol'
import { seededRandom } from './seeded-random.ts'

const Point = schema({ x: f32(1), y: quant(2, { step: 0.01 }) })
const Everything = schema({
  text: str(1, { max: 20 }),
  whole: int(2),
  count: uint(3),
  time: num(4),
  small: f32(5),
  steps: quant(6, { step: 0.25 }),
  flag: bool(7),
  raw: bytes(8, { max: 40 }),
  points: list(9, Point, { max: 5 }),
  names: list(10, str()),
  place: object(11, Point),
  maybe: optional(int(12)),
  maybeText: optional(str(13)),
})

const DEFAULTS = decodeMessage(Everything, new Uint8Array(0))

function failure(declared: Schema, json: unknown): string {
  try {
    decodeJson(declared, json)
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError)
    return (error as PayloadError).message
  }
  return 'decoded'
}

describe("protobuf's canonical JSON", () => {
  it('JR1: writes every kind of field as ProtoJSON does', () => {
    const value = {
      ...DEFAULTS,
      text: 'Zoë',
      whole: -5,
      count: 4_294_967_295,
      time: 1.5e300,
      small: Math.fround(0.1),
      steps: 1.25,
      flag: true,
      raw: new Uint8Array([0xfb, 0xff, 0]),
      points: [{ x: 1, y: 0.07 }],
      names: ['a', ''],
      maybe: 0,
    }
    expect(encodeJson(Everything, value)).toEqual({
      text: 'Zoë',
      whole: -5,
      count: 4_294_967_295,
      time: 1.5e300,
      small: 0.1,
      steps: 5,
      flag: true,
      raw: '+/8A',
      points: [{ x: 1, y: 7 }],
      names: ['a', ''],
      place: { x: 0, y: 0 },
      maybe: 0,
    })
  })

  // Printed by protobuf 7.36 for Python (json_format.MessageToJson) of the bytes in hex, whose message it knew from our
  // printed .proto; the second time with always_print_fields_with_no_presence.
  const HEX =
    '0a0d5a6fc3ab20f09f9880e280a822100918ffffffff0f21355800662deb417e2dcdcccc3d300938014203fbff00' +
    '4a070d0000804b100e4a0052016152005a006000'
  const BRIEF = String.raw`{"text": "Zo\u00eb \ud83d\ude00\u2028\"", "whole": -5, "count": 4294967295, "time": 1.5e+300, "small": 0.1, "steps": -5, "flag": true, "raw": "+/8A", "points": [{"x": 16777216.0, "y": 7}, {}], "names": ["a", ""], "place": {}, "maybe": 0}`
  const WHOLE = String.raw`{"text": "Zo\u00eb \ud83d\ude00\u2028\"", "whole": -5, "count": 4294967295, "time": 1.5e+300, "small": 0.1, "steps": -5, "flag": true, "raw": "+/8A", "points": [{"x": 16777216.0, "y": 7}, {"x": 0.0, "y": 0}], "names": ["a", ""], "place": {"x": 0.0, "y": 0}, "maybe": 0}`

  it('JR1: reads and writes what another protobuf runtime does', () => {
    const value = decodeMessage(Everything, Buffer.from(HEX, 'hex'))
    expect(decodeJson(Everything, JSON.parse(BRIEF))).toEqual(value)
    expect(decodeJson(Everything, JSON.parse(WHOLE))).toEqual(value)
    expect(encodeJson(Everything, value)).toEqual(JSON.parse(WHOLE))
    expect(Buffer.from(encodeMessage(Everything, value)).toString('hex')).toBe(HEX)
  })

  it('JR1: an absent field and one that is null have the default; undefined is left out', () => {
    expect(decodeJson(Everything, {})).toEqual(DEFAULTS)
    const nulls = Object.fromEntries(Everything.ordered.map(({ name }) => [name, null]))
    expect(decodeJson(Everything, nulls)).toEqual(DEFAULTS)
    expect(encodeJson(Everything, DEFAULTS)).not.toHaveProperty('maybe')
    // Each has lists and objects of its own.
    const [one, two] = [decodeJson(Everything, {}), decodeJson(Everything, {})]
    one.names.push('a')
    expect(two.names).toEqual([])
  })

  it('JR1: numbers may be strings of decimals, and whole numbers may be written with a point', () => {
    const json = { whole: '-12', count: '1e2', time: '2.50', small: '1', steps: 5.0, maybe: '-0' }
    const expected = { whole: -12, count: 100, time: 2.5, small: 1, steps: 1.25, maybe: 0 }
    expect(decodeJson(Everything, json)).toMatchObject(expected)
  })

  it.each([
    ['AA==', [0]],
    ['AA', [0]],
    ['-_8A', [0xfb, 0xff, 0]],
    ['+/8A', [0xfb, 0xff, 0]],
    ['', []],
    ['AAE=', [0, 1]],
  ])('JR1: reads %j as base64', (text, expected) => {
    expect(decodeJson(Everything, { raw: text }).raw).toEqual(new Uint8Array(expected))
  })

  it.each([
    ['an unknown field', { texts: 'a' }, 'texts: Expected no field of this name'],
    ['__proto__', JSON.parse('{"__proto__":{"whole":1}}'), '__proto__: Expected no field'],
    ['a name that every object has', { constructor: 1 }, 'constructor: Expected no field'],
    ['an array for a message', [], 'Expected an object'],
    ['null for a message', null, 'Expected an object'],
    ['text for a message', 'x', 'Expected an object'],
    ['a number for text', { text: 1 }, 'text: Expected a string'],
    ['text that is too long', { text: 'x'.repeat(21) }, 'text: Expected at most 20 characters'],
    ['half a surrogate pair', { text: '\ud800' }, 'text: Expected well-formed Unicode'],
    ['a fraction for a whole number', { whole: 1.5 }, 'whole: Expected a whole number'],
    ['2^31 for an int', { whole: 2 ** 31 }, 'whole: Expected a whole number'],
    ['-1 for a uint', { count: -1 }, 'count: Expected a whole number'],
    ['2^31 steps', { steps: 2 ** 31 }, 'steps: Expected a whole number'],
    ['half a step', { steps: 0.5 }, 'steps: Expected a whole number'],
    ['text that is no number', { whole: '12a' }, 'whole: Expected a number'],
    ['an empty string for a number', { whole: '' }, 'whole: Expected a number'],
    ['a space before a number', { whole: ' 1' }, 'whole: Expected a number'],
    ['hexadecimals', { whole: '0x10' }, 'whole: Expected a number'],
    ['a leading zero', { whole: '012' }, 'whole: Expected a number'],
    ['true for a number', { whole: true }, 'whole: Expected a number'],
    ['NaN', { time: 'NaN' }, 'time: Expected a number'],
    ['Infinity', { time: 'Infinity' }, 'time: Expected a number'],
    ['a number beyond a double', { time: '1e999' }, 'time: Expected a finite number'],
    ['a number beyond a float', { small: 1e39 }, 'small: Expected a finite 32-bit number'],
    ['1 for a bool', { flag: 1 }, 'flag: Expected a boolean'],
    ['"true" for a bool', { flag: 'true' }, 'flag: Expected a boolean'],
    ['bytes that are no base64', { raw: 'a$==' }, 'raw: Expected base64'],
    ['one digit of base64', { raw: 'AAAAA' }, 'raw: Expected base64'],
    ['padding alone', { raw: '====' }, 'raw: Expected base64'],
    ['bytes that are too long', { raw: 'AAAA'.repeat(14) }, 'raw: Expected at most 40 bytes'],
    ['an object for a list', { names: { 0: 'a' } }, 'names: Expected an array'],
    ['null in a list', { names: ['a', null] }, 'names[1]: Expected a string'],
    ['null in a list of objects', { points: [null] }, 'points[0]: Expected an object'],
    [
      'a list that is too long',
      { points: Array.from({ length: 6 }, () => ({})) },
      'points: Expected at most 5 items',
    ],
    ['a mistake far below', { points: [{}, { x: 'a' }] }, 'points[1].x: Expected a number'],
    ['an array for an object', { place: [] }, 'place: Expected an object'],
  ])('JR1: refuses %s and says where', (_what, json, message) => {
    expect(failure(Everything, json)).toContain(message)
  })

  it('JR1: a name that a client made up is cut in the message', () => {
    expect(failure(Everything, { ['x'.repeat(100_000)]: 1 }).length).toBeLessThan(100)
  })

  it('JR1: maps are read and written, whatever their keys', () => {
    const State = schema({ players: map(1, Point, { max: 3 }) })
    const json = JSON.parse('{"players":{"__proto__":{"x":1},"a":{}}}') as object
    const state = decodeJson(State, json)
    expect(Object.keys(state.players)).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(state.players)).toBe(Object.prototype)
    expect(JSON.stringify(encodeJson(State, state))).toBe(
      '{"players":{"__proto__":{"x":1,"y":0},"a":{"x":0,"y":0}}}',
    )
    expect(failure(State, { players: { a: null } })).toContain('players.a: Expected an object')
    expect(failure(State, { players: [] })).toContain('players: Expected an object')
    const many = Object.fromEntries(Array.from({ length: 4 }, (_, key) => [key, {}]))
    expect(failure(State, { players: many })).toContain('players: Expected at most 3 items')
  })

  it.each([
    ['whole', 1.5],
    ['text', 5],
    ['time', Number.NaN],
    ['points', {}],
    ['place', null],
  ])('JR1: a value whose %s does not fit is not written', (name, wrong) => {
    expect(() => encodeJson(Everything, { ...DEFAULTS, [name]: wrong })).toThrow(PayloadError)
  })

  it('JR1: says the same as the binary codec for random messages', () => {
    const random = seededRandom()
    const upTo = (count: number): number => Math.floor(random() * count)
    const few = <T>(make: () => T): T[] => Array.from({ length: upTo(4) }, make)
    const number = (): number => (random() - 0.5) * 10 ** upTo(30)
    const text = (): string => String.fromCodePoint(...few(() => upTo(0xd800)))
    const whole = (): number => (upTo(2 ** 32) | 0) >> upTo(32)
    const point = () => ({ x: number(), y: whole() / 1000 })
    for (let round = 0; round < 2_000; round++) {
      const value = {
        text: text(),
        whole: whole(),
        count: whole() >>> 0,
        time: number(),
        small: number(),
        steps: whole() / 8,
        flag: random() < 0.5,
        raw: Uint8Array.from(few(() => upTo(256))),
        points: few(point),
        names: few(text),
        place: point(),
        maybe: random() < 0.5 ? undefined : whole(),
        maybeText: random() < 0.5 ? undefined : text(),
      }
      const binary = decodeMessage(Everything, encodeMessage(Everything, value))
      const json: unknown = JSON.parse(JSON.stringify(encodeJson(Everything, value)))
      expect(decodeJson(Everything, json)).toEqual(binary)
    }
  })
})
