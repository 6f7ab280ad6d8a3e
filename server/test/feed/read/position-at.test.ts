import { expect, it } from 'vitest'
import { positionAt } from '../../../src/feed/read/time-index.ts'
import { writeTombstones } from '../../../src/outbox/append/tombstones.ts'
import { everything, pass, startRig } from '../../outbox/support.ts'
import { recordHandlers } from '../../outbox/support.ts'

it('FE3 the position of a time is found among numbers that were voided, too', async () => {
  const rig = await startRig()
  const { clock, store, outbox } = rig
  const log = await outbox.openRoom('room', recordHandlers())
  for (let step = 0; step < 12; step++) {
    log.append({ type: 'kill', data: `{"step":${step}}` })
    await pass(clock, 100)
    // Runs of 0 to 250 numbers that hold nothing.
    const count = [0, 1, 250, 3][step % 4] ?? 0
    if (count > 0) {
      const first = await store.events.allocate(count)
      const seqs = Array.from({ length: count }, (_, index) => first + index)
      await writeTombstones(store, seqs, 'void')
    }
    await pass(clock, 900)
  }
  const events = (await everything(store)).filter(({ type }) => type === 'kill')
  expect(events).toHaveLength(12)
  for (const [index, event] of events.entries()) {
    const found = await positionAt(outbox, event.at)
    expect(found, `event ${index}`).toBeGreaterThanOrEqual(event.seq)
    expect(found, `event ${index}`).toBeLessThan(events[index + 1]?.seq ?? Infinity)
    const before = await positionAt(outbox, event.at - 1)
    expect(before, `before event ${index}`).toBeLessThan(event.seq)
    expect(before).toBeGreaterThanOrEqual(events[index - 1]?.seq ?? outbox.origin)
  }
})
