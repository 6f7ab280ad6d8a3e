import { expect, it } from 'vitest'
import type { LogEvent, Snapshot } from '../../../src/outbox/contract/store.ts'
import { StateFold } from '../../../src/outbox/keep/state-fold.ts'
import { readRoom } from '../../../src/outbox/read/read-room.ts'
import { MemoryStore } from '../../../src/index.ts'
import { overrideStore, strange } from '../support.ts'

type Given = readonly [type: string, data: object, hidden?: object]

const ada = { name: 'Ada', phase: 'joining', token: 't', auth: 'null', isNew: true }
const base: Snapshot = {
  room: 'r',
  n: 3,
  seq: 30,
  epoch: 1,
  at: 1,
  patchN: 3,
  publicState: '{"players":{}}',
  hiddenState: null,
  runtime: '{"tick":1}',
}

it.each<[string, Snapshot | null, readonly Given[]]>([
  ['nothing hidden', null, [['patch', { ticks: 1 }]]],
  ['a snapshot with nothing hidden', base, [['patch', { ticks: 1 }]]],
  ['something hidden after it', base, [['patch', {}, { deck: [1] }]]],
  [
    'something hidden, and gone',
    base,
    [
      ['patch', {}, { deck: 1 }],
      ['patch', {}, { deck: null }],
    ],
  ],
  [
    'a seat',
    null,
    [
      ['patch', {}, { '~seats': { ada } }],
      ['joined', { sessionId: 'ada' }],
    ],
  ],
  [
    'a seat that is gone',
    { ...base, hiddenState: JSON.stringify({ '~seats': { ada } }) },
    [['left', { sessionId: 'ada' }]],
  ],
  [
    'who came to a log without seats',
    base,
    [
      ['joined', { sessionId: 'ada' }],
      ['kill', { by: 'x' }],
    ],
  ],
])(
  'OB68 a state is the same for the owner who goes on with it and for those who keep it: %s',
  async (_name, snapshot, given) => {
    const start = { n: snapshot?.n ?? 0, seq: snapshot?.seq ?? 0 }
    const events: LogEvent[] = given.map(([type, data, hidden], index) =>
      strange({
        room: 'r',
        epoch: 1,
        n: start.n + index + 1,
        seq: start.seq + index + 1,
        type,
        data: JSON.stringify(data),
        hidden: hidden ? JSON.stringify(hidden) : null,
      }),
    )
    const fold = new StateFold('r', snapshot)
    for (const event of events) fold.add(event)
    const kept = fold.resultAt(start.seq + events.length)
    const store = overrideStore(new MemoryStore(), {
      snapshots: { at: async () => snapshot },
      events: { range: async ({ after }) => events.filter(({ seq }) => seq > after) },
    })
    const { publicState, hiddenState } = await readRoom(store, 'r')
    expect({ publicState, hiddenState }).toEqual({
      publicState: kept?.publicState,
      hiddenState: kept?.hiddenState,
    })
    if (!given.some(([, , hidden]) => hidden) && !snapshot?.hiddenState)
      expect(hiddenState).toBeNull()
  },
)
