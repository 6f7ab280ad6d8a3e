import type { HttpResponse as UwsResponse } from 'uWebSockets.js'
import type { SlowBodies, SlowBody } from './slow-bodies.ts'

/**
 * The body of an answer, ended without letting uWebSockets.js copy what the socket does not take: `end` would, for
 * each of the requests that one connection pipelines, until memory is gone. While this response waits, the
 * requests behind it do too. The response is never touched once it is ended or the client has gone.
 */
export class UwsAnswer implements SlowBody {
  readonly isUnwatched = true
  readonly #response: UwsResponse
  readonly #body: Uint8Array
  readonly #slow: SlowBodies
  #offset = 0
  #isOver = false

  constructor(response: UwsResponse, body: Uint8Array, slow: SlowBodies) {
    this.#response = response
    this.#body = body
    this.#slow = slow
  }

  get bufferedBytes(): number {
    return this.#body.length - this.#offset
  }

  /** Writes what the socket takes. True when that is all; else the rest follows by itself. */
  end(): boolean {
    const [, isDone] = this.#response.tryEnd(this.#body, this.#body.length)
    if (isDone) return true
    this.#offset = this.#response.getWriteOffset()
    this.#slow.add(this)
    this.#response.onWritable(() => this.#goOn())
    return false
  }

  press(): void {
    this.#response.cork(() => {
      this.#goOn()
    })
  }

  cut(): void {
    this.#response.close()
  }

  /** Is called when the client has gone. */
  gone(): void {
    this.#isOver = true
    this.#slow.remove(this)
  }

  #goOn(): boolean {
    if (this.#isOver) return true
    const response = this.#response
    const rest = this.#body.subarray(response.getWriteOffset())
    const [isTaken, isDone] = response.tryEnd(rest, this.#body.length)
    if (isDone) this.gone()
    else this.#offset = response.getWriteOffset()
    return isTaken
  }
}
