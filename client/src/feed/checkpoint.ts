import type { Timers } from '../timers.ts'
import type { CheckpointStorage } from './feed-types.ts'

const SAVE_EVERY_MS = 1_000

/** The position of a reader, kept in a storage now and then, at `close`, and when the page goes. */
export class Checkpoint {
  value: number | null
  readonly #storage: CheckpointStorage | undefined
  readonly #key: string
  readonly #timers: Timers
  #cancel: (() => void) | null = null
  readonly #flush = (): void => this.#save()

  constructor(parts: { storage: CheckpointStorage | undefined; key: string; timers: Timers }) {
    this.#storage = parts.storage
    this.#key = parts.key
    this.#timers = parts.timers
    this.value = this.#load()
    if (this.#storage) globalThis.addEventListener?.('pagehide', this.#flush)
  }

  set(seq: number): void {
    this.value = seq
    if (this.#storage && !this.#cancel)
      this.#cancel = this.#timers.after(SAVE_EVERY_MS, this.#flush)
  }

  close(): void {
    if (this.#cancel) this.#save()
    globalThis.removeEventListener?.('pagehide', this.#flush)
  }

  #load(): number | null {
    try {
      const text = this.#storage?.getItem(this.#key)
      return text && /^\d{1,16}$/.test(text) ? Number(text) : null
    } catch {
      return null
    }
  }

  #save(): void {
    this.#cancel?.()
    this.#cancel = null
    try {
      if (this.value !== null) this.#storage?.setItem(this.#key, String(this.value))
    } catch {
      // Storage full or forbidden: a reload then begins anew, nothing else is lost.
    }
  }
}
