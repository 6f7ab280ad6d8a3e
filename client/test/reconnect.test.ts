import { encodeFrame, encodeMessage, encodeSystem, system } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import type { ConnectOptions, StatusInfo } from '../src/index.ts'
import { fullJitter } from '../src/backoff.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function joinedRoom(options: ConnectOptions = {}) {
  const server = new FakeServer()
  const room = await server.room(options)
  const statuses: [string, StatusInfo][] = []
  room.onStatus((status, info) => statuses.push([status, info]))
  return { server, room, statuses, names: () => statuses.map(([status]) => status) }
}

describe('CN7: backoff', () => {
  it('is full jitter: between the minimum and a bound that doubles up to the maximum', () => {
    const range = { minMs: 250, maxMs: 10_000 }
    const bounds = [0, 1, 2, 5, 60].map((attempt) => fullJitter(attempt, range, () => 1))
    expect(bounds).toEqual([500, 1_000, 2_000, 10_000, 10_000])
    expect(fullJitter(60, range, () => 0)).toBe(250)
  })
})

describe('CN8: a lost connection', () => {
  it('takes the seat back with the newest token; state and roster are the new ones, listeners stay', async () => {
    const { server, room, names } = await joinedRoom()
    const rounds: number[] = []
    const left: string[] = []
    room.onChange(
      (state) => state.round,
      (round) => rounds.push(round),
    )
    room.onLeft(({ sessionId }) => left.push(sessionId))
    server.socket.deliver(encodeSystem('presence', { sessionId: 's2', name: 'B', present: true }))
    server.state.round = 4
    server.socket.serverClose(1006)
    await server.timers.advance(500)
    expect(server.requests.at(-1)).toEqual({
      path: '/matchmake/reconnect/r1',
      body: { token: 'token-1' },
    })
    await server.accept()
    expect(room.status).toBe('connected')
    expect(room.state.round).toBe(4)
    expect(rounds).toEqual([4])
    expect(left).toEqual(['s2'])
    server.state.round = 5
    server.patch()
    expect(rounds).toEqual([4, 5])
    expect(names()).toEqual(['reconnecting', 'connected'])
    server.socket.serverClose(4002)
    await server.timers.advance(1_000)
    expect(server.requests.at(-1)?.body).toEqual({ token: 'token-2' })
  })

  it('goes on trying with growing delays while the server is away, then closes when time is up', async () => {
    const { server, room, statuses } = await joinedRoom({ reconnectForMs: 20_000 })
    server.answers = ['down']
    server.socket.serverClose(1006)
    await server.timers.advance(20_001)
    const delays = statuses.filter(([status]) => status === 'reconnecting')
    expect(delays.length).toBeGreaterThan(4)
    expect(delays.slice(0, 4).map(([, info]) => info.retryInMs)).toEqual([375, 625, 1_125, 2_125])
    expect(room.status).toBe('closed')
    expect(statuses.at(-1)?.[1]).toMatchObject({ code: 1006, error: { code: 'disconnected' } })
    expect(server.timers.pending).toBe(0)
  })

  it('CN30: closes at once when the seat is gone', async () => {
    const { server, room, statuses } = await joinedRoom()
    server.answers = [{ status: 410, code: 'reconnect_refused' }]
    server.socket.serverClose(1006)
    await server.timers.advance(1_000)
    expect(room.status).toBe('closed')
    expect(statuses.at(-1)?.[1].error?.code).toBe('reconnect_refused')
    expect(server.requests).toHaveLength(2)
  })

  it('CN30: with rejoin a new seat in the same room is taken when the old one is gone', async () => {
    const { server, statuses } = await joinedRoom({ rejoin: true })
    server.answers = [{ status: 410, code: 'reconnect_refused' }, 'ok']
    server.socket.serverClose(1006)
    await server.timers.advance(2_000)
    expect(server.requests.at(-1)).toEqual({
      path: '/matchmake/joinById/r1',
      body: { name: 'Ada' },
    })
    await server.accept()
    expect(statuses.at(-1)).toEqual(['connected', { isNewSeat: true }])
  })

  it.each([4000, 4001, 4006, 1008, 1000])('closed with %i it does not dial again', async (code) => {
    const { server, room } = await joinedRoom()
    server.socket.serverClose(code, 'why')
    await server.timers.advance(60_000)
    expect(room.status).toBe('closed')
    expect(server.requests).toHaveLength(1)
  })

  it.each([1001, 4002, 4003, 4004])('closed with %i it asks for its seat again', async (code) => {
    const { server, room } = await joinedRoom()
    server.socket.serverClose(code, 'node-2')
    await server.timers.advance(500)
    expect(server.requests.at(-1)?.path).toBe('/matchmake/reconnect/r1')
    await server.accept()
    expect(room.status).toBe('connected')
  })

  it('waits as long as going-away asked for', async () => {
    const { server, statuses } = await joinedRoom()
    server.socket.deliver(encodeSystem('goingAway', { retryMs: 3_000 }))
    server.socket.serverClose(1001)
    expect(statuses[0]).toEqual(['connected', { goingAwayMs: 3_000 }])
    await server.timers.advance(3_000)
    expect(server.requests).toHaveLength(1)
    await server.timers.advance(500)
    expect(server.requests).toHaveLength(2)
  })

  it('CN31: a patch that does not fit is answered by a new full state, not by a wrong one', async () => {
    const { server, room } = await joinedRoom()
    server.state.round = 8
    server.socket.deliver(encodeFrame(system.patch.id, new Uint8Array([0xff, 0xff])))
    expect(room.status).toBe('reconnecting')
    expect(server.socket.readyState).toBe(3)
    await server.timers.advance(500)
    await server.accept()
    expect(room.state.round).toBe(8)
  })

  it('a server that breaks each connection at once is not asked faster and faster', async () => {
    const { server, statuses } = await joinedRoom()
    for (let turn = 0; turn < 4; turn++) {
      server.socket.serverClose(1006)
      await server.timers.advance(10_000)
      await settle()
      server.socket.open()
      server.joined()
      server.fullState()
      await settle()
    }
    const delays = statuses.flatMap(([, info]) => info.retryInMs ?? [])
    expect(delays).toEqual([375, 625, 1_125, 2_125])
  })

  it('a peer that is silently gone is noticed by unanswered pings', async () => {
    const { server, statuses } = await joinedRoom()
    await server.timers.advance(12_000)
    expect(statuses).toEqual([])
    const pings = server.socket.frames(system.ping.id)
    expect(pings.length).toBeGreaterThan(4)
    await server.timers.advance(5_000)
    expect(statuses[0]).toMatchObject(['reconnecting', { code: 1006 }])
    expect(server.sockets[0]?.readyState).toBe(3)
  })
})

