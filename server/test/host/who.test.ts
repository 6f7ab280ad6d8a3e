import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryStore } from '../../src/index.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { everything, overrideStore } from '../outbox/support.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

type Room = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

/** The room of a server, as its hooks get it. */
function roomOf(): { readonly handlers: Partial<ArenaHandlers>; room: Room | null } {
  const held: { handlers: Partial<ArenaHandlers>; room: Room | null } = { handlers: {}, room: null }
  held.handlers = {
    onTick: (room) => {
      held.room = room
      room.state.ticks++
    },
  }
  return held
}

function must(room: Room | null): Room {
  if (!room) throw new Error('Expected a room that ticks')
  return room
}

async function whosOf(store: MemoryStore, room: string): Promise<LogEvent[]> {
  return (await everything(store)).filter((event) => event.room === room && event.type === '_who')
}

/** Two servers on one store: the second has taken the room, and the first serves readers still. */
async function two(options: { delayMs?: number; nextDelayMs?: number } = {}) {
  const store = new MemoryStore()
  const clock = new ManualClock()
  const held = roomOf()
  const { delayMs = 0, nextDelayMs = delayMs } = options
  const first = await TestServer.start({ store, clock }, { delayMs, ...roomOf().handlers })
  const { roomId } = (await first.join('Ada')).seat
  await clock.advanceAsync(1_000, 5)
  const owner = await TestServer.start(
    { store, clock, idPrefix: 'b' },
    { ...held.handlers, delayMs: nextDelayMs },
  )
  await clock.advanceAsync(500, 5)
  expect(first.server.rooms).toEqual([])
  const close = async (): Promise<void> => {
    await owner[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  }
  return { store, clock, first, owner, roomId, room: must(held.room), close }
}

async function status(server: TestServer, path: string): Promise<number> {
  return (await server.http('GET', path)).status
}

describe('OB126 OB129 two servers on one store', () => {
  it('OB128 OB129 what the owner makes private is so at the other, from that event on, and public again', async () => {
    const { store, clock, first, roomId, room, close } = await two()
    const stream = first.transport.request({ path: '/feed' })
    const single = first.transport.request({ path: `/rooms/${roomId}/feed` })
    await clock.advanceAsync(500, 5)
    expect(await status(first, `/rooms/${roomId}/state`)).toBe(200)
    room.setPrivate(true)
    room.state.note = 'SECRET'
    await clock.advanceAsync(500, 5)
    for (const path of ['state', 'events', 'state?at=1', 'feed'])
      expect(await status(first, `/rooms/${roomId}/${path}`), path).toBe(403)
    expect(single.isOpen).toBe(false)
    room.state.note = 'open'
    await clock.advanceAsync(500, 5)
    room.setPrivate(false)
    await clock.advanceAsync(500, 5)
    expect(await status(first, `/rooms/${roomId}/state`)).toBe(200)
    expect(stream.text().split('event: snapshot').length).toBe(3)
    const pages = await first.http('GET', `/rooms/${roomId}/events?limit=1000`)
    for (const text of [stream.text(), single.text(), JSON.stringify(pages.body)]) {
      expect(text).not.toContain('SECRET')
      expect(text).not.toContain('_who')
    }
    const said = await whosOf(store, roomId)
    expect(said.map(({ who }) => who?.isPrivate)).toEqual([true, false])
    // It goes ahead of what was written in its turn.
    const secret = (await everything(store)).find(({ data }) => data.includes('SECRET'))
    expect(secret?.n).toBeGreaterThan(said[0]?.n ?? Infinity)
    expect(secret?.who?.isPrivate).toBe(true)
    await close()
  })

  it('OB126 n = 1 says who sees the room, and onCreate may close it before anybody saw it', async () => {
    const store = new MemoryStore()
    await using test = await TestServer.start(
      { store },
      {
        delayMs: 5_000,
        onCreate: (room) => {
          room.setPrivate(true)
          return { ticks: 0, dice: 0, note: '', players: {} }
        },
      },
    )
    const { roomId } = (await test.join('Ada')).seat
    await test.clock.advanceAsync(500, 5)
    const events = (await everything(store)).filter(({ room }) => room === roomId)
    expect(events[0]).toMatchObject({ n: 1, who: { delayMs: 5_000, isPrivate: true } })
    expect(events.every(({ who }) => who?.isPrivate)).toBe(true)
    expect(await whosOf(store, roomId)).toEqual([])
  })

  it('OB128 a program with another delay says so when it takes the room over, and what is young stays so', async () => {
    const { store, clock, owner, first, roomId, room, close } = await two({
      delayMs: 10_000,
      nextDelayMs: 0,
    })
    expect((await whosOf(store, roomId)).map(({ who }) => who?.delayMs)).toEqual([0])
    room.state.note = 'NEW'
    await clock.advanceAsync(500, 5)
    // What was written under the delay is younger than that.
    for (const server of [first, owner]) {
      const stream = server.transport.request({ path: `/rooms/${roomId}/feed?from=start` })
      await clock.advanceAsync(500, 5)
      expect(stream.text()).not.toContain('event: patch')
    }
    await clock.advanceAsync(11_000, 25)
    for (const server of [first, owner]) {
      const { body } = await server.http('GET', `/rooms/${roomId}/state`)
      expect((body as { state: { note: string } }).state.note).toBe('NEW')
      const stream = server.transport.request({ path: `/rooms/${roomId}/feed` })
      await clock.advanceAsync(500, 5)
      expect(stream.text()).toContain('"delayMs":0')
    }
    await close()
  })

  it('OB128 a longer delay holds for both from its event on', async () => {
    const { store, clock, owner, first, roomId, room, close } = await two({ nextDelayMs: 10_000 })
    expect((await whosOf(store, roomId)).map(({ who }) => who?.delayMs)).toEqual([10_000])
    const streams = [first, owner].map((server) =>
      server.transport.request({ path: `/rooms/${roomId}/feed` }),
    )
    room.state.note = 'NEW'
    await clock.advanceAsync(8_000, 25)
    for (const stream of streams) expect(stream.text()).not.toContain('NEW')
    await clock.advanceAsync(3_000, 25)
    for (const stream of streams) expect(stream.text()).toContain('NEW')
    await close()
  })
})

describe('OB126 OB129 a crash and a restart', () => {
  it('OB129 a record that is older than the log opens nothing, of rooms that go on and of those that ended', async () => {
    const store = new MemoryStore()
    let isStuck = false
    const stuck = overrideStore(store, {
      rooms: {
        save: async (record) => (isStuck ? new Promise(() => {}) : store.rooms.save(record)),
      },
    })
    const held = roomOf()
    const first = await TestServer.start({ store: stuck }, held.handlers)
    const { roomId } = (await first.join('Ada')).seat
    await first.clock.advanceAsync(1_000, 5)
    isStuck = true
    must(held.room).setPrivate(true)
    await first.clock.advanceAsync(500, 5)
    await first.crash()
    expect((await store.rooms.living('', 10))[0]?.isPrivate).toBe(false)
    const again = roomOf()
    const second = await TestServer.start({ store: stuck, idPrefix: 'b' }, again.handlers)
    await second.clock.advanceAsync(500, 5)
    expect(await status(second, `/rooms/${roomId}/state`)).toBe(403)
    must(again.room).end()
    await second.clock.advanceAsync(500, 5)
    await second.crash()
    isStuck = false
    await using third = await TestServer.start({ store, idPrefix: 'c' })
    await third.clock.advanceAsync(500, 5)
    for (const path of ['state', 'events', 'feed'])
      expect(await status(third, `/rooms/${roomId}/${path}`), path).toBe(403)
    expect((await third.http('GET', '/rooms')).body).toEqual({ rooms: [] })
  })

  it('OB126 a snapshot alone carries it, when the log was cut up to there', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore({ clock })
    const held = roomOf()
    const first = await TestServer.start({ store, clock, retentionMs: 60_000 }, held.handlers)
    const { roomId } = (await first.join('Ada')).seat
    await first.clock.advanceAsync(1_000, 5)
    must(held.room).setPrivate(true)
    await first.clock.advanceAsync(180_000, 50)
    expect(first.server.rooms).toHaveLength(1)
    await first.crash()
    const left = (await everything(store)).filter(({ room }) => room === roomId)
    expect(left[0]?.n).toBeGreaterThan(1)
    expect(await whosOf(store, roomId)).toEqual([])
    const again = roomOf()
    await using second = await TestServer.start({ store, clock, idPrefix: 'b' }, again.handlers)
    await second.clock.advanceAsync(500, 5)
    expect(await status(second, `/rooms/${roomId}/state`)).toBe(403)
    expect(await whosOf(store, roomId)).toEqual([])
  }, 60_000)

  it('OB128 a log of an older version is read by its record, and says it from its next owner on', async () => {
    const store = new MemoryStore()
    // An older version wrote none of it.
    const older = overrideStore(store, {
      events: {
        insert: (events) =>
          store.events.insert(
            events.filter(({ type }) => type !== '_who').map(({ who: _who, ...event }) => event),
          ),
      },
      snapshots: { save: ({ who: _who, ...snapshot }) => store.snapshots.save(snapshot) },
    })
    const held = roomOf()
    const first = await TestServer.start({ store: older }, { ...held.handlers, delayMs: 3_000 })
    const { roomId } = (await first.join('Ada')).seat
    await first.clock.advanceAsync(1_000, 5)
    await first.crash()
    await using second = await TestServer.start(
      { store, idPrefix: 'b' },
      { ...roomOf().handlers, delayMs: 3_000 },
    )
    await second.clock.advanceAsync(500, 5)
    const said = await whosOf(store, roomId)
    expect(said.map(({ who }) => who)).toEqual([{ delayMs: 3_000, isPrivate: false }])
    const marker = (await everything(store)).findLast(({ type }) => type === 'owner')
    expect(said[0]?.n).toBe((marker?.n ?? 0) + 1)
  })
})
