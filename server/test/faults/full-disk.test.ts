import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasMongod } from '../support/mongo.ts'
import { fillDisk, isCi, makeSmallDisks, startOnSmallDisks } from './full-disk.ts'
import { ROUNDS } from './rounds.ts'
import type { ReplicaSet } from './members.ts'

const disks = (await hasMongod()) ? makeSmallDisks() : { folders: null, reason: 'no mongod' }
if (!disks.folders) {
  const text = `tests of a full disk need the right to mount: ${disks.reason}`
  if (isCi) throw new Error(text)
  process.stderr.write(`${text}; they are left out\n`)
}

describe.skipIf(!disks.folders)('a full disk', () => {
  let set: ReplicaSet | null = null
  beforeAll(async () => {
    set = await startOnSmallDisks(disks.folders ?? [])
  }, 120_000)
  afterAll(async () => {
    await set?.stop()
    if (disks.folders) disks.remove()
  }, 60_000)

  for (let round = 1; round <= ROUNDS; round++)
    test.each(['primary', 'all'] as const)(
      `OB1 OB2 OB5 of %s: nothing lost, doubled or reordered (${round})`,
      async (which) => {
        if (!set) throw new Error('Expected a replica set')
        const { faults, stallMs } = await fillDisk(set, which)
        expect(faults).toEqual([])
        expect(stallMs).toBeLessThan(60_000)
      },
      150_000,
    )
})
