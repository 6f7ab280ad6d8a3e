import { FRAME_HEADER_BYTES, encodeFrame } from './frame.ts'
import { PayloadError } from './scalar.ts'
import { decodeSystem, system } from './system-messages.ts'

/** The largest state that is put together from pieces, in bytes. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024

/**
 * Puts a STATE that came in pieces together. Feed it with each STATE_PART of one connection, in order. The piece at
 * offset 0 begins a new state, and what was there of an unfinished one is void.
 */
export class StateParts {
  /** It grows with what has come, and not by what is promised: pieces may be small and totals lies. */
  #frame: Uint8Array = new Uint8Array(0)
  #size = 0
  #total = 0

  /** So many bytes of an unfinished state are there. */
  get size(): number {
    return this.#size
  }

  /**
   * Takes the frame of a STATE_PART. Returns the frame of the whole STATE with the last piece, null before it. The
   * bytes are copied.
   * @throws PayloadError when the piece is none, or does not follow the one before it.
   */
  take(frame: Uint8Array): Uint8Array | null {
    const { offset, total, payload } = decodeSystem('statePart', frame)
    if (offset === 0) {
      this.reset()
      this.#total = total
    }
    const end = offset + payload.length
    if (offset !== this.#size || total !== this.#total || payload.length === 0 || end > total)
      throw new PayloadError('offset', `Expected the piece at ${this.#size}, got ${offset}`)
    if (total > MAX_TOTAL_BYTES)
      throw new PayloadError('total', `Expected at most ${MAX_TOTAL_BYTES} bytes, got ${total}`)
    this.#reserve(end)
    this.#frame.set(payload, FRAME_HEADER_BYTES + offset)
    this.#size = end
    if (end < total) return null
    const whole = this.#frame.subarray(0, FRAME_HEADER_BYTES + total)
    this.reset()
    return whole
  }

  #reserve(size: number): void {
    const needed = FRAME_HEADER_BYTES + size
    if (needed <= this.#frame.length) return
    const most = FRAME_HEADER_BYTES + this.#total
    const grown = encodeFrame(
      system.state.id,
      new Uint8Array(Math.max(size, Math.min(this.#frame.length * 2, most) - FRAME_HEADER_BYTES)),
    )
    grown.set(this.#frame.subarray(FRAME_HEADER_BYTES), FRAME_HEADER_BYTES)
    this.#frame = grown
  }

  /** Forgets what is unfinished: JOINED and a whole STATE make it void. */
  reset(): void {
    this.#frame = new Uint8Array(0)
    this.#size = 0
    this.#total = 0
  }
}