describe('CN9: leaving', () => {
  it('sends LEAVE, resolves when the server has closed, and nothing dials or ticks afterwards', async () => {
    const { server, room, statuses } = await joinedRoom()
    const left = room.leave()
    expect(server.socket.frames(system.leave.id)).toHaveLength(1)
    server.socket.serverClose(1000)
    await left
    expect(statuses).toEqual([['closed', { code: 1000, reason: 'Left' }]])
    await expect(room.request('hit', { target: '' })).rejects.toMatchObject({
      code: 'disconnected',
    })
    expect(server.timers.pending).toBe(0)
    await room.leave()
  })

  it('a server that does not answer is left after 2 s; while reconnecting at once', async () => {
    const { server, room } = await joinedRoom()
    const left = room.leave()
    await server.timers.advance(2_000)
    await left
    const other = await joinedRoom()
    other.server.socket.serverClose(1006)
    await other.room.leave()
    await settle()
    expect(other.room.status).toBe('closed')
    expect(other.server.timers.pending).toBe(0)
    expect(other.server.requests).toHaveLength(1)
  })

  it('what still comes for a seat that was being taken back is told to nobody', async () => {
    const { server, room, names } = await joinedRoom()
    const calls: string[] = []
    room.onChange(
      (state) => state.round,
      (round) => calls.push(`round ${round}`),
    )
    room.onPatch(() => calls.push('patch'))
    room.onJoined(({ sessionId }) => calls.push(`joined ${sessionId}`))
    room.onLeft(({ sessionId }) => calls.push(`left ${sessionId}`))
    room.onError(({ code }) => calls.push(code))
    room.onMessage(1, () => calls.push('message'))
    room.on('kill', () => calls.push('kill'))
    server.socket.serverClose(1006)
    await server.timers.advance(400)
    await room.leave()
    await settle()
    server.state.round = 9
    server.socket.open()
    server.socket.deliver(encodeFrame(1))
    server.joined(server.socket, [{ sessionId: 's2', name: 'B' }])
    server.fullState()
    server.state.round = 10
    server.patch()
    server.socket.deliver(encodeSystem('goingAway', { retryMs: 1 }))
    server.socket.deliver(encodeSystem('presence', { sessionId: 's3', name: 'C', present: true }))
    server.socket.deliver(
      encodeSystem('event', {
        name: 'kill',
        at: 1,
        payload: encodeMessage(game.rooms.arena.events.kill.payload, { by: 's2' }),
      }),
    )
    await settle()
    expect(calls).toEqual([])
    expect(names()).toEqual(['reconnecting', 'closed'])
    expect(room.state.round).toBe(1)
    expect(server.socket.frames(system.leave.id)).toHaveLength(1)
  })

  it('a seat that was being taken back meanwhile is given up', async () => {
    const { server, room } = await joinedRoom()
    server.socket.serverClose(1006)
    await server.timers.advance(400)
    await room.leave()
    await server.accept()
    expect(server.socket.frames(system.leave.id)).toHaveLength(1)
    expect(server.socket.readyState).toBe(3)
    expect(server.timers.pending).toBe(0)
  })
})
