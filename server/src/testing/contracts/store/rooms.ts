import { describe, expect, it } from 'vitest'
import type { LogStore, RoomRecord } from '../../../outbox/contract/store.ts'

/** Every store owes this to restarts and to the list of rooms. `make` returns an open store of a log of its own. */
export function describeRoomStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'rooms'>>,
): void {
  describe(`${name}: rooms`, () => {
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
          end: isLive ? null : { n: 7, seq: 1_795_274_835_886_020, at: 9, own: `own-${room}` },
        }
      }
      await store.rooms.save(record('a', true, 1))
      await store.rooms.save(record('b', false, 2))
      await store.rooms.save(record('c', false, 3))
      await store.rooms.save(record('d', true, 4))
      await store.rooms.save(record('d', false, 4))
      for (const room of ['g', 'e', 'f']) await store.rooms.save(record(room, true, 5))
      const idsOf = (records: readonly RoomRecord[]): string[] => records.map(({ room }) => room)
      expect(await store.rooms.living('', 1)).toEqual([record('a', true, 1)])
      expect(idsOf(await store.rooms.living('', 10))).toEqual(['a', 'e', 'f', 'g'])
      expect(idsOf(await store.rooms.living('a', 2))).toEqual(['e', 'f'])
      expect(await store.rooms.living('g', 10)).toEqual([])
      expect(idsOf(await store.rooms.ended(10))).toEqual(['d', 'c', 'b'])
      expect(idsOf(await store.rooms.ended(2))).toEqual(['d', 'c'])
    })

    it('OB11 FE116 finds the record of one room, with its end', async () => {
      const store = await make()
      const record: RoomRecord = {
        room: 'a',
        type: 'arena',
        seed: '1',
        delayMs: 0,
        epoch: 1,
        revision: 0,
        isPrivate: true,
        isLocked: false,
        revealedAt: 0,
        isLive: true,
        createdAt: 1,
        end: null,
      }
      expect(await store.rooms.get('a')).toBeNull()
      await store.rooms.save(record)
      expect(await store.rooms.get('a')).toEqual(record)
      const end = { n: 12, seq: 1_795_274_835_886_010, at: 1_795_274_835_886, own: 'own-1' }
      const over = { ...record, revision: 1, isLive: false, end }
      await store.rooms.save(over)
      expect(await store.rooms.get('a')).toEqual(over)
      expect(await store.rooms.ended(1)).toEqual([over])
      expect(await store.rooms.get('b')).toBeNull()
    })

    it('OB11 OB79 a record that is late, or of an old owner, replaces none that is newer', async () => {
      const store = await make()
      const save = (epoch: number, revision: number, isPrivate: boolean, isLive = true) =>
        store.rooms.save({
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
          end: isLive ? null : { n: 1, seq: 1, at: 1, own: 'own' },
        })
      const found = async () => {
        const [record] = [...(await store.rooms.living('', 2)), ...(await store.rooms.ended(2))]
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
  })
}
