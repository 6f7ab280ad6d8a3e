import type { MatchmakeAnswer } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import type { RoomOf } from '../../src/index.ts'
import type { GameServer } from '../../src/game-server.ts'
import type { ArenaHandlers, testGame } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions } from '../support/test-server.ts'

type ArenaRoom = RoomOf<typeof testGame, 'arena'>

const AUTH_MS = 100

/** A server whose onAuth takes 100 ms; every room that was made is kept. */
async function rigOf(handlers: Partial<ArenaHandlers> = {}, options: TestOptions = {}) {
  const rooms: ArenaRoom[] = []
  const rig = { test: null as unknown as TestServer, rooms, slow: true }
  const { onCreate, ...rest } = handlers
  rig.test = await TestServer.start(options, {
    emptyTimeoutMs: null,
    onTick: () => {},
    onCreate(room, given) {
      rooms.push(room as ArenaRoom)
      return onCreate?.(room, given) ?? { players: {}, ticks: 0, dice: 0, note: '' }
    },
    onAuth: async () => {
      if (rig.slow) await new Promise<void>((resolve) => rig.test.clock.after(AUTH_MS, resolve))
      return true
    },
    ...rest,
  })
  const ask = (path: string, body: object = {}) =>
    rig.test.transport.request({
      method: 'POST',
      path: `/matchmake/${path}`,
      body: JSON.stringify(body),
      remoteAddress: '127.0.0.1',
    })
  const host = (rig.test.server as unknown as GameServer).host
  return Object.assign(rig, { ask, host, pass: (ms: number) => rig.test.clock.advanceAsync(ms, 5) })
}

type Rig = Awaited<ReturnType<typeof rigOf>>

/** Everything that may come over a room while onAuth is waited for, and what joinById says of it. */
const losses: [what: string, code: string, lose: (rig: Rig, room: ArenaRoom) => unknown][] = [
  ['ends', 'room_not_found', (_rig, room) => room.end()],
  ['is locked', 'room_locked', (_rig, room) => room.lock()],
  ['is handed over', 'room_released', (rig, room) => void rig.host.release(room.id)],
  [
    'fills up',
    'room_full',
    async (rig, room) => {
      rig.slow = false
      for (let n = 0; n < 4; n++) await rig.test.server.reserveSeat(room.id, {})
    },
  ],
  [
    'pauses',
    'room_paused',
    (rig, room) => {
      rig.test.faults.isReadOnly = true
      for (let n = 0; n < 40; n++) room.emit('kill', { by: 'a', whom: 'b' }, { atOnce: true })
    },
  ],
]

describe.each(losses)('a room that %s while onAuth runs', (what, code, lose) => {
  const limits = { maxPendingEvents: 20, maxOutboxLagMs: 60_000 }

  async function lost(path: string, spare: number) {
    const rig = await rigOf({}, limits)
    await rig.test.server.createRoom('arena')
    const room = rig.rooms[0] as ArenaRoom
    const exchange = rig.ask(path.replace('ROOM', room.id))
    await rig.pass(50)
    // A room to find instead, or none.
    for (let n = 0; n < spare; n++) await rig.test.during(rig.test.server.createRoom('arena'))
    await lose(rig, room)
    await rig.pass(400)
    return { rig, room, exchange }
  }

  it('MM8 joinOrCreate gets a seat in another one', async () => {
    const { rig, room, exchange } = await lost('joinOrCreate/arena', what === 'pauses' ? 1 : 0)
    await using _test = rig.test
    expect(exchange.status, exchange.text()).toBe(200)
    expect((exchange.json() as MatchmakeAnswer).roomId).not.toBe(room.id)
    rig.test.faults.isReadOnly = false
  })

  it('MM8 join gets a seat in another one, and room_not_found where there is none', async () => {
    for (const spare of [1, 0]) {
      const { rig, room, exchange } = await lost('join/arena', spare)
      await using _test = rig.test
      if (spare === 0) expect(exchange.json()).toMatchObject({ error: { code: 'room_not_found' } })
      else expect((exchange.json() as MatchmakeAnswer).roomId).not.toBe(room.id)
      rig.test.faults.isReadOnly = false
    }
  })

  it(`MM9 joinById is told ${code}`, async () => {
    const { rig, exchange } = await lost('joinById/ROOM', 1)
    await using _test = rig.test
    expect(exchange.json()).toMatchObject({ error: { code } })
    rig.test.faults.isReadOnly = false
  })
})

