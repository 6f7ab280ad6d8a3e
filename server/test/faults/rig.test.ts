import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/process/clock.ts'
import { randomId } from '../../src/process/ids.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { checkLimits } from '../../src/process/limits.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import type { Outbox } from '../../src/outbox/contract/outbox.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { Load, Watcher, readPages, until } from './rig.ts'

type Damage = (seen: readonly LogEvent[]) => LogEvent[]

const damages: readonly (readonly [string, Damage])[] = [
  ['nothing at all', () => []],
  ['the first event is missing', (seen) => seen.slice(1)],
  ['one in the middle is missing', (seen) => seen.toSpliced(50, 1)],
  ['the last is missing', (seen) => seen.slice(0, -1)],
  ['one is doubled', (seen) => seen.toSpliced(50, 0, ...seen.slice(49, 50))],
  ['two have changed places', (seen) => swapped(seen, 50, 51)],
  ['two of one room have changed places', (seen) => swapped(seen, 50, 60)],
  ['one has the data of another', (seen) => changed(seen, 50, { data: '{"i":0}' })],
  ['one is in the place of another', (seen) => changed(seen, 50, { n: 1 })],
  ['one is of another room', (seen) => changed(seen, 50, { room: 'another00000' })],
]

function swapped(seen: readonly LogEvent[], a: number, b: number): LogEvent[] {
  const copy = [...seen]
  const [first, second] = [copy[a], copy[b]]
  if (first && second) [copy[a], copy[b]] = [second, first]
  return copy
}

function changed(seen: readonly LogEvent[], at: number, change: Partial<LogEvent>): LogEvent[] {
  return seen.map((event, index) => (index === at ? { ...event, ...change } : event))
}

describe('what a fault run compares', () => {
  const context = { clock: new SystemClock(), logger: silentLogger, randomId }
  let outbox: Outbox
  let load: Load
  let watcher: Watcher

  beforeAll(async () => {
    outbox = createOutbox(new MemoryStore(), checkLimits({}), context)
    await outbox.start()
    watcher = new Watcher(outbox)
    load = new Load([outbox])
    await load.start()
    await sleep(300)
    await load.stop()
    await until(() => watcher.seen.length >= load.acceptedCount, 'everything to be shown')
  })
  afterAll(() => outbox.stop())

  test('OB2 a log that is whole has no faults, by tail and by pages', async () => {
    expect(load.acceptedCount).toBeGreaterThan(100)
    expect(load.faultsOf(watcher.seen)).toEqual([])
    expect(load.faultsOf(await readPages(outbox))).toEqual([])
  })

  test.each(damages)('OB2 it is a fault when %s', (_what, damage) => {
    expect(load.faultsOf(damage(watcher.seen))).not.toEqual([])
  })

  test('OB2 it is a fault when nothing was written', () => {
    expect(new Load([outbox]).faultsOf([])).not.toEqual([])
  })
})
