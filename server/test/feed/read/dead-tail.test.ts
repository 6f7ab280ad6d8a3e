import { describe, expect, it } from 'vitest'
import { RingsideError } from '../../../src/process/errors.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { ManualClock } from '../../../src/process/clock.ts'
import { overrideStore } from '../../outbox/support.ts'
import { FeedRig } from '../rig.ts'

/** A feed whose reads of the log fail while `isAway`. */
async function start(): Promise<{ rig: FeedRig; store: { isAway: boolean } }> {
  const clock = new ManualClock()
  const memory = new MemoryStore({ clock })
  const weather = { isAway: false }
  const store = overrideStore(memory, {
    events: {
      range: async (query) => {
        if (weather.isAway) throw new RingsideError('unavailable')
        return memory.events.range(query)
      },
    },
  })
  const rig = await FeedRig.start({ store, clock })
  return { rig, store: weather }
}

describe('FE1 a delay whose tail could not begin', () => {
  it('FE1 streams that a larger delay is due to do not stand still for ever', async () => {
    const { rig, store } = await start()
    const room = await rig.room('a', { x: 1 })
    const reader = await rig.open('/feed?rooms=*')
    expect(reader.types).toContain('caught-up')
    room.patch({ x: 2 })
    await rig.settle()
    expect(reader.of('patch')).toHaveLength(1)
    store.isAway = true
    rig.directory.set('slow', { delayMs: 5_000 })
    await rig.settle()
    store.isAway = false
    room.patch({ x: 3 })
    await rig.advance(60_000)
    // Either it goes on, or it is told to come back.
    expect(reader.of('patch').length > 1 || !reader.body.isOpen).toBe(true)
  })

  it('FE9 a reader of an ended room that comes back while the log fails is told to come again', async () => {
    const { rig, store } = await start()
    const room = await rig.room('b', { x: 1 }, { delayMs: 5_000 })
    room.end()
    rig.directory.set('b', { isLive: false })
    await rig.settle()
    store.isAway = true
    const reader = await rig.open('/rooms/b/feed', {
      'last-event-id': '1-0',
    })
    expect(reader.exchange.status).toBe(200)
  })
})
