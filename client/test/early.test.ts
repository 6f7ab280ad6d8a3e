import { encodeFrame, encodeMessage, encodeSystem } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { openFeed } from '../src/index.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

const ID = 0x0200
const { kill } = game.rooms.arena.events

function killFrame(by: string): Uint8Array {
  const payload = encodeMessage(kill.payload, { by })
  return encodeSystem('event', { name: 'kill', at: 7, payload })
}

function errorFrame(code: string): Uint8Array {
  const refusal = { command: 0x0101, correlation: undefined, code, message: code, retry: false }
  return encodeSystem('error', refusal)
}

/** A room whose server sends these in the same packet as the state. */
async function joinedWith(...frames: Uint8Array[]) {
  const server = new FakeServer()
  const joining = server.client().joinOrCreate('arena', { name: 'Ada' })
  await settle()
  server.socket.open()
  server.joined()
  server.fullState()
  for (const frame of frames) server.socket.deliver(frame)
  return { server, room: await joining }
}

describe('what comes before a listener', () => {
  it('CN40 waits for it, in the order in which it came, over events, messages and errors', async () => {
    const { server, room } = await joinedWith(
      killFrame('a'),
      encodeFrame(ID, new Uint8Array([1])),
      errorFrame('rejected'),
      killFrame('b'),
    )
    const heard: string[] = []
    room.onError(({ code }) => heard.push(code))
    room.onMessage(ID, (payload) => heard.push(`${payload[0]}`))
    // It waits behind those that came before it.
    server.socket.deliver(killFrame('c'))
    room.on('kill', ({ by }) => heard.push(by))
    server.socket.deliver(killFrame('d'))
    expect(heard).toEqual([])
    await settle()
    expect(heard).toEqual(['a', '1', 'rejected', 'b', 'c', 'd'])
    server.socket.deliver(killFrame('e'))
    expect(heard.at(-1)).toBe('e')
  })

  it('CN40 reaches every listener that is added in the same turn, and none of a later one', async () => {
    const { room } = await joinedWith(killFrame('a'))
    const heard: string[] = []
    const off = room.on('kill', ({ by }) => heard.push(`one ${by}`))
    room.on('kill', ({ by }) => {
      heard.push(`two ${by}`)
      off()
    })
    await settle()
    room.on('kill', ({ by }) => heard.push(`three ${by}`))
    await settle()
    expect(heard).toEqual(['one a', 'two a'])
  })

  it('CN40 waits on when the first listener is gone before anything was called (a page that mounts twice)', async () => {
    const { room } = await joinedWith(killFrame('a'))
    const heard: string[] = []
    room.on('kill', ({ by }) => heard.push(`first ${by}`))()
    await settle()
    room.on('kill', ({ by }) => heard.push(`second ${by}`))()
    room.on('kill', ({ by }) => heard.push(`third ${by}`))
    await settle()
    expect(heard).toEqual(['third a'])
  })

  it('CN41 is kept for 10 s from the state on, and so is what comes then', async () => {
    const { server, room } = await joinedWith(killFrame('a'))
    await server.timers.advance(9_900)
    server.socket.deliver(killFrame('b'))
    const heard: string[] = []
    room.onMessage(ID, (payload) => heard.push(`${payload[0]}`))
    await server.timers.advance(200)
    room.on('kill', ({ by }) => heard.push(by))
    server.socket.deliver(encodeFrame(ID, new Uint8Array([2])))
    await settle()
    expect(heard).toEqual(['2'])
    server.socket.deliver(killFrame('c'))
    expect(heard).toEqual(['2', 'c'])
  })

  it.each([
    ['1,000 messages', 1_500, 1, 1_000],
    ['1 MiB', 30, 50_000, 20],
  ])('CN41 beyond %s the oldest goes', async (_name, count, bytes, kept) => {
    const frames = Array.from({ length: count }, (_, n) => {
      const payload = new Uint8Array(bytes + 1)
      payload.set([n & 255, n >> 8])
      return encodeFrame(ID, payload)
    })
    const { room } = await joinedWith(...frames)
    const heard: number[] = []
    room.onMessage(ID, (payload) => heard.push((payload[0] ?? 0) | ((payload[1] ?? 0) << 8)))
    await settle()
    expect(heard).toEqual(Array.from({ length: kept }, (_, n) => n + count - kept))
  })

  it('CN40 outlives a break: what came before it follows once somebody listens', async () => {
    const { server, room } = await joinedWith(killFrame('a'))
    server.socket.serverClose(1006)
    await server.timers.advance(500)
    await server.accept()
    server.socket.deliver(killFrame('b'))
    const heard: string[] = []
    room.on('kill', ({ by }) => heard.push(by))
    await settle()
    expect(heard).toEqual(['a', 'b'])
  })

  it('CN9 CN40 is not told after the room was left, by a listener of it either', async () => {
    const { server, room } = await joinedWith(killFrame('a'), killFrame('b'))
    const heard: string[] = []
    room.on('kill', ({ by }) => {
      heard.push(by)
      void room.leave()
      server.socket.serverClose(1000)
    })
    await settle()
    room.onMessage(ID, () => heard.push('message'))
    await settle()
    expect(heard).toEqual(['a'])
    expect(server.timers.pending).toBe(0)
  })

  it('CN40 a listener that throws keeps nothing from the others', async () => {
    const { room } = await joinedWith(killFrame('a'), killFrame('b'))
    const uncaught: unknown[] = []
    const handlers = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    const heard: string[] = []
    room.on('kill', ({ by }) => {
      heard.push(by)
      throw new Error(by)
    })
    await settle()
    await new Promise((resolve) => void setImmediate(resolve))
    process.removeAllListeners('uncaughtException')
    for (const handler of handlers) process.on('uncaughtException', handler)
    expect(heard).toEqual(['a', 'b'])
    expect(uncaught).toHaveLength(2)
  })

  it('CN42 state, roster and pause are there to be read: nobody hears of them twice', async () => {
    const bob = { sessionId: 's2', name: 'Bob', present: true }
    const { room } = await joinedWith(
      encodeSystem('presence', bob),
      encodeSystem('paused', { paused: true }),
    )
    const heard: string[] = []
    room.onJoined(({ name }) => heard.push(name))
    room.onPaused((isPaused) => heard.push(`${isPaused}`))
    await settle()
    expect(heard).toEqual([])
    expect(room.roster.get('s2')?.name).toBe('Bob')
    expect(room.isPaused).toBe(true)
  })
})

