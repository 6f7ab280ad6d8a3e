import { describe, expect, it } from 'vitest'
import type { ArchiveStore, ArchivedMatch } from '../../archive/contract.ts'

/**
 * Every store of an archive owes this to matches that are over. `make` returns an open store that holds nothing;
 * `again` one more over the same place, as after a restart.
 */
export function describeArchiveStore(
  name: string,
  make: () => Promise<{ readonly store: ArchiveStore; again(): Promise<ArchiveStore> }>,
): void {
  describe(`${name}: an archive`, () => {
    it('FE118 keeps a match whole, and gives its chunks one by one, also after a restart', async () => {
      const { store, again } = await make()
      expect(await store.find('a')).toBeNull()
      const match = await write(store, 'a', [bytes(1, 70_000), bytes(2, 3)])
      for (const one of [store, await again()]) {
        expect(await one.find('a')).toEqual(match)
        expect(await one.read(match, 0)).toEqual(bytes(1, 70_000))
        expect(await one.read(match, 1)).toEqual(bytes(2, 3))
        expect(await one.read(match, 2)).toBeNull()
        expect(await one.stats()).toEqual({ matches: 1, bytes: 70_003 })
      }
    })

    it('FE118 nothing of a draft is seen before its commit, and nothing is left of one that is abandoned', async () => {
      const { store } = await make()
      const draft = await store.begin('a')
      await draft.append(bytes(1, 10))
      expect(await store.find('a')).toBeNull()
      await draft.abandon()
      expect(await store.find('a')).toBeNull()
      expect(await store.stats()).toEqual({ matches: 0, bytes: 0 })
    })

    it('FE118 of two writers of a match the second to commit has changed nothing', async () => {
      const { store } = await make()
      const [one, other] = [await store.begin('a'), await store.begin('a')]
      await one.append(bytes(1, 10))
      await other.append(bytes(2, 10))
      expect(await one.commit(matchOf('a', [10]))).toBe(true)
      expect(await other.commit(matchOf('a', [10]))).toBe(false)
      const kept = await store.find('a')
      expect(kept && (await store.read(kept, 0))).toEqual(bytes(1, 10))
      expect(await store.update({ ...matchOf('a', [10]), version: 7 })).toBe(false)
    })

    it('FE118 a newer commit replaces the match; who holds the older one is told that it is gone', async () => {
      const { store } = await make()
      const before = await write(store, 'a', [bytes(1, 10)])
      const draft = await store.begin('a')
      await draft.append(bytes(1, 10))
      await draft.append(bytes(2, 20))
      expect(await draft.commit({ ...matchOf('a', [10, 20]), version: before.version })).toBe(true)
      expect(await store.read(before, 0)).toBeNull()
      const after = await store.find('a')
      expect(after && (await store.read(after, 1))).toEqual(bytes(2, 20))
      expect(await store.stats()).toEqual({ matches: 1, bytes: 30 })
    })

    it('FE124 gives the expired and the oldest; what is pinned is in neither', async () => {
      const { store } = await make()
      for (const [room, at] of [
        ['c', 3_000],
        ['a', 1_000],
        ['b', 2_000],
      ] as const)
        await write(store, room, [bytes(1, 10)], { at, keepUntil: at + 10_000 })
      const pinned = await write(store, 'p', [bytes(1, 10)], { at: 1, keepUntil: null })
      expect(pinned.keepUntil).toBeNull()
      const rooms = (matches: readonly ArchivedMatch[]): string[] => matches.map(({ room }) => room)
      expect(rooms(await store.expired(12_000, 10))).toEqual(['a', 'b'])
      expect(rooms(await store.expired(12_000, 1))).toEqual(['a'])
      expect(rooms(await store.oldest(2))).toEqual(['a', 'b'])
      await store.delete('a')
      await store.delete('a')
      await store.delete('never')
      expect(await store.find('a')).toBeNull()
      expect(rooms(await store.oldest(9))).toEqual(['b', 'c'])
    })

    it('FE125 facts are replaced alone, and the chunks stay', async () => {
      const { store, again } = await make()
      const match = await write(store, 'a', [bytes(5, 10)])
      const pins = [{ id: 'pin', from: 1, to: 2 }]
      expect(await store.update({ ...match, pins })).toBe(true)
      const next = await (await again()).find('a')
      expect(next).toEqual({ ...match, pins, version: match.version + 1 })
      expect(next && (await store.read(next, 0))).toEqual(bytes(5, 10))
    })

    it('FE118 ids that differ in case alone are two matches', async () => {
      const { store } = await make()
      await write(store, 'Room', [bytes(1, 10)])
      await write(store, 'rOOM', [bytes(2, 10)])
      for (const [room, byte] of [
        ['Room', 1],
        ['rOOM', 2],
      ] as const) {
        const match = await store.find(room)
        expect(match && (await store.read(match, 0))).toEqual(bytes(byte, 10))
      }
      expect(await store.find('room')).toBeNull()
    })
  })
}

function bytes(byte: number, count: number): Buffer {
  return Buffer.alloc(count, byte)
}

function matchOf(
  room: string,
  sizes: readonly number[],
  { at = 5_000, keepUntil = at + 1 }: { at?: number; keepUntil?: number | null } = {},
): ArchivedMatch {
  return {
    room,
    type: 'arena',
    delayMs: 0,
    isPrivate: false,
    createdAt: 1,
    end: { n: 9, seq: 1_795_274_835_886_010, at, own: 'own' },
    keepUntil,
    pins: [],
    chunks: sizes.map((size, index) => ({
      bytes: size,
      after: index,
      upTo: index + 1,
      from: index + 1,
      to: index + 1,
      hasState: false,
    })),
    version: 0,
  }
}

async function write(
  store: ArchiveStore,
  room: string,
  chunks: readonly Buffer[],
  options: { at?: number; keepUntil?: number | null } = {},
): Promise<ArchivedMatch> {
  const draft = await store.begin(room)
  for (const chunk of chunks) await draft.append(chunk)
  const sizes = chunks.map(({ length }) => length)
  expect(await draft.commit(matchOf(room, sizes, options))).toBe(true)
  const match = await store.find(room)
  if (!match) throw new Error('Expected the match that was committed')
  return match
}
