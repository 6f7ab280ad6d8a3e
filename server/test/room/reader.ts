import type { Infer } from '@ringside/protocol'
import { expect } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import type { StateReplica } from '../../../client/src/state-replica.ts'
import { plainState } from '../../src/index.ts'
import { replicaView } from '../state/support.ts'
import { testGame } from '../support/test-game.ts'
import type { TestPlayer } from '../support/test-server.ts'

const { state: State } = testGame.rooms.arena
export type ArenaState = Infer<typeof State>

/** What a client that reads every frame believes the state to be. */
export class Reader {
  readonly player: TestPlayer
  readonly replica: StateReplica<typeof State> = createReplica(State)
  fullStates = 0
  #read = 0

  constructor(player: TestPlayer) {
    this.player = player
  }

  read(): void {
    for (; this.#read < this.player.frames.length; this.#read++) {
      const { name, payload } = this.player.frames[this.#read] ?? {}
      if (!payload) continue
      if (name === 'state') {
        this.fullStates++
        this.replica.applyState(payload)
      } else if (name === 'patch') this.replica.applyPatch(payload)
    }
  }

  /** The state of the server as this player may see it. */
  expectEqual(state: ArenaState, message?: string): void {
    this.read()
    const viewer = this.player.seat.sessionId
    const expected = replicaView(State, plainState(state) as never, { viewer })
    expect(this.replica.state, message).toEqual(expected)
  }
}
