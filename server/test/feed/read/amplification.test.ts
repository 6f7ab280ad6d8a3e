import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { TooManyRequests } from '../../../src/process/errors.ts'
import { MAX_READS, ReadGate } from '../../../src/feed/read/read-gate.ts'
import { ViewShelf } from '../../../src/feed/read/states.ts'
import type { StateView } from '../../../src/feed/read/states.ts'
import { countingStore } from '../counting-store.ts'
import type { ReadCount } from '../counting-store.ts'
import { FeedRig, Reader } from '../rig.ts'

async function startCounted(options: Parameters<typeof FeedRig.start>[0] = {}) {
  const clock = new ManualClock()
  const { store, count } = countingStore(clock)
  const rig = await FeedRig.start({ clock, store, feedRingBytes: 65_536, ...options })
  return { rig, store: count }
}

let roomCount = 0

/** Rooms that begin, and end when they are told to. */
async function makeRooms(rig: FeedRig, count: number, isEnded: boolean): Promise<void> {
  for (let index = 0; index < count; index++) {
    const room = await rig.room(`${isEnded ? 'over' : 'live'}${roomCount++}`, { index })
    if (!isEnded) continue
    room.end()
    await rig.settle()
    rig.directory.set(room.id, { isLive: false })
  }
}

function ask(rig: FeedRig, remoteAddress: string, path: string): Reader {
  return new Reader(rig.transport.request({ path, headers: {}, remoteAddress }))
}

/** Reads that one request causes. */
async function readsOf(rig: FeedRig, store: ReadCount, path: string): Promise<number> {
  await rig.advance(1_000)
  store.reset()
  const reader = await rig.open(path)
  for (let round = 0; round < 20; round++) await rig.settle()
  expect(reader.types.at(-1)).toBe('caught-up')
  const { reads } = store
  reader.exchange.abort()
  return reads
}

