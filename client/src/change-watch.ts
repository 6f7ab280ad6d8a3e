import type { StateChange } from './state-replica.ts'
import { rethrowLater } from './listeners.ts'

interface Watch<State> {
  readonly selector: (state: State) => unknown
  /** `isFull`: after a full state, in which every object is new. */
  readonly listener: (value: never, isFull: boolean) => void
  last: unknown
}

/** Serves `onChange`: it compares what each selector picks before and after a patch. */
export class ChangeWatch<State> {
  readonly #watches = new Set<Watch<State>>()

  add<V>(
    state: State,
    watch: { selector: (state: State) => V; listener: (value: V, isFull: boolean) => void },
  ) {
    const entry: Watch<State> = { ...watch, last: watch.selector(state) }
    this.#watches.add(entry)
    return () => {
      this.#watches.delete(entry)
    }
  }

  /** Tells the listeners whose part changed. `changes` is null for a full state: everything is new. */
  run(state: State, changes: readonly StateChange[] | null): void {
    if (this.#watches.size === 0) return
    const dirty = changes && touchedObjects(state, changes)
    for (const watch of this.#watches) {
      try {
        const value = watch.selector(state)
        const isSame = Object.is(value, watch.last) && dirty !== null
        watch.last = value
        if (!isSame || dirty.has(value)) watch.listener(value as never, dirty === null)
      } catch (error) {
        rethrowLater(error)
      }
    }
  }

  clear(): void {
    this.#watches.clear()
  }
}

/** Every object on the way from the root to something that changed, maps included. */
function touchedObjects(state: unknown, changes: readonly StateChange[]): Set<unknown> {
  const touched = new Set<unknown>()
  for (const { path } of changes) {
    let at: unknown = state
    touched.add(at)
    for (const key of path) {
      // A removed object is not there any more, but the object that held it is.
      at = (at as Record<string, unknown>)[key]
      if (typeof at !== 'object' || at === null) break
      touched.add(at)
    }
  }
  return touched
}
