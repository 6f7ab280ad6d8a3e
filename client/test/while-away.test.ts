import {
  decodeMessage,
  decodeSystem,
  framePayload,
  readCommandId,
  system,
} from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { connect } from '../src/index.ts'
import type { ConnectOptions, StatusInfo } from '../src/index.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function awayRoom(options: ConnectOptions = {}) {
  const server = new FakeServer()
  const room = await server.room(options)
  const infos: [string, StatusInfo][] = []
  room.onStatus((status, info) => infos.push([status, info]))
  const goAway = (): void => server.socket.serverClose(1006)
  const comeBack = async (): Promise<void> => {
    await server.timers.advance(1_500)
    await server.accept()
  }
  goAway()
  return { server, room, infos, goAway, comeBack }
}

/** The commands that the newest socket sent, in order. */
function sent(server: FakeServer): string[] {
  const result: string[] = []
  for (const frame of server.socket.sent) {
    const id = readCommandId(frame)
    if (id === game.commands.go.id) {
      const { left } = decodeMessage(game.commands.go.payload, framePayload(frame))
      result.push(left ? 'left' : 'right')
    } else if (id === system.request.id) {
      const { payload } = decodeSystem('request', frame)
      result.push(`hit ${decodeMessage(game.commands.hit.payload, payload).target}`)
    } else if (id < 0xffff_0000) result.push(`raw ${frame[4]}`)
    else if (id === 0xffff_ffff) result.push('rpc')
  }
  return result
}

const raw = (n: number): [number, Uint8Array] => [0x0200, new Uint8Array([n])]
const KEEP = { whileAway: 'keep' } as const

