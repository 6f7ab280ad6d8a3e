import { describe, expect, it } from 'vitest'
import type { RoomListing } from '@ringside/protocol'
import { ManualClock } from '../../../src/process/clock.ts'
import { Spectators } from '../../../src/feed/audience/spectators.ts'
import { ListingDelay } from '../../../src/feed/lobby/listing-delay.ts'
import { FakeDirectory, FeedRig } from '../rig.ts'

describe('FE13 a new reader of the lobby', () => {
  it('FE13 a long list that was made a moment ago shows no room that is gone since', async () => {
    const rig = await FeedRig.start()
    for (let index = 0; index < 800; index++) rig.directory.set(`room-${index}`)
    rig.get('/rooms')
    rig.directory.forget('room-7')
    await rig.advance(50)
    const first = await rig.open('/rooms/stream')
    await rig.advance(2_000)
    expect(first.text).not.toContain('"room-7"')
    rig.directory.forget('room-8')
    await rig.advance(450)
    rig.get('/rooms/stream')
    await rig.settle()
    // The change is told at 500, between two lists that are made 100 ms apart.
    rig.directory.forget('room-9')
    await rig.advance(55)
    const late = await rig.open('/rooms/stream')
    await rig.advance(2_000)
    for (const id of ['room-8', 'room-9']) {
      const shows = late.text.includes(`"${id}"`)
      expect(
        shows &&
          !late.of('room-removed').some(({ data }) => 'roomId' in data && data.roomId === id),
      ).toBe(false)
    }
  })

  it('FE3 what a short hold kept back is told after it', () => {
    const clock = new ManualClock()
    const directory = new FakeDirectory()
    let clients = 1
    const list = directory.list.bind(directory)
    directory.list = () => list().map((room) => ({ ...room, clients }))
    let isBehind = false
    const told: string[] = []
    const listings = new ListingDelay({
      directory,
      spectators: new Spectators(),
      clock,
      isBehind: () => isBehind,
      onShown: (id) => told.push(id),
    })
    directory.set('a')
    clock.advance(500)
    clock.advance(100)
    clients = 2
    directory.set('a')
    isBehind = true
    const held: RoomListing[] = listings.list()
    expect(held[0]?.clients).toBe(1)
    isBehind = false
    clock.advance(1_000)
    expect(told).toEqual(['a'])
    listings.stop()
  })
})
