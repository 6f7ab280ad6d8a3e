import type { HttpResponse as UwsResponse } from 'uWebSockets.js'
import type { ByteStream } from '../contract.ts'
import type { SlowBodies, SlowBody } from './slow-bodies.ts'

/** The exchange of a stream, as far as the stream needs it. */
interface StreamExchange {
  finish(): void
}

/** uWebSockets.js is given no more than this at once, and so never copies more for a full socket. */
const PIECE_BYTES = 16_384
/** The first piece after a full socket has taken all, and the one that tries whether it has. */
const SMALL_PIECE_BYTES = 2_048
const PROBE_BYTES = 16

// writeCorked works on this: one function serves all streams instead of a closure per write.
let corkedResponse: UwsResponse
let corkedBytes: Uint8Array
let corkedTaken = true
function writeCorked(): void {
  corkedTaken = corkedResponse.write(corkedBytes)
}

/**
 * One open body. What a full socket does not take waits here by reference, and goes out in pieces: uWebSockets.js
 * tells that all it has was taken, but never how much of it. So after a piece that was not taken at once come probes of
 * a few bytes, and once one is taken the pieces grow again (TR31).
 */
export class UwsByteStream implements ByteStream, SlowBody {
  isOpen = true
  onWritable: (() => void) | null = null
  onClose: (() => void) | null = null
  readonly #response: UwsResponse
  readonly #exchange: StreamExchange
  readonly #slow: SlowBodies
  #isFull = false
  /** `end` was called, and bytes wait still. */
  #isEnding = false
  #isOver = false
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  /** uWebSockets.js may have so many. */
  #handedBytes = 0
  #pieceBytes = PIECE_BYTES

  constructor(response: UwsResponse, exchange: StreamExchange, slow: SlowBodies) {
    this.#response = response
    this.#exchange = exchange
    this.#slow = slow
    response.onWritable(() => {
      if (this.#isFull) this.#goOn()
      return true
    })
  }

  get bufferedBytes(): number {
    return this.#queuedBytes + this.#handedBytes
  }

  /** Its owner judges a stream that is open. */
  get isUnwatched(): boolean {
    return this.#isEnding
  }

  write(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false
    // An empty chunk would end the body.
    if (bytes.length === 0) return !this.#isFull
    if (!this.#isFull && bytes.length <= this.#pieceBytes) return this.#hand(bytes) || this.#fill()
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    return !this.#isFull && (this.#flush() || this.#fill())
  }

  poke(filler: Uint8Array): void {
    if (!this.#isFull || this.#isOver) return
    if (this.#queue.length > 0 || this.#hand(filler)) this.#goOn()
  }

  press(): void {
    if (this.#queue.length > 0) this.#goOn()
  }

  cut(): void {
    this.#response.close()
  }

  end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    if (this.#queue.length > 0) this.#isEnding = true
    else this.#endNow()
    this.#exchange.finish()
  }

  /** Is called once, when the response is over for its owner. */
  gone(): void {
    this.isOpen = false
    const { onClose } = this
    this.onClose = null
    this.onWritable = null
    onClose?.()
  }

  /** The client has gone: the response must not be touched any more. */
  aborted(): void {
    this.#isOver = true
    this.#isEnding = false
    this.#queue = []
    this.#queuedBytes = 0
    this.#handedBytes = 0
    this.#slow.remove(this)
  }

  #endNow(): void {
    this.#isOver = true
    this.#slow.remove(this)
    this.#response.cork(() => {
      this.#response.end()
    })
  }

  /** False when it is full; returns that for whoever asks. */
  #fill(): false {
    this.#isFull = true
    this.#slow.add(this)
    return false
  }

  /** The socket takes bytes again, or may: as many as it has room for. */
  #goOn(): void {
    if (this.#isOver) return
    if (!this.#flush()) {
      // uWebSockets.js sends by itself what it has.
      if (this.#isEnding && this.#queue.length === 0) this.#endNow()
      return
    }
    this.#isFull = false
    this.#handedBytes = 0
    this.#slow.remove(this)
    if (this.#isEnding) this.#endNow()
    else this.onWritable?.()
  }

  /** Writes what waits, as long as it is taken. */
  #flush(): boolean {
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      const isWhole = first.length <= this.#pieceBytes
      const piece = isWhole ? first : first.subarray(0, this.#pieceBytes)
      if (isWhole) this.#queue.shift()
      else this.#queue[0] = first.subarray(this.#pieceBytes)
      this.#queuedBytes -= piece.length
      if (!this.#hand(piece)) return false
    }
    return true
  }

  #hand(bytes: Uint8Array): boolean {
    corkedResponse = this.#response
    corkedBytes = bytes
    this.#response.cork(writeCorked)
    if (corkedTaken && this.#pieceBytes === PIECE_BYTES) return true
    if (!corkedTaken) {
      this.#handedBytes += bytes.length
      this.#pieceBytes = PROBE_BYTES
      return false
    }
    this.#handedBytes = 0
    this.#pieceBytes = Math.min(PIECE_BYTES, Math.max(SMALL_PIECE_BYTES, 2 * this.#pieceBytes))
    return true
  }
}
