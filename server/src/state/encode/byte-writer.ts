const SLAB_BYTES = 65_536

/**
 * Writes protobuf into slabs. What `finish` returns is a view on fresh memory that is never written
 * again: a socket may keep it queued. The generated encoders use `b`, `v` and `p` directly.
 */
export class ByteWriter {
  b = new Uint8Array(SLAB_BYTES)
  v = new DataView(this.b.buffer)
  /** Next byte to write. */
  p = 0
  #start = 0
  #largest = 1024

  /** Starts a frame: in a fresh slab when the last frames would not fit into the rest of this one. */
  begin(): void {
    if (this.b.length - this.p < this.#largest) {
      this.b = new Uint8Array(Math.max(SLAB_BYTES, this.#largest * 2))
      this.v = new DataView(this.b.buffer)
      this.p = 0
    }
    this.#start = this.p
  }

  /** Makes sure of `count` free bytes; `b` and `v` may be others afterwards. */
  need(count: number): void {
    if (this.p + count > this.b.length) this.#grow(count)
  }

  /** Hands out everything written since the last `finish`. */
  finish(): Uint8Array {
    const frame = this.b.subarray(this.#start, this.p)
    this.#start = this.p
    const length = frame.length * 2
    // Grows at once and shrinks slowly, so that one big frame does not make slabs big for ever.
    this.#largest =
      length > this.#largest ? length : Math.max(1024, this.#largest - (this.#largest >> 6))
    return frame
  }

  varint(value: number): void {
    this.need(5)
    this.p = writeVarint(this.b, this.p, value)
  }

  tag(field: number, wire: number): void {
    this.varint((field << 3) | wire)
  }

  double(value: number): void {
    this.need(8)
    this.v.setFloat64(this.p, value, true)
    this.p += 8
  }

  bytes(value: Uint8Array): void {
    this.need(value.length)
    this.b.set(value, this.p)
    this.p += value.length
  }

  /** A string with its length in front. */
  string(value: string): void {
    const length = value.length
    this.need(length * 3 + 5)
    const at = this.p
    const room = length > 127 ? 2 : 1
    const b = this.b
    let p = at + room
    if (length < 48) {
      let i = 0
      for (; i < length; i++) {
        const code = value.charCodeAt(i)
        if (code > 127) break
        b[p++] = code
      }
      if (i < length) p = at + room + encoder.encodeInto(value, b.subarray(at + room)).written
    } else p += encoder.encodeInto(value, b.subarray(p)).written
    this.p = p
    this.endLength(at, room)
  }

  /**
   * Writes at `at` the length of all that follows the `room` bytes left there for it, and moves what
   * follows when the length needs another number of bytes.
   */
  endLength(at: number, room: number): void {
    const length = this.p - at - room
    const size = varintSize(length)
    if (size !== room) {
      this.need(4)
      this.b.copyWithin(at + size, at + room, this.p)
      this.p += size - room
    }
    writeVarint(this.b, at, length)
  }

  /** Positions stay what they were, so that lengths can still be filled in. */
  #grow(count: number): void {
    const slab = new Uint8Array(Math.max(SLAB_BYTES, (this.p + count) * 2))
    slab.set(this.b.subarray(this.#start, this.p), this.#start)
    this.b = slab
    this.v = new DataView(slab.buffer)
  }
}

const encoder = new TextEncoder()

/** Writes an unsigned 32-bit value and returns the position after it. */
export function writeVarint(b: Uint8Array, p: number, value: number): number {
  let rest = value >>> 0
  while (rest > 127) {
    b[p++] = (rest & 127) | 128
    rest >>>= 7
  }
  b[p++] = rest
  return p
}

function varintSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5
}
