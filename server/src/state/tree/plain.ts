import { mapOf } from './map-node.ts'
import type { MapNode } from './map-node.ts'
import { childOf, rawValue } from './tracked.ts'
import type { Tracked } from './tracked.ts'

/** A plain deep copy of a tracked object, hidden fields included. */
export function plain(object: Tracked): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const values = object.$face as Record<string, unknown>
  for (const field of object.$c.layout.fields) {
    if (field.kind === 'map') copy[field.name] = plainMap(mapOf(object, field))
    else if (field.kind === 'object') copy[field.name] = plain(childOf(object, field))
    else if (field.kind === 'list')
      copy[field.name] = [
        ...(rawValue(object, field.index) as { readonly items: readonly unknown[] }).items,
      ]
    else copy[field.name] = values[field.name]
  }
  return copy
}

/** The same of a map; it has no prototype, for its keys are anybody's. */
export function plainMap(node: MapNode): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of node.nodes) copy[key] = plain(entry)
  return copy
}
