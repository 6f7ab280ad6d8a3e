import {
  clientMismatch,
  command,
  compareContracts,
  contractText,
  decodeJson,
  decodeMessage,
  defineGame,
  describeContract,
  encodeJson,
  encodeMessage,
  event,
  int,
  list,
  map,
  oneOf,
  optional,
  parseProto,
  printProto,
  readContractText,
  schema,
  str,
} from '@ringside/protocol'
import type { Infer } from '@ringside/protocol'
import protobuf from 'protobufjs'
import { describe, expect, expectTypeOf, it } from 'vitest'

const Ball = schema({
  color: oneOf(3, 'red', 'blue', 'green'),
  mood: optional(oneOf(1, 'calm', 'wild')),
  all: list(2, oneOf('red', 'none')),
})

const gameOf = (...names: [string, ...string[]]) =>
  defineGame({
    commands: { paint: command(1, { color: oneOf(1, ...names), n: int(2) }) },
    rooms: {
      arena: {
        state: schema({
          balls: map(1, schema({ color: oneOf(1, ...names), other: oneOf(2, 'a', 'red') })),
        }),
        events: { hit: event({ colors: list(1, oneOf(...names)) }) },
      },
    },
  })
const game = gameOf('red', 'blue')

describe('oneOf', () => {
  it('PR17: is a union in TypeScript, a number on the wire, its name in JSON', () => {
    expectTypeOf<Infer<typeof Ball>>().toEqualTypeOf<{
      color: 'red' | 'blue' | 'green'
      mood: 'calm' | 'wild' | undefined
      all: ('red' | 'none')[]
    }>()
    const ball: Infer<typeof Ball> = { color: 'green', mood: 'wild', all: ['none', 'red'] }
    const bytes = encodeMessage(Ball, ball)
    expect(Buffer.from(bytes).toString('hex')).toBe('0801120201001802')
    expect(decodeMessage(Ball, bytes)).toEqual(ball)
    expect(encodeJson(Ball, ball)).toEqual(ball)
    expect(decodeJson(Ball, ball)).toEqual(ball)
    expect(decodeJson(Ball, { color: 1 })).toMatchObject({ color: 'blue' })
  })

  it('PR17: the first name is the default, which is not sent', () => {
    const bytes = encodeMessage(Ball, { color: 'red', mood: 'calm', all: [] })
    expect(Buffer.from(bytes).toString('hex')).toBe('0800')
    expect(decodeMessage(Ball, new Uint8Array(0))).toEqual({
      color: 'red',
      mood: undefined,
      all: [],
    })
  })

  it.each([
    [{ color: 'pink' }, 'color', '"pink"'],
    [{ color: 1 }, 'color', '1'],
    [{ color: undefined }, 'color', 'undefined'],
    [{ color: 'toString' }, 'color', '"toString"'],
    [{ all: ['red', 'blue'] }, 'all[1]', '"blue"'],
  ])('PR17: %j is refused', (wrong, path, value) => {
    const ball = { color: 'red', mood: undefined, all: [], ...wrong }
    expect(() => encodeMessage(Ball, ball as never)).toThrow(
      expect.objectContaining({ path, value }),
    )
  })

  it('PR17: a number that has no name is refused: a name in its place would be a lie', () => {
    for (const hex of ['1803', '18ffffffff0f', '120103'])
      expect(() => decodeMessage(Ball, new Uint8Array(Buffer.from(hex, 'hex')))).toThrow(
        /Expected one of red/,
      )
    expect(() => decodeJson(Ball, { color: 3 })).toThrow(/Expected one of red, blue, green/)
    expect(() => decodeJson(Ball, { color: 0.5 })).toThrow(/Expected one of/)
  })

  it('PR17: what is declared is checked', () => {
    const loose = oneOf as (...values: unknown[]) => unknown
    for (const names of [[], ['a', 'a'], [''], ['1a'], ['a b'], ['a', 5], ['x'.repeat(41)]])
      expect(() => loose(1, ...names)).toThrow(TypeError)
    expect(() => loose(0, 'a')).toThrow(TypeError)
    expect(() =>
      loose(
        1,
        Array.from({ length: 257 }, (_, n) => `a${n}`),
      ),
    ).toThrow(TypeError)
  })

  it('PR17: it is printed as an enum that another runtime reads, read back and compared', () => {
    const messages = describeContract(game)
    const proto = printProto(messages)
    expect(parseProto(proto)).toEqual(messages)
    const type = protobuf.parse(proto, { keepCase: true }).root.lookupType('ringside.PaintCommand')
    const bytes = encodeMessage(game.commands.paint.payload, { color: 'blue', n: 1 })
    expect(type.toObject(type.decode(bytes), { enums: String })).toEqual({ color: 'blue', n: 1 })
    expect(() => parseProto(proto.replace('blue = 1', 'blue = 2'))).toThrow(SyntaxError)
    expect(describeContract(readContractText(contractText(game)))).toEqual(messages)
  })

  it('PR17: a name that moves breaks; one more breaks those who read', () => {
    const changes = (...names: [string, ...string[]]) =>
      compareContracts(describeContract(game), describeContract(gameOf(...names)))
        .filter(({ path }) => !path.includes('Patch'))
        .map(({ path, change }) => `${path}: ${change}`)
    expect(changes('red', 'blue')).toEqual([])
    expect(changes('blue', 'red')).toContain("PaintCommand.color: 'red' (0) became 'blue'")
    expect(changes('red')).toContain("ArenaState.balls.color: 'blue' (1) became none")
    expect(changes('red', 'blue', 'pink')).toEqual([
      "ArenaState.balls.color: 'pink' added to what may come",
      "ArenaHitEvent.colors: 'pink' added to what may come",
    ])
    const text = defineGame({
      ...game,
      commands: { paint: command(1, { color: str(1), n: int(2) }) },
    })
    expect(clientMismatch(game, text)).not.toEqual([])
    expect(clientMismatch(text, game)).not.toEqual([])
    // An old client would not know the new name; a new one knows all that an old server says.
    expect(clientMismatch(game, gameOf('red', 'blue', 'pink'))).not.toEqual([])
    expect(clientMismatch(gameOf('red', 'blue', 'pink'), game)).toEqual([])
    const withMax = (max: number) =>
      defineGame({ rooms: { arena: { state: schema({ note: str(1, { max }) }) } } })
    expect(clientMismatch(withMax(9), withMax(4))).toEqual([])
    expect(clientMismatch(withMax(4), withMax(9))).not.toEqual([])
  })
})
