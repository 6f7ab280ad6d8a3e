/** Messages of a client that wait for the verdict on its contract; what comes beyond is dropped. */
const MAX_HELD = 64
const MAX_HELD_BYTES = 65_536

/**
 * A client that was asked for its contract, at most once on a connection. Until the verdict its messages wait here:
 * they are not decoded by a contract that they may not be of.
 */
export class Introduction {
  /** The fingerprint that it gave. */
  readonly fingerprint: string
  /** Id of the message that gave it: an ERROR names it. */
  readonly messageId: number
  readonly askedAt: number
  #held: ArrayBuffer[] = []
  #heldBytes = 0

  constructor(fingerprint: string, messageId: number, now: number) {
    this.fingerprint = fingerprint
    this.messageId = messageId
    this.askedAt = now
  }

  /** Keeps a copy of a whole message; false when too much waits. */
  hold(frame: Uint8Array): boolean {
    if (this.#held.length === MAX_HELD || this.#heldBytes + frame.length > MAX_HELD_BYTES)
      return false
    this.#held.push(new Uint8Array(frame).buffer)
    this.#heldBytes += frame.length
    return true
  }

  /** Hands out what waited, in order. */
  release(): ArrayBuffer[] {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    return held
  }
}
