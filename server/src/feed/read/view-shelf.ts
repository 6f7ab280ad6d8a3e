import type { RoomView } from './states.ts'

/** Views by key, up to a number of them and of their characters; the one unused for longest goes first. */
export class ViewShelf {
  readonly #maxViews: number
  readonly #maxCharacters: number
  readonly #views = new Map<string, RoomView>()
  #characters = 0

  constructor(bounds: { readonly views: number; readonly characters: number }) {
    this.#maxViews = bounds.views
    this.#maxCharacters = bounds.characters
  }

  get characters(): number {
    return this.#characters
  }

  get(key: string): RoomView | null {
    const view = this.#views.get(key)
    if (!view) return null
    this.#views.delete(key)
    this.#views.set(key, view)
    return view
  }

  put(key: string, view: RoomView): void {
    this.#characters += view.state.length - (this.#views.get(key)?.state.length ?? 0)
    this.#views.delete(key)
    this.#views.set(key, view)
    for (const [oldest, { state }] of this.#views) {
      if (this.#views.size <= this.#maxViews && this.#characters <= this.#maxCharacters) break
      this.#views.delete(oldest)
      this.#characters -= state.length
    }
  }
}