describe('FE15 what one request may cost', () => {
  it('FE15 FE44 rooms that begin after the position are not asked for', async () => {
    const { rig, store } = await startCounted()
    const early = await rig.room('early', {})
    early.emit('shot', {})
    await rig.settle()
    const old = rig.outbox.sealed
    await makeRooms(rig, 150, true)
    await makeRooms(rig, 50, false)
    // 201 rooms; five reads are one snapshot's, the rest is the stream's own.
    expect(await readsOf(rig, store, '/feed?from=start')).toBeLessThan(30)
    expect(await readsOf(rig, store, `/feed?from=${rig.tokenAt(old)}`)).toBeLessThan(30)
    expect(await readsOf(rig, store, `/feed?from=${rig.tokenAt(old - 1)}`)).toBeLessThan(30)
    await rig.store.marks.raiseFloor(old)
    await rig.store.events.deleteThrough(old)
    early.snapshot()
    expect(await readsOf(rig, store, '/feed?from=start')).toBeLessThan(30)
  })

  it('FE15 FE44 after a restart each room is asked for once, not at every request', async () => {
    const first = await startCounted()
    await first.rig.room('early', {})
    const old = first.rig.outbox.sealed
    await makeRooms(first.rig, 60, true)
    const middle = first.rig.outbox.sealed
    await makeRooms(first.rig, 60, true)
    const { store, clock, directory } = first.rig
    const rig = await FeedRig.start({ clock, store, directory, feedRingBytes: 65_536 })
    const counted = first.store
    const opening = await readsOf(rig, counted, `/feed?from=${rig.tokenAt(middle)}`)
    expect(opening).toBeGreaterThan(100)
    expect(await readsOf(rig, counted, `/feed?from=${rig.tokenAt(middle)}`)).toBeLessThan(30)
    expect(await readsOf(rig, counted, `/feed?from=${rig.tokenAt(middle + 1)}`)).toBeLessThan(30)
    await readsOf(rig, counted, `/feed?from=${rig.tokenAt(old)}`)
    expect(await readsOf(rig, counted, `/feed?from=${rig.tokenAt(old)}`)).toBeLessThan(30)
  })

  it('FE15 an old position that many ask for costs the reads of one', async () => {
    const { rig, store } = await startCounted()
    await makeRooms(rig, 50, false)
    const old = rig.outbox.sealed
    await makeRooms(rig, 5, false)
    expect(await readsOf(rig, store, `/feed?from=${rig.tokenAt(old)}`)).toBeGreaterThan(50)
    for (let index = 0; index < 3; index++)
      expect(await readsOf(rig, store, `/feed?from=${rig.tokenAt(old)}`)).toBeLessThan(30)
  })

  it('FE15 the newest states cost one look at what is new of each room', async () => {
    const { rig, store } = await startCounted()
    await makeRooms(rig, 50, false)
    for (let round = 0; round < 3; round++) {
      const room = await rig.room(`newest${round}`, {})
      for (let index = 0; index < 100; index++) room.patch({ index })
      await readsOf(rig, store, '/feed')
      room.patch({ round })
      expect(await readsOf(rig, store, '/feed')).toBeLessThan(2 * (51 + round) + 30)
    }
  })

  it('FE15 FE46 a stream that is gone asks for nothing more', async () => {
    const { rig, store } = await startCounted()
    await makeRooms(rig, 100, false)
    const old = rig.outbox.sealed
    await makeRooms(rig, 5, true)
    store.slownessMs = 10
    store.reset()
    const reader = ask(rig, '10.0.0.1', `/feed?from=${rig.tokenAt(old)}`)
    await rig.advance(30)
    expect(store.reads).toBeGreaterThan(0)
    reader.exchange.abort()
    store.reset()
    await rig.advance(5_000)
    // The view under way, and the tail's own polling.
    const idle = store.reads
    store.reset()
    await rig.advance(5_000)
    expect(idle - store.reads).toBeLessThan(8)
  })

  it('FE15 FE45 from=-Ns searches the log once a second of the log, whoever asks', async () => {
    const { rig, store } = await startCounted()
    const room = await rig.room('a', {})
    for (let index = 0; index < 600; index++) {
      room.emit('shot', { index })
      await rig.advance(100)
    }
    const searched = await readsOf(rig, store, '/rooms/a/feed?from=-31s')
    expect(searched).toBeGreaterThan(10)
    store.reset()
    for (let index = 0; index < 50; index++)
      rig.get('/rooms/a/feed?from=-31s').exchange.openBody?.setFull(true)
    for (let index = 1; index < 5; index++) await rig.open(`/rooms/a/feed?from=-${30 + index}s`)
    const reads = store.reads
    expect(reads).toBeLessThan(50 * 6 + 5 * searched)
    // Everything was found by then: only snapshots and pages are read.
    store.reset()
    for (let index = 1; index < 5; index++) await rig.open(`/rooms/a/feed?from=-${30 + index}s`)
    expect(store.reads).toBeLessThan(4 * 10)
    const reader = await rig.open('/rooms/a/feed?from=-5s')
    const now = rig.clock.now()
    for (const { data } of reader.roomEvents) expect(data.at).toBeGreaterThan(now - 6_000)
    expect(reader.of('snapshot')[0]?.data.at).toBeLessThanOrEqual(now - 5_000)
  })

  it('FE15 FE43 spectators ask the log a few things at once, whatever they all want', async () => {
    const { rig, store } = await startCounted()
    await makeRooms(rig, 40, false)
    const living = [...rig.directory.ids()]
    const old = rig.outbox.sealed
    const room = await rig.room('busy', {})
    for (let index = 0; index < 500; index++) {
      room.emit('shot', { index, text: 'x'.repeat(1_000) })
      if (index % 20 === 0) await rig.settle()
    }
    await rig.settle()
    store.slownessMs = 50
    store.reset()
    const readers: Reader[] = []
    for (let index = 0; index < 60; index++) {
      readers.push(ask(rig, '10.0.0.1', `/feed?from=${rig.tokenAt(old - (index % 20))}`))
      readers.push(ask(rig, '10.0.0.1', `/rooms/busy/feed?checkpoint=${2 + index}`))
      readers.push(ask(rig, '10.0.0.1', `/rooms/busy/feed?from=-${index + 1}s`))
      readers.push(ask(rig, '10.0.0.1', `/rooms/busy/events?limit=10&after=${1 + index}`))
      readers.push(ask(rig, '10.0.0.1', `/rooms/${living[index % 9]}/state?at=1`))
    }
    await rig.advance(200)
    // Another address waits for its own questions only.
    const other = ask(rig, '10.0.0.2', `/rooms/busy/events?limit=10&after=300`)
    await rig.advance(600)
    const waiting = readers.filter(({ exchange }) => exchange.status === 0)
    expect([other.exchange.status, waiting.length > 10]).toEqual([200, true])
    await rig.advance(60_000)
    // The tail reads too.
    expect(store.mostUnderway).toBeLessThanOrEqual(MAX_READS + 2)
    for (const reader of readers) expect(reader.exchange.status).toBe(200)
    store.slownessMs = 0
    await rig.advance(5_000)
    expect(rig.parts.gate.underway).toBe(0)
  })
})

