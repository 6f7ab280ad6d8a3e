import type { Json } from '@ringside/protocol'
import { RingsideError } from '../errors.ts'

/** Longest metadata, in characters of JSON: it goes into every listing. */
const MAX_METADATA_CHARACTERS = 4_096

/** What the lobby is told of a room: lock, privacy, the game's own metadata. */
export class RoomProfile {
  readonly #onChanged: () => void
  #isLocked = false
  #isPrivate = false
  #metadata: Json = null
  #encoded = 'null'

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged
  }

  get isLocked(): boolean {
    return this.#isLocked
  }

  get isPrivate(): boolean {
    return this.#isPrivate
  }

  /** A copy made when it was set: what the game changes later shows with the next call. */
  get metadata(): Json {
    return this.#metadata
  }

  setLocked(isLocked: boolean): void {
    if (this.#isLocked === isLocked) return
    this.#isLocked = isLocked
    this.#onChanged()
  }

  setPrivate(isPrivate: boolean): void {
    if (this.#isPrivate === isPrivate) return
    this.#isPrivate = isPrivate
    this.#onChanged()
  }

  /** @throws RingsideError option_invalid over 4,096 characters of JSON. */
  setMetadata(metadata: Json): void {
    const encoded = JSON.stringify(metadata)
    if (encoded.length > MAX_METADATA_CHARACTERS)
      throw new RingsideError(
        'option_invalid',
        `Expected metadata of at most ${MAX_METADATA_CHARACTERS} characters, got ${encoded.length}`,
      )
    if (encoded === this.#encoded) return
    this.#encoded = encoded
    this.#metadata = JSON.parse(encoded) as Json
    this.#onChanged()
  }

  describe(): { isLocked: boolean; isPrivate: boolean; metadata: Json } {
    return { isLocked: this.#isLocked, isPrivate: this.#isPrivate, metadata: this.#metadata }
  }
}
