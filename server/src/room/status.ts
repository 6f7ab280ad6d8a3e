import { RingsideError } from '../process/errors.ts'

type State =
  | {
      readonly kind: 'running' | 'paused'
      /** `drained`: onDrain has run for the release that is under way. */
      readonly release: 'none' | 'begun' | 'drained'
    }
  | { readonly kind: 'handed over' | 'ending' | 'leaving' }
  | { readonly kind: 'over'; readonly isEnd: boolean }

/**
 * Says where a room stands, and so what may happen in it. States:
 * - `running`, also while onCreate makes its state.
 * - `paused`: the log is full (`whenLogIsFull`); goes on (`running`) when the log does. A release may be asked of a
 *   room in either state: it takes no more input then, and is handed over, or goes on as before (`takeBack`).
 * - `handed over`: everything is on its way to the log and a next owner may go on with it: nothing moves and nothing
 *   may be written; ends, or goes on here (`running`) because it could not be stored.
 * - `ending`: it takes no more input, and its game has the last word, which is written.
 * - `leaving`: nothing is written any more, and the players of a room that is another owner's are sent away.
 * - `over`: ended, released or taken by another owner, for good.
 */
export class Status {
  #state: State = { kind: 'running', release: 'none' }
  #isEndAsked = false

  get kind(): State['kind'] {
    return this.#state.kind
  }

  /** Players may act, come and come back, unless the log is full. */
  get takesInput(): boolean {
    const state = this.#state
    return (state.kind === 'running' || state.kind === 'paused') && state.release === 'none'
  }

  /** This process owns the room: its writes, frames and plans come about. */
  get isOwned(): boolean {
    const { kind } = this.#state
    return kind === 'running' || kind === 'paused' || kind === 'ending'
  }

  get isOver(): boolean {
    return this.#state.kind === 'over'
  }

  /** The room is over for good, not only for this process. */
  get hasEnded(): boolean {
    return this.#state.kind === 'over' && this.#state.isEnd
  }

  /** The game wants the room to end after this turn. */
  get isEndAsked(): boolean {
    return this.#isEndAsked
  }

  askEnd(): void {
    this.#isEndAsked = true
  }

  /** @throws RingsideError room_released where a write, a frame or a plan would never come about (RM14). */
  assertOwned(): void {
    if (!this.isOwned) throw new RingsideError('room_released')
  }

  pause(): void {
    if (this.#state.kind === 'running') this.#state = { ...this.#state, kind: 'paused' }
  }

  goOn(): void {
    if (this.#state.kind === 'paused') this.#state = { ...this.#state, kind: 'running' }
  }

  /** A release begins. */
  stopInput(): void {
    const state = this.#state
    if (state.kind === 'running' || state.kind === 'paused')
      this.#state = { ...state, release: state.release === 'none' ? 'begun' : state.release }
  }

  /** The game may have the last word of a release; false when it has had it, or nothing would come of it. */
  drain(): boolean {
    const state = this.#state
    if ((state.kind !== 'running' && state.kind !== 'paused') || state.release === 'drained')
      return false
    this.#state = { ...state, release: 'drained' }
    return true
  }

  handOver(): void {
    if (this.isOwned) this.#state = { kind: 'handed over' }
  }

  /** A release has failed; true when the room had been handed over already. */
  takeBack(): boolean {
    const { kind } = this.#state
    if (kind !== 'running' && kind !== 'paused' && kind !== 'handed over') return false
    this.#state = { kind: kind === 'paused' ? kind : 'running', release: 'none' }
    return kind === 'handed over'
  }

  /**
   * The room begins to end; false when it has begun before. One that was handed over is written again only if it ends
   * for good.
   */
  beginEnd(isEnd: boolean): boolean {
    const { kind } = this.#state
    if (kind === 'ending' || kind === 'leaving' || kind === 'over') return false
    this.#state = { kind: kind === 'handed over' && !isEnd ? 'leaving' : 'ending' }
    return true
  }

  /** Nothing is written from here on. */
  leave(): void {
    if (this.#state.kind === 'ending') this.#state = { kind: 'leaving' }
  }

  end(isEnd: boolean): void {
    this.#state = { kind: 'over', isEnd }
  }
}
