import {
  bool,
  bytes,
  command,
  decodeMessage,
  defineGame,
  describeContract,
  encodeMessage,
  event,
  f32,
  int,
  list,
  map,
  num,
  object,
  optional,
  parseProto,
  printProto,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'

const Inner = schema({ x: int(1), tags: list(2, str(), { max: 4 }) })
const fields = {
  text: str(1, { max: 24 }),
  whole: int(2),
  count: uint(3),
  any: num(4),
  single: f32(5),
  steps: quant(6, { step: 0.01 }),
  flag: bool(7),
  inner: object(9, Inner),
  inners: list(10, Inner),
  counts: list(13, uint()),
}
const Payload = schema({ ...fields, raw: bytes(8), maybe: optional(uint(200)) })
const game = defineGame({
  commands: {
    hit: command(0x0100, Payload.fields, { reply: { score: int(1) } }),
    wave: command(0xfffeffff, {}),
  },
  rooms: {
    'big-arena': {
      state: schema({
        ...fields,
        players: map(11, Inner, { audience: 'nobody' }),
        sides: map(12, schema({ plan: str(1, { max: 9, audience: 'team' }) })),
      }),
      events: { 'round-over': event({ winner: str(1) }) },
    },
  },
})
const messages = describeContract(game)
const text = printProto(messages, 'example.game')

describe('printed .proto', () => {
  it('PR6: names and ids follow from the contract', () => {
    const byName = new Map(messages.map((message) => [message.name, message]))
    expect(byName.get('HitCommand')).toMatchObject({ role: 'command', id: 0x0100, subject: 'hit' })
    expect(byName.get('HitReply')).toMatchObject({ role: 'reply', id: null })
    expect(byName.get('BigArenaRoundOverEvent')?.subject).toBe('big-arena.round-over')
    expect(byName.has('BigArenaState')).toBe(true)
    expect(byName.has('WaveReply')).toBe(false)
    expect(text).toContain('// command wave, id 0xFFFEFFFF\n')
    expect(text).toContain('package example.game;')
  })

  it('PR6: comments carry what protobuf cannot say', () => {
    expect(text).toContain('  string text = 1; // max 24\n')
    expect(text).toContain('  sint32 steps = 6; // step 0.01\n')
    expect(text).toContain('  map<string, Players> players = 11; // max 10000, for nobody\n')
    expect(text).toContain('    string plan = 1; // max 9, for team\n')
    expect(text).toContain('  optional uint32 maybe = 200;\n')
  })

  it('PR6: another protobuf runtime reads what we write, and we read what it writes', () => {
    const Hit = protobuf.parse(text, { keepCase: true }).root.lookupType('example.game.HitCommand')
    const value = {
      text: 'tést 🎯',
      whole: -7,
      count: 2 ** 32 - 1,
      any: 1e300,
      single: 0.5,
      steps: 12.34,
      flag: true,
      inner: { x: -(2 ** 31), tags: ['a', ''] },
      inners: [
        { x: 0, tags: [] },
        { x: 5, tags: ['b'] },
      ],
      counts: [0, 1, 300],
      raw: new Uint8Array([1, 255]),
      maybe: 0,
    }
    const ours = encodeMessage(Payload, value)
    const seen = Hit.toObject(Hit.decode(ours), { defaults: true, bytes: Array })
    expect(seen).toEqual({ ...value, steps: 1234, raw: [1, 255] })
    const theirs = Hit.encode(Hit.fromObject({ ...value, steps: 1234 })).finish()
    expect(decodeMessage(Payload, theirs)).toEqual(value)
  })

  it('PR11: what is printed is read back whole', () => {
    expect(parseProto(text)).toEqual(messages)
    expect(parseProto(text.replaceAll('\n', '\r\n'))).toEqual(messages)
  })

  it('PR11: a file that was not printed by us is refused with the line', () => {
    expect(() => parseProto('// command a\nmessage A {\n  oneof x {\n')).toThrow(/line 3/)
    expect(() => parseProto('message A {\n')).toThrow(SyntaxError)
    expect(parseProto('nothing')).toEqual([])
  })

  it('PR8: two things that would get one message name throw', () => {
    const state = schema({})
    const twice = defineGame({
      rooms: { a: { state, events: { 'round-over': event({}), roundOver: event({}) } } },
    })
    expect(() => describeContract(twice)).toThrow(/ARoundOverEvent twice/)
  })
})