it('MM8 a room that becomes private meanwhile is not found by its type any more, and by its id it is', async () => {
  const rig = await rigOf()
  await using _test = rig.test
  await rig.test.server.createRoom('arena')
  const room = rig.rooms[0] as ArenaRoom
  const [found, named] = [rig.ask('joinOrCreate/arena'), rig.ask(`joinById/${room.id}`)]
  await rig.pass(50)
  room.setPrivate(true)
  await rig.pass(300)
  expect((named.json() as MatchmakeAnswer).roomId).toBe(room.id)
  expect((found.json() as MatchmakeAnswer).roomId).not.toBe(room.id)
})

it('MM8 a type whose rooms are private from the first is joined by its maker, one that locks them is not made again and again', async () => {
  const own = await rigOf({
    onCreate(room) {
      room.setPrivate(true)
      return { players: {}, ticks: 0, dice: 0, note: '' }
    },
  })
  await using _own = own.test
  const maker = own.ask('joinOrCreate/arena')
  await own.pass(200)
  expect([maker.status, own.rooms.length]).toEqual([200, 1])

  const shut = await rigOf({
    onCreate(room) {
      room.lock()
      return { players: {}, ticks: 0, dice: 0, note: '' }
    },
  })
  await using _shut = shut.test
  const refused = shut.ask('joinOrCreate/arena')
  await shut.pass(2_000)
  expect(refused.json()).toMatchObject({ error: { code: 'room_locked' } })
  expect(shut.rooms).toHaveLength(3)
})

it('MM8 what the game says is the answer: a refusal is not asked of another room', async () => {
  const rig = await rigOf({ onAuth: () => Promise.resolve(false) })
  await using _test = rig.test
  const refused = rig.ask('joinOrCreate/arena')
  await rig.pass(300)
  expect(refused.json()).toMatchObject({ error: { code: 'auth_failed' } })
  expect(rig.rooms).toHaveLength(1)
})

it('MM9 a server that begins to drain meanwhile says so, whichever way was taken', async () => {
  for (const path of ['joinOrCreate/arena', 'join/arena', 'joinById/ROOM', 'create/arena']) {
    const rig = await rigOf()
    await rig.test.server.createRoom('arena')
    const exchange = rig.ask(path.replace('ROOM', rig.rooms[0]?.id ?? ''))
    await rig.pass(50)
    const closing = rig.test.server.close()
    await rig.pass(300)
    expect(exchange.json(), path).toMatchObject({ error: { code: 'draining' } })
    await rig.test.during(closing)
  }
})

