import { applyMergePatch, reviveState } from '@ringside/protocol'
import type { Audience, Infer, Json, Schema } from '@ringside/protocol'
import type { CompiledState } from './codegen/compile.ts'
import { LogEncoder } from './encode/log.ts'
import { PlayersEncoder } from './encode/players.ts'
import type { FullState, LogPatch, PatchHeader, PlayerPatch, StateTracker } from './contract.ts'
import { nodeOf } from './tree/face.ts'
import { mapNodeOf } from './tree/map-node.ts'
import { plain, plainMap } from './tree/plain.ts'
import { Tree } from './tree/tree.ts'

/**
 * Makes the tracked state of a room. `initial` is copied and is the baseline: `fullLog` has it, and the
 * first flushes carry only what changes afterwards.
 * @throws RingsideError state_invalid when it does not fit the schema.
 */
export function createStateTracker<S extends Schema>(
  compiled: CompiledState<S>,
  initial: Infer<S>,
): StateTracker<S> {
  return new Tracker(compiled, initial)
}

/**
 * Makes the state anew from the two documents of a snapshot (`fullLog`) or of merge patches applied to one.
 * @throws RingsideError state_invalid, or SyntaxError, when they are not of this schema.
 */
export function restoreStateTracker<S extends Schema>(
  compiled: CompiledState<S>,
  publicJson: string,
  hiddenJson: string | null,
): StateTracker<S> {
  const whole = JSON.parse(publicJson) as Json
  const merged =
    hiddenJson === null ? whole : applyMergePatch(whole, JSON.parse(hiddenJson) as Json)
  return new Tracker(compiled, reviveState(compiled.schema, merged))
}

class Tracker<S extends Schema> implements StateTracker<S> {
  readonly state: Infer<S>
  readonly #tree: Tree
  readonly #players: PlayersEncoder
  readonly #log: LogEncoder
  #isFrozen = false

  constructor(compiled: CompiledState<S>, initial: Infer<S>) {
    const tree = new Tree(compiled, initial)
    this.#tree = tree
    this.state = tree.root.$face as Infer<S>
    this.#players = new PlayersEncoder(compiled, tree)
    this.#log = new LogEncoder(compiled, tree)
  }

  get isSettled(): boolean {
    return this.#tree.isSettled
  }

  onChange(listener: () => void): void {
    this.#tree.onChange = listener
  }

  flushPlayers(header: PatchHeader): PlayerPatch | null {
    return this.#isFrozen ? null : this.#players.flush(header)
  }

  setGroup(audience: Audience, sessionId: string, group: string | null): void {
    this.#tree.audiences.setGroup(audience, sessionId, group)
  }

  flushLog(): LogPatch | null {
    return this.#isFrozen ? null : this.#log.flush()
  }

  fullFrame(header: PatchHeader, sessionId: string | null): Uint8Array {
    return this.#players.full(header, sessionId)
  }

  fullState(header: PatchHeader): FullState {
    return this.#players.fullState(header)
  }

  fullLog(): LogPatch {
    return this.#log.full()
  }

  freeze(): void {
    if (this.#isFrozen) return
    this.#isFrozen = true
    this.#tree.freeze()
  }

  thaw(): void {
    if (!this.#isFrozen) return
    this.#isFrozen = false
    this.#tree.thaw()
  }
}

/**
 * A plain deep copy of a state, or of an object, map or list in it, hidden fields included: for what must outlive the
 * moment, or for `structuredClone`, which takes no map and no list of a state. Anything else is cloned.
 */
export function plainState<T>(part: T): T {
  const node = nodeOf(part)
  if (node !== null) return plain(node) as T
  if (typeof part !== 'object' || part === null) return part
  const map = mapNodeOf(part)
  if (map !== null) return plainMap(map) as T
  // A list is an array of frozen plain items behind a Proxy, which cannot be cloned; its items can.
  return (
    Array.isArray(part) ? structuredClone([...(part as unknown[])]) : structuredClone(part)
  ) as T
}

export { compileState } from './codegen/compile.ts'
export type { CompiledState } from './codegen/compile.ts'
export { entries, sizeOf, values } from './tree/map-node.ts'
