import {
  contractFingerprint,
  decodeSystem,
  encodeFrame,
  encodeSystem,
  system,
} from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import type { ConnectOptions } from '../src/index.ts'
import { RequestError } from '../src/index.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function joinedRoom(options: ConnectOptions = {}) {
  const server = new FakeServer()
  const room = await server.room(options)
  return { server, room }
}

describe('joining', () => {
  it('CN1: asks for a seat, dials with the subprotocol, sends JOIN first, resolves with the state', async () => {
    const { server, room } = await joinedRoom()
    expect(server.requests).toEqual([
      { path: '/matchmake/joinOrCreate/arena', body: { name: 'Ada' } },
    ])
    expect(server.socket).toMatchObject({ url: 'ws://host:1/ws', protocol: 'ringside.1' })
    expect(decodeSystem('join', server.socket.sent[0] as Uint8Array)).toEqual({
      ticket: 'ticket-1',
      contract: contractFingerprint(game),
    })
    expect(room).toMatchObject({ id: 'r1', sessionId: 's1', name: 'Ada', status: 'connected' })
    expect(room.state.round).toBe(1)
    expect([...room.roster.values()]).toEqual([{ sessionId: 's1', name: 'Ada' }])
  })

  it('CN1: rejects with the code of the server, from HTTP and from ERROR to JOIN', async () => {
    const server = new FakeServer()
    server.answers = [{ status: 409, code: 'room_full' }, 'ok']
    await expect(server.client().join('arena')).rejects.toMatchObject({
      code: 'room_full',
      retry: true,
    })
    const refused = expect(server.client().create('arena')).rejects.toMatchObject({
      code: 'ticket_expired',
    })
    await settle()
    server.socket.open()
    const error = { command: system.join.id, code: 'ticket_expired', message: 'Late', retry: false }
    server.socket.deliver(encodeSystem('error', { ...error, correlation: undefined }))
    server.socket.serverClose(4005)
    await refused
  })

  it('CN1: gives up when no seat comes in time, and closes the socket', async () => {
    const server = new FakeServer()
    const late = expect(server.client().create('arena')).rejects.toMatchObject({ code: 'timeout' })
    await settle()
    server.socket.open()
    await server.timers.advance(10_000)
    await late
    expect(server.socket.readyState).toBe(3)
    expect(server.timers.pending).toBe(0)
  })

  it('CN1: a room type that the contract does not know is refused', async () => {
    const server = new FakeServer()
    const refused = expect(server.client().joinById('r1')).rejects.toMatchObject({
      code: 'bad_answer',
    })
    await settle()
    server.socket.open()
    server.socket.deliver(
      encodeSystem('joined', {
        maxPayloadBytes: undefined,
        roomId: 'r1',
        type: 'toString',
        sessionId: 's1',
        name: '',
        epoch: 1,
        reconnectToken: '',
        tickHz: 0,
        patchHz: 1,
        now: 0,
        roster: [],
      }),
    )
    await refused
  })

  it('CN1: moved while joining: dials the named node with the same ticket, and no name that is a path', async () => {
    const server = new FakeServer()
    const room = server.client().joinOrCreate('arena')
    await settle()
    server.socket.open()
    server.socket.serverClose(4004, 'node-2')
    await settle()
    expect(server.socket.url).toBe('ws://host:1/n/node-2/ws')
    await server.accept()
    await expect(room).resolves.toMatchObject({ id: 'r1' })
    const evil = expect(server.client().joinOrCreate('arena')).rejects.toBeInstanceOf(RequestError)
    await settle()
    server.socket.open()
    server.socket.serverClose(4004, '../../evil')
    await evil
  })
})