describe('RM54 a room without a player', () => {
  it('RM54 with emptyTimeoutMs 0 lets its maker in, however long onAuth and the record take', async () => {
    for (const path of ['joinOrCreate/arena', 'create/arena']) {
      const rig = await rigOf({ emptyTimeoutMs: 0 })
      rig.test.faults.latencyMs = 150
      const exchange = rig.ask(path)
      await rig.pass(1_500)
      expect(exchange.status, exchange.text()).toBe(200)
      const player = await rig.test.dial()
      player.sendSystem('join', { ticket: (exchange.json() as MatchmakeAnswer).ticket })
      await rig.pass(400)
      expect(player.count('joined')).toBe(1)
      expect(rig.test.server.rooms).toMatchObject([{ clients: 1 }])
      player.sendSystem('leave', {})
      await rig.pass(200)
      expect(rig.test.server.rooms).toEqual([])
      rig.test.faults.latencyMs = 0
      await rig.test[Symbol.asyncDispose]()
    }
  })

  it('RM54 does not end while somebody is asked about, and ends when they are refused or do not come', async () => {
    const answers = { allow: true }
    const rig = await rigOf({
      emptyTimeoutMs: 0,
      onAuth: async () => {
        await new Promise<void>((resolve) => rig.test.clock.after(AUTH_MS, resolve))
        return answers.allow
      },
    })
    await using _test = rig.test
    const first = rig.ask('joinOrCreate/arena')
    await rig.pass(120)
    const player = await rig.test.dial()
    player.sendSystem('join', { ticket: (first.json() as MatchmakeAnswer).ticket })
    await rig.pass(20)
    const roomId = rig.rooms[0]?.id ?? ''
    const next = rig.ask(`joinById/${roomId}`)
    await rig.pass(20)
    player.sendSystem('leave', {})
    await rig.pass(200)
    expect(next.status, 'the last one left while onAuth ran').toBe(200)
    // The ticket is out: the room lives until it expires.
    await rig.pass(14_000)
    expect(rig.test.server.rooms).toHaveLength(1)
    await rig.pass(1_500)
    expect(rig.test.server.rooms).toEqual([])
    answers.allow = false
    const refused = rig.ask('create/arena')
    await rig.pass(300)
    expect(refused.status).toBe(403)
    expect(rig.test.server.rooms).toEqual([])
  })

  it('RM54 an onAuth that hangs holds it no longer than hookTimeoutMs', async () => {
    const options = { hookTimeoutMs: 1_000 }
    const rig = await rigOf({ emptyTimeoutMs: 0, onAuth: () => new Promise(() => {}) }, options)
    await using _test = rig.test
    const exchange = rig.ask('create/arena')
    await rig.pass(900)
    expect(rig.test.server.rooms).toHaveLength(1)
    await rig.pass(200)
    expect([exchange.status, rig.test.server.rooms]).toEqual([504, []])
  })

  it('RM55 counts its time from when its last player has left, whoever had a ticket meanwhile', async () => {
    const rig = await rigOf({ emptyTimeoutMs: 5_000 }, { ticketTtlMs: 10_000 })
    await using _test = rig.test
    rig.slow = false
    const ada = await rig.test.join('Ada')
    await rig.pass(5_000)
    const seat = await rig.test.server.reserveSeat(ada.seat.roomId, {})
    expect(seat.ticket).not.toBe('')
    await rig.pass(9_000)
    ada.sendSystem('leave', {})
    await rig.pass(4_500)
    expect(rig.test.server.rooms, 'the ticket expired 3.5 s ago').toHaveLength(1)
    await rig.pass(700)
    expect(rig.test.server.rooms).toEqual([])
  })
})

