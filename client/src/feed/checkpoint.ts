import type { Timers } from '../timers.ts'
import type { CheckpointStorage } from './feed-types.ts'

const SAVE_EVERY_MS = 1_000

/** Reads a position from text; null for a text that is none. */
export function toSeq(text: string | null | undefined): number | null {
  return text && /^\d{1,16}$/.test(text) ? Number(text) : null
}

/** The position of a reader, kept in a storage now and then, at `close`, and when the page goes. */
export interface Checkpoint {
  readonly value: number | null
  set(seq: number): void
  close(): void
}

/** Begins with `given`, else with what the storage holds. */
export function createCheckpoint(
  parts: {
    readonly storage: CheckpointStorage | undefined
    readonly key: string
    readonly timers: Timers
  },
  given: number | undefined,
): Checkpoint {
  const { storage, key, timers } = parts
  let value: number | null = given ?? null
  let cancel: (() => void) | null = null
  const save = (): void => {
    cancel?.()
    cancel = null
    try {
      if (value !== null) storage?.setItem(key, `${value}`)
    } catch {
      // Where storage is full or forbidden a reload begins anew, and nothing else is lost.
    }
  }
  try {
    value ??= toSeq(storage?.getItem(key))
  } catch {
    // As above, nothing but a reload's place is lost.
  }
  if (storage) globalThis.addEventListener?.('pagehide', save)
  return {
    get value() {
      return value
    },
    set(seq) {
      value = seq
      if (storage) cancel ??= timers.after(SAVE_EVERY_MS, save)
    },
    close() {
      if (cancel) save()
      globalThis.removeEventListener?.('pagehide', save)
    },
  }
}
