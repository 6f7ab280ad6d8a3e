/**
 * A REQUEST, read by hand and in place: the bucket must be charged by the inner command's cost before
 * its payload is decoded, and the payload stays a view. It is one object, refilled by each read.
 */
export class RequestEnvelope {
  correlation = 0
  command = 0
  payload: Uint8Array = EMPTY
  #at = 0
  #bytes: Uint8Array = EMPTY

  /** Reads the payload of a REQUEST frame; false when it is malformed. */
  read(bytes: Uint8Array): boolean {
    this.correlation = 0
    this.command = 0
    this.payload = EMPTY
    this.#bytes = bytes
    this.#at = 0
    const isValid = this.#readFields()
    this.#bytes = EMPTY
    return isValid
  }

  #readFields(): boolean {
    const bytes = this.#bytes
    while (this.#at < bytes.length) {
      const tag = this.#varint()
      if (tag < 8) return false
      const wire = tag & 7
      const field = tag >>> 3
      if (wire === 0) {
        const value = this.#varint()
        if (value < 0) return false
        if (field === 1) this.correlation = value
        else if (field === 2) this.command = value
        else if (field === 3) return false
      } else if (wire === 2) {
        const length = this.#varint()
        if (length < 0 || length > bytes.length - this.#at || field < 3) return false
        if (field === 3) this.payload = bytes.subarray(this.#at, this.#at + length)
        this.#at += length
      } else return false
    }
    return true
  }

  /** A varint of at most 32 bits; -1 when it is longer or cut off. */
  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return -1
      this.#at++
      if (shift === 28 && byte > 0x0f) return -1
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    return -1
  }
}

const EMPTY = new Uint8Array(0)
