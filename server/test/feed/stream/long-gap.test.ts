import { expect, test } from 'vitest'
import { ManualClock, SystemClock } from '../../../src/process/clock.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { FeedRig } from '../rig.ts'

/** Long waits are given to the machine's timers, as in a process; the rest is moved by hand. */
class HalfRealClock extends ManualClock {
  longWaits = 0
  readonly #real = new SystemClock()

  override after(ms: number, callback: () => void): () => void {
    if (ms < 1e6) return super.after(ms, callback)
    this.longWaits++
    return this.#real.after(ms, callback)
  }
}

test('HT23 a replay that waits for longer than a timer takes does nothing meanwhile', async () => {
  const clock = new HalfRealClock()
  const storeClock = new ManualClock(clock.now())
  const store = new MemoryStore({ clock: storeClock })
  const rig = await FeedRig.start({ clock, store, retentionMs: 1e12 })
  const room = await rig.room('a', { shots: 0 })
  // At a tenth of the speed this is 2^31 ms and more.
  storeClock.advance(250_000_000)
  room.emit('shot', {})
  await rig.settle()
  const before = clock.longWaits
  const reader = await rig.open('/rooms/a/feed?from=start&speed=0.1')
  const end = performance.now() + 60
  while (performance.now() < end) await rig.settle()
  expect(reader.of('shot')).toEqual([])
  expect(reader.of('snapshot').length + reader.of('patch').length).toBeGreaterThan(0)
  expect(clock.longWaits - before).toBe(1)
  reader.exchange.abort()
})