describe('commands and requests', () => {
  it('CN2: a request resolves with the typed answer of its own correlation', async () => {
    const { server, room } = await joinedRoom()
    const first = room.request('hit', { target: 'a' })
    const { correlation } = server.lastRequest()
    const second = room.request('hit', { target: 'b' })
    server.reply(server.lastRequest().correlation, 2)
    server.reply(correlation, 1)
    await expect(Promise.all([first, second])).resolves.toEqual([{ score: 1 }, { score: 2 }])
  })

  it('CN2: ERROR, an undecodable answer and silence reject with their codes', async () => {
    const { server, room } = await joinedRoom()
    const refused = room.request('hit', { target: 'a' })
    const { correlation, command } = server.lastRequest()
    server.socket.deliver(
      encodeSystem('error', {
        command,
        correlation,
        code: 'too_far',
        message: 'Far',
        retry: false,
      }),
    )
    await expect(refused).rejects.toMatchObject({ code: 'too_far', message: 'Far', retry: false })
    const broken = room.request('hit', { target: 'a' })
    const payload = new Uint8Array([0xff])
    const { correlation: next } = server.lastRequest()
    server.socket.deliver(encodeSystem('reply', { correlation: next, payload }))
    await expect(broken).rejects.toMatchObject({ code: 'bad_answer' })
    const silent = expect(
      room.request('hit', { target: 'a' }, { timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'timeout' })
    await server.timers.advance(50)
    await silent
  })

  it('CN2: at most 1,000 requests wait', async () => {
    const { server, room } = await joinedRoom()
    const all = Array.from({ length: 1_001 }, () => room.request('hit', { target: '' }))
    await expect(all.at(-1)).rejects.toMatchObject({ code: 'too_many_pending' })
    server.socket.serverClose(4000)
    const results = await Promise.allSettled(all)
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('CN3: inputs are dropped, requests fail, while the network takes nothing or is away', async () => {
    const { server, room } = await joinedRoom({ maxBufferedBytes: 100 })
    expect(room.send('go', { left: true })).toBe(true)
    expect(server.socket.frames(0x0101)).toHaveLength(1)
    server.socket.bufferedAmount = 101
    expect(room.send('go', { left: true })).toBe(false)
    const pending = expect(room.request('hit', { target: '' })).rejects.toMatchObject({
      code: 'disconnected',
      retry: true,
    })
    server.socket.serverClose(1006)
    await pending
    expect(room.status).toBe('reconnecting')
    expect(room.send(0x0200, new Uint8Array(1))).toBe(false)
    await expect(room.request('hit', { target: '' })).rejects.toMatchObject({
      code: 'disconnected',
    })
    expect(server.socket.frames(0x0101)).toHaveLength(1)
  })

  it('CN2: misuse throws: unknown command, reserved id, payload that does not fit', async () => {
    const { room } = await joinedRoom()
    expect(() => room.send('toString' as 'go', { left: true })).toThrow(TypeError)
    expect(() => room.send(0xffff0001, new Uint8Array(0))).toThrow(TypeError)
    expect(() => room.send('go', { left: 1 as never })).toThrow('left')
    await expect(room.request('nothing' as 'hit', { target: '' })).rejects.toThrow(TypeError)
  })

  it('CN2: raw frames and refusals of plain commands reach their listeners until unsubscribed', async () => {
    const { server, room } = await joinedRoom()
    const seen: unknown[] = []
    const off = room.onMessage(7, (payload) => seen.push([...payload]))
    room.onError(({ code, commandId }) => seen.push([code, commandId]))
    server.socket.deliver(encodeFrame(7, new Uint8Array([1, 2])))
    const refusal = { command: 0x0101, correlation: undefined, code: 'rate_limited', message: '' }
    server.socket.deliver(encodeSystem('error', { ...refusal, retry: true }))
    off()
    server.socket.deliver(encodeFrame(7, new Uint8Array([3])))
    expect(seen).toEqual([
      [1, 2],
      ['rate_limited', 0x0101],
    ])
  })
})

describe('what a room tells', () => {
  it('CN4: onChange calls for the changed part only: value, object, below an object, removal', async () => {
    const { server, room } = await joinedRoom()
    const seen: string[] = []
    room.onChange(
      (state) => state.round,
      (round) => seen.push(`round ${round}`),
    )
    room.onChange(
      (state) => state.players,
      (players) => seen.push(`players ${Object.keys(players).join()}`),
    )
    room.onChange(
      (state) => state.players['a']?.mines,
      (mines) => seen.push(`mines ${mines?.join()}`),
    )
    room.onChange(
      (state) => state.players['a'],
      (player) => seen.push(`a ${player?.score}`),
    )
    const step = (change: () => void): string[] => {
      seen.length = 0
      change()
      server.patch()
      return [...seen].sort()
    }
    expect(step(() => (server.state.round = 2))).toEqual(['round 2'])
    const a = { name: 'A', score: 0, x: 0, mines: [] }
    expect(step(() => (server.state.players['a'] = a))).toEqual(['a 0', 'mines ', 'players a'])
    const player = server.state.players['a']
    expect(step(() => player && (player.score = 5))).toEqual(['a 5', 'players a'])
    expect(step(() => player && (player.mines = ['m']))).toEqual(['a 5', 'mines m', 'players a'])
    expect(step(() => (server.state.flag.x = 3))).toEqual([])
    expect(step(() => delete server.state.players['a'])).toEqual([
      'a undefined',
      'mines undefined',
      'players ',
    ])
  })

  it('CN4: a listener that throws harms neither the others nor the state', async () => {
    const { server, room } = await joinedRoom()
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => uncaught.push(error))
    const seen: number[] = []
    room.onPatch(() => {
      throw new Error('mine')
    })
    room.onPatch(({ tick }) => seen.push(tick))
    server.state.round = 9
    server.patch()
    await settle()
    for (const listener of listeners) process.on('uncaughtException', listener)
    expect(room.state.round).toBe(9)
    expect(seen).toEqual([room.tick])
    expect(uncaught).toEqual([new Error('mine')])
  })

  it('CN5: events are decoded by the contract; presence keeps the roster', async () => {
    const { server, room } = await joinedRoom()
    const seen: unknown[] = []
    room.on('kill', ({ by }, { at }) => seen.push(['kill', by, at]))
    room.onJoined(({ name }) => seen.push(['joined', name]))
    room.onLeft(({ name }) => seen.push(['left', name]))
    const payload = new Uint8Array([10, 1, 98])
    server.socket.deliver(encodeSystem('event', { name: 'kill', at: 7, payload }))
    server.socket.deliver(encodeSystem('event', { name: 'newer', at: 7, payload }))
    const bob = { sessionId: 's2', name: 'Bob' }
    server.socket.deliver(encodeSystem('presence', { ...bob, present: true }))
    server.socket.deliver(encodeSystem('presence', { ...bob, present: true }))
    expect(room.roster.size).toBe(2)
    server.socket.deliver(encodeSystem('presence', { ...bob, present: false }))
    expect(seen).toEqual([
      ['kill', 'b', 7],
      ['joined', 'Bob'],
      ['left', 'Bob'],
    ])
    expect(() => room.on('toString' as 'kill', () => {})).toThrow(TypeError)
  })

  it('CN6: the clock takes the offset of the quickest round trip and the median as ping', async () => {
    const { server, room } = await joinedRoom()
    expect(room.clock.offsetMs).toBe(5_000)
    const answer = async (rttMs: number, offsetMs: number): Promise<void> => {
      const frame = server.socket.frames(system.ping.id).at(-1) as Uint8Array
      const { clientTime } = decodeSystem('ping', frame)
      await server.timers.advance(rttMs)
      const serverTime = clientTime + offsetMs
      server.socket.deliver(encodeSystem('pong', { clientTime, serverTime }))
      await server.timers.advance(300 - rttMs)
    }
    await answer(100, 5_090)
    await answer(10, 5_005)
    await answer(40, 5_030)
    expect(room.clock.offsetMs).toBe(5_000)
    expect(room.ping).toBe(40)
    expect(room.clock.now()).toBe(server.timers.now() + 5_000)
  })
})
