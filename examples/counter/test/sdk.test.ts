import { WebSocket } from 'ws'
import { afterEach, describe, expect, it } from 'vitest'
import { connect, createFeedState, openFeed } from '@ringside/client'
import type { ClientRoom, Feed, FeedOptions, WebSocketLike } from '@ringside/client'
import type { Server } from '@ringside/server'
import { eventually } from '@ringside/server/testing'
import { game } from '../src/game.ts'
import { createCounter } from '../src/server.ts'

let server: Server<typeof game> | null = null
const feeds: Feed[] = []

afterEach(async () => {
  for (const feed of feeds.splice(0)) feed.close()
  await server?.close()
  server = null
})

async function start() {
  server = createCounter()
  return `http://127.0.0.1:${await server.listen({ port: 0, host: '127.0.0.1' })}`
}

function follow(address: string, room: string, options: FeedOptions): Feed {
  const feed = openFeed({ address, room }, { random: () => 0, ...options })
  feeds.push(feed)
  return feed
}

/** Over real sockets: in real time. */
async function until(condition: () => boolean, what: string): Promise<void> {
  await eventually(condition, { what, deadlineMs: 15_000 })
}

type Room = ClientRoom<typeof game, 'counter'>
const total = (room: Room): number => room.state.total

describe('the SDK against a real server', () => {
  it('CN8: a player whose network breaks has the seat and the whole state again', async () => {
    const address = await start()
    const sockets: WebSocket[] = []
    const socket = (url: string, protocol: string): WebSocketLike => {
      const opened = new WebSocket(url, protocol)
      sockets.push(opened)
      return opened as unknown as WebSocketLike
    }
    const ada = await connect(game, address, { socket }).create('counter', { name: 'Ada' })
    const bob = await connect(game, address).joinById<'counter'>(ada.id, { name: 'Bob' })
    const before = ada.sessionId
    const token = ada.reconnectToken
    sockets[0]?.terminate()
    await until(() => ada.status === 'reconnecting', 'the break')
    await bob.request('add', { by: 7 })
    await until(() => ada.status === 'connected', 'the seat')
    expect([ada.sessionId, total(ada)]).toEqual([before, 7])
    expect(ada.reconnectToken).not.toBe(token)
    expect([...ada.roster.values()].map(({ name }) => name).sort()).toEqual(['Ada', 'Bob'])
    expect(await ada.request('add', { by: 1 })).toEqual({ total: 8 })
    await until(() => total(bob) === 8, 'the patch')
    await until(() => ada.ping > 0, 'a round trip')
    expect(Math.abs(ada.clock.now() - Date.now())).toBeLessThan(500)
    await Promise.all([ada.leave(), bob.leave()])
    expect(ada.status).toBe('closed')
  })

  it('CN1: joins in process by a ticket; a second use of the ticket is refused', async () => {
    const address = await start()
    const roomId = (await server?.createRoom('counter')) ?? ''
    const ticket = (await server?.reserveSeat(roomId, { name: 'Bot' }))?.ticket ?? ''
    const socket = (): WebSocketLike => (server as Server<typeof game>).loopback()
    const client = connect(game, address, { socket })
    const bot = await client.joinWithTicket<'counter'>(ticket)
    expect([bot.name, bot.state.total]).toEqual(['Bot', 0])
    await expect(client.joinWithTicket(ticket)).rejects.toMatchObject({ code: 'ticket_used' })
    await expect(client.joinById('nowhere')).rejects.toMatchObject({ code: 'room_not_found' })
    await bot.leave()
  })

  it('JR12 JR13: calls by name over the socket and over HTTP reach what a request reaches', async () => {
    const address = await start()
    const client = connect(game, address)
    const [room, session] = [await client.create('counter'), await client.open()]
    expect(await room.rpc('add', { by: 3 })).toEqual({ total: 3 })
    expect(await room.request('add', { by: 1 })).toEqual({ total: 4 })
    const counters = [{ id: room.id, clients: 1 }]
    expect(await room.rpc('counters')).toEqual(counters)
    expect(await session.rpc('counters', [])).toEqual(counters)
    expect(await client.rpc('counters', {})).toEqual(counters)
    const tooMuch = { name: 'RpcError', code: -32_000, data: { code: 'too_much', retry: false } }
    await expect(room.rpc('add', { by: 11 })).rejects.toMatchObject(tooMuch)
    await expect(session.rpc('add', { by: 1 })).rejects.toMatchObject({
      data: { code: 'not_in_room' },
    })
    await expect(client.rpc('add', { by: 1 })).rejects.toMatchObject({ code: -32_601 })
    await expect(room.rpc('subtract')).rejects.toMatchObject({ code: -32_601 })
    await room.leave()
    session.close()
  })

  it('CN10, CN14: a feed that breaks goes on with the next event; its state is that of state?at=', async () => {
    const address = await start()
    const room = await connect(game, address).create('counter', { name: 'Ada' })
    const numbers: number[] = []
    const seen = new Set<string>()
    const state = createFeedState()
    let abort = new AbortController()
    const feed = follow(address, room.id, {
      from: 'start',
      state,
      onPatch: ({ n }) => numbers.push(n),
      onEvent: (event) => {
        if ('n' in event.data) numbers.push(event.data.n)
      },
      onStatus: (status) => seen.add(status),
      fetch: (input, init) => {
        abort = new AbortController()
        const signals = [abort.signal, ...(init?.signal ? [init.signal] : [])]
        return fetch(input, { ...init, signal: AbortSignal.any(signals) })
      },
    })
    for (let round = 1; round <= 3; round++) {
      await room.request('add', { by: 10 })
      const isThere = () => (state.get()?.state as { total?: number })?.total === round * 10
      await until(isThere, `round ${round}`)
      abort.abort()
    }
    await until(() => seen.has('reconnecting') && feed.status === 'live', 'the feed')
    const first = numbers[0] ?? 0
    expect(numbers).toEqual(numbers.map((_, index) => first + index))
    const answer = await fetch(`${address}/rooms/${room.id}/state?at=${feed.checkpoint}`)
    const truth = (await answer.json()) as { n: number; state: unknown }
    expect(state.get()).toMatchObject({ n: truth.n, state: truth.state })
    await room.leave()
  })

  it('CN11: a feed outlives its server: it tries on, and fails when the room is no more', async () => {
    const address = await start()
    let current = address
    // The next server has another port, for one that was in use may not be free at once.
    const rerouted: typeof fetch = (input, init) =>
      fetch((input as string).replace(address, current), init)
    const options = { fetch: rerouted, reconnectForMs: 5_000 }
    const room = await connect(game, address, options).create('counter')
    const statuses: string[] = []
    const onStatus = (status: string) => statuses.push(status)
    const feed = follow(address, room.id, { fetch: rerouted, onStatus })
    await until(() => feed.status === 'live', 'live')
    await server?.close()
    await until(() => feed.status !== 'live', 'the break')
    current = await start()
    await until(() => ['failed', 'ended'].includes(feed.status), 'the end')
    await until(() => room.status === 'closed', 'the room')
    expect(statuses.slice(0, 3)).toEqual(['connecting', 'catching-up', 'live'])
  })
})
