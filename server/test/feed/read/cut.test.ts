import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { FeedRing } from '../../../src/feed/read/ring.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { overrideStore, recordHandlers } from '../../outbox/support.ts'
import { FeedRig, ScriptedRoom } from '../rig.ts'

describe('FE1 a log that another process cuts faster than this one reads', () => {
  it('FE1 the ring holds nothing from before a gap', () => {
    const ring = new FeedRing(10_000, 100)
    ring.push([], 110, 100)
    expect(ring.after(105)).not.toBeNull()
    ring.push([], 130, 120)
    expect(ring.after(110)).toBeNull()
    expect(ring.after(119)).toBeNull()
    expect(ring.after(120)).toMatchObject({ next: 130 })
  })

  it('FE1 a live stream of a process that could not read is reset, then sees the rest', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore({ clock })
    let isAway = false
    const shaky = overrideStore(store, {
      events: {
        range: (query) => (isAway ? Promise.reject(new Error('away')) : store.events.range(query)),
      },
    })
    const rig = await FeedRig.start({ clock, store: shaky })
    let ids = 0
    const randomId = (): string => `other-${++ids}`
    const context = { clock, logger: silentLogger, randomId }
    const other = createOutbox(store, checkLimits({}), context)
    const started = other.start()
    await rig.settle()
    await started
    rig.directory.set('a')
    const opening = other.openRoom('a', recordHandlers())
    await rig.settle()
    const room = new ScriptedRoom('a', await opening)
    room.patch({ step: 1 })
    await rig.advance(1_000)
    const reader = await rig.open('/rooms/a/feed')
    expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up'])
    isAway = true
    for (let step = 2; step <= 20; step++) room.patch({ step })
    room.snapshot()
    await rig.advance(1_000)
    const cut = other.sealed
    await store.marks.raiseFloor(cut)
    await store.events.deleteThrough(cut)
    isAway = false
    room.patch({ step: 21 })
    await rig.advance(5_000)
    room.patch({ step: 22 })
    await rig.advance(1_000)
    const seen = reader.events.slice(3)
    expect(seen.map(({ type }) => type).slice(0, 3)).toEqual(['reset', 'snapshot', 'caught-up'])
    expect(seen[0]?.data).toMatchObject({ reason: 'retention' })
    expect(seen.at(-1)?.data).toMatchObject({ n: 22, data: { step: 22 } })
    expect(rig.outbox.sealed).toBe(other.sealed)
  })
})
