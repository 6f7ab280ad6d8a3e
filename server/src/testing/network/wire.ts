import { Pipe } from './pipe.ts'
import type { PipeParts } from './pipe.ts'

/** `stalled`: the client takes nothing. `silent`: nothing passes in either direction, and nobody is told. */
export type LinkMode = 'open' | 'stalled' | 'silent'

/** One connection over a link: a pipe each way, and what happens to both. */
export class Wire {
  readonly up: Pipe
  readonly down: Pipe
  /** The connection leads to this server. */
  readonly host: string
  /** The server's end is full, or takes again. */
  onFull: (isFull: boolean) => void = () => {}
  /** Both ends hear of it at once; called once, unless the connection has ended before. */
  onCut: () => void = () => {}
  /** The server's end has heard nothing for its `idleTimeoutMs` and gives the connection up. */
  onIdle: () => void = () => {}
  readonly #onEnd: (wire: Wire) => void
  #mode: LinkMode = 'open'
  #isOver = false

  constructor(host: string, parts: PipeParts, onEnd: (wire: Wire) => void) {
    this.host = host
    this.up = new Pipe(parts)
    this.down = new Pipe(parts)
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
    this.onFull(mode !== 'open')
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
    this.up.drop()
    this.down.drop()
    this.#onEnd(this)
  }
}
