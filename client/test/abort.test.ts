import { encodeSystem, system } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import type { AbortOptions, ConnectOptions } from '../src/index.ts'
import { FakeServer } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

const WISH = /^[0-9a-f]{32}$/

function started(options: ConnectOptions = {}) {
  const server = new FakeServer()
  const abort = new AbortController()
  return { server, abort, client: server.client(options), signal: abort.signal }
}

/** A fetch that is never answered and ends with its signal, as the real one. */
function silentFetch(seen: AbortSignal[]): typeof fetch {
  return (input, init) =>
    new Promise((resolve, reject) => {
      if ((input as string).endsWith('/release'))
        return resolve(new Response(null, { status: 204 }))
      const signal = init?.signal
      if (!signal) return reject(new Error('Expected a signal'))
      seen.push(signal)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
}

type Started = ReturnType<typeof started>

/** Every way to a seat, or to a session. */
const ways: [
  name: string,
  isNewSeat: boolean,
  go: (s: Started, o: AbortOptions) => Promise<unknown>,
][] = [
  ['joinOrCreate', true, ({ client }, o) => client.joinOrCreate('arena', o)],
  ['join', true, ({ client }, o) => client.join('arena', o)],
  ['create', true, ({ client }, o) => client.create('arena', o)],
  ['joinById', true, ({ client }, o) => client.joinById('r1', o)],
  ['reconnect', false, ({ client }, o) => client.reconnect('r1', 'token', o)],
  ['joinWithTicket', true, ({ client }, o) => client.joinWithTicket('ticket', 'ws', o)],
  ['open', false, ({ client }, o) => client.open(o)],
]

const overHttp = ways.filter(([name]) => name !== 'joinWithTicket' && name !== 'open')

describe.each(ways)('CN47 %s with a signal', (name, isNewSeat, go) => {
  it('CN47 that has aborted rejects with its reason and sends nothing', async () => {
    const run = started()
    const reason = new Error('not wanted')
    run.abort.abort(reason)
    await expect(go(run, { signal: run.signal })).rejects.toBe(reason)
    await settle()
    const sent = run.server.requests.filter(({ path }) => path !== '/matchmake/release')
    expect([sent, run.server.sockets.filter(({ readyState }) => readyState < 2)]).toEqual([[], []])
    expect(run.server.timers.pending).toBe(0)
  })

  it('CN47 rejects with an AbortError and closes the socket while that opens', async () => {
    const run = started()
    const refused = expect(go(run, { signal: run.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await settle()
    expect(run.server.sockets).toHaveLength(1)
    run.abort.abort()
    await refused
    await settle()
    expect(run.server.socket.readyState).toBe(3)
    expect(run.server.timers.pending).toBe(0)
    expect(releases(run)).toEqual(isNewSeat ? [{ ticket: ticketOf(name) }] : [])
  })

  if (name !== 'open')
    it('CN47 gives a new seat back after JOIN, before JOINED and STATE', async () => {
      for (const isJoined of [false, true]) {
        const run = started()
        const refused = expect(go(run, { signal: run.signal })).rejects.toMatchObject({
          name: 'AbortError',
        })
        await settle()
        run.server.socket.open()
        expect(run.server.socket.frames(system.join.id)).toHaveLength(1)
        if (isJoined) run.server.joined()
        run.abort.abort()
        await refused
        await settle()
        expect(run.server.socket.readyState).toBe(3)
        expect(run.server.timers.pending).toBe(0)
        expect(releases(run)).toEqual(isNewSeat ? [{ ticket: ticketOf(name) }] : [])
      }
    })

  if (name !== 'open')
    it('CN47 in the turn of STATE gives a new seat up; later it is of no effect', async () => {
      const run = started()
      const refused = expect(go(run, { signal: run.signal })).rejects.toMatchObject({
        name: 'AbortError',
      })
      await settle()
      run.server.socket.open()
      run.server.joined()
      run.server.fullState()
      run.abort.abort()
      await refused
      expect(run.server.socket.frames(system.leave.id)).toHaveLength(isNewSeat ? 1 : 0)
      expect(run.server.socket.readyState).toBe(3)
      expect(run.server.timers.pending).toBe(0)

      const late = started()
      const joined = go(late, { signal: late.signal })
      await late.server.accept()
      await expect(joined).resolves.toMatchObject({ status: 'connected' })
      late.abort.abort()
      await settle()
      expect(await joined).toMatchObject({ status: 'connected' })
      expect(late.server.socket.readyState).toBe(1)
    })
})

function releases({ server }: Started): unknown[] {
  return server.requests.filter(({ path }) => path === '/matchmake/release').map(({ body }) => body)
}

function ticketOf(name: string): string {
  return name === 'joinWithTicket' ? 'ticket' : 'ticket-1'
}

it.each(overHttp)(
  'CN47 %s that is aborted during its request ends it, and gives the wish up by its name',
  async (_name, isNewSeat, go) => {
    const seen: AbortSignal[] = []
    const silent = silentFetch(seen)
    const bodies: { path: string; body: { wish?: string } }[] = []
    const run = started({
      fetch: (input, init) => {
        const path = new URL(input as string).pathname
        bodies.push({ path, body: JSON.parse(init?.body as string) as { wish?: string } })
        return silent(input, init)
      },
    })
    const refused = expect(go(run, { signal: run.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await settle()
    expect(seen).toHaveLength(1)
    run.abort.abort()
    await refused
    await settle()
    expect(seen[0]?.aborted).toBe(true)
    expect(run.server.timers.pending).toBe(0)
    if (!isNewSeat) return expect(bodies).toHaveLength(1)
    const [asked, released] = bodies
    expect(asked?.body.wish).toMatch(WISH)
    expect(released).toEqual({ path: '/matchmake/release', body: { wish: asked?.body.wish } })
  },
)

it('CN47 aborted while it waits to ask anew it rejects, and asks no more', async () => {
  const run = started()
  const refused = expect(
    run.client.joinOrCreate('arena', { signal: run.signal }),
  ).rejects.toMatchObject({ name: 'AbortError' })
  await settle()
  refuse(run.server, 'room_not_found', false)
  await settle()
  expect(run.server.timers.pending).toBe(1)
  run.abort.abort()
  await refused
  expect(run.server.timers.pending).toBe(0)
  expect(run.server.requests).toHaveLength(1)
})

describe('CN48 what mounts twice', () => {
  it('CN48 in one turn sends nothing for the first time', async () => {
    const run = started()
    const first = expect(run.client.joinById('r1', { signal: run.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    run.abort.abort()
    const second = run.client.joinById('r1', { signal: new AbortController().signal })
    await first
    await run.server.accept()
    await expect(second).resolves.toMatchObject({ status: 'connected' })
    expect(run.server.requests.map(({ path }) => path)).toEqual(['/matchmake/joinById/r1'])
  })

  it('CN48 the next wish goes out when the seat is back, or after 2 s', async () => {
    for (const isAnswered of [true, false]) {
      let answer = (): void => {}
      const paths: string[] = []
      const server = new FakeServer()
      const client = server.client({
        fetch: (input) => {
          const path = new URL(input as string).pathname
          paths.push(path)
          if (path.endsWith('/release'))
            return new Promise((resolve) => {
              answer = () => resolve(new Response(null, { status: 204 }))
            })
          const seat = { roomId: 'r1', sessionId: 's1', node: 'n', url: '/ws', ticket: 't1' }
          return Promise.resolve(Response.json(seat))
        },
      })
      const abort = new AbortController()
      const first = expect(client.joinById('r1', { signal: abort.signal })).rejects.toThrow()
      await settle()
      abort.abort()
      await first
      const second = client.joinById('r1')
      await settle()
      expect(paths).toEqual(['/matchmake/joinById/r1', '/matchmake/release'])
      if (isAnswered) answer()
      else await server.timers.advance(2_000)
      await server.accept()
      await expect(second).resolves.toMatchObject({ status: 'connected' })
    }
  })
})

function refuse(server: FakeServer, code: string, retry: boolean): void {
  server.socket.open()
  const error = { command: system.join.id, correlation: undefined, code, message: code, retry }
  server.socket.deliver(encodeSystem('error', error))
  server.socket.serverClose(4005)
}

describe('CN50 a ticket that leads nowhere', () => {
  it.each([
    ['joinOrCreate', 'room_not_found', 3],
    ['join', 'room_not_found', 3],
    ['joinById', 'room_not_found', 1],
    ['create', 'room_not_found', 1],
    ['create', 'room_released', 1],
    ['joinById', 'room_released', 3],
    ['joinById', 'ticket_expired', 3],
    ['joinOrCreate', 'room_paused', 3],
    ['joinOrCreate', 'auth_failed', 1],
  ] as const)('CN50 %s that is told %s at JOIN asks %i times', async (how, code, count) => {
    const server = new FakeServer()
    const target = how === 'joinById' ? 'r1' : 'arena'
    const refused = expect(server.client()[how](target as 'arena')).rejects.toMatchObject({ code })
    for (let asked = 1; asked <= count; asked++) {
      await settle()
      expect(server.requests).toHaveLength(asked)
      refuse(server, code, code === 'room_released' || code === 'room_paused')
      await settle()
      if (asked < count) await server.timers.advance(1_000)
    }
    await refused
    expect(server.timers.pending).toBe(0)
    expect(server.requests).toHaveLength(count)
  })

  it('CN50 and is in by the second', async () => {
    const server = new FakeServer()
    const room = server.client().joinOrCreate('arena')
    await settle()
    refuse(server, 'room_not_found', false)
    await settle()
    await server.timers.advance(1_000)
    await server.accept()
    await expect(room).resolves.toMatchObject({ status: 'connected' })
  })

  it('CN50 a seat that was perhaps taken is given back: JOINED was lost, or did not come in time', async () => {
    for (const how of ['broken', 'late']) {
      const server = new FakeServer()
      const lost = expect(server.client().joinOrCreate('arena')).rejects.toMatchObject({
        retry: true,
      })
      await settle()
      server.socket.open()
      if (how === 'broken') server.socket.serverClose(1006)
      else await server.timers.advance(10_000)
      await lost
      await settle()
      expect(server.requests.at(-1)).toEqual({
        path: '/matchmake/release',
        body: { ticket: 'ticket-1' },
      })
      expect(server.timers.pending).toBe(0)
    }
  })
})

describe('CN49 disconnect', () => {
  it('CN49 closes without LEAVE; the token can be read, and takes the seat back', async () => {
    const server = new FakeServer()
    const client = server.client()
    const joining = client.joinOrCreate('arena')
    await server.accept()
    const room = await joining
    const statuses: unknown[] = []
    room.onStatus((...args) => statuses.push(args))
    room.disconnect()
    expect(statuses).toEqual([['closed', { code: 1000, reason: 'Disconnected' }]])
    expect(server.socket.frames(system.leave.id)).toEqual([])
    expect(server.socket.readyState).toBe(3)
    expect(server.timers.pending).toBe(0)
    room.disconnect()
    await room.leave()
    expect(statuses).toHaveLength(1)
    const back = client.reconnect(room.id, room.reconnectToken)
    await server.accept()
    await expect(back).resolves.toMatchObject({ status: 'connected' })
    expect(server.requests.at(-1)?.body).toEqual({ token: 'token-1' })
  })

  it('CN49 while it reconnects ends that, also in the middle of a dial, and leaves nothing', async () => {
    for (const stage of ['waiting', 'dialling', 'joined']) {
      const server = new FakeServer()
      const room = await server.room()
      server.socket.serverClose(1006)
      if (stage !== 'waiting') await server.timers.advance(500)
      if (stage === 'joined') server.socket.open()
      room.disconnect()
      await settle()
      expect(room.status).toBe('closed')
      expect(server.sockets.every(({ readyState }) => readyState === 3)).toBe(true)
      expect(server.sockets.flatMap((socket) => socket.frames(system.leave.id))).toEqual([])
      expect(server.timers.pending, stage).toBe(0)
    }
  })
})
