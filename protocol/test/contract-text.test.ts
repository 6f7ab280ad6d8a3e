import { createHash } from 'node:crypto'
import {
  bool,
  bytes,
  clientMismatch,
  command,
  contractFingerprint,
  contractText,
  defineGame,
  describeContract,
  event,
  f32,
  int,
  list,
  map,
  num,
  object,
  optional,
  quant,
  readContractText,
  schema,
  str,
  textFingerprint,
  uint,
} from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../src/sha256.ts'
import { game as vectorGame } from './vector-game.ts'

const Item = schema({ kind: str(1, { max: 12 }) })
const everything = defineGame({
  commands: {
    hit: command(0x0100, { raw: bytes(1), more: optional(str(2)), of: list(3, Item) }),
    ask: command(0x0101, {}, { reply: { at: num(1), sure: bool(2) } }),
  },
  rooms: {
    arena: {
      state: schema({
        bags: map(1, schema({ items: map(1, Item), gold: uint(2, { audience: 'owner' }) })),
        x: quant(2, { step: 0.25 }),
        y: f32(3, { audience: 'nobody' }),
        home: object(4, Item, { audience: 'nobody' }),
        ids: list(5, int(), { max: 3 }),
      }),
      events: { 'round-over': event({ by: str(1) }) },
    },
    lobby: { state: schema({}) },
  },
})

describe('the text of a contract', () => {
  it.each([everything, vectorGame, defineGame({})])('PR13: it is read back as the same', (game) => {
    const back = readContractText(contractText(game))
    expect(describeContract(back)).toEqual(describeContract(readContractText(contractText(back))))
    expect(contractText(back)).toBe(contractText(game))
    expect(clientMismatch(back, game)).toEqual([])
  })

  it('PR13: the order of declarations does not matter, what is on the wire does', () => {
    const of = (fields: object, id = 1) =>
      contractFingerprint(
        defineGame({ commands: { a: command(id, { ...fields }), b: command(9, {}) } }),
      )
    const one = of({ x: int(1), y: int(2) })
    expect(of({ y: int(2), x: int(1) })).toBe(one)
    for (const other of [
      of({ x: int(1) }),
      of({ x: int(2), y: int(1) }),
      of({ x: int(1), y: uint(2) }),
      of({ x: int(1), z: int(2) }),
      of({ x: int(1), y: optional(int(2)) }),
      of({ x: int(1), y: quant(2, { step: 1 }) }),
      of({ x: int(1), y: int(2) }, 2),
    ])
      expect(other).not.toBe(one)
  })

  it('PR13: two maps of one schema are another contract than of two equal ones: they are one class', () => {
    const of = (a: typeof Item, b: typeof Item) =>
      defineGame({ rooms: { arena: { state: schema({ a: map(1, a), b: map(2, b) }) } } })
    const shared = of(Item, Item)
    const split = of(Item, schema({ kind: str(1, { max: 12 }) }))
    expect(contractFingerprint(shared)).not.toBe(contractFingerprint(split))
    for (const [client, server] of [
      [shared, split],
      [split, shared],
    ] as const)
      expect(clientMismatch(client, server)[0]?.change).toContain('class')
    expect(describeContract(readContractText(contractText(shared)))).toEqual(
      describeContract(shared),
    )
  })

  it('PR13: the hash is SHA-256', () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000, 70_000]) {
      const text = 'ä€𝄞x'.repeat(length).slice(0, length).toWellFormed()
      expect(sha256(text)).toBe(createHash('sha256').update(text).digest('hex'))
    }
    expect(textFingerprint('')).toMatch(/^[0-9a-f]{32}$/)
  })

  it.each([
    '',
    '{}',
    'null',
    '[]',
    '[[],[],[]',
    '[[null],[],[]]',
    '[[[null]],[],[]]',
    '[[[[1,"a","object",1,1,0,0,1]]],[],[]]',
    '[[[[1,"__proto__","int",0,1,0,0,0]]],[],[]]',
    '[[[[1,"constructor","int",0,1,0,0,0]]],[],[]]',
    '[[[[0,"a","int",0,1,0,0,0]]],[],[]]',
    '[[[[1,"a","toString",0,1,0,0,0]]],[],[]]',
    '[[[[1,"a","quant",0,0,0,0,0]]],[],[]]',
    '[[[[1,"a","int",0,1,9,0,0]]],[],[]]',
    '[[[[1,"a","map",9,1,0,0,["int",0,1]]]],[],[]]',
    '[[[[1,"a","int",0,1,0,0,0],[2,"a","int",0,1,0,0,0]]],[],[]]',
    '[[[]],[[1,"__proto__",0,-1]],[]]',
    '[[[]],[[1,"hit",0,-1],[1,"go",0,-1]],[]]',
    '[[[]],[[4294967295,"hit",0,-1]],[]]',
    '[[[]],[[1,"hit",7,-1]],[]]',
    '[[[]],[],[["arena",0,[["snapshot",0]]]]]',
    '[[[]],[],[["arena",0,5]]]',
  ])('PR14: %s is none', (text) => {
    expect(() => readContractText(text)).toThrow()
    expect(Object.prototype).not.toHaveProperty('kind')
  })

  it('PR14: schemas that hold one another many times do not grow without bound', () => {
    const schemas: unknown[] = [[[1, 'a', 'int', 0, 1, 0, 0, 0]]]
    for (let level = 0; level < 15; level++)
      schemas.push(
        Array.from({ length: 40 }, (_, n) => [n + 1, `f${n}`, 'object', 0, 1, 0, 0, level + 1]),
      )
    expect(() => readContractText(JSON.stringify([schemas, [], [['arena', 15, []]]]))).toThrow(
      /Expected at most/,
    )
    const wide = Array.from({ length: 250 }, (_, n) => [n + 1, `f${n}`, 'int', 0, 1, 0, 0, 0])
    const commands = Array.from({ length: 100 }, (_, n) => [n, `c${n}`, 0, 0])
    const events = commands.map(([, name]) => [name, 0])
    for (const uses of [
      [commands, []],
      [[], [['arena', 0, events]]],
    ])
      expect(() => readContractText(JSON.stringify([[wide], ...uses]))).toThrow(/Expected at most/)
    const many = Array.from({ length: 600 }, () => [])
    expect(() => readContractText(JSON.stringify([many, [], []]))).toThrow(/Expected at most/)
  })
})
