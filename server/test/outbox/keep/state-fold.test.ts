import { describe, expect, it } from 'vitest'
import { StateFold } from '../../../src/outbox/keep/state-fold.ts'
import type { Snapshot } from '../../../src/outbox/contract/store.ts'
import { strange } from '../support.ts'

const ada = { name: 'Ada', phase: 'seated', token: 't1', auth: 'null' }
const base: Snapshot = {
  room: 'r',
  n: 1,
  seq: 1,
  epoch: 1,
  at: 1,
  patchN: 1,
  publicState: '{"players":{"ada":{}}}',
  hiddenState: JSON.stringify({ '~seats': { ada } }),
  runtime: '{"tick":1}',
}

/** The hidden document after these events, each `[type, data, hidden?]`. */
function hiddenAfter(events: readonly [string, object, object?][], from: Snapshot | null): unknown {
  const fold = new StateFold('r', from)
  const start = from?.n ?? 0
  for (const [index, [type, data, hidden]] of events.entries()) {
    const place = { seq: start + index + 1, n: start + index + 1, room: 'r', epoch: 1 }
    const text = { data: JSON.stringify(data), hidden: hidden ? JSON.stringify(hidden) : null }
    fold.add(strange({ ...place, type, ...text }))
  }
  const { hiddenState } = fold.resultAt(start + events.length) ?? { hiddenState: '"broken"' }
  return hiddenState === null ? null : JSON.parse(hiddenState)
}

const seats = (id: string, entry: object): object => ({ '~seats': { [id]: entry } })

describe('seats in the state at the floor', () => {
  it('OB94 a seat that was given up after the snapshot is in none made after it', () => {
    const gone = seats('ada', { phase: 'gone', token: 't1' })
    expect(hiddenAfter([['patch', { players: { ada: null } }, gone]], base)).toEqual(
      seats('ada', { ...ada, phase: 'gone' }),
    )
    const left: [string, object] = ['left', { sessionId: 'ada', name: 'Ada' }]
    expect(hiddenAfter([['patch', {}, gone], left], base)).toEqual({ '~seats': {} })
  })

  it('OB94 a new seat is marked until its joined follows', () => {
    const bob = { ...ada, name: 'Bob', isNew: true }
    const patch: [string, object, object] = ['patch', {}, seats('bob', bob)]
    expect(hiddenAfter([patch], null)).toEqual(seats('bob', bob))
    const { isNew: _isNew, ...told } = bob
    expect(hiddenAfter([patch, ['joined', { sessionId: 'bob', name: 'Bob' }]], null)).toEqual(
      seats('bob', told),
    )
  })

  it('OB94 joined and left of a log without seats change nothing', () => {
    const joined: [string, object, object] = [
      'joined',
      { sessionId: 'ada' },
      { reconnectToken: 't' },
    ]
    expect(hiddenAfter([['patch', {}], joined], null)).toBeNull()
    expect(hiddenAfter([['left', { sessionId: 'unknown' }]], base)).toEqual(seats('ada', ada))
    expect(hiddenAfter([['left', {}]], base)).toEqual(seats('ada', ada))
  })
})
