/** A key, a button or a finger can ask for these. */
export type Action = 'left' | 'right' | 'up' | 'down' | 'fire' | 'mine'

/**
 * Holds the presses of now. A press is kept until a step has read it, however short it was: a click that
 * began and ended between two steps counts.
 */
export class Presses {
  readonly #held = new Map<string, Action>()
  readonly #unread = new Set<Action>()

  /** Begins a press. `source` tells keys, buttons and fingers apart that ask for the same. */
  press(source: string, action: Action): void {
    // A key that repeats by itself is one press.
    if (this.#held.has(source)) return
    this.#held.set(source, action)
    this.#unread.add(action)
  }

  /** Ends a press; of a source that presses nothing it does nothing. */
  lift(source: string): void {
    this.#held.delete(source)
  }

  /** True while something asks for it, or did and no step knows yet. */
  isOn(action: Action): boolean {
    if (this.#unread.has(action)) return true
    for (const held of this.#held.values()) if (held === action) return true
    return false
  }

  /** Forgets the presses that a step has read; only those still held count from here on. */
  markRead(): void {
    this.#unread.clear()
  }

  /** Lets go of everything. */
  release(): void {
    this.#held.clear()
    this.#unread.clear()
  }
}
