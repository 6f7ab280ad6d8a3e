import type { WireReader } from './wire.ts'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_GROUP_DEPTH = 32

/** Reads protobuf from bytes that nobody vouches for: every read is checked against the end, and throws RangeError. */
export class SmallReader implements WireReader {
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
    const bytes = this.#bytes
    let value = 0
    let bits = 0
    for (let shift = 0; shift < 70 && this.pos < this.len; shift += 7) {
      const byte = bytes[this.pos++] as number
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
