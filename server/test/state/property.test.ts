import { applyMergePatch, applyStatePatch, framePayload, reviveState } from '@ringside/protocol'
import type { Json, NamedField, ScalarItem, Schema } from '@ringside/protocol'
import { describe, expect, test } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import type { StateReplica } from '../../../client/src/state-replica.ts'
import { createRandom } from '../../src/process/random.ts'
import {
  compileState,
  createStateTracker,
  plainState,
  restoreStateTracker,
} from '../../src/state/tracker.ts'
import type { StateTracker } from '../../src/state/contract.ts'
import { EveryKind, RandomValues, at, publicJson, replicaView } from './support.ts'
import type { Values } from './support.ts'

const VIEWERS = [null, 'a', 'b', 'constructor', '7']
const compiled = compileState(EveryKind)

describe('state under random changes', () => {
  for (let seed = 1; seed <= 10; seed++)
    test(`ST6 ST7 ST8 replicas, merge patches and restored states agree (seed ${seed})`, () => {
      const run = new Run(seed)
      for (let step = 0; step < 60; step++) run.step()
    })
})

/** One random life of a state: a plain model gets the same changes and says what is right. */
class Run {
  readonly #random
  readonly #values: RandomValues
  #model: Values
  #tracker: StateTracker
  #replicas: Map<string | null, StateReplica>
  #publicDocument: Json
  #hiddenDocument: Json
  #revived: Values
  #tick = 0

  constructor(seed: number) {
    const random = createRandom(seed)
    this.#random = () => random.next()
    this.#values = new RandomValues(this.#random)
    this.#model = this.#values.object(EveryKind)
    this.#tracker = createStateTracker(compiled, structuredClone(this.#model) as never)
    this.#replicas = this.#join()
    const { data, hidden } = this.#tracker.fullLog()
    this.#publicDocument = JSON.parse(data) as Json
    this.#hiddenDocument = JSON.parse(hidden as string) as Json
    this.#revived = reviveState(EveryKind, JSON.parse(data) as Json)
    this.#check()
  }

  step(): void {
    for (let count = this.#values.below(12); count >= 0; count--) this.#change()
    expect(plainState(this.#tracker.state)).toEqual(this.#model)
    this.#flush()
    if (this.#values.below(3) === 0) this.#flushLog()
    if (this.#values.below(25) === 0) {
      this.#flushLog()
      const { data, hidden } = this.#tracker.fullLog()
      this.#tracker = restoreStateTracker(compiled, data, hidden)
      expect(plainState(this.#tracker.state)).toEqual(this.#model)
      this.#replicas = this.#join()
    } else if (this.#values.below(10) === 0) this.#replicas = this.#join()
    this.#check()
  }

  #header() {
    return { epoch: 3, tick: ++this.#tick, at: 1_000_000 + this.#tick }
  }

  #join(): Map<string | null, StateReplica> {
    return new Map(
      VIEWERS.map((viewer) => {
        const replica = createReplica(EveryKind)
        replica.applyState(framePayload(this.#tracker.fullFrame(this.#header(), viewer)))
        return [viewer, replica]
      }),
    )
  }

  #flush(): void {
    const patch = this.#tracker.flushPlayers(this.#header())
    if (patch === null) return
    for (const [viewer, replica] of this.#replicas) {
      const frame = (viewer === null ? undefined : patch.ownerFrames.get(viewer)) ?? patch.frame
      replica.applyPatch(framePayload(frame))
    }
  }

  #flushLog(): void {
    const patch = this.#tracker.flushLog()
    if (patch === null) return
    this.#publicDocument = applyMergePatch(this.#publicDocument, JSON.parse(patch.data) as Json)
    applyStatePatch(EveryKind, this.#revived as never, JSON.parse(patch.data) as Json)
    if (patch.hidden !== null)
      this.#hiddenDocument = applyMergePatch(this.#hiddenDocument, JSON.parse(patch.hidden) as Json)
    expect(this.#publicDocument).toEqual(publicJson(EveryKind, this.#model))
    const { data, hidden } = this.#tracker.fullLog()
    expect(JSON.parse(data)).toEqual(this.#publicDocument)
    expect(JSON.parse(hidden as string)).toEqual(this.#hiddenDocument)
    expect(this.#revived).toEqual(replicaView(EveryKind, this.#model, null))
  }

  #check(): void {
    for (const [viewer, replica] of this.#replicas)
      expect(replica.state).toEqual(replicaView(EveryKind, this.#model, viewer))
  }

  /** One random change, to the tracked state and the model alike. */
  #change(): void {
    const places: Place[] = []
    collect(EveryKind, this.#tracker.state, { model: this.#model, places })
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
