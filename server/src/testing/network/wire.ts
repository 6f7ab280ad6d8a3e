import { Pipe } from './pipe.ts'
import type { PipeParts } from './pipe.ts'

/** `stalled`: the client takes nothing. `silent`: nothing passes in either direction, and nobody is told. */
export type LinkMode = 'open' | 'stalled' | 'silent'

/** A narrow link takes its bytes in steps of so many ms. */
const FLOW_MS = 50

/** One connection over a link: a pipe each way, and what happens to both. */
export class Wire {
  readonly up: Pipe
  readonly down: Pipe
  /** The connection leads to this server. */
  readonly host: string
  /** The server's end takes so many bytes from here on, and then none until this is called again. */
  onRoom: (byteCount: number) => void = () => {}
  /** It takes so many more, as long as it does not come to more than `maxBytes`. */
  onGrant: (byteCount: number, maxBytes: number) => void = () => {}
  /** Both ends hear of it at once; called once, unless the connection has ended before. */
  onCut: () => void = () => {}
  /** The server's end has heard nothing for its `idleTimeoutMs` and gives the connection up. */
  onIdle: () => void = () => {}
  readonly #onEnd: (wire: Wire) => void
  readonly #parts: PipeParts
  #cancelFlow: (() => void) | null = null
  #mode: LinkMode = 'open'
  #isOver = false

  constructor(host: string, parts: PipeParts, onEnd: (wire: Wire) => void) {
    this.host = host
    this.up = new Pipe(parts)
    this.down = new Pipe(parts)
    this.#parts = parts
    this.#onEnd = onEnd
  }

  get isSilent(): boolean {
    return this.#mode === 'silent'
  }

  get isHeld(): boolean {
    return this.#mode !== 'open'
  }

  setMode(mode: LinkMode): void {
    this.#mode = mode
    // Bytes on their way go ahead of those that the server's end holds.
    this.up.setHeld(mode === 'silent')
    this.down.setHeld(mode !== 'open')
    this.reshape()
  }

  /** The server's end has just got its socket, or the link's shape or mode has changed. */
  reshape(): void {
    this.#cancelFlow?.()
    this.#cancelFlow = null
    if (this.isHeld) return this.onRoom(0)
    const { bytesPerSecond, windowBytes } = this.#parts.shape()
    if (bytesPerSecond === 0) return this.onRoom(Infinity)
    this.onRoom(windowBytes)
    this.#flow()
  }

  #flow(): void {
    const { clock, shape } = this.#parts
    this.#cancelFlow = clock.after(FLOW_MS, () => {
      const { bytesPerSecond, windowBytes } = shape()
      const byteCount = Math.ceil((bytesPerSecond * FLOW_MS) / 1_000)
      this.#flow()
      this.onGrant(byteCount, Math.max(windowBytes, byteCount))
    })
  }

  /** Breaks the connection: bytes on their way are lost. */
  cut(): void {
    if (this.#isOver) return
    this.end()
    this.onCut()
  }

  /** The connection is over for the client: nothing passes any more. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelFlow?.()
    this.#cancelFlow = null
    this.up.drop()
    this.down.drop()
    this.#onEnd(this)
  }
}
