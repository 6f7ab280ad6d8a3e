import { SmallReader } from './wire-reader.ts'
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
