import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@ringside/client'
import { encodeSystem, framePayload, readCommandId, system } from '@ringside/protocol'
import type { MatchmakeAnswer, SystemName } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../../../src/testing/index.ts'
import { greetingGame, greetingServer, heard, listen, ofMark, said } from './rig.ts'

const names = new Map(
  Object.entries(system).map(([name, { id }]) => [id, name as SystemName] as const),
)

async function start(waitMs: number) {
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const server = greetingServer({ logger }, { waitMs, wait: (ms) => sleep(ms) })
  const port = await server.listen({ port: 0, host: '127.0.0.1' })
  return {
    address: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** A client that speaks the four bytes and nothing else. */
async function rawClient(address: string, path: string, name: string) {
  const answer = await fetch(`${address}/matchmake/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  const seat = (await answer.json()) as MatchmakeAnswer
  const socket = new WebSocket(`${address.replace('http', 'ws')}/ws`)
  const frames: { id: number; name: SystemName | null; payload: Uint8Array }[] = []
  socket.on('message', (data: Buffer) => {
    const bytes = new Uint8Array(data)
    const id = readCommandId(bytes)
    frames.push({ id, name: names.get(id) ?? null, payload: framePayload(bytes) })
  })
  await once(socket, 'open')
  socket.send(encodeSystem('join', { ticket: seat.ticket }))
  return { seat, frames, close: () => socket.terminate() }
}

describe.each([
  ['in its turn', 0],
  ['after an await', 60],
])('what onJoin sends %s, over uWebSockets.js', (_when, waitMs) => {
  it('RM50 reaches raw clients that join together after JOINED and STATE, in order, once', async () => {
    await using server = await start(waitMs)
    const first = await rawClient(server.address, 'joinOrCreate/hall', 'First')
    const players = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        rawClient(server.address, `joinById/${first.seat.roomId}`, `P${n}`),
      ),
    )
    await eventually(() => {
      for (const [n, { frames }] of players.entries()) {
        const all = heard(frames)
        expect(all.slice(0, 3)).toEqual(['connect', 'joined', 'state'])
        expect(ofMark(all, `P${n}`)).toEqual(said(`P${n}`))
        expect(new Set(all).size).toBe(all.length)
      }
      return true
    })
    for (const { close } of [first, ...players]) close()
  })

  it('CN40 reaches listeners of the SDK that join together, added at once or a while later', async () => {
    await using server = await start(waitMs)
    const client = connect(greetingGame, server.address)
    const first = await client.joinOrCreate('hall', { name: 'First' })
    const rooms = await Promise.all(
      Array.from({ length: 16 }, async (_, n) => {
        const room = await client.joinById<'hall'>(first.id, { name: `P${n}` })
        const answer = room.request('ask', { what: `P${n}` })
        if (n % 2 === 1) await sleep(150)
        const all = listen(room)
        expect(await answer).toEqual({ what: `P${n}!` })
        return { room, all }
      }),
    )
    await eventually(() => {
      for (const [n, { all }] of rooms.entries()) {
        expect(all[0]).toBe('connect')
        expect(ofMark(all, `P${n}`)).toEqual(said(`P${n}`))
        expect(new Set(all).size).toBe(all.length)
      }
      return true
    })
    await Promise.all([first, ...rooms.map(({ room }) => room)].map((room) => room.leave()))
  })

  it('SE31 a session without a room hears what onConnect has sent', async () => {
    await using server = await start(waitMs)
    const session = await connect(greetingGame, server.address).open()
    await sleep(50)
    const all: string[] = []
    session.onMessage(0x0200, (payload) => all.push(new TextDecoder().decode(payload)))
    await eventually(() => all.length > 0)
    expect(all).toEqual(['connect'])
    session.close()
  })
})
