import { describe, expect, it } from 'vitest'
import type { EventStore, LogEvent, LogStore } from '../../../outbox/contract/store.ts'
import { everything, strange } from './log-event.ts'
import { describeStoredMessages } from './messages.ts'

function roomEvent(seq: number, n: number, part: Partial<LogEvent> = {}): LogEvent {
  return strange({ seq, n, room: 'r', epoch: 1, ...part })
}

/** Every store owes this to the rules above it: what is inserted, and where. `make` returns an open store of a log of its own. */
export function describeEventStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'events' | 'marks'>>,
): void {
  describeStoredMessages(name, make)

  describe(`${name}: events`, () => {
    const sparse = async (): Promise<{
      store: Pick<LogStore, 'events' | 'marks'>
      first: number
    }> => {
      const store = await make()
      return { store, first: await store.events.allocate(10) }
    }

    it('OB2 inserts in order and gives back what it was given', async () => {
      const { store, first } = await sparse()
      const events = [
        roomEvent(first, 1, { hidden: '{"a":"é"}' }),
        roomEvent(first + 1, 2, { type: 'kill', prev: 1 }),
        strange({ seq: first + 2, type: 'tombstone', data: '' }),
      ]
      expect(await store.events.insert(events)).toEqual({ kind: 'stored' })
      expect(await everything(store)).toEqual(events)
      expect(await store.events.bySeq(first + 1)).toEqual(events[1])
      expect(await store.events.byRoomN('r', 1)).toEqual(events[0])
      expect(await store.events.bySeq(first + 3)).toBeNull()
      expect(await store.events.byRoomN('r', 3)).toBeNull()
      expect(await store.events.byRoomN('other', 1)).toBeNull()
    })

    it('OB126 gives back who sees a room with every event that says it', async () => {
      const { store, first } = await sparse()
      const who = { delayMs: 60_000, isPrivate: true }
      const events = [
        roomEvent(first, 1, { who: { delayMs: 0, isPrivate: false } }),
        roomEvent(first + 1, 2, { type: '_who', data: '{}', who }),
        roomEvent(first + 2, 3, { who }),
        roomEvent(first + 3, 4),
      ]
      expect(await store.events.insert(events)).toEqual({ kind: 'stored' })
      expect(await everything(store)).toEqual(events)
      expect(await store.events.byRoomN('r', 3)).toEqual(events[2])
      expect(await store.events.lastOfRoom('r')).toEqual(events[3])
      const query = { after: first, upTo: first + 2, limit: 10, room: 'r', isBare: true }
      expect((await store.events.range(query)).map((event) => event.who)).toEqual([who, who])
    })

    it('OB2 stops at a taken seq, names the blocking event, keeps what came before it', async () => {
      const { store, first } = await sparse()
      const taken = strange({ seq: first + 1, type: 'tombstone', data: '' })
      await store.events.insert([taken])
      const events = [roomEvent(first, 1), roomEvent(first + 1, 2), roomEvent(first + 2, 3)]
      expect(await store.events.insert(events)).toEqual({
        kind: 'blocked',
        index: 1,
        blocking: taken,
      })
      expect(await everything(store)).toEqual([events[0], taken])
    })

    it('OB2 stops at a taken {room, n}; n = 0 is not a place', async () => {
      const { store, first } = await sparse()
      const taken = roomEvent(first, 1)
      await store.events.insert([taken])
      const late = roomEvent(first + 1, 1, { own: 'other' })
      expect(await store.events.insert([late])).toEqual({
        kind: 'blocked',
        index: 0,
        blocking: taken,
      })
      const topics = [strange({ seq: first + 2 }), strange({ seq: first + 3 })]
      expect(await store.events.insert(topics)).toEqual({ kind: 'stored' })
      expect(await store.events.insert([roomEvent(first + 4, 1, { room: 's' })])).toEqual({
        kind: 'stored',
      })
    })

    it('OB2 finds its own event when it is sent twice', async () => {
      const { store, first } = await sparse()
      const event = roomEvent(first, 1)
      await store.events.insert([event])
      expect(await store.events.insert([event])).toEqual({
        kind: 'blocked',
        index: 0,
        blocking: event,
      })
      expect(await everything(store)).toEqual([event])
    })

    it('OB3 insertNext allocates and inserts in one step, or does nothing', async () => {
      const store = await make()
      const before = await store.marks.counter()
      const make2 = (first: number): LogEvent[] => [roomEvent(first, 1), roomEvent(first + 1, 2)]
      expect(await store.events.insertNext(2, make2)).toEqual({ kind: 'stored' })
      expect((await everything(store)).map((event) => event.seq)).toEqual([before + 1, before + 2])
      expect(await store.marks.counter()).toBe(before + 2)
      const outcome = await store.events.insertNext(2, (first) => [
        roomEvent(first, 3),
        roomEvent(first + 1, 2, { own: 'other' }),
      ])
      expect(outcome).toMatchObject({ kind: 'blocked', index: 1, blocking: { n: 2 } })
      const rivals = await store.events.insertNext(2, (first) => [
        roomEvent(first, 3),
        roomEvent(first + 1, 3, { own: 'other' }),
      ])
      expect(rivals).toEqual({ kind: 'blocked', index: 1, blocking: null })
      expect(await everything(store)).toHaveLength(2)
    })

    it('OB5 reads ranges: exclusive start, inclusive end, limit, one room', async () => {
      const { store, first } = await sparse()
      const events = [1, 2, 3, 4, 5, 6].map((n) =>
        roomEvent(first + n - 1, Math.ceil(n / 2), { room: n % 2 ? 'odd' : 'even' }),
      )
      await store.events.insert(events)
      const seqs = async (query: Parameters<EventStore['range']>[0]): Promise<number[]> =>
        (await store.events.range(query)).map((event) => event.seq - first)
      expect(await seqs({ after: first, upTo: first + 3, limit: 100 })).toEqual([1, 2, 3])
      expect(await seqs({ after: 0, upTo: first + 9, limit: 2 })).toEqual([0, 1])
      expect(await seqs({ after: 0, upTo: first + 9, limit: 100, room: 'odd' })).toEqual([0, 2, 4])
      expect(await seqs({ after: first, upTo: first + 3, limit: 1, room: 'even' })).toEqual([1])
      expect(await seqs({ after: first + 9, upTo: first, limit: 10 })).toEqual([])
      expect(await seqs({ after: 0, upTo: first + 9, limit: 10, room: 'none' })).toEqual([])
    })

    it('OB5 reads the events of several rooms in the order of the log', async () => {
      const { store, first } = await sparse()
      const events = ['a', 'b', 'c', 'a', 'b', 'c'].map((room, index) =>
        roomEvent(first + index, 1 + Math.floor(index / 3), { room }),
      )
      await store.events.insert(events)
      const query = { after: first, upTo: first + 9, rooms: ['c', 'a', 'none'], limit: 10 }
      expect(await store.events.range(query)).toEqual([events[2], events[3], events[5]])
      expect(await store.events.range({ ...query, limit: 2 })).toEqual([events[2], events[3]])
    })

    it('OB5 a page ends with the event that reaches its bytes, and holds one at least', async () => {
      const { store, first } = await sparse()
      const data = JSON.stringify('é'.repeat(500))
      const events = [1, 2, 3, 4].map((n) => roomEvent(first + n - 1, n, { data, hidden: '{}' }))
      await store.events.insert(events)
      const query = { after: 0, upTo: first + 9, limit: 10 }
      expect(await store.events.range({ ...query, maxBytes: 1 })).toEqual(events.slice(0, 1))
      expect(await store.events.range({ ...query, maxBytes: 2_008 })).toEqual(events.slice(0, 2))
      expect(await store.events.range({ ...query, maxBytes: 2_009 })).toEqual(events.slice(0, 3))
      expect(await store.events.range({ ...query, maxBytes: 1e9, room: 'r' })).toEqual(events)
    })

    it('OB5 a bare page leaves out what the events say', async () => {
      const { store, first } = await sparse()
      const event = roomEvent(first, 1, { data: '{"a":1}', hidden: '{"b":2}' })
      await store.events.insert([event])
      expect(await store.events.range({ after: 0, upTo: first, limit: 10, isBare: true })).toEqual([
        { ...event, data: '', hidden: null },
      ])
      expect(await everything(store)).toEqual([event])
    })

    it('OB4 knows the event of a room with the greatest n', async () => {
      const { store, first } = await sparse()
      expect(await store.events.lastOfRoom('r')).toBeNull()
      await store.events.insert([roomEvent(first, 1), roomEvent(first + 1, 2)])
      expect(await store.events.lastOfRoom('r')).toMatchObject({ n: 2 })
      expect(await store.events.lastOfRoom('other')).toBeNull()
    })

    it('OB6 OB57 deletes through a seq but keeps the markers of a room where n finds them', async () => {
      const { store, first } = await sparse()
      await store.events.insert([
        roomEvent(first, 1),
        roomEvent(first + 1, 2, { type: 'owner' }),
        roomEvent(first + 2, 3, { type: 'owner', epoch: 3 }),
        roomEvent(first + 3, 4),
        roomEvent(first + 4, 1, { room: 's' }),
      ])
      await store.marks.raiseFloor(first + 3)
      await store.events.deleteThrough(first + 3)
      expect(
        (await store.events.range({ after: first + 3, upTo: first + 9, limit: 9 })).length,
      ).toBe(1)
      expect(await store.events.lastOfRoom('r')).toMatchObject({ n: 3, type: 'owner', epoch: 3 })
      expect(await store.events.byRoomN('r', 3)).toMatchObject({ epoch: 3 })
      expect(await store.events.byRoomN('r', 4)).toBeNull()
      expect(await store.events.byRoomN('r', 2)).toMatchObject({ type: 'owner' })
      expect(await store.events.byRoomN('r', 1)).toBeNull()
      expect(await store.events.lastOfRoom('s')).toMatchObject({ n: 1 })
      const late = roomEvent(first + 6, 3, { own: 'old owner' })
      expect(await store.events.insert([late])).toMatchObject({
        kind: 'blocked',
        blocking: { epoch: 3 },
      })
      const later = roomEvent(first + 7, 2, { own: 'first owner' })
      expect(await store.events.insert([later])).toMatchObject({
        kind: 'blocked',
        blocking: { n: 2 },
      })
    })
  })
}
