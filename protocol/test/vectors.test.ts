import { readFileSync } from 'node:fs'
import {
  decodeMessage,
  decodeSystem,
  describeContract,
  encodeFrame,
  encodeMessage,
  encodeSystem,
  framePayload,
  isSchema,
  printProto,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { Schema, SystemName } from '@ringside/protocol'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { game } from './vector-game.ts'

type Value = Record<string, unknown>
interface Vectors {
  system: { message: SystemName; value: Value; hex: string }[]
  commands: { id: number; text?: string; proto?: string; value: Value; hex: string }[]
  states: { message: 'state' | 'patch'; for: string; decoded: Value; hex: string }[]
}

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const vectors = JSON.parse(read('vectors.json')) as Vectors
const proto = read('vectors.proto')
const root = protobuf.parse(proto, { keepCase: true }).root

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Gives values as the codec takes them; in JSON their bytes stand as hex. */
function revive(schema: Schema, value: Value): Value {
  const entries = schema.ordered.map(({ name, kind, item }): [string, unknown] => {
    const entry = value[name]
    if (kind === 'bytes') return [name, fromHex(String(entry))]
    if (kind === 'list' && item && isSchema(item) && Array.isArray(entry))
      return [name, entry.map((one) => revive(item, one as Value))]
    return [name, entry]
  })
  return Object.fromEntries(entries)
}

/** Decodes with protobufjs' own runtime; bytes as hex, absent optional fields left out. */
function decodeByProto(name: string, bytes: Uint8Array, options: { defaults: boolean }): Value {
  const type = root.lookupType(`ringside.${name}`)
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return toHex(value)
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  }
  return plain(type.toObject(type.decode(bytes), options)) as Value
}

describe('vectors', () => {
  it('PR7: vectors.proto is what the contract of the vectors prints', () => {
    expect(printProto(describeContract(game))).toBe(proto)
  })

  it('PR7: there is a vector of every system message', () => {
    const covered = new Set([...vectors.system, ...vectors.states].map(({ message }) => message))
    expect([...covered].sort()).toEqual(Object.keys(system).sort())
  })

  it.each(vectors.system)('PR7: $message has the golden bytes, both ways', (vector) => {
    const { message, hex } = vector
    const value = revive(system[message].payload, vector.value)
    expect(toHex(encodeSystem(message, value as never))).toBe(hex)
    expect(readCommandId(fromHex(hex))).toBe(system[message].id)
    expect(decodeSystem(message, fromHex(hex))).toEqual(value)
  })

  it.each(vectors.system)('PR6: $message is read by another protobuf runtime', (vector) => {
    const name = `${vector.message.charAt(0).toUpperCase()}${vector.message.slice(1)}Message`
    const payload = framePayload(fromHex(vector.hex))
    expect(decodeByProto(name, payload, { defaults: true })).toEqual(vector.value)
  })

  it.each(vectors.commands)('PR7: command $hex has the golden bytes', ({ id, text, ...vector }) => {
    const frame = fromHex(vector.hex)
    expect(readCommandId(frame)).toBe(id)
    if (text !== undefined) {
      expect(toHex(encodeFrame(id, new TextEncoder().encode(text)))).toBe(vector.hex)
      return
    }
    const { hit } = game.commands
    const schema: Schema = vector.proto === 'HitReply' ? hit.reply : hit.payload
    expect(toHex(encodeFrame(id, encodeMessage(schema, vector.value as never)))).toBe(vector.hex)
    expect(decodeMessage(schema, framePayload(frame))).toEqual(vector.value)
    const seen = decodeByProto(String(vector.proto), framePayload(frame), { defaults: true })
    expect(seen).toEqual(vector.value)
  })

  it.each(vectors.states)('PR6: $message $hex is read by another protobuf runtime', (vector) => {
    const frame = fromHex(vector.hex)
    expect(readCommandId(frame)).toBe(system[vector.message].id)
    const seen = decodeByProto('ArenaPatch', framePayload(frame), { defaults: false })
    expect(seen).toEqual(vector.decoded)
    const { epoch, tick, at } = vector.decoded
    expect(decodeSystem(vector.message, frame)).toEqual({ epoch, tick, at })
  })
})
