import { describe, expect, it } from 'vitest'
import type { LogStore, Snapshot } from '../../../outbox/contract/store.ts'

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

/** Every store owes this to retention and takeover. `make` returns an open store of a log of its own. */
export function describeSnapshotStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'snapshots'>>,
): void {
  describe(`${name}: snapshots`, () => {
    it('OB6 finds the newest snapshot at or below a seq and deletes older ones', async () => {
      const store = await make()
      const all = [10, 20, 30].map((seq) => snapshot({ seq, n: seq / 10 }))
      for (const each of all) await store.snapshots.save(each)
      await store.snapshots.save(snapshot({ room: 's', seq: 15 }))
      expect(await store.snapshots.at('r', 9)).toBeNull()
      expect(await store.snapshots.at('r', 20)).toEqual(all[1])
      expect(await store.snapshots.at('r', 29)).toEqual(all[1])
      expect(await store.snapshots.at('r', Number.MAX_SAFE_INTEGER)).toEqual(all[2])
      await store.snapshots.delete([
        { room: 'r', below: 20 },
        { room: 's', below: 15 },
        { room: 'none', below: 9 },
      ])
      expect(await store.snapshots.at('r', 19)).toBeNull()
      expect(await store.snapshots.at('r', 20)).toEqual(all[1])
      await store.snapshots.delete([{ room: 'r', below: Number.MAX_SAFE_INTEGER }])
      expect(await store.snapshots.at('r', 100)).toBeNull()
      expect(await store.snapshots.at('s', 100)).toMatchObject({ seq: 15 })
    })

    it('OB126 keeps who sees the room there, and that it does not say', async () => {
      const store = await make()
      const said = [
        snapshot({ seq: 10, who: { delayMs: 60_000, isPrivate: true } }),
        snapshot({ seq: 20, who: { delayMs: 0, isPrivate: false } }),
        snapshot({ seq: 30 }),
      ]
      await store.snapshots.saveAll(said)
      for (const each of said) expect(await store.snapshots.at('r', each.seq)).toEqual(each)
      const places = said.map(({ room, seq }) => ({ room, seq }))
      const found = await store.snapshots.of(places, 1e6)
      expect(found.sort((one, other) => one.seq - other.seq)).toEqual(said)
    })

    it('OB6 stores snapshots of many rooms at once and says where the newest are', async () => {
      const store = await make()
      const rooms = Array.from({ length: 100 }, (_, index) => `room${index}`)
      await store.snapshots.saveAll(rooms.map((room) => snapshot({ room, seq: 10 })))
      await store.snapshots.saveAll(['room0', 'room1'].map((room) => snapshot({ room, seq: 20 })))
      await store.snapshots.saveAll([snapshot({ room: 'room2', seq: 10, runtime: '{"tick":2}' })])
      expect(await store.snapshots.at('room2', 10)).toMatchObject({ runtime: '{"tick":2}' })
      expect(await store.snapshots.places(rooms, 9)).toEqual([])
      const places = await store.snapshots.places([...rooms, 'none'], 19)
      expect(places.map(({ room }) => room).sort()).toEqual([...rooms].sort())
      expect(new Set(places.map(({ seq }) => seq))).toEqual(new Set([10]))
      const newest = await store.snapshots.places(['room1', 'room5', 'none'], 20)
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
      await store.snapshots.saveAll(all)
      const places = rooms.map((room) => ({ room, seq: 10 }))
      const none = [
        { room: 'a', seq: 11 },
        { room: 'f', seq: 10 },
      ]
      const found = await store.snapshots.of([...places, ...none], 1e9)
      expect(found.sort((a, b) => (a.room < b.room ? -1 : 1))).toEqual(all)
      expect(await store.snapshots.of(places, 2_500)).toHaveLength(3)
      expect(await store.snapshots.of(places, 1)).toHaveLength(1)
      expect(await store.snapshots.of(none, 1e9)).toEqual([])
    })

    it('OB6 saving a snapshot of the same point again replaces it', async () => {
      const store = await make()
      await store.snapshots.save(snapshot({ seq: 10 }))
      await store.snapshots.save(snapshot({ seq: 10, runtime: '{"tick":2}' }))
      expect(await store.snapshots.at('r', 10)).toMatchObject({ runtime: '{"tick":2}' })
    })
  })
}
