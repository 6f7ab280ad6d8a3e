import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import type { LogStore } from '../../../src/outbox/contract/store.ts'
import { FeedRig } from '../rig.ts'
import { hookedStore } from '../../../src/testing/store/hooked-store.ts'

const COUNT = 40

function countingStore(clock: ManualClock): { store: LogStore; reads: () => number } {
  let reads = 0
  const store = hookedStore(new MemoryStore({ clock }), {
    before: (operation) => {
      if (operation === 'read') reads++
    },
  })
  return { store, reads: () => reads }
}

async function playAndEnd(rig: FeedRig): Promise<void> {
  for (let index = 0; index < COUNT; index++) {
    const room = await rig.room(`ended${index}`, { index })
    room.patch({ isDone: true })
    room.end()
    rig.directory.set(room.id, { isLive: false })
    await rig.settle()
  }
}

describe('FE2 rooms that have ended', () => {
  it('FE2 FE41 a stream of all rooms asks the log for the living ones alone', async () => {
    const clock = new ManualClock()
    const { store, reads } = countingStore(clock)
    const rig = await FeedRig.start({ store, clock })
    await playAndEnd(rig)
    const live = await rig.room('live', { score: 7 })
    await rig.parts.states.at(live.id, rig.outbox.sealed, '')
    const before = reads()
    const reader = await rig.open('/feed')
    expect(reader.of('snapshot').map(({ data }) => data.room)).toEqual(['live'])
    expect(reads() - before).toBeLessThan(COUNT / 2)
  })

  it('FE2 the same after a restart, for rooms that ended before it', async () => {
    const clock = new ManualClock()
    const { store, reads } = countingStore(clock)
    const rig = await FeedRig.start({ store, clock })
    await playAndEnd(rig)
    const next = await FeedRig.start({ store, clock, directory: rig.directory })
    const before = reads()
    const reader = await next.open('/feed')
    expect(reader.types).toEqual(['hello', 'caught-up'])
    expect(reads() - before).toBeLessThan(COUNT / 2)
  })

  it('FE2 at a position before its end a room is still shown', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 1 })
    const middle = rig.outbox.sealed
    room.patch({ score: 2 })
    room.end()
    rig.directory.set('a', { isLive: false })
    await rig.settle()
    const replay = await rig.open(`/feed?from=${rig.tokenAt(middle)}`)
    expect(replay.of('snapshot')[0]?.data).toMatchObject({ room: 'a', state: { score: 1 } })
    expect(replay.roomEvents.map(({ type }) => type)).toEqual(['patch', 'end'])
    expect((await rig.open('/feed')).of('snapshot')).toEqual([])
  })
})
