import type { PlayerPatch } from '../contract.ts'
import type { ByteWriter } from '../encode/byte-writer.ts'
import type { Audiences } from './audiences.ts'

/** The bytes that one audience gets behind the public frame. */
export interface EncodedPart {
  readonly isTeam: boolean
  /** The session's id or the team's name. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The frames of one patch: the public one, and those that are joined to it for who sees more. */
export class PatchFrames implements PlayerPatch {
  readonly frame: Uint8Array
  readonly #audiences: Audiences
  readonly #writer: ByteWriter
  /** By session id and by name of the team; null when the patch hides nothing. */
  readonly #own: Map<string, Uint8Array> | null = null
  readonly #teams: Map<string, Uint8Array> | null = null
  /** Whole frames of teams, made when a member asks first. */
  readonly #teamFrames: Map<string, Uint8Array> | null = null

  constructor(
    frame: Uint8Array,
    tools: { readonly audiences: Audiences; readonly writer: ByteWriter },
    parts: readonly EncodedPart[],
  ) {
    this.frame = frame
    this.#audiences = tools.audiences
    this.#writer = tools.writer
    if (parts.length === 0) return
    this.#own = new Map()
    this.#teams = new Map()
    this.#teamFrames = new Map()
    for (const { isTeam, name, bytes } of parts) (isTeam ? this.#teams : this.#own).set(name, bytes)
  }

  frameFor(sessionId: string): Uint8Array {
    if (this.#own === null) return this.frame
    const own = this.#own.get(sessionId)
    const shared = this.#frameOfTeam(this.#audiences.teamOf(sessionId))
    return own === undefined ? shared : this.#join(shared, own)
  }

  #frameOfTeam(team: string): Uint8Array {
    const part = this.#teams?.get(team)
    if (part === undefined) return this.frame
    let frame = this.#teamFrames?.get(team)
    if (frame === undefined) {
      frame = this.#join(this.frame, part)
      this.#teamFrames?.set(team, frame)
    }
    return frame
  }

  #join(first: Uint8Array, second: Uint8Array): Uint8Array {
    this.#writer.begin()
    this.#writer.bytes(first)
    this.#writer.bytes(second)
    return this.#writer.finish()
  }
}
