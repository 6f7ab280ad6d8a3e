import { callGuarded } from './listeners.ts'

type Entries<V> = Readonly<Record<string, V>>
type Listener<V> = (entry: V, key: string) => void

/** Follows the entries of one map of the state, for `onAdd` or `onRemove`. */
export interface EntryWatch<V> {
  /** Takes what is there now; `isTold`: as added. */
  start(map: Entries<V> | undefined, isTold: boolean): void
  /** Takes the map after a change in it, or another map. `isFull`: every object in it is new. */
  run(map: Entries<V> | undefined, isFull: boolean): void
  /** Nothing is told any more, not even of the rest of a change that is being told. */
  stop(): void
}

/**
 * Tells by key what came and what went. A full state makes every object new, but an entry of the same key is the same to
 * a game. An entry that was removed and set again in one patch is another: its object is.
 */
export function entryWatch<V>(
  onAdd: Listener<V> | null,
  onRemove: Listener<V> | null,
): EntryWatch<V> {
  let known = new Map<string, V>()
  let isOver = false
  const tell = (listener: Listener<V> | null, entry: V, key: string): void => {
    if (listener && !isOver) callGuarded(() => listener(entry, key))
  }
  return {
    start(map, isTold) {
      known = new Map(Object.entries(map ?? {}))
      if (isTold) for (const [key, entry] of known) tell(onAdd, entry, key)
    },
    run(map, isFull) {
      const before = known
      known = new Map(Object.entries(map ?? {}))
      const isSame = (key: string): boolean =>
        isFull ? before.has(key) && known.has(key) : before.get(key) === known.get(key)
      const now = known
      for (const [key, entry] of before) if (!isSame(key)) tell(onRemove, entry, key)
      for (const [key, entry] of now) if (!isSame(key)) tell(onAdd, entry, key)
    },
    stop() {
      isOver = true
    },
  }
}