describe('what comes before a listener of a session without a room', () => {
  it('CN40 waits for it; the end of the connection does, too', async () => {
    const server = new FakeServer()
    const opening = server.client().open()
    await settle()
    server.socket.open()
    server.socket.deliver(encodeFrame(ID, new Uint8Array([1])))
    server.socket.deliver(errorFrame('rejected'))
    const session = await opening
    await server.timers.advance(2_000)
    server.socket.deliver(encodeFrame(ID, new Uint8Array([2])))
    server.socket.serverClose(4000, 'Kicked')
    const heard: unknown[] = []
    session.onMessage(ID, (payload) => heard.push(payload[0]))
    session.onError(({ code }) => heard.push(code))
    session.onClose(({ code }) => heard.push(code))
    session.onClose(() => heard.push('never'))()
    expect(heard).toEqual([])
    await settle()
    expect(heard).toEqual([1, 'rejected', 2, 4000])
  })
})

describe('a feed', () => {
  it('CN40 has its handlers before it reads, and calls none before `openFeed` has returned', async () => {
    let hasReturned = false
    const calls: boolean[] = []
    const feed = openFeed(
      { address: 'http://host:1', room: 'r1' },
      {
        fetch: () => Promise.resolve(new Response('id: 1\nevent: hello\ndata: {}\n\n')),
        onStatus: () => calls.push(hasReturned),
      },
    )
    hasReturned = true
    await settle()
    feed.close()
    expect(calls).not.toContain(false)
  })
})
