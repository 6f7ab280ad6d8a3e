import { PayloadError } from '@ringside/protocol'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Wire types of protobuf. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/** Reads protobuf from bytes that nobody vouches for, so every read is checked against the end. */
export class PatchReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** Next byte to read. */
  pos: number
  /** Reading stops here. */
  readonly end: number

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.pos = pos
    this.end = end
  }

  /** A varint as unsigned 32-bit; the bits above are dropped, as protobuf does. */
  uint32(): number {
    const bytes = this.#bytes
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.end) throw malformed()
      const byte = bytes[this.pos++] as number
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw malformed()
  }

  sint32(): number {
    const value = this.uint32()
    return (value >>> 1) ^ -(value & 1)
  }

  float(): number {
    return this.#view.getFloat32(this.#skipBytes(4), true)
  }

  double(): number {
    return this.#view.getFloat64(this.#skipBytes(8), true)
  }

  /** Reads a length and returns a reader of what follows. */
  inner(): PatchReader {
    const length = this.uint32()
    const at = this.#skipBytes(length)
    return new PatchReader(this.#bytes, at, at + length)
  }

  /** Reads a length and returns a view on the bytes that follow. */
  bytes(): Uint8Array {
    const length = this.uint32()
    const at = this.#skipBytes(length)
    return this.#bytes.subarray(at, at + length)
  }

  string(): string {
    const bytes = this.bytes()
    try {
      return utf8.decode(bytes)
    } catch {
      throw new PayloadError('', 'Expected UTF-8')
    }
  }

  /** Skips a field's value that this client does not know. */
  skip(wire: number): void {
    if (wire === VARINT) this.uint32()
    else if (wire === FIXED64) this.#skipBytes(8)
    else if (wire === BYTES) this.#skipBytes(this.uint32())
    else if (wire === FIXED32) this.#skipBytes(4)
    else throw malformed()
  }

  #skipBytes(count: number): number {
    const at = this.pos
    if (count > this.end - at) throw malformed()
    this.pos = at + count
    return at
  }
}

export function malformed(): PayloadError {
  return new PayloadError('', 'Expected a well-formed StatePatch')
}
