import { describe, expect, it } from 'vitest'
import { MemoryStore, plainState } from '../../../src/index.ts'
import type { LogEvent, LogStore } from '../../../src/outbox/contract/store.ts'
import { overrideStore, strange } from '../../outbox/support.ts'
import type { ArenaHandlers } from '../../support/test-game.ts'
import { TestServer } from '../../support/test-server.ts'
import { eventsOf, fold } from '../log-fold.ts'

type ArenaRoom = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

/** Hooks that write a player and take them away again; some wait before they do. */
function slowHooks(
  wait: (ms: number) => Promise<void>,
  onRoom: (room: ArenaRoom) => void = () => {},
): Partial<ArenaHandlers> {
  return {
    maxClients: 8,
    reconnectGraceMs: 200,
    async onJoin(room, session) {
      onRoom(room)
      if (session.name !== 'Ada') await wait(70)
      if (!session.isConnected) return
      room.state.players[session.id] = { name: session.name, score: 0, mines: [{ x: 1 }] }
      room.emit('kill', { by: session.id, whom: 'nobody' })
    },
    async onLeave(room, session) {
      if (session.name !== 'Bob') await wait(60)
      delete room.state.players[session.id]
    },
    onRestore: onRoom,
    onTick: () => {},
  }
}

const waitOn = (test: () => TestServer | null) => (ms: number) =>
  new Promise<void>((resolve) => test()?.clock.after(ms, resolve))

/** Joins, drops, comes back, leaves, is kicked, joins and breaks off: everything that a seat goes through. */
async function play(test: TestServer): Promise<void> {
  const ada = await test.join('Ada')
  const path = `joinById/${ada.seat.roomId}`
  const bob = await test.join('Bob', path)
  await test.clock.advanceAsync(150, 5)
  ada.link.cut()
  await test.clock.advanceAsync(60, 5)
  const token = ada.all('joined')[0]?.reconnectToken
  const answer = await test.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
  const back = await test.dial()
  back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
  await test.clock.advanceAsync(120, 5)
  const cid = await test.join('Cid', path)
  cid.link.cut()
  await test.clock.advanceAsync(200, 5)
  bob.sendSystem('leave', {})
  const dan = await test.join('Dan', path)
  await test.clock.advanceAsync(180, 5)
  dan.sendSystem('leave', {})
  await test.clock.advanceAsync(40, 5)
  back.link.cut()
  await test.clock.advanceAsync(600, 5)
}

/** A store that takes so many events, and then nothing and answers nothing: its process is dead. */
function mortalStore(inner: MemoryStore, count: number): LogStore {
  let left = count
  return overrideStore(inner, {
    events: {
      insert: async (events) => {
        const taken = events.slice(0, left)
        left -= taken.length
        if (taken.length === events.length) return inner.events.insert(events)
        if (taken.length > 0) await inner.events.insert(taken)
        return new Promise(() => {})
      },
    },
    snapshots: {
      save: async (snapshot) => {
        if (left > 0) await inner.snapshots.save(snapshot)
      },
    },
  })
}

function told(events: readonly LogEvent[], type: string): string[] {
  return events
    .filter((event) => event.type === type)
    .map(({ data }) => (JSON.parse(data) as { sessionId: string }).sessionId)
    .sort()
}

