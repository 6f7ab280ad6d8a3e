import type { Timers } from '../timers.ts'
import type { CheckpointStorage } from './feed-types.ts'

const SAVE_EVERY_MS = 1_000
/** What a position looks like: of one room, or a sealed one; of a bounded feed with what is left of it. */
const POSITION = /^(\d+-\w+|[\w-]{40,})(~\w+)?$/

/** The position of a reader, kept in a storage now and then, at `close`, and when the page goes. */
export interface Checkpoint {
  readonly value: string | null
  set(id: string): void
  close(): void
}

/** Begins with `given`, else with what the storage holds. */
export function createCheckpoint(
  parts: {
    readonly storage: CheckpointStorage | undefined
    readonly key: string
    readonly timers: Timers
  },
  given: string | number | undefined,
): Checkpoint {
  const { storage, key, timers } = parts
  // An n is a position whose check nobody knows.
  let value = typeof given === 'number' ? `${given}-0` : (given ?? null)
  let cancel: (() => void) | null = null
  const save = (): void => {
    cancel?.()
    cancel = null
    try {
      if (value !== null) storage?.setItem(key, value)
    } catch {
      // Where storage is full or forbidden a reload begins anew, and nothing else is lost.
    }
  }
  try {
    const kept = storage?.getItem(key)
    if (kept && POSITION.test(kept)) value ??= kept
  } catch {
    // As above, nothing but a reload's place is lost.
  }
  if (storage) globalThis.addEventListener?.('pagehide', save)
  return {
    get value() {
      return value
    },
    set(id) {
      value = id
      if (storage) cancel ??= timers.after(SAVE_EVERY_MS, save)
    },
    close() {
      if (cancel) save()
      globalThis.removeEventListener?.('pagehide', save)
    },
  }
}
