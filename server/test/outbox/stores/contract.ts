import { describe, expect, it } from 'vitest'
import type {
  LogEvent,
  LogStore,
  RoomRecord,
  Snapshot,
} from '../../../src/outbox/contract/store.ts'
import { everything, strange } from '../support.ts'

function snapshot(part: Partial<Snapshot>): Snapshot {
  return {
    room: 'r',
    n: 1,
    seq: 1,
    epoch: 1,
    at: 0,
    patchN: 1,
    publicState: '{}',
    hiddenState: null,
    runtime: '{}',
    ...part,
  }
}

/** What every store owes to the rules above it. `make` returns an open store of a log of its own. */
export function describeLogStore(name: string, make: () => Promise<LogStore>): void {
  const roomEvent = (seq: number, n: number, part: Partial<LogEvent> = {}): LogEvent =>
    strange({ seq, n, room: 'r', epoch: 1, ...part })
  const sparse = async (): Promise<{ store: LogStore; first: number }> => {
    const store = await make()
    return { store, first: await store.allocate(10) }
  }

  describe(`${name} as a LogStore`, () => {
    it('OB3 allocates ranges that follow each other, from origin + 1', async () => {
      const store = await make()
      const origin = await store.origin()
      expect(await store.counter()).toBe(origin)
      expect(await store.floor()).toBe(origin)
      expect(await store.sealed()).toBe(origin)
      expect(await store.allocate(3)).toBe(origin + 1)
      expect(await store.allocate(1)).toBe(origin + 4)
      await store.insert([roomEvent(origin + 4, 1)])
      expect(await store.counter()).toBe(origin + 4)
    })

    it('OB3 begins at its creation time, above every id of an older log', async () => {
      const store = await make()
      const origin = await store.origin()
      expect(Math.abs(origin / 1000 - store.now())).toBeLessThan(600_000)
    })

    it('OB2 inserts in order and gives back what it was given', async () => {
      const { store, first } = await sparse()
      const events = [
        roomEvent(first, 1, { hidden: '{"a":"é"}' }),
        roomEvent(first + 1, 2, { type: 'kill', prev: 1 }),
        strange({ seq: first + 2, type: 'tombstone', data: '' }),
      ]
      expect(await store.insert(events)).toEqual({ kind: 'stored' })
      expect(await everything(store)).toEqual(events)
      expect(await store.bySeq(first + 1)).toEqual(events[1])
      expect(await store.byRoomN('r', 1)).toEqual(events[0])
      expect(await store.bySeq(first + 3)).toBeNull()
      expect(await store.byRoomN('r', 3)).toBeNull()
      expect(await store.byRoomN('other', 1)).toBeNull()
    })

    it('OB2 stops at a taken seq, names the blocking event, keeps what came before it', async () => {
      const { store, first } = await sparse()
      const taken = strange({ seq: first + 1, type: 'tombstone', data: '' })
      await store.insert([taken])
      const events = [roomEvent(first, 1), roomEvent(first + 1, 2), roomEvent(first + 2, 3)]
      expect(await store.insert(events)).toEqual({ kind: 'blocked', index: 1, blocking: taken })
      expect(await everything(store)).toEqual([events[0], taken])
    })

    it('OB2 stops at a taken {room, n}; n = 0 is not a place', async () => {
      const { store, first } = await sparse()
      const taken = roomEvent(first, 1)
      await store.insert([taken])
      const late = roomEvent(first + 1, 1, { own: 'other' })
      expect(await store.insert([late])).toEqual({ kind: 'blocked', index: 0, blocking: taken })
      const topics = [strange({ seq: first + 2 }), strange({ seq: first + 3 })]
      expect(await store.insert(topics)).toEqual({ kind: 'stored' })
      expect(await store.insert([roomEvent(first + 4, 1, { room: 's' })])).toEqual({
        kind: 'stored',
      })
    })

    it('OB2 finds its own event when it is sent twice', async () => {
      const { store, first } = await sparse()
      const event = roomEvent(first, 1)
      await store.insert([event])
      expect(await store.insert([event])).toEqual({ kind: 'blocked', index: 0, blocking: event })
      expect(await everything(store)).toEqual([event])
    })

    it('OB3 insertNext allocates and inserts in one step, or does nothing', async () => {
      const store = await make()
      const before = await store.counter()
      const make2 = (first: number): LogEvent[] => [roomEvent(first, 1), roomEvent(first + 1, 2)]
      expect(await store.insertNext(2, make2)).toEqual({ kind: 'stored' })
      expect((await everything(store)).map((event) => event.seq)).toEqual([before + 1, before + 2])
      expect(await store.counter()).toBe(before + 2)
      const outcome = await store.insertNext(2, (first) => [
        roomEvent(first, 3),
        roomEvent(first + 1, 2, { own: 'other' }),
      ])
      expect(outcome).toMatchObject({ kind: 'blocked', index: 1, blocking: { n: 2 } })
      const rivals = await store.insertNext(2, (first) => [
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
      await store.insert(events)
      const seqs = async (query: Parameters<LogStore['range']>[0]): Promise<number[]> =>
        (await store.range(query)).map((event) => event.seq - first)
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
      await store.insert(events)
      const query = { after: first, upTo: first + 9, rooms: ['c', 'a', 'none'], limit: 10 }
      expect(await store.range(query)).toEqual([events[2], events[3], events[5]])
      expect(await store.range({ ...query, limit: 2 })).toEqual([events[2], events[3]])
    })

    it('OB5 a page ends with the event that reaches its bytes, and holds one at least', async () => {
      const { store, first } = await sparse()
      const data = JSON.stringify('é'.repeat(500))
      const events = [1, 2, 3, 4].map((n) => roomEvent(first + n - 1, n, { data, hidden: '{}' }))
      await store.insert(events)
      const query = { after: 0, upTo: first + 9, limit: 10 }
      expect(await store.range({ ...query, maxBytes: 1 })).toEqual(events.slice(0, 1))
      expect(await store.range({ ...query, maxBytes: 2_008 })).toEqual(events.slice(0, 2))
      expect(await store.range({ ...query, maxBytes: 2_009 })).toEqual(events.slice(0, 3))
      expect(await store.range({ ...query, maxBytes: 1e9, room: 'r' })).toEqual(events)
    })

    it('OB5 a bare page leaves out what the events say', async () => {
      const { store, first } = await sparse()
      const event = roomEvent(first, 1, { data: '{"a":1}', hidden: '{"b":2}' })
      await store.insert([event])
      expect(await store.range({ after: 0, upTo: first, limit: 10, isBare: true })).toEqual([
        { ...event, data: '', hidden: null },
      ])
      expect(await everything(store)).toEqual([event])
    })

    it('OB4 knows the event of a room with the greatest n', async () => {
      const { store, first } = await sparse()
      expect(await store.lastOfRoom('r')).toBeNull()
      await store.insert([roomEvent(first, 1), roomEvent(first + 1, 2)])
      expect(await store.lastOfRoom('r')).toMatchObject({ n: 2 })
      expect(await store.lastOfRoom('other')).toBeNull()
    })

    it('OB6 deletes through a seq but keeps the markers of a room where n finds them', async () => {
      const { store, first } = await sparse()
      await store.insert([
        roomEvent(first, 1),
        roomEvent(first + 1, 2, { type: 'owner' }),
        roomEvent(first + 2, 3, { type: 'owner', epoch: 3 }),
        roomEvent(first + 3, 4),
        roomEvent(first + 4, 1, { room: 's' }),
      ])
      await store.raiseFloor(first + 3)
      await store.deleteThrough(first + 3)
      expect((await store.range({ after: first + 3, upTo: first + 9, limit: 9 })).length).toBe(1)
      expect(await store.lastOfRoom('r')).toMatchObject({ n: 3, type: 'owner', epoch: 3 })
      expect(await store.byRoomN('r', 3)).toMatchObject({ epoch: 3 })
      expect(await store.byRoomN('r', 4)).toBeNull()
      expect(await store.byRoomN('r', 2)).toMatchObject({ type: 'owner' })
      expect(await store.byRoomN('r', 1)).toBeNull()
      expect(await store.lastOfRoom('s')).toMatchObject({ n: 1 })
      const late = roomEvent(first + 6, 3, { own: 'old owner' })
      expect(await store.insert([late])).toMatchObject({ kind: 'blocked', blocking: { epoch: 3 } })
      const later = roomEvent(first + 7, 2, { own: 'first owner' })
      expect(await store.insert([later])).toMatchObject({ kind: 'blocked', blocking: { n: 2 } })
    })

    it('OB3 OB6 floor and stored watermark only grow', async () => {
      const { store, first } = await sparse()
      await store.raiseFloor(first + 2)
      await store.raiseFloor(first)
      expect(await store.floor()).toBe(first + 2)
      await store.storeSealed(first + 5)
      await store.storeSealed(first + 1)
      expect(await store.sealed()).toBe(first + 5)
    })

    it('OB3 what may be cut is never given again: the floor takes the counter along', async () => {
      const { store } = await sparse()
      const ahead = (await store.counter()) + 500
      await store.raiseFloor(ahead)
      expect(await store.allocate(2)).toBe(ahead + 1)
    })

    it('OB6 finds the newest snapshot at or below a seq and deletes older ones', async () => {
      const store = await make()
      const all = [10, 20, 30].map((seq) => snapshot({ seq, n: seq / 10 }))
      for (const each of all) await store.saveSnapshot(each)
      await store.saveSnapshot(snapshot({ room: 's', seq: 15 }))
      expect(await store.snapshotAt('r', 9)).toBeNull()
      expect(await store.snapshotAt('r', 20)).toEqual(all[1])
      expect(await store.snapshotAt('r', 29)).toEqual(all[1])
      expect(await store.snapshotAt('r', Number.MAX_SAFE_INTEGER)).toEqual(all[2])
      await store.deleteSnapshots([
        { room: 'r', below: 20 },
        { room: 's', below: 15 },
        { room: 'none', below: 9 },
      ])
      expect(await store.snapshotAt('r', 19)).toBeNull()
      expect(await store.snapshotAt('r', 20)).toEqual(all[1])
      await store.deleteSnapshots([{ room: 'r', below: Number.MAX_SAFE_INTEGER }])
      expect(await store.snapshotAt('r', 100)).toBeNull()
      expect(await store.snapshotAt('s', 100)).toMatchObject({ seq: 15 })
    })

    it('OB6 stores snapshots of many rooms at once and says where the newest are', async () => {
      const store = await make()
      const rooms = Array.from({ length: 100 }, (_, index) => `room${index}`)
      await store.saveSnapshots(rooms.map((room) => snapshot({ room, seq: 10 })))
      await store.saveSnapshots(['room0', 'room1'].map((room) => snapshot({ room, seq: 20 })))
      await store.saveSnapshots([snapshot({ room: 'room2', seq: 10, runtime: '{"tick":2}' })])
      expect(await store.snapshotAt('room2', 10)).toMatchObject({ runtime: '{"tick":2}' })
      expect(await store.snapshotPlaces(rooms, 9)).toEqual([])
      const places = await store.snapshotPlaces([...rooms, 'none'], 19)
      expect(places.map(({ room }) => room).sort()).toEqual([...rooms].sort())
      expect(new Set(places.map(({ seq }) => seq))).toEqual(new Set([10]))
      const newest = await store.snapshotPlaces(['room1', 'room5', 'none'], 20)
      expect(new Map(newest.map(({ room, seq }) => [room, seq]))).toEqual(
        new Map([
          ['room1', 20],
          ['room5', 10],
        ]),
      )
    })

    it('OB6 gives the snapshots at given places, no more at once than was asked for', async () => {
      const store = await make()
      const big = JSON.stringify('x'.repeat(1_000))
      const rooms = ['a', 'b', 'c', 'd', 'e']
      const all = rooms.map((room) => snapshot({ room, seq: 10, publicState: big }))
      await store.saveSnapshots(all)
      const places = rooms.map((room) => ({ room, seq: 10 }))
      const none = [
        { room: 'a', seq: 11 },
        { room: 'f', seq: 10 },
      ]
      const found = await store.snapshotsOf([...places, ...none], 1e9)
      expect(found.sort((a, b) => (a.room < b.room ? -1 : 1))).toEqual(all)
      expect(await store.snapshotsOf(places, 2_500)).toHaveLength(3)
      expect(await store.snapshotsOf(places, 1)).toHaveLength(1)
      expect(await store.snapshotsOf(none, 1e9)).toEqual([])
    })

    it('OB6 saving a snapshot of the same point again replaces it', async () => {
      const store = await make()
      await store.saveSnapshot(snapshot({ seq: 10 }))
      await store.saveSnapshot(snapshot({ seq: 10, runtime: '{"tick":2}' }))
      expect(await store.snapshotAt('r', 10)).toMatchObject({ runtime: '{"tick":2}' })
    })

    it('OB11 keeps the records of rooms: pages of the living ones, and the newest ended ones', async () => {
      const store = await make()
      const record = (room: string, isLive: boolean, createdAt: number): RoomRecord => {
        return {
          room,
          type: 'arena',
          seed: 'f'.repeat(64),
          delayMs: 5,
          epoch: 1,
          revision: 0,
          isPrivate: false,
          isLocked: false,
          revealedAt: 1_795_274_835_886_010,
          isLive,
          createdAt,
        }
      }
      await store.saveRoom(record('a', true, 1))
      await store.saveRoom(record('b', false, 2))
      await store.saveRoom(record('c', false, 3))
      await store.saveRoom(record('d', true, 4))
      await store.saveRoom(record('d', false, 4))
      for (const room of ['g', 'e', 'f']) await store.saveRoom(record(room, true, 5))
      const idsOf = (records: readonly RoomRecord[]): string[] => records.map(({ room }) => room)
      expect(await store.livingRooms('', 1)).toEqual([record('a', true, 1)])
      expect(idsOf(await store.livingRooms('', 10))).toEqual(['a', 'e', 'f', 'g'])
      expect(idsOf(await store.livingRooms('a', 2))).toEqual(['e', 'f'])
      expect(await store.livingRooms('g', 10)).toEqual([])
      expect(idsOf(await store.endedRooms(10))).toEqual(['d', 'c', 'b'])
      expect(idsOf(await store.endedRooms(2))).toEqual(['d', 'c'])
    })

    it('OB11 a record that is late, or of an old owner, replaces none that is newer', async () => {
      const store = await make()
      const save = (epoch: number, revision: number, isPrivate: boolean, isLive = true) =>
        store.saveRoom({
          room: 'a',
          type: 'arena',
          seed: '1',
          delayMs: 0,
          epoch,
          revision,
          isPrivate,
          isLocked: isPrivate,
          revealedAt: 0,
          isLive,
          createdAt: 1,
        })
      const found = async () => {
        const [record] = [...(await store.livingRooms('', 2)), ...(await store.endedRooms(2))]
        return record
      }
      await save(1, 3, false)
      await save(1, 4, true)
      await save(1, 3, false)
      expect(await found()).toMatchObject({ revision: 4, isPrivate: true, isLocked: true })
      await save(2, 4, true)
      await save(1, 9, false, false)
      expect(await found()).toMatchObject({ epoch: 2, isPrivate: true, isLive: true })
      await save(2, 4, true)
      await Promise.all([save(2, 6, false, false), save(2, 5, true)])
      await save(2, 5, true)
      expect(await found()).toMatchObject({ revision: 6, isPrivate: false, isLive: false })
    })

    it('OB12 a checkpoint only grows', async () => {
      const store = await make()
      expect(await store.checkpoint('x')).toBeNull()
      const seq = 1_795_274_835_886_010
      await store.saveCheckpoints([])
      await store.saveCheckpoints([
        { clientId: 'x', seq },
        { clientId: 'z', seq: 7 },
      ])
      await store.saveCheckpoints([{ clientId: 'x', seq: 5 }])
      expect(await store.checkpoint('z')).toBe(7)
      expect(await store.checkpoint('x')).toBe(1_795_274_835_886_010)
      expect(await store.checkpoint('y')).toBeNull()
    })

    it('OB5 wakes its subscribers until they leave', async () => {
      const { store, first } = await sparse()
      let wakes = 0
      let resolve = (): void => {}
      const woken = new Promise<void>((done) => (resolve = done))
      const stop = store.subscribe(() => {
        wakes++
        resolve()
      })
      await store.insert([roomEvent(first, 1)])
      await woken
      stop()
      const before = wakes
      await store.insert([roomEvent(first + 1, 2)])
      expect(wakes).toBe(before)
    })

    it('open may be called by several processes at once', async () => {
      const store = await make()
      await expect(Promise.all([store.open(), store.open()])).resolves.toBeDefined()
    })
  })
}
