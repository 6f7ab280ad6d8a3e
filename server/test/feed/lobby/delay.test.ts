import { describe, expect, it } from 'vitest'
import type { RoomListing } from '@ringside/protocol'
import { ManualClock } from '../../../src/process/clock.ts'
import { Spectators } from '../../../src/feed/audience/spectators.ts'
import { ListingDelay } from '../../../src/feed/lobby/listing-delay.ts'
import { TestServer } from '../../support/test-server.ts'
import { FakeDirectory } from '../rig.ts'

async function onlyRoom(test: TestServer): Promise<RoomListing | undefined> {
  const { body } = await test.http('GET', '/rooms')
  return (body as { rooms: RoomListing[] }).rooms[0]
}

describe('FE3 the list of rooms', () => {
  it('FE3 FE32 players and metadata of a delayed room are shown as they were delayMs ago', async () => {
    await using test = await TestServer.start(
      {},
      { delayMs: 10_000, onTick: (room) => room.setMetadata({ at: room.now }) },
    )
    const start = test.clock.now()
    await test.join('Ada')
    await test.clock.advanceAsync(5_000, 25)
    const young = await onlyRoom(test)
    expect(young).toMatchObject({ clients: 0, metadata: null, locked: false, delayMs: 10_000 })
    await test.clock.advanceAsync(15_000, 25)
    const shown = await onlyRoom(test)
    expect(shown?.clients).toBe(1)
    const { at } = (shown?.metadata ?? {}) as { at: number }
    const age = test.clock.now() - at
    expect(at).toBeGreaterThan(start)
    expect(age).toBeGreaterThanOrEqual(10_000)
    expect(age).toBeLessThan(11_500)
  })

  it('FE3 the stream of the list obeys the delay, and tells what the passing of time shows', async () => {
    await using test = await TestServer.start(
      {},
      { delayMs: 3_000, onJoin: (room, session) => room.setMetadata({ leader: session.name }) },
    )
    const lobby = test.transport.request({ path: '/rooms/stream' })
    await test.join('Ada')
    await test.clock.advanceAsync(2_900, 25)
    expect(lobby.text()).toContain('event: room\n')
    expect(lobby.text()).not.toContain('Ada')
    await test.clock.advanceAsync(2_000, 25)
    expect(lobby.text()).toContain('"metadata":{"leader":"Ada"}')
  })

  it('FE3 without a delay the list is the newest', async () => {
    await using test = await TestServer.start(
      {},
      { onJoin: (room, session) => room.setMetadata({ leader: session.name }) },
    )
    await test.join('Ada')
    expect(await onlyRoom(test)).toMatchObject({ clients: 1, metadata: { leader: 'Ada' } })
  })

  it('FE3 FE32 while the log is behind the list stands still, and goes on after it', async () => {
    await using test = await TestServer.start(
      {},
      { onJoin: (room, session) => room.setMetadata({ leader: session.name }) },
    )
    await test.join('Ada')
    const lobby = test.transport.request({ path: '/rooms/stream' })
    await test.clock.advanceAsync(2_000, 25)
    test.faults.isReadOnly = true
    await test.join('Bob')
    await test.clock.advanceAsync(3_000, 25)
    await test.join('Cleo')
    await test.clock.advanceAsync(1_000, 25)
    expect(await onlyRoom(test)).toMatchObject({ clients: 2, metadata: { leader: 'Bob' } })
    expect(lobby.text()).not.toContain('Cleo')
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(2_000, 25)
    expect(await onlyRoom(test)).toMatchObject({ clients: 3, metadata: { leader: 'Cleo' } })
    expect(lobby.text()).toContain('"metadata":{"leader":"Cleo"}')
  })

  it('FE3 a room that changes with every tick under a long delay costs few samples', () => {
    const clock = new ManualClock()
    const directory = new FakeDirectory()
    let listCount = 0
    const list = directory.list.bind(directory)
    directory.list = () => {
      listCount++
      return list()
    }
    const listings = new ListingDelay({
      directory,
      spectators: new Spectators(),
      clock,
      isBehind: () => false,
      onShown: () => {},
    })
    for (let step = 0; step < 20_000; step++) {
      directory.set('a', { delayMs: 600_000 })
      clock.advance(50)
    }
    expect(listCount).toBeLessThan(2_100)
    expect(listings.sampleCount).toBeLessThanOrEqual(65)
    directory.set('a', { isLive: false })
    expect(listings.sampleCount).toBe(0)
    listings.stop()
    expect(clock.pendingCount).toBe(0)
  })
})
