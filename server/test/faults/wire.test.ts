import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { MongoStore } from '../../src/outbox/stores/mongo/store.ts'
import { hasMongod } from '../support/mongo.ts'
import { ROUNDS } from './rounds.ts'
import { cutWire } from './scenarios.ts'
import type { ReplicaSet } from './members.ts'
import { TcpProxy } from './tcp-proxy.ts'

describe.skipIf(!(await hasMongod()))('the wire between server and MongoDB', () => {
  let set: ReplicaSet
  let proxy: TcpProxy
  beforeAll(async () => {
    set = await startReplicaSet({ count: 1 })
    proxy = await TcpProxy.start(set.members[0]?.port ?? 0)
  }, 120_000)
  afterAll(async () => {
    await proxy.stop()
    await set.stop()
  }, 60_000)

  for (let round = 1; round <= ROUNDS; round++) {
    test(`OB1 OB2 OB5 cut for 3 s: nothing lost, doubled or reordered (${round})`, async () => {
      const { faults, stallMs } = await cutWire({ proxy, set }, 'cut')
      expect(faults).toEqual([])
      expect(stallMs).toBeLessThan(15_000)
    }, 120_000)
  }

  for (let round = 1; round <= ROUNDS; round++) {
    test(`OB1 OB2 OB5 half open for 8 s: nothing lost, doubled or reordered (${round})`, async () => {
      const { faults, stallMs } = await cutWire({ proxy, set }, 'half open')
      expect(faults).toEqual([])
      expect(stallMs).toBeLessThan(25_000)
    }, 120_000)
  }

  test('OB5 idle connections that died unseen cost one timeout, not one each', async () => {
    const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
    const store = new MongoStore({ uri, database: 'idle' })
    await store.open()
    // The driver's first heartbeat looks like any other connection.
    await sleep(1_500)
    await Promise.all(Array.from({ length: 20 }, () => store.marks.counter()))
    // Heartbeats go on, so that nothing tells the driver.
    proxy.deaden(false)
    const startedAt = performance.now()
    await store.marks.counter()
    expect(performance.now() - startedAt).toBeGreaterThan(5_000)
    expect(performance.now() - startedAt).toBeLessThan(19_000)
    proxy.mend()
    await store.close()
  }, 60_000)

  test.each(['dead', 'dead but heartbeats'] as const)(
    'OB2 OB5 open connections %s, new ones work: the process gets away from them alone, nothing is lost',
    async (kind) => {
      const { faults, stallMs } = await cutWire({ proxy, set, deadMs: 25_000 }, kind)
      expect(faults).toEqual([])
      expect(stallMs).toBeLessThan(20_000)
    },
    120_000,
  )
})
