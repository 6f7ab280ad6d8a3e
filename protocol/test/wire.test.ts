import { describe, expect, it } from 'vitest'
import * as small from '../src/wire-browser.ts'
import * as node from '../src/wire-node.ts'
import type { WireWriter } from '../src/wire.ts'

/** mulberry32. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The same random writes on both writers. */
function write(writer: WireWriter, next: () => number, depth = 0): void {
  for (let left = Math.floor(next() * 6); left >= 0; left--) {
    const whole = Math.floor(next() * 2 ** 32) >>> Math.floor(next() * 32)
    switch (Math.floor(next() * 8)) {
      case 0:
        writer.uint32(whole)
        break
      case 1:
        writer.sint32(whole | 0)
        break
      case 2:
        writer.double((next() - 0.5) * 1e12)
        break
      case 3:
        writer.float(Math.fround(next() * 1e6))
        break
      case 4:
        writer.bool(next() < 0.5)
        break
      case 5:
        writer.string('grüße 😀 '.repeat(Math.floor(next() * 30)))
        break
      case 6:
        writer.bytes(new Uint8Array(Math.floor(next() * 300)).fill(whole))
        break
      default:
        if (depth > 3) break
        writer.fork()
        write(writer, next, depth + 1)
        writer.ldelim()
    }
  }
}

const READS = [
  'uint32',
  'sint32',
  'double',
  'float',
  'bool',
  'bytes',
  'stringVerify',
  'skipType',
] as const

/** Reads at random until one throws and returns the results. Errors count as 'refused', whatever they say. */
function read(reader: ReturnType<typeof small.createReader>, next: () => number): unknown[] {
  const seen: unknown[] = []
  while (reader.pos < reader.len) {
    const what = READS[Math.floor(next() * READS.length)] ?? 'uint32'
    const wire = Math.floor(next() * 8)
    try {
      const value = what === 'skipType' ? void reader.skipType(wire, 0, 1) : reader[what]()
      seen.push(what, value instanceof Uint8Array ? [...value] : value, reader.pos)
    } catch {
      seen.push(what, 'refused')
      break
    }
  }
  return seen
}

describe('PR3: the browser reads and writes as protobufjs does', () => {
  it('the same writes give the same bytes', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const [a, b] = [node.createWriter(), small.createWriter()]
      write(a, random(seed))
      write(b, random(seed))
      expect([...b.finish()], `seed ${seed}`).toEqual([...a.finish()])
    }
  })

  it('the same reads of random bytes give the same values and refusals', () => {
    for (let seed = 1; seed <= 3_000; seed++) {
      const next = random(seed)
      const size = Math.floor(next() * 40)
      const bytes = Uint8Array.from({ length: size }, () =>
        next() < 0.4 ? 128 | (next() * 128) : next() * 40,
      )
      const expected = read(node.createReader(bytes), random(seed + 7))
      expect(read(small.createReader(bytes), random(seed + 7)), `seed ${seed}`).toEqual(expected)
    }
  })

  it('a message longer than its first buffer and parts with long lengths survive', () => {
    const writer = small.createWriter().uint32(10).fork().string('x'.repeat(100_000)).ldelim()
    const expected = node.createWriter().uint32(10).fork().string('x'.repeat(100_000)).ldelim()
    expect(Buffer.compare(writer.finish(), expected.finish())).toBe(0)
  })

  it('texts come back as they were written, from both, and what is not UTF-8 is refused by both', () => {
    for (const text of ['', 'a', '\ufeffa', '\ufffd', 'grüße 😀', '\ufeff' + 'long 😀'.repeat(40)])
      for (const { createReader, createWriter } of [node, small])
        expect(createReader(createWriter().string(text).finish()).stringVerify()).toBe(text)
    for (const { createReader } of [node, small])
      for (const bytes of [
        [2, 0xc3, 0x28],
        [3, 0xed, 0xa0, 0x80],
        [2, 0xc0, 0xaf],
        [2, 97],
      ])
        expect(() => createReader(new Uint8Array(bytes)).stringVerify()).toThrow()
  })

  it('a writer that begins anew has nothing of before', () => {
    for (const { createWriter } of [node, small]) {
      const writer = createWriter().string('x'.repeat(200))
      expect([...writer.reset().uint32(5).fork().bool(true).ldelim().finish()]).toEqual([5, 1, 1])
    }
  })

  it('groups nested without end are refused, not followed', () => {
    const bytes = new Uint8Array(100_000).fill(0x0b)
    expect(() => small.createReader(bytes).skipType(3, 0, 1)).toThrow(RangeError)
  })
})