describe('OB25 OB93 whatever is the last event that a dead process has written', () => {
  it('OB25 OB93 nobody has a seat without a player, or is a player whom nobody removes', async () => {
    const whole = new MemoryStore()
    let first: TestServer | null = null
    const wait = waitOn(() => first)
    first = await TestServer.start({ store: whole, snapshotEvery: 4 }, slowHooks(wait))
    await play(first)
    const roomId = first.server.rooms[0]?.id ?? ''
    const count = (await eventsOf(whole, roomId)).length
    await first.crash()
    expect(count).toBeGreaterThan(20)
    const phases = new Set<string>()
    let missing = 0

    for (let kill = 1; kill <= count; kill++) {
      const inner = new MemoryStore()
      const store = mortalStore(inner, kill)
      first = await TestServer.start({ store, snapshotEvery: 4 }, slowHooks(wait))
      await play(first).catch(() => {})
      await first.crash()
      const before = await eventsOf(inner, roomId)
      expect(before).toHaveLength(kill)
      const left = fold(before)
      for (const { phase, isNew } of Object.values(left.seats)) {
        phases.add(phase)
        if (isNew || phase === 'gone') missing++
      }

      let room: ArenaRoom | null = null
      let second: TestServer | null = null
      const hooks = slowHooks(
        waitOn(() => second),
        (given) => void (room = given),
      )
      // Made first: its clock is needed while it restores.
      second = TestServer.make({ store: inner, idPrefix: 'b' }, hooks)
      await using _second = second
      await second.during(second.server.listen({ port: 0 }))
      await second.clock.advanceAsync(150, 5)
      const { state, sessions } = room as unknown as ArenaRoom
      const what = `after ${kill} events`
      expect([...sessions.keys()], what).toEqual(Object.keys(state.players))
      const events = await eventsOf(inner, roomId)
      const snapshot = await inner.snapshots.at(roomId, Number.MAX_SAFE_INTEGER)
      const at = fold(events, snapshot?.n)
      expect(JSON.parse(snapshot?.publicState ?? ''), what).toEqual(at.publicState)
      const hidden = { '~seats': {}, ...(at.hiddenState as object) }
      expect(JSON.parse(snapshot?.hiddenState ?? ''), what).toEqual(hidden)
      const here = [...sessions.keys()]
      const joined = told(events, 'joined')
      expect(joined, what).toEqual([...new Set(joined)])
      expect(told(events, 'left'), what).toEqual(joined.filter((id) => !here.includes(id)))
      expect(here.every((id) => joined.includes(id))).toBe(true)
      // Nobody comes back: after the grace all have left, once.
      await second.clock.advanceAsync(30_300, 100)
      expect(Object.keys(state.players), what).toEqual([])
      expect(told(await eventsOf(inner, roomId), 'left'), what).toEqual(joined)
    }
    // Else the test says nothing.
    expect([...phases].sort()).toEqual(['gone', 'joining', 'leaving', 'seated'])
    expect(missing).toBeGreaterThan(4)
  }, 60_000)

  it('OB25 CL33 the generation of a token is known to the next owner once its patch is in the log', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store })
    const ada = await first.join('Ada')
    const path = `/matchmake/reconnect/${ada.seat.roomId}`
    const token = ada.all('joined')[0]?.reconnectToken
    ada.link.cut()
    await first.clock.advanceAsync(10)
    const answer = await first.http('POST', path, { token })
    const back = await first.dial()
    back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
    await first.clock.advanceAsync(150, 5)
    const next = back.all('joined')[0]?.reconnectToken
    const third = await first.dial()
    const more = await first.http('POST', path, { token: next })
    third.sendSystem('join', { ticket: (more.body as { ticket: string }).ticket })
    await first.clock.advanceAsync(150, 5)
    await first.crash()
    await using second = await TestServer.start({ store, idPrefix: 'b' })
    expect((await second.http('POST', path, { token })).status).toBe(410)
    expect((await second.http('POST', path, { token: next })).status).toBe(200)
  })

  it('OB25 a team is in the log with the patch of its turn, and gone with its seat', async () => {
    const store = new MemoryStore()
    const commands: ArenaHandlers['commands'] = {
      mine: (room, session, { x }) => room.setTeam(session, x === 0 ? null : `team ${x}`),
    }
    await using test = await TestServer.start({ store, snapshotEvery: 1_000 }, { commands })
    const ada = await test.join('Ada')
    const teams: unknown[] = []
    for (const x of [3, 4, 0]) {
      ada.ask(x, 'mine', { x })
      await test.clock.advanceAsync(150, 5)
      const { seats } = fold(await eventsOf(store, ada.seat.roomId))
      teams.push(seats[ada.seat.sessionId]?.team)
    }
    expect(teams).toEqual(['team 3', 'team 4', undefined])
  })

  it('OB25 seats are never public: no page, state or feed has them, nor has the game', async () => {
    const store = new MemoryStore()
    let keys: string[] = []
    const onRestore = (room: ArenaRoom): void => void (keys = Object.keys(plainState(room.state)))
    const first = await TestServer.start({ store, snapshotEvery: 2 })
    const ada = await first.join('Ada')
    await first.clock.advanceAsync(500, 5)
    await first[Symbol.asyncDispose]()
    await using second = await TestServer.start({ store, idPrefix: 'b' }, { onRestore })
    await second.clock.advanceAsync(300, 5)
    const { roomId } = ada.seat
    expect(Object.keys(fold(await eventsOf(store, roomId)).seats)).toEqual([ada.seat.sessionId])
    const token = ada.all('joined')[0]?.reconnectToken ?? '?'
    for (const path of ['events?limit=1000', 'state', 'feed?from=start&limit=50']) {
      const exchange = second.transport.request({
        method: 'GET',
        path: `/rooms/${roomId}/${path}`,
        remoteAddress: '127.0.0.1',
      })
      await second.clock.advanceAsync(300, 5)
      expect(exchange.text(), path).toContain('players')
      expect(exchange.text(), path).not.toContain('~seats')
      expect(exchange.text(), path).not.toContain(token)
    }
    expect(keys).toEqual(['players', 'ticks', 'dice', 'note'])
  })
})

