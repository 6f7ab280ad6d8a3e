import type { WireReader, WireWriter } from './wire.ts'

/**
 * Reader and writer for browsers: those of protobufjs would take more than half of the SDK's size, for 64-bit integers
 * that no schema has. A test holds them against protobufjs, byte by byte.
 */
export function createWriter(): WireWriter {
  return new SmallWriter()
}

export function createReader(bytes: Uint8Array): WireReader {
  return new SmallReader(bytes)
}

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_GROUP_DEPTH = 32

class SmallWriter implements WireWriter {
  #bytes = new Uint8Array(64)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  readonly #starts: number[] = []

  uint32(value: number): this {
    this.#reserve(5)
    let left = value >>> 0
    while (left > 127) {
      this.#bytes[this.#length++] = (left & 127) | 128
      left >>>= 7
    }
    this.#bytes[this.#length++] = left
    return this
  }

  sint32(value: number): this {
    return this.uint32((value << 1) ^ (value >> 31))
  }

  double(value: number): this {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
    this.#length += 8
    return this
  }

  float(value: number): this {
    const at = this.#reserve(4)
    this.#view.setFloat32(at, value, true)
    this.#length += 4
    return this
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0)
  }

  string(value: string): this {
    return this.bytes(utf8.encode(value))
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length)
    // This comes before the array is named, for making room may replace it.
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
    this.#length += value.length
    return this
  }

  fork(): this {
    this.#starts.push(this.#length)
    return this
  }

  ldelim(): this {
    const start = this.#starts.pop() ?? 0
    const end = this.#length
    this.uint32(end - start)
    // The length was written behind the part; it belongs in front of it.
    const prefix = this.#bytes.slice(end, this.#length)
    this.#bytes.copyWithin(start + prefix.length, start, end)
    this.#bytes.set(prefix, start)
    return this
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  reset(): this {
    this.#length = 0
    return this
  }

  /** Makes room for so many bytes and returns where they go. */
  #reserve(count: number): number {
    const needed = this.#length + count
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      bytes.set(this.#bytes)
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    return this.#length
  }
}

class SmallReader implements WireReader {
  pos = 0
  readonly len: number
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.len = bytes.length
  }

  /** Bits above the 32nd are dropped, as protobuf does. */
  uint32(): number {
    return this.#varint(false)
  }

  sint32(): number {
    const value = this.#varint(false)
    return (value >>> 1) ^ -(value & 1)
  }

  double(): number {
    return this.#view.getFloat64(this.#skip(8), true)
  }

  float(): number {
    return this.#view.getFloat32(this.#skip(4), true)
  }

  bool(): boolean {
    return this.#varint(true) !== 0
  }

  bytes(): Uint8Array {
    const length = this.uint32()
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  stringVerify(): string {
    return strictUtf8.decode(this.bytes())
  }

  skipType(wire: number, depth: number, fieldNumber: number): void {
    if (wire === 0) this.uint32()
    else if (wire === 1) this.#skip(8)
    else if (wire === 2) this.#skip(this.uint32())
    else if (wire === 5) this.#skip(4)
    else if (wire === 3 && depth < MAX_GROUP_DEPTH) this.#skipGroup(depth, fieldNumber)
    else throw new RangeError(`Expected a wire type, got ${wire}`)
  }

  #skipGroup(depth: number, fieldNumber: number): void {
    for (;;) {
      const tag = this.uint32()
      if ((tag & 7) !== 4) this.skipType(tag & 7, depth + 1, tag >>> 3)
      else if (tag >>> 3 === fieldNumber) return
      else throw new RangeError(`Expected the end of group ${fieldNumber}, got ${tag >>> 3}`)
    }
  }

  /** `any`: 1 when any of the bits, the dropped ones included, is set. */
  #varint(any: boolean): number {
    let value = 0
    let bits = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#skip(1)] as number
      bits |= byte & 127
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return any ? Math.min(bits, 1) : value >>> 0
    }
    throw new RangeError('Expected a varint of at most 10 bytes')
  }

  /** Moves on and returns where it was. */
  #skip(count: number): number {
    const start = this.pos
    if (count > this.len - start) throw new RangeError('Expected more bytes')
    this.pos = start + count
    return start
  }
}
