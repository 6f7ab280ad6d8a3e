import { applyMergePatch, applyStatePatch, framePayload, reviveState } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
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
import { RandomChanges } from './random-changes.ts'
import { EveryKind, RandomValues, publicJson, replicaView } from './support.ts'
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
  readonly #changes: RandomChanges
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
    this.#changes = new RandomChanges(EveryKind, this.#values)
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
    for (let count = this.#values.below(12); count >= 0; count--)
      this.#changes.change(this.#tracker.state, this.#model)
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
      const frame = viewer === null ? patch.frame : patch.frameFor(viewer)
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
    expect(this.#revived).toEqual(replicaView(EveryKind, this.#model, { viewer: null }))
  }

  #check(): void {
    for (const [viewer, replica] of this.#replicas)
      expect(replica.state).toEqual(replicaView(EveryKind, this.#model, { viewer }))
  }
}
