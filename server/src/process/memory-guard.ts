import { totalmem } from 'node:os'
import type { Clock } from './clock.ts'

/** Reading the size of a process is a call into the system, so a reading holds for so long. */
const READING_MS = 1_000
/** The rest is left to the system, and to what is on its way already. */
const DEFAULT_PART = 0.8

export interface MemoryGuardParts {
  /** 0 = 80 % of what the machine has, or of what its control group allows. */
  readonly maxRssBytes: number
  readonly clock: Clock
  /** Resident memory of the process in bytes. */
  readonly readRss: () => number
}

/**
 * Says when the process is so large that it takes nothing new (LI8): rooms, handshakes and streams are refused and told
 * to come later, and what is there goes on. A process that grows until the system ends it takes everybody along.
 */
export class MemoryGuard {
  readonly maxBytes: number
  readonly #parts: MemoryGuardParts
  #rssBytes = 0
  #readAt = -Infinity

  constructor(parts: MemoryGuardParts) {
    this.#parts = parts
    this.maxBytes = parts.maxRssBytes || Math.floor(availableBytes() * DEFAULT_PART)
  }

  /** At most a second old. */
  get rssBytes(): number {
    const now = this.#parts.clock.now()
    // A clock that was set back must not keep an old reading.
    if (Math.abs(now - this.#readAt) < READING_MS) return this.#rssBytes
    this.#readAt = now
    this.#rssBytes = this.#parts.readRss()
    return this.#rssBytes
  }

  get isOver(): boolean {
    return this.rssBytes > this.maxBytes
  }
}

/** What this process may come to have: Node tells 0, or more than there is, without a control group. */
function availableBytes(): number {
  const total = totalmem()
  const allowed = process.constrainedMemory?.() ?? 0
  return allowed > 0 && allowed < total ? allowed : total
}