describe('FE15 turns at the log', () => {
  it('FE15 FE43 the addresses take turns, each in its own order', async () => {
    const gate = new ReadGate()
    const done: string[] = []
    const open: (() => void)[] = []
    const read = (name: string) => async (): Promise<void> => {
      await new Promise<void>((resolve) => void open.push(resolve))
      done.push(name)
    }
    const all: Promise<void>[] = []
    for (let index = 0; index < MAX_READS; index++) all.push(gate.run('a', read('first')))
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
      all.push(gate.run(name.slice(0, 1), read(name)))
    expect(gate.underway).toBe(MAX_READS)
    for (let index = 0; index < MAX_READS + 6; index++) {
      open.shift()?.()
      for (let step = 0; step < 6; step++) await Promise.resolve()
    }
    await Promise.all(all)
    expect(done.slice(MAX_READS)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
    expect(gate.underway).toBe(0)
  })

  it('FE15 FE43 a failure hands the turn on, and an address may not wait for more than 2,000', async () => {
    const gate = new ReadGate()
    let fail = (): void => {}
    const failing = new Promise<void>((_resolve, reject) => {
      fail = () => reject(new Error('down'))
    })
    const held = Array.from({ length: MAX_READS }, () => gate.run('a', () => failing))
    const waiting = Array.from({ length: 2_000 }, () => gate.run('a', async () => 'read'))
    await expect(gate.run('a', async () => 'read')).rejects.toThrow(TooManyRequests)
    const other = gate.run('b', async () => 'other')
    fail()
    for (const each of held) await expect(each).rejects.toThrow('down')
    expect(await other).toBe('other')
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['read']))
    expect(gate.underway).toBe(0)
  })
})

describe('FE5 states in memory', () => {
  it('FE5 are bounded by number and by size, the one unused for longest out first', () => {
    const shelf = new ViewShelf({ views: 3, characters: 100 })
    const view = (room: string, size: number): StateView => ({
      room,
      n: 1,
      seq: 1,
      at: 1,
      state: 'x'.repeat(size),
      isOver: false,
      who: null,
    })
    for (const room of ['a', 'b', 'c']) shelf.put(room, view(room, 10))
    expect(shelf.get('a')?.room).toBe('a')
    shelf.put('d', view('d', 10))
    expect(['a', 'b', 'c', 'd'].map((room) => shelf.get(room) !== null)).toEqual([
      true,
      false,
      true,
      true,
    ])
    shelf.put('a', view('a', 75))
    expect(shelf.characters).toBe(95)
    shelf.put('e', view('e', 20))
    expect(['a', 'c', 'd', 'e'].map((room) => shelf.get(room) !== null)).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect(shelf.characters).toBe(95)
  })
})

describe('FE16 large events', () => {
  it('FE16 FE48 pages, states and streams take in a part of them at a time', async () => {
    const { rig, store } = await startCounted()
    const room = await rig.room('a', {})
    const large = 200_000
    for (let index = 0; index < 60; index++) {
      room.patch({ index, text: 'x'.repeat(large) })
      await rig.settle()
    }
    store.reset()
    const page = await rig.open('/rooms/a/events?limit=1000')
    expect(page.exchange.status).toBe(200)
    expect(store.largestPage).toBeGreaterThan(large)
    expect(store.largestPage).toBeLessThan(256 * 1024 + large + 100)
    store.reset()
    const state = await rig.json<{ n: number; state: { index: number } }>('/rooms/a/state')
    expect([state.n, state.state.index]).toEqual([61, 59])
    expect(store.largestPage).toBeLessThan(1024 * 1024 + large + 100)
    store.reset()
    const reader = await rig.open('/rooms/a/feed?from=start')
    for (let round = 0; round < 5; round++) await rig.settle()
    expect(reader.of('patch')).toHaveLength(61)
    expect(store.largestPage).toBeLessThan(512 * 1024 + large + 100)
  })
})