describe('OB25 a log that was written before its seats were in it', () => {
  const room = 'oldroom00000'
  const player = (name: string) => ({ name, score: 1, mines: [] })

  /** Ada in the snapshot, who has left since; Bob came after it. */
  async function oldLog(): Promise<MemoryStore> {
    const store = new MemoryStore()
    const seq = await store.events.allocate(4)
    const state = { players: { ada: player('Ada') }, ticks: 0, dice: 1, note: '' }
    const own = { room, epoch: 1, own: 'old', at: store.clock.now() }
    const hidden = JSON.stringify({ reconnectToken: 'token of bob', auth: { rank: null } })
    const bob = JSON.stringify({ players: { ada: null, bob: player('Bob') } })
    const events: Partial<LogEvent>[] = [
      { type: 'patch', data: JSON.stringify(state) },
      { type: 'joined', data: '{"sessionId":"bob","name":"Bob"}', hidden },
      { type: 'left', data: '{"sessionId":"ada","name":"Ada"}' },
      { type: 'patch', data: bob, prev: 1 },
    ]
    await store.events.insert(
      events.map((event, index) => strange({ ...own, n: index + 1, ...event, seq: seq + index })),
    )
    const seats = [{ sessionId: 'ada', name: 'Ada', reconnectToken: 'token of ada', auth: null }]
    await store.snapshots.save({
      room,
      n: 1,
      seq,
      epoch: 1,
      at: own.at,
      patchN: 1,
      publicState: JSON.stringify(state),
      hiddenState: '{}',
      runtime: JSON.stringify({ tick: 3, now: 1, seed: 5, seats }),
    })
    await store.marks.storeSealed(seq + 3)
    const flags = { isPrivate: false, isLocked: false, isLive: true, revealedAt: 0, revision: 0 }
    const record = {
      room,
      type: 'arena',
      seed: '1',
      delayMs: 0,
      epoch: 1,
      createdAt: store.clock.now(),
      end: null,
    }
    await store.rooms.save({ ...record, ...flags })
    return store
  }

  it('OB25 is gone on with, and its seats are in the log from then on', async () => {
    const store = await oldLog()
    const seen: unknown[] = []
    const handlers: Partial<ArenaHandlers> = {
      onTick: () => {},
      onRestore: ({ sessions }) =>
        void seen.push([...sessions.values()].map(({ id, name, auth }) => [id, name, auth])),
    }
    const first = await TestServer.start({ store }, handlers)
    const token = 'token of bob'
    expect((await first.http('POST', `/matchmake/reconnect/${room}`, { token })).status).toBe(200)
    await first.clock.advanceAsync(300, 5)
    await first.crash()
    // Nothing but the log of the first owner: its snapshots are taken away.
    const bare = overrideStore(store, {
      snapshots: { at: async (_room, seq) => oldest(store, seq) },
    })
    await using second = await TestServer.start({ store: bare, idPrefix: 'b' }, handlers)
    expect(seen).toEqual([[['bob', 'Bob', { rank: null }]], [['bob', 'Bob', { rank: null }]]])
    await second.clock.advanceAsync(30_100, 20)
    expect(second.hookLog).toEqual(['leave Bob dropped'])
  })

  it('OB25 of which all have left gets nobody back by an old snapshot', async () => {
    const store = await oldLog()
    const left = { type: 'left', data: '{"sessionId":"bob","name":"Bob"}' }
    const place = { room, n: 5, epoch: 1, own: 'old' }
    await store.events.insert([strange({ seq: await store.events.allocate(1), ...place, ...left })])
    const first = await TestServer.start({ store }, { onTick: () => {}, emptyTimeoutMs: null })
    await first.clock.advanceAsync(300, 5)
    await first.crash()
    expect(fold(await eventsOf(store, room)).hiddenState).toEqual({ '~seats': {} })
  })
})

async function oldest(store: MemoryStore, seq: number) {
  const snapshot = await store.snapshots.at('oldroom00000', seq)
  return snapshot && snapshot.n > 1
    ? store.snapshots.at('oldroom00000', snapshot.seq - 1)
    : snapshot
}
