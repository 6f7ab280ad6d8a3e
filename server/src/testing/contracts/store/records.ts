import { describe, expect, it } from 'vitest'
import type { LogStore, RecordStore, StoredRecord } from '../../../outbox/contract/store.ts'

const KIB = 1024

/** Every store owes this to bans, keys, nodes and whatever else is kept beside the log. `make` returns an open store of a log of its own. */
export function describeRecordStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'records' | 'clock'>>,
): void {
  const keysOf = (records: readonly StoredRecord[]): string[] => records.map(({ key }) => key)

  async function allOf(records: RecordStore, prefix: string, limit: number): Promise<string[]> {
    const keys: string[] = []
    let after: string | null = ''
    while (after !== null) {
      const page = await records.list({ prefix, after, limit })
      expect(page.records.length).toBeLessThanOrEqual(limit)
      keys.push(...keysOf(page.records))
      after = page.next
    }
    return keys
  }

  describe(`${name}: records`, () => {
    it('OB30 makes a record over none, gives it back, and makes no second one over it', async () => {
      const { records } = await make()
      expect(await records.get('ban/ada')).toBeNull()
      const version = await records.put({ key: 'ban/ada', value: '{"é":1}', ifVersion: 0 })
      expect(version).toBeGreaterThan(0)
      const stored = { key: 'ban/ada', version, value: '{"é":1}', expiresAt: null }
      expect(await records.get('ban/ada')).toEqual(stored)
      expect(await records.put({ key: 'ban/ada', value: 'other', ifVersion: 0 })).toBeNull()
      expect(await records.get('ban/ada')).toEqual(stored)
    })

    it('OB30 writes over the version that was seen, and over no other', async () => {
      const { records } = await make()
      const first = (await records.put({ key: 'k', value: 'a', ifVersion: 0 })) ?? 0
      const second = (await records.put({ key: 'k', value: 'b', ifVersion: first })) ?? 0
      expect(second).toBeGreaterThan(first)
      expect(await records.put({ key: 'k', value: 'c', ifVersion: first })).toBeNull()
      expect(await records.put({ key: 'k', value: 'c', ifVersion: second + 1 })).toBeNull()
      expect(await records.put({ key: 'none', value: 'c', ifVersion: second })).toBeNull()
      expect(await records.get('k')).toMatchObject({ value: 'b', version: second })
      expect(await records.get('none')).toBeNull()
    })

    it('OB30 of many writers that have seen the same version one wins', async () => {
      const { records } = await make()
      let ifVersion = 0
      for (let round = 0; round < 5; round++) {
        const writers = Array.from({ length: 8 }, (_, index) => `${round}/${index}`)
        const versions = await Promise.all(
          writers.map((value) => records.put({ key: 'k', value, ifVersion })),
        )
        const winners = writers.filter((_, index) => versions[index] !== null)
        expect(winners).toHaveLength(1)
        const found = await records.get('k')
        expect(found?.value).toBe(winners[0])
        expect(versions).toContain(found?.version)
        ifVersion = found?.version ?? -1
      }
    })

    it('OB30 a counter that many raise by compare-and-set loses no step', async () => {
      const { records } = await make()
      const raise = async (): Promise<void> => {
        for (;;) {
          const found = await records.get('count')
          const value = String(Number(found?.value ?? 0) + 1)
          const version = await records.put({
            key: 'count',
            value,
            ifVersion: found?.version ?? 0,
          })
          if (version !== null) return
        }
      }
      await Promise.all(Array.from({ length: 12 }, raise))
      expect((await records.get('count'))?.value).toBe('12')
    })

    it('OB30 deletes the version that was seen; one made anew has a higher version', async () => {
      const { records } = await make()
      const first = (await records.put({ key: 'k', value: 'a', ifVersion: 0 })) ?? 0
      expect(await records.delete('k', first + 1)).toBe(false)
      expect(await records.delete('k', first)).toBe(true)
      expect(await records.delete('k', first)).toBe(false)
      expect(await records.get('k')).toBeNull()
      const again = (await records.put({ key: 'k', value: 'b', ifVersion: 0 })) ?? 0
      expect(again).toBeGreaterThan(first)
      // Who has seen the first must not write over the second.
      expect(await records.put({ key: 'k', value: 'c', ifVersion: first })).toBeNull()
      expect(await records.delete('k', first)).toBe(false)
      expect(await records.get('k')).toMatchObject({ value: 'b' })
    })

    it('OB30 an expired record is as if it were not there, for every method', async () => {
      const { records, clock } = await make()
      const expiresAt = clock.now() - 1
      const first = (await records.put({ key: 'a/1', value: 'x', ifVersion: 0, expiresAt })) ?? 0
      const later = clock.now() + 3_600_000
      await records.put({ key: 'a/2', value: 'y', ifVersion: 0, expiresAt: later })
      expect(await records.get('a/1')).toBeNull()
      expect(await records.get('a/2')).toMatchObject({ expiresAt: later })
      expect(await allOf(records, 'a/', 10)).toEqual(['a/2'])
      expect(await records.delete('a/1', first)).toBe(false)
      expect(await records.put({ key: 'a/1', value: 'z', ifVersion: first })).toBeNull()
      const again = (await records.put({ key: 'a/1', value: 'z', ifVersion: 0 })) ?? 0
      expect(again).toBeGreaterThan(first)
      expect(await records.get('a/1')).toMatchObject({ value: 'z', expiresAt: null })
    })

    it('OB30 a write sets the expiry anew, or takes it away', async () => {
      const { records, clock } = await make()
      const soon = clock.now() + 60_000
      const first =
        (await records.put({ key: 'n', value: '1', ifVersion: 0, expiresAt: soon })) ?? 0
      const late = soon + 60_000
      const renewed = { key: 'n', value: '2', ifVersion: first, expiresAt: late }
      const second = (await records.put(renewed)) ?? 0
      expect(await records.get('n')).toMatchObject({ expiresAt: late })
      await records.put({ key: 'n', value: '3', ifVersion: second })
      expect(await records.get('n')).toMatchObject({ value: '3', expiresAt: null })
    })

    it('OB30 lists by prefix, in the order of the keys, a page at a time', async () => {
      const { records } = await make()
      const keys = ['a', 'a/1', 'a/10', 'a/2', 'a0', 'B/1', 'b/1', 'a/~', 'A/1', 'a/!']
      for (const key of keys) await records.put({ key, value: key, ifVersion: 0 })
      const below = keys.filter((key) => key.startsWith('a/')).sort()
      for (const limit of [1, 2, 3, 100]) expect(await allOf(records, 'a/', limit)).toEqual(below)
      expect(await allOf(records, '', 3)).toEqual([...keys].sort())
      expect(await allOf(records, 'c', 3)).toEqual([])
      const page = await records.list({ prefix: 'a/', after: 'a/10', limit: 10 })
      expect(keysOf(page.records)).toEqual(below.filter((key) => key > 'a/10'))
      expect(page.next).toBeNull()
      const ahead = await records.list({ prefix: 'b/', after: 'a', limit: 10 })
      expect(keysOf(ahead.records)).toEqual(['b/1'])
    })

    it('OB30 a page ends with the record that reaches its bytes', async () => {
      const { records } = await make()
      const value = 'x'.repeat(256 * KIB)
      const keys = Array.from({ length: 20 }, (_, index) => `k/${String(index).padStart(2, '0')}`)
      await Promise.all(keys.map((key) => records.put({ key, value, ifVersion: 0 })))
      const page = await records.list({ prefix: 'k/', limit: 1_000 })
      expect(keysOf(page.records)).toEqual(keys.slice(0, 16))
      expect(page.next).toBe(keys[15])
      expect(await allOf(records, 'k/', 1_000)).toEqual(keys)
    })

    it('OB95 the largest key and value are kept as they are', async () => {
      const { records } = await make()
      const key = '~'.repeat(512)
      const value = 'é'.repeat(128 * KIB)
      expect(await records.put({ key, value, ifVersion: 0 })).toBeGreaterThan(0)
      expect((await records.get(key))?.value === value).toBe(true)
      expect(await allOf(records, key, 10)).toEqual([key])
    })

    const bad: readonly [string, (records: RecordStore) => Promise<unknown>][] = [
      ['an empty key', (records) => records.get('')],
      ['a key that is too long', (records) => records.get('k'.repeat(513))],
      ['a key with a space', (records) => records.get('a b')],
      ['a key with a NUL', (records) => records.delete('a\0', 1)],
      ['a key beyond ASCII', (records) => records.put({ key: 'é', value: '', ifVersion: 0 })],
      ['a key that is no text', (records) => records.get({ $gt: '' } as unknown as string)],
      [
        'a value that is too large',
        (records) => records.put({ key: 'k', value: 'x'.repeat(256 * KIB + 1), ifVersion: 0 }),
      ],
      [
        'a value that is no text',
        (records) => records.put({ key: 'k', value: {} as unknown as string, ifVersion: 0 }),
      ],
      ['a version below 0', (records) => records.put({ key: 'k', value: '', ifVersion: -1 })],
      ['a version that is no number', (records) => records.delete('k', Number.NaN)],
      ['version 0 of a deletion', (records) => records.delete('k', 0)],
      [
        'an expiry that is no time',
        (records) => records.put({ key: 'k', value: '', ifVersion: 0, expiresAt: 1.5 }),
      ],
      ['a prefix that no key has', (records) => records.list({ prefix: 'é', limit: 1 })],
      ['a limit of 0', (records) => records.list({ prefix: '', limit: 0 })],
      ['a limit that is too high', (records) => records.list({ prefix: '', limit: 1_001 })],
    ]

    it('OB95 refuses what is out of bounds, and keeps nothing of it', async () => {
      const { records } = await make()
      for (const [what, call] of bad)
        await expect(call(records), what).rejects.toMatchObject({ code: 'record_invalid' })
      expect(await allOf(records, '', 10)).toEqual([])
    })
  })
}
