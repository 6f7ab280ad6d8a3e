import { kindOf } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { jsonText } from '../process/json-text.ts'

/** Longest metadata, in characters of JSON: it goes into every listing. */
const MAX_METADATA_CHARACTERS = 4_096
/** A change gets a snapshot of its own, but no more of them than this: they carry the whole state. */
const SNAPSHOT_EVERY_MS = 30_000

/** A room's profile as snapshots and the room's record keep it. */
export interface StoredProfile {
  readonly isLocked: boolean
  readonly isPrivate: boolean
  readonly metadata: Json
  /** Seats that the game has lowered it to; null or absent: those of the type. */
  readonly maxClients?: number | null
  /** Grows with each change of lock and privacy: of two that are stored the higher is right. */
  readonly revision: number
}

/** The lobby's view of a room: lock, privacy, the game's own metadata. */
export class Profile {
  readonly #onChanged: () => void
  #isLocked = false
  #isPrivate = false
  #metadata: Json = null
  #maxClients: number | null = null
  #encoded = 'null'
  #revision = 0
  /** It has changed since `describe`. */
  #isUnsaved = false
  #describedAt = Number.NEGATIVE_INFINITY

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged
  }

  get isLocked(): boolean {
    return this.#isLocked
  }

  get isPrivate(): boolean {
    return this.#isPrivate
  }

  get revision(): number {
    return this.#revision
  }

  /** Null: those of the type. */
  get maxClients(): number | null {
    return this.#maxClients
  }

  /** A copy that was made when it was set: a later change by the game shows with the next call. */
  get metadata(): Json {
    return this.#metadata
  }

  setLocked(isLocked: boolean): void {
    if (this.#isLocked === isLocked) return
    this.#isLocked = isLocked
    this.#revision++
    this.#changed()
  }

  setPrivate(isPrivate: boolean): void {
    if (this.#isPrivate === isPrivate) return
    this.#isPrivate = isPrivate
    this.#revision++
    this.#changed()
  }

  setMaxClients(maxClients: number | null): void {
    if (this.#maxClients === maxClients) return
    this.#maxClients = maxClients
    this.#changed()
  }

  /** @throws RingsideError option_invalid over 4,096 characters of JSON. */
  setMetadata(metadata: Json): void {
    const encoded = encode(metadata)
    if (encoded.length > MAX_METADATA_CHARACTERS)
      throw new RingsideError(
        'option_invalid',
        `Expected metadata of at most ${MAX_METADATA_CHARACTERS} characters, got ${encoded.length}`,
      )
    if (encoded === this.#encoded) return
    this.#encoded = encoded
    this.#metadata = JSON.parse(encoded) as Json
    this.#changed()
  }

  /** Goes on where an earlier owner of the room was. */
  restore({ isLocked, isPrivate, metadata, maxClients, revision }: StoredProfile): void {
    this.setLocked(isLocked)
    this.setPrivate(isPrivate)
    this.setMetadata(metadata)
    this.setMaxClients(maxClients ?? null)
    this.#revision = revision
  }

  /** Describes the profile for a snapshot that is captured at `now`, in ms. */
  describe(now: number): StoredProfile {
    this.#isUnsaved = false
    this.#describedAt = now
    const { isLocked, isPrivate, metadata, maxClients, revision } = this
    return { isLocked, isPrivate, metadata, maxClients, revision }
  }

  /** When a snapshot is due that has the last change; Infinity when one has it. */
  get snapshotDueAt(): number {
    return this.#isUnsaved ? this.#describedAt + SNAPSHOT_EVERY_MS : Number.POSITIVE_INFINITY
  }

  /** No snapshot has the last change, and the last one was captured long enough before `now`. */
  isSnapshotDue(now: number): boolean {
    return now >= this.snapshotDueAt
  }

  #changed(): void {
    this.#isUnsaved = true
    this.#onChanged()
  }
}

/** @throws RingsideError option_invalid for what JSON cannot say. */
function encode(metadata: unknown): string {
  let text: string | undefined
  try {
    text = jsonText(metadata)
  } catch (error) {
    throw new RingsideError('option_invalid', 'Expected metadata as JSON', { cause: error })
  }
  if (text === undefined)
    throw new RingsideError('option_invalid', `Expected metadata as JSON, got ${kindOf(metadata)}`)
  return text
}
