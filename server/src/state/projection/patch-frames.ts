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

/** Joining frames takes these: they know the team of each session, and give the memory. */
export interface FrameTools {
  readonly audiences: Audiences
  readonly writer: ByteWriter
}

/** The frames of one patch: the public one, and longer ones for sessions that see more. */
export class PatchFrames implements PlayerPatch {
  readonly frame: Uint8Array
  readonly #tools: FrameTools
  /** The parts by session id and by name of the team; null when the patch hides nothing. */
  readonly #own: Map<string, Uint8Array> | null = null
  readonly #teams: Map<string, Uint8Array> | null = null
  /** Whole frames of teams, made when a member asks first. */
  readonly #teamFrames: Map<string, Uint8Array> | null = null

  constructor(frame: Uint8Array, tools: FrameTools, parts: readonly EncodedPart[]) {
    this.frame = frame
    this.#tools = tools
    if (parts.length === 0) return
    this.#own = new Map()
    this.#teams = new Map()
    this.#teamFrames = new Map()
    for (const { isTeam, name, bytes } of parts) (isTeam ? this.#teams : this.#own).set(name, bytes)
  }

  frameFor(sessionId: string): Uint8Array {
    if (this.#own === null) return this.frame
    const own = this.#own.get(sessionId)
    const shared = this.#frameOfTeam(this.#tools.audiences.teamOf(sessionId))
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
    const { writer } = this.#tools
    writer.begin()
    writer.bytes(first)
    writer.bytes(second)
    return writer.finish()
  }
}