describe('what is sent while the connection is away', () => {
  it('CN43 is refused unless it is to be kept, and is never sent', async () => {
    const { server, room, comeBack } = await awayRoom()
    expect(room.send(...raw(1))).toBe(false)
    const failures = [
      expect(room.request('hit', { target: 'b' })).rejects.toMatchObject({ code: 'disconnected' }),
      expect(room.rpc('hit', { target: 'b' })).rejects.toMatchObject({ code: 'disconnected' }),
    ]
    await Promise.all(failures)
    await comeBack()
    expect(sent(server)).toEqual([])
  })

  it('CN43 is kept and follows in order before anything new, once', async () => {
    const { server, room, goAway, comeBack } = await awayRoom({ whileAway: 'keep' })
    room.onStatus((status) => status === 'connected' && room.send(...raw(9)))
    expect(room.send('go', { left: true })).toBe(true)
    const answer = room.request('hit', { target: 'b' })
    const call = room.rpc('hit', { target: 'c' })
    call.catch(() => {})
    expect(room.send(...raw(1))).toBe(true)
    expect(room.send(0x0200, new Uint8Array([2]), { whileAway: 'reject' })).toBe(false)
    await comeBack()
    expect(sent(server)).toEqual(['left', 'hit b', 'rpc', 'raw 1', 'raw 9'])
    server.reply(server.lastRequest().correlation, 5)
    expect(await answer).toEqual({ score: 5 })
    goAway()
    await expect(call).rejects.toMatchObject({ code: 'disconnected' })
    await comeBack()
    expect(sent(server)).toEqual(['raw 9'])
  })

  it('CN43 one message may be kept where others are not', async () => {
    const { server, room, comeBack } = await awayRoom()
    expect(room.send('go', { left: true }, KEEP)).toBe(true)
    expect(room.send('go', { left: false })).toBe(false)
    const answer = room.request('hit', { target: 'b' }, KEEP)
    await comeBack()
    expect(sent(server)).toEqual(['left', 'hit b'])
    server.reply(server.lastRequest().correlation, 1)
    await answer
  })

  it('CN44 is bounded in number and bytes: what is beyond is refused', async () => {
    const { server, room, comeBack } = await awayRoom({ whileAway: 'keep', maxPayloadBytes: 1e6 })
    expect(room.send(0x0200, new Uint8Array(256 * 1024))).toBe(false)
    for (let n = 0; n < 99; n++) expect(room.send(...raw(n))).toBe(true)
    const last = room.request('hit', { target: 'b' })
    expect(room.send(...raw(100))).toBe(false)
    await expect(room.request('hit', { target: 'c' })).rejects.toMatchObject({
      code: 'disconnected',
    })
    await comeBack()
    expect(sent(server)).toEqual([...Array.from({ length: 99 }, (_, n) => `raw ${n}`), 'hit b'])
    server.reply(server.lastRequest().correlation, 1)
    await last
  })

  it('CN44 is kept for 30 s, and the game is told how many were dropped', async () => {
    const { server, room, infos } = await awayRoom({ whileAway: 'keep', reconnectForMs: 120_000 })
    server.answers = ['down']
    room.send(...raw(1))
    const late = room.request('hit', { target: 'b' }, { timeoutMs: 100_000 })
    const failed = expect(late).rejects.toMatchObject({ code: 'disconnected' })
    await server.timers.advance(25_000)
    room.send(...raw(2))
    await server.timers.advance(6_000)
    server.answers = ['ok']
    await server.timers.advance(12_000)
    await server.accept()
    await failed
    expect(sent(server)).toEqual(['raw 2'])
    expect(infos.at(-1)).toEqual(['connected', { droppedSends: 1 }])
  })

  it('CN44 a request whose time is up while it is kept rejects with timeout and is not sent', async () => {
    const { server, room, comeBack } = await awayRoom({ whileAway: 'keep' })
    const answer = room.request('hit', { target: 'b' }, { timeoutMs: 500 })
    room.send(...raw(1))
    const failed = expect(answer).rejects.toMatchObject({ code: 'timeout' })
    await comeBack()
    await failed
    expect(sent(server)).toEqual(['raw 1'])
  })

  it('CN45 is for the same seat: a new one gets nothing of it, and the game is told', async () => {
    const { server, room, infos, comeBack } = await awayRoom({ whileAway: 'keep', rejoin: true })
    server.answers = [{ status: 410, code: 'reconnect_refused' }, 'ok']
    room.send(...raw(1))
    room.send(...raw(2))
    const answer = room.request('hit', { target: 'b' })
    const failed = expect(answer).rejects.toMatchObject({ code: 'disconnected' })
    await server.timers.advance(1_000)
    await comeBack()
    await failed
    expect(sent(server)).toEqual([])
    expect(infos.at(-1)).toEqual(['connected', { isNewSeat: true, droppedSends: 2 }])
  })

  it.each(['left', 'gone'])(
    'CN45 when the seat is %s it is dropped, and the game is told',
    async (how) => {
      const { server, room, infos } = await awayRoom({ whileAway: 'keep' })
      room.send(...raw(1))
      const answer = room.request('hit', { target: 'b' })
      const failed = expect(answer).rejects.toMatchObject({ code: 'disconnected' })
      if (how === 'left') await room.leave()
      else {
        server.answers = [{ status: 410, code: 'reconnect_refused' }]
        await server.timers.advance(2_000)
      }
      await failed
      expect(infos.at(-1)).toMatchObject(['closed', { droppedSends: 1 }])
      expect(room.send(...raw(2))).toBe(false)
      await expect(room.request('hit', { target: 'b' })).rejects.toMatchObject({
        code: 'disconnected',
      })
      expect(server.timers.pending).toBe(0)
    },
  )

  it('CN43 a connection that breaks while it is taken loses nothing that was not handed over', async () => {
    const { server, room, comeBack } = await awayRoom({ whileAway: 'keep' })
    room.send(...raw(1))
    const answer = room.request('hit', { target: 'b' })
    await server.timers.advance(1_500)
    await settle()
    server.socket.open()
    server.joined()
    server.fullState()
    // The promise has not gone on yet.
    room.send(...raw(2))
    server.socket.serverClose(1006)
    await settle()
    expect(sent(server)).toEqual([])
    await comeBack()
    expect(sent(server)).toEqual(['raw 1', 'hit b', 'raw 2'])
    server.reply(server.lastRequest().correlation, 1)
    await answer
  })

  it('CN43 a socket that is about to be closed takes nothing: it is kept', async () => {
    const server = new FakeServer()
    const room = await server.room({ whileAway: 'keep' })
    server.socket.readyState = 2
    expect(room.send(...raw(1))).toBe(true)
    const answer = room.request('hit', { target: 'b' })
    server.socket.serverClose(1006)
    await server.timers.advance(1_500)
    await server.accept()
    expect(sent(server)).toEqual(['raw 1', 'hit b'])
    server.reply(server.lastRequest().correlation, 1)
    await answer
  })

  it('CN43 a session without a room keeps nothing', async () => {
    const server = new FakeServer()
    const opening = server.client({ whileAway: 'keep' }).open()
    await settle()
    server.socket.open()
    const session = await opening
    server.socket.serverClose(1006)
    expect(session.send(0x0200, new Uint8Array(1), KEEP)).toBe(false)
    await expect(session.request('hit', { target: 'b' }, KEEP)).rejects.toMatchObject({
      code: 'disconnected',
    })
  })

  it('CN43 anything but reject and keep is refused', async () => {
    const wrong = { whileAway: 'maybe' as 'keep' }
    expect(() => connect(game, 'http://host:1', wrong)).toThrow(TypeError)
    const { room } = await awayRoom()
    expect(() => room.send(...raw(1), wrong)).toThrow(TypeError)
    await expect(room.request('hit', { target: 'b' }, wrong)).rejects.toThrow(TypeError)
  })
})
