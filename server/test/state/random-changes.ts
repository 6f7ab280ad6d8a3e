import { expect } from 'vitest'
import type { NamedField, ScalarItem, Schema } from '@ringside/protocol'
import { at } from './support.ts'
import type { RandomValues, Values } from './support.ts'

/** Makes random changes to a tracked state and to a plain model of it alike. */
export class RandomChanges {
  readonly #values: RandomValues
  readonly #schema: Schema

  constructor(schema: Schema, values: RandomValues) {
    this.#schema = schema
    this.#values = values
  }

  /** One change, to both. */
  change(state: unknown, whole: Values): void {
    const places: Place[] = []
    collect(this.#schema, state as Values, { model: whole, places })
    const { schema, tracked, model } = at(places, this.#values.below(places.length))
    const field = at(schema.ordered, this.#values.below(schema.ordered.length))
    if (field.kind === 'map')
      this.#changeMap(field, tracked[field.name] as Values, model[field.name] as Values)
    else if (field.kind === 'list' && this.#values.below(3) > 0)
      this.#changeList(field, tracked[field.name] as unknown[], model[field.name] as unknown[])
    if (field.kind !== 'map' || this.#values.below(12) === 0) {
      const value = this.#values.field(field, 1)
      tracked[field.name] = structuredClone(value)
      model[field.name] = value
    }
  }

  #changeMap(field: NamedField, tracked: Values, model: Values): void {
    const key = this.#values.key()
    const kind = this.#values.below(5)
    if (kind === 0) {
      delete tracked[key]
      delete model[key]
    } else if (kind === 1 && Object.hasOwn(model, key)) {
      const gone = tracked[key] as Values
      const copy = model[key] as Values
      delete tracked[key]
      delete model[key]
      // A removed object may still be written to, and may come back elsewhere.
      const scalar = at((field.item as Schema).ordered, 0)
      gone[scalar.name] = copy[scalar.name] = this.#values.field(scalar)
      const back = this.#values.key()
      if (this.#values.below(2) === 0) {
        tracked[back] = gone
        model[back] = copy
        expect(tracked[back]).toBe(gone)
      }
    } else {
      const value = this.#values.object(field.item as Schema, 1)
      tracked[key] = structuredClone(value)
      model[key] = value
    }
  }

  #changeList(field: NamedField, tracked: unknown[], model: unknown[]): void {
    const kind = this.#values.below(6)
    const item = this.#values.item(field.item as Schema | ScalarItem)
    if (kind === 0 && model.length < field.max) {
      tracked.push(structuredClone(item))
      model.push(item)
    } else if (kind === 1) expect(tracked.pop()).toEqual(model.pop())
    else if (kind === 2 && model.length > 0) {
      tracked[0] = structuredClone(item)
      model[0] = item
    } else if (kind === 3) expect(tracked.splice(1, 1)).toEqual(model.splice(1, 1))
    else if (kind === 4) {
      tracked.reverse()
      model.reverse()
    } else if (kind === 5) {
      tracked.length = 0
      model.length = 0
    }
  }
}

interface Place {
  readonly schema: Schema
  readonly tracked: Values
  readonly model: Values
}

function collect(
  schema: Schema,
  tracked: Values,
  to: { readonly model: Values; readonly places: Place[] },
): void {
  const { model, places } = to
  places.push({ schema, tracked, model })
  for (const field of schema.ordered) {
    const inner = { tracked: tracked[field.name] as Values, model: model[field.name] as Values }
    if (field.kind === 'object') collect(field.item as Schema, inner.tracked, { ...inner, places })
    if (field.kind === 'map')
      for (const key of Object.keys(inner.model))
        collect(field.item as Schema, inner.tracked[key] as Values, {
          model: inner.model[key] as Values,
          places,
        })
  }
}
