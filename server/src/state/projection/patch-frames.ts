import { FRAME_HEADER_BYTES } from '@ringside/protocol'
import type { FullState, PlayerPatch } from '../contract.ts'
import type { ByteWriter } from '../encode/byte-writer.ts'
import type { Audiences } from './audiences.ts'
import { kindOf } from './kinds.ts'

const NO_KINDS: readonly number[] = []

/** Joining frames takes these: they know which keys a session holds, and give the memory. */
export interface FrameTools {
  readonly audiences: Audiences
  readonly writer: ByteWriter
}

/** A frame with some of the parts, and those with one more that were asked for, by the key of that part. */
interface Joined {
  readonly frame: Uint8Array
  readonly longer: Map<number, Joined>
}

/** The frames of one patch, or of a whole state: the public one, and longer ones for sessions that see more. */
export class PatchFrames implements PlayerPatch, FullState {
  readonly frame: Uint8Array
  readonly #tools: FrameTools
  /** The bytes that each audience gets behind the public frame; null when the patch hides nothing. */
  readonly #parts: ReadonlyMap<number, Uint8Array> | null
  /** The kinds that have a part, from wide to narrow: most often one or two. */
  readonly #kinds: readonly number[]
  readonly #public: Joined | null

  constructor(frame: Uint8Array, tools: FrameTools, parts: ReadonlyMap<number, Uint8Array> | null) {
    this.frame = frame
    this.#tools = tools
    this.#parts = parts
    this.#kinds = parts === null ? NO_KINDS : kindsOf(parts.keys())
    this.#public = parts === null ? null : { frame, longer: new Map() }
  }

  frameFor(sessionId: string): Uint8Array {
    if (this.#parts === null) return this.frame
    const { audiences } = this.#tools
    let { frame } = this
    // The sessions that hold the same keys so far get the same bytes, as long as others may hold them.
    let joined = this.#public
    for (const kind of this.#kinds) {
      const key = audiences.keyHeldBy(sessionId, kind)
      const part = this.#parts.get(key)
      if (part === undefined) continue
      joined = joined === null || !audiences.isShared(kind) ? null : this.#with(joined, key, part)
      frame = joined === null ? this.#join(frame, part) : joined.frame
    }
    return frame
  }

  get byteCount(): number {
    let count = this.frame.length
    if (this.#parts !== null) for (const part of this.#parts.values()) count += part.length
    return count
  }

  partsFor(sessionId: string): readonly Uint8Array[] {
    const parts = [this.frame.subarray(FRAME_HEADER_BYTES)]
    for (const kind of this.#kinds) {
      const part = this.#parts?.get(this.#tools.audiences.keyHeldBy(sessionId, kind))
      if (part !== undefined) parts.push(part)
    }
    return parts
  }

  #with(shorter: Joined, key: number, part: Uint8Array): Joined {
    let joined = shorter.longer.get(key)
    if (joined === undefined) {
      joined = { frame: this.#join(shorter.frame, part), longer: new Map() }
      shorter.longer.set(key, joined)
    }
    return joined
  }

  #join(first: Uint8Array, second: Uint8Array): Uint8Array {
    const { writer } = this.#tools
    writer.begin()
    writer.bytes(first)
    writer.bytes(second)
    return writer.finish()
  }
}

function kindsOf(keys: Iterable<number>): number[] {
  const kinds: number[] = []
  for (const key of keys) {
    const kind = kindOf(key)
    if (!kinds.includes(kind)) kinds.push(kind)
  }
  return kinds.sort((a, b) => b - a)
}
