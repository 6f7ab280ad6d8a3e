import type { StateChange } from './state-replica.ts'
import { Listeners } from './listeners.ts'

/** What a patch has changed: the objects on the way to it, or null for a full state, where everything is new. */
type Dirty = ReadonlySet<unknown> | null

/** Serves `onChange`: it compares what each selector picks before and after a patch. */
export class ChangeWatch<State> {
  readonly #watches = new Listeners<[State, Dirty]>()

  add<V>(
    now: State,
    {
      selector,
      listener,
    }: {
      selector: (state: State) => V
      /** `isFull`: after a full state, in which every object is new. */
      listener: (value: V, isFull: boolean) => void
    },
  ) {
    let last: unknown = selector(now)
    return this.#watches.add((state, dirty) => {
      const value = selector(state)
      const isSame = Object.is(value, last) && dirty !== null
      last = value
      if (!isSame || dirty.has(value)) listener(value, dirty === null)
    })
  }

  /** Tells the listeners whose part changed. `changes` is null for a full state: everything is new. */
  run(state: State, changes: readonly StateChange[] | null): void {
    if (this.#watches.size > 0) this.#watches.call(state, changes && touchedObjects(state, changes))
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
