import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { game } from '../../../protocol/test/vector-game.ts'
import { compileState, createStateTracker } from '../../src/state/tracker.ts'

interface StateVector {
  message: string
  for: string
  decoded: { epoch: number; tick: number; at: number }
  mergePatch?: unknown
  hex: string
}

const file = new URL('../../../protocol/vectors.json', import.meta.url)
const { states } = JSON.parse(readFileSync(file, 'utf8')) as { states: StateVector[] }

/** The vector of this message and tick, for a session or for everybody. */
function vector(message: string, tick: number, viewer = 'everybody'): StateVector {
  const found = states.find(
    (one) => one.message === message && one.decoded.tick === tick && one.for === viewer,
  )
  if (!found) throw new Error(`Expected a vector of ${message} at ${tick} for ${viewer}`)
  return found
}

const toHex = (bytes: Uint8Array | undefined): string =>
  bytes ? Buffer.from(bytes).toString('hex') : ''

describe('state vectors', () => {
  it('PR7: a tracked state gives the golden bytes of STATE, PATCH and merge patch', () => {
    const tracker = createStateTracker(compileState(game.rooms.arena.state), {
      players: {
        a1: { name: 'Ada', x: 1.5, y: -2, score: 0, mines: [] },
        b7: { name: 'Bob', x: 0, y: 0, score: 0, mines: [{ x: 9.5 }] },
      },
      endsAt: 1_700_000_180_000,
    })
    const { players } = tracker.state

    const full = vector('state', 3)
    expect(toHex(tracker.fullFrame(full.decoded, null))).toBe(full.hex)
    expect(JSON.parse(tracker.fullLog().data)).toEqual(full.mergePatch)
    const own = vector('state', 3, 'b7')
    expect(toHex(tracker.fullFrame(own.decoded, 'b7'))).toBe(own.hex)

    const { a1, b7 } = players
    if (!a1 || !b7) throw new Error('Expected two players')
    a1.x = 2
    b7.x = 0.5
    b7.mines = []
    const moved = vector('patch', 4)
    const frames = tracker.flushPlayers(moved.decoded)
    expect(toHex(frames?.frame)).toBe(moved.hex)
    expect(toHex(frames?.frameFor('b7'))).toBe(vector('patch', 4, 'b7').hex)
    expect(JSON.parse(tracker.flushLog()?.data ?? '')).toEqual(moved.mergePatch)

    delete players['b7']
    players['c2'] = { name: 'Cy', x: 0, y: 0, score: 0, mines: [] }
    a1.score++
    const gone = vector('patch', 5)
    expect(toHex(tracker.flushPlayers(gone.decoded)?.frame)).toBe(gone.hex)
    expect(JSON.parse(tracker.flushLog()?.data ?? '')).toEqual(gone.mergePatch)
  })
})