describe('MM10 a seat that is given back', () => {
  const oneSeat = { maxClients: 1 }
  const give = (rig: Rig, body: object) => rig.test.http('POST', '/matchmake/release', body)
  const WISH = 'abcdefghijklmnop_-01'

  it('MM10 by its ticket, before JOIN and after it; once is enough, twice does no harm', async () => {
    const rig = await rigOf(oneSeat)
    await using _test = rig.test
    rig.slow = false
    await rig.test.server.createRoom('arena')
    const path = `joinById/${rig.rooms[0]?.id}`
    for (const isTaken of [false, true]) {
      const exchange = rig.ask(path)
      await rig.pass(10)
      const { ticket } = exchange.json() as MatchmakeAnswer
      const player = await rig.test.dial()
      if (isTaken) player.sendSystem('join', { ticket })
      await rig.pass(10)
      const full = rig.ask(path)
      await rig.pass(10)
      expect(full.json()).toMatchObject({ error: { code: 'room_full' } })
      expect((await give(rig, { ticket })).status).toBe(204)
      expect((await give(rig, { ticket })).status).toBe(204)
      if (!isTaken) player.sendSystem('join', { ticket })
      await rig.pass(10)
      expect(player.closed?.code).toBe(isTaken ? 1000 : 4005)
    }
    expect(rig.test.hookLog.filter((line) => line.startsWith('leave'))).toHaveLength(1)
    expect(rig.ask(path).status).toBe(0)
    const metrics = await rig.test.kit.get('/metrics', {
      headers: { 'x-api-key': 'a key for tests only' },
    })
    expect(metrics.text).toContain('ringside_seats_given_back_total 2')
  })

  it('MM10 the ticket of a reconnect gives no seat up: it stays as it was', async () => {
    const rig = await rigOf(oneSeat)
    await using _test = rig.test
    rig.slow = false
    const ada = await rig.test.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    const path = `/matchmake/reconnect/${ada.seat.roomId}`
    const { ticket } = (await rig.test.http('POST', path, { token })).body as MatchmakeAnswer
    expect((await give(rig, { ticket })).status).toBe(204)
    expect(ada.closed).toBeNull()
    const late = await rig.test.dial()
    late.sendSystem('join', { ticket })
    await rig.pass(10)
    expect(late.all('error')).toMatchObject([{ code: 'ticket_used' }])
    const again = (await rig.test.http('POST', path, { token })).body as MatchmakeAnswer
    const back = await rig.test.dial()
    back.sendSystem('join', { ticket: again.ticket })
    await rig.pass(10)
    expect(back.count('joined')).toBe(1)
    expect((await give(rig, { ticket: again.ticket })).status).toBe(204)
    // Whoever kept the first ticket cannot put a player out who has come back since.
    expect((await give(rig, { ticket: ada.seat.ticket })).status).toBe(204)
    await rig.pass(10)
    expect(back.closed).toBeNull()
  })

  it('MM10 nothing but a ticket, or a wish by its name, gives anything up', async () => {
    const rig = await rigOf(oneSeat)
    await using _test = rig.test
    rig.slow = false
    const ada = await rig.test.join('Ada')
    const { sessionId, roomId } = ada.seat
    const token = ada.all('joined')[0]?.reconnectToken
    const bodies = [{}, { sessionId, roomId }, { ticket: token }, { wish: 7 }, { wish: 'short' }]
    const codes: unknown[] = []
    for (const body of bodies)
      codes.push(((await give(rig, body)).body as { error: { code: string } }).error.code)
    const bad = 'bad_request'
    expect(codes).toEqual([bad, bad, 'ticket_invalid', bad, bad])
    expect((await give(rig, { wish: WISH })).status, 'unknown').toBe(204)
    expect(ada.closed).toBeNull()
    const statuses = new Set<number>()
    for (let n = 0; n < 60; n++) statuses.add((await give(rig, { wish: WISH })).status)
    expect(statuses).toEqual(new Set([204, 429]))
  })

  it('MM11 a wish is given up by its name: while onAuth runs, and when its answer was lost', async () => {
    const rig = await rigOf(oneSeat)
    await using _test = rig.test
    await rig.test.server.createRoom('arena')
    const path = `joinById/${rig.rooms[0]?.id}`
    for (const waitMs of [50, 150]) {
      const lost = rig.ask(path, { wish: WISH })
      await rig.pass(waitMs)
      expect(lost.status).toBe(waitMs < AUTH_MS ? 0 : 200)
      expect((await give(rig, { wish: WISH })).status).toBe(204)
      const next = rig.ask(path, { wish: `${WISH}2` })
      await rig.pass(200)
      expect(next.status, next.text()).toBe(200)
      if (waitMs < AUTH_MS) expect(lost.json()).toMatchObject({ error: { code: 'ticket_expired' } })
      expect((await give(rig, { wish: `${WISH}2` })).status).toBe(204)
    }
  })

  it('MM11 a name that is in use, or is none, is refused; a seat that is taken is no wish any more', async () => {
    const rig = await rigOf()
    await using _test = rig.test
    const first = rig.ask('joinOrCreate/arena', { wish: WISH })
    const second = rig.ask('joinOrCreate/arena', { wish: WISH })
    const bad = rig.ask('joinOrCreate/arena', { wish: ['x'.repeat(20)] })
    await rig.pass(200)
    expect([first.status, second.status, bad.status]).toEqual([200, 400, 400])
    const player = await rig.test.dial()
    player.sendSystem('join', { ticket: (first.json() as MatchmakeAnswer).ticket })
    await rig.pass(10)
    expect((await give(rig, { wish: WISH })).status).toBe(204)
    expect(player.closed).toBeNull()
    const again = rig.ask('joinOrCreate/arena', { wish: WISH })
    await rig.pass(200)
    expect(again.status).toBe(200)
  })

  it('MM11 a seat that nobody takes frees the name, and its bound', async () => {
    const rig = await rigOf({}, { maxUnclaimedPerIp: 1, store: new MemoryStore() })
    await using _test = rig.test
    for (let n = 0; n < 3; n++) {
      const exchange = rig.ask('joinOrCreate/arena', { wish: WISH })
      await rig.pass(200)
      expect(exchange.status, exchange.text()).toBe(200)
      if (n === 1) await give(rig, { wish: WISH })
      else await rig.pass(15_000)
    }
  })
})
