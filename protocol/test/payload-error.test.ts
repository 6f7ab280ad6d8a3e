import {
  PayloadError,
  bytes,
  decodeMessage,
  encodeJson,
  encodeMessage,
  int,
  list,
  named,
  object,
  quant,
  schema,
  showValue,
  str,
} from '@ringside/protocol'
import { describe, expect, it } from 'vitest'

const Player = schema({ name: str(1, { max: 5 }), at: object(2, schema({ x: int(1) })) })
const Move = schema({
  players: list(1, Player),
  tags: list(2, str()),
  counts: list(3, int()),
  raw: bytes(4, { max: 2 }),
  far: quant(5, { step: 0.5 }),
})
const fine = { players: [], tags: [], counts: [], raw: new Uint8Array(0), far: 0 }
const player = { name: 'Ada', at: { x: 1 } }

function errorOf(run: () => unknown): PayloadError {
  try {
    run()
  } catch (error) {
    if (error instanceof PayloadError) return error
  }
  throw new Error('Expected a PayloadError')
}

describe('a PayloadError', () => {
  it.each([
    [{ players: [player, { ...player, name: 7 }] }, 'players[1].name', '7'],
    [{ players: [player, player, { ...player, at: { x: 'y' } }] }, 'players[2].at.x', '"y"'],
    [{ players: [player, { ...player, at: null }] }, 'players[1].at', 'null'],
    [{ players: [null] }, 'players[0]', 'null'],
    [{ players: player }, 'players', 'an object'],
    [{ tags: ['a', 'b', 3] }, 'tags[2]', '3'],
    [{ counts: [1, 2 ** 40] }, 'counts[1]', '1099511627776'],
    [{ raw: new Uint8Array(3) }, 'raw', '3 bytes'],
    [{ far: undefined }, 'far', 'undefined'],
  ])('PR16: of %j says where and what', (wrong, path, value) => {
    const error = errorOf(() => encodeMessage(Move, { ...fine, ...wrong } as never))
    expect(error).toMatchObject({ path, value, command: '' })
    const text = errorOf(() =>
      named('move', () => encodeMessage(Move, { ...fine, ...wrong } as never)),
    )
    expect(text).toMatchObject({ path, value, command: 'move' })
    expect(text.message).toMatch(/^move: .*Expected .*, got /)
    expect(text.message).toContain(path)
    if (!('raw' in wrong))
      expect(errorOf(() => encodeJson(Move, { ...fine, ...wrong } as never)).path).toBe(path)
  })

  it('PR16: of bytes says where, far below too', () => {
    const long = schema({
      players: list(1, schema({ name: str(1), at: object(2, schema({ x: int(1) })) })),
    })
    const sent = encodeMessage(long, { players: [player, { ...player, name: 'Ada Lovelace' }] })
    const error = errorOf(() => decodeMessage(Move, sent))
    expect(error).toMatchObject({ path: 'players[1].name', value: '"Ada Lovelace"' })
  })

  it('PR16: shows a value short, on one line, and without what a terminal obeys', () => {
    expect(showValue('x'.repeat(1_000))).toBe(`"${'x'.repeat(40)}"…`)
    expect(showValue('a\n\u001b[31m\u202e"')).toBe('"a\\n\\u001b[31m\\u202e\\""')
    expect(showValue('\u007f\u2028')).toBe('"\\u007f\\u2028"')
    expect(showValue(10n ** 500n).length).toBeLessThan(50)
    expect(showValue([1, 2])).toBe('2 items')
    expect(showValue(Symbol('s'))).toBe('Symbol(s)')
    expect(showValue(() => 1)).toBe('a function')
    expect(showValue(Number.NaN)).toBe('NaN')
  })
})
