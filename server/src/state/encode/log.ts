import { hasBit } from '../codegen/compile.ts'
import type { CompiledState } from '../codegen/compile.ts'
import type { JsonWriter } from './json-writer.ts'
import { mapOf } from '../tree/map-node.ts'
import type { Ghost } from '../tree/map-node.ts'
import type { LogPatch } from '../contract.ts'
import { childOf } from '../tree/tracked.ts'
import type { CompiledClass, Container, Tracked } from '../tree/tracked.ts'
import type { Tree } from '../tree/tree.ts'

/** The part of an object that a document shows. */
type View =
  /** Public fields. */
  | 0
  /** Hidden fields of a public object, and the way to them. */
  | 1
  /** All fields, below a hidden place. */
  | 2

const PUBLIC_VIEW = 0
const HIDDEN_VIEW = 1
const WHOLE_VIEW = 2

/** Writes RFC 7396 merge patches and whole documents, public and hidden part apart. */
export class LogEncoder {
  readonly #json: JsonWriter
  readonly #tree: Tree
  /** False when nothing in the schema is hidden. */
  readonly #hasHidden: boolean

  constructor(compiled: CompiledState, tree: Tree) {
    this.#json = compiled.json
    this.#tree = tree
    this.#hasHidden = compiled.layout.classes[0]?.hasHidden === true
  }

  /** The changes since the last call, or null. */
  flush(): LogPatch | null {
    if (this.#tree.logCount === 0) return null
    const data = this.#patch(PUBLIC_VIEW)
    const hidden = this.#hasHidden ? this.#patch(HIDDEN_VIEW) : null
    this.#tree.clearLog()
    if (data === null && hidden === null) return null
    return { data: data ?? '{}', hidden }
  }

  full(): LogPatch {
    const data = this.#document(PUBLIC_VIEW)
    return { data, hidden: this.#hasHidden ? this.#document(HIDDEN_VIEW) : null }
  }

  #patch(view: View): string | null {
    this.#json.begin()
    return this.#writeChanged(this.#tree.root, view) ? this.#json.finish() : null
  }

  #document(view: View): string {
    this.#json.begin()
    this.#writeWhole(this.#tree.root, view, null)
    return this.#json.finish()
  }

  /** Writes an object's changes; false, and nothing, when this view has none. */
  #writeChanged(object: Tracked, view: View): boolean {
    const json = this.#json
    const compiled = object.$c
    const start = json.p
    json.open()
    compiled.jsonChanged(json, object, maskOf(compiled, view))
    if (compiled.containers.length > 0) this.#writeChangedContainers(object, view)
    if (json.p === start + 1) {
      json.p = start
      return false
    }
    json.close()
    return true
  }

  #writeChangedContainers(object: Tracked, view: View): void {
    const json = this.#json
    const compiled = object.$c
    const changed: number[] = []
    compiled.logMask(object, changed)
    for (const container of compiled.containers) {
      if (!hasBit(changed, container.field.index)) continue
      const inner = viewInside(container, view)
      if (inner === null) continue
      const at = json.p
      json.key(container.key)
      const isWritten =
        container.field.kind === 'object'
          ? this.#writeChanged(childOf(object, container.field), inner)
          : this.#writeChangedEntries(object, container, inner)
      if (!isWritten) json.p = at
    }
  }

  #writeChangedEntries(object: Tracked, { field }: Container, view: View): boolean {
    const json = this.#json
    const node = mapOf(object, field)
    const start = json.p
    json.open()
    const { changed, changedCount } = node
    for (let i = 0; i < changedCount; i++) {
      const entry = changed[i]
      if (entry === null || entry === undefined) continue
      const compiled = entry.$c
      if (entry.$log && compiled.containers.length === 0) {
        compiled.jsonEntry(json, entry, maskOf(compiled, view))
        continue
      }
      const at = json.p
      json.key(entry.$kj)
      if (!entry.$log) this.#writeWhole(entry, view, node.stale?.get(entry.$k) ?? null)
      else if (!this.#writeChanged(entry, view)) json.p = at
    }
    if (node.stale !== null)
      for (const key of node.stale.keys()) if (!node.nodes.has(key)) this.#writeNull(key)
    if (json.p === start + 1) {
      json.p = start
      return false
    }
    json.close()
    return true
  }

  /** Writes all of an object. `ghost`: what the log has under its key, whose stale keys are nulled. */
  #writeWhole(object: Tracked, view: View, ghost: Ghost | null): void {
    const json = this.#json
    const compiled = object.$c
    json.open()
    compiled.json(json, object, maskOf(compiled, view))
    for (const container of compiled.containers) {
      const inner = viewInside(container, view)
      if (inner === null) continue
      const { field } = container
      json.key(container.key)
      if (field.kind === 'object') {
        this.#writeWhole(childOf(object, field), inner, ghost?.objects.get(field.index) ?? null)
        continue
      }
      const { nodes: entries } = mapOf(object, field)
      const known = ghost?.maps.get(field.index)
      json.open()
      for (const entry of entries.values()) {
        json.key(entry.$kj)
        this.#writeWhole(entry, inner, known?.get(entry.$k) ?? null)
      }
      if (known) for (const key of known.keys()) if (!entries.has(key)) this.#writeNull(key)
      json.close()
    }
    json.close()
  }

  #writeNull(key: string): void {
    this.#json.string(key)
    this.#json.raw(':null,')
  }
}

function maskOf(compiled: CompiledClass, view: View): readonly number[] {
  if (view === PUBLIC_VIEW) return compiled.publicMask
  return view === HIDDEN_VIEW ? compiled.hiddenMask : compiled.allMask
}

/** The view inside a map or nested object, or null when nothing of it is shown. */
function viewInside(container: Container, view: View): View | null {
  if (view === WHOLE_VIEW) return WHOLE_VIEW
  if (view === PUBLIC_VIEW) return container.isPublic ? PUBLIC_VIEW : null
  if (!container.isPublic) return WHOLE_VIEW
  return container.hasHidden ? HIDDEN_VIEW : null
}
