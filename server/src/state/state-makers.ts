import type { Schema } from '@ringside/protocol'
import { compileState } from './codegen/compile.ts'
import type { StateTracker } from './contract.ts'
import { createStateTracker, restoreStateTracker } from './tracker.ts'

/** Makes the trackers of one type of room. */
export interface StateMaker {
  /** The tracker of a first state. @throws RingsideError state_invalid when it is not of this type. */
  track(initial: unknown): StateTracker
  /** @throws RingsideError state_invalid, or SyntaxError, when the documents are not of this type. */
  restore(publicState: string, hiddenState: string | null): StateTracker
}

/** The makers of a server's states. A schema's classes are compiled once, however many rooms use it. */
export class StateMakers {
  readonly #makers = new WeakMap<Schema, StateMaker>()

  /** @throws TypeError when the schema cannot be a state. */
  of(schema: Schema): StateMaker {
    let maker = this.#makers.get(schema)
    if (!maker) {
      maker = makerOf(schema)
      this.#makers.set(schema, maker)
    }
    return maker
  }
}

function makerOf(schema: Schema): StateMaker {
  const compiled = compileState(schema)
  return {
    track: (initial) => createStateTracker(compiled, initial as never),
    restore: (publicState, hiddenState) => restoreStateTracker(compiled, publicState, hiddenState),
  }
}
