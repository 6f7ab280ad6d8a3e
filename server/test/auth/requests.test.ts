import { once } from 'node:events'
import { defineGame } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createServer } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'
import type { Principal, RequestFacts } from '../../src/index.ts'
import { nobodyKnown } from '../../src/auth/principal.ts'
import { startHall } from '../admin/rig.ts'
import { FeedRig } from '../feed/rig.ts'
import { SECRET, startDoor, tokenOf } from './rig.ts'

it('AU37 the onAuth of a room sees the request for the seat, and who asks', async () => {
  const seen: (RequestFacts | null)[] = []
  await using test = await startHall({
    jwt: { secret: SECRET },
    handlers: { onAuth: (_room, { request }) => void seen.push(request) },
  })
  const token = await tokenOf(test.clock.now())
  const headers = { authorization: `Bearer ${token}`, cookie: 'a=1', 'x-name': 'Ada' }
  const answer = await test.request('POST', '/matchmake/create/hall?from=page', {
    body: {},
    headers,
  })
  expect(answer.status).toBe(200)
  const { roomId } = answer.json as { roomId: string }
  expect(seen[0]).toMatchObject({ path: '/matchmake/create/hall', origin: '' })
  expect(seen[0]?.principal.id).toBe('user:ada')
  expect([seen[0]?.cookie('a'), seen[0]?.header('x-name')]).toEqual(['1', 'Ada'])
  expect(seen[0]?.query.get('from')).toBe('page')
  await test.server.reserveSeat(roomId, {})
  expect(seen[1]).toBe(null)
  const wrong = { body: {}, headers: { authorization: 'Bearer a.b.c' } }
  expect((await test.request('POST', '/matchmake/create/hall', wrong)).status).toBe(401)
})

it('AU37 authorizeSpectator sees the request for a stream, page or state, and who asks, as onAuth does', async () => {
  const seen: RequestFacts[] = []
  await using test = await startHall({
    jwt: { secret: SECRET },
    authorizeSpectator: (request) => {
      seen.push(request)
      // What one does to its copy changes nothing for the next.
      request.query.set('limit', '0')
      return request.principal.id === 'user:ada' && request.cookie('a') === '1'
    },
  })
  const { roomId } = (await test.create('hall')).seat
  await test.advance(500)
  const token = await tokenOf(test.clock.now())
  const headers = { authorization: `Bearer ${token}`, cookie: 'a=1', origin: 'https://a.test' }
  for (const name of ['feed', 'events', 'state', 'series?path=said&every=1s']) {
    seen.length = 0
    const path = `/rooms/${roomId}/${name}`
    const exchange = test.transport.request({
      path: `${path}${path.includes('?') ? '&' : '?'}from=start&limit=5`,
      headers,
      remoteAddress: '10.1.2.3',
    })
    await eventually(() => exchange.status !== 0)
    expect([name, exchange.status]).toEqual([name, 200])
    for (const request of [seen[0], seen.at(-1)]) {
      expect(request).toMatchObject({
        path: path.split('?')[0],
        origin: 'https://a.test',
        remoteAddress: '10.1.2.3',
      })
      expect(request?.query.get('from')).toBe('start')
      expect(request?.header('cookie')).toBe('a=1')
      expect([request?.principal.kind, request?.principal.claims?.['sub']]).toEqual(['user', 'ada'])
      expect(Object.isFrozen(request)).toBe(true)
    }
    const other = { ...headers, cookie: 'a=2' }
    expect((await test.request('GET', path, { headers: other })).status).toBe(403)
  }
})

describe('AU41 authorizeSpectator and the principal', () => {
  it('AU41 it is asked with the principal as it is now, after a later token of the same reader too', async () => {
    const seen: Principal[] = []
    await using test = await startHall({
      jwt: { secret: SECRET },
      authorizeSpectator: ({ principal }) => {
        seen.push(principal)
        return true
      },
    })
    const ada = await test.create('hall')
    await test.advance(500)
    const bearer = async (lifeMs: number) => ({
      authorization: `Bearer ${await tokenOf(test.clock.now(), {}, { lifeMs })}`,
    })
    const path = `/rooms/${ada.seat.roomId}/feed?from=start`
    const exchange = test.transport.request({ path, headers: await bearer(10_000) })
    await eventually(() => exchange.status === 200)
    await test.advance(100)
    const [, streamId = '', streamKey = ''] =
      /"streamId":"([^"]+)".*"streamKey":"([^"]+)"/.exec(exchange.text()) ?? []
    const later = test.transport.request({
      method: 'PATCH',
      path: `/feed/streams/${streamId}`,
      headers: { ...(await bearer(20_000)), 'content-type': 'application/json' },
      body: JSON.stringify({ streamKey }),
    })
    await eventually(() => !later.isOpen)
    expect(later.status).toBe(200)
    const firstEnd = seen[0]?.expiresAt ?? 0
    seen.length = 0
    await test.joinById(ada.seat.roomId)
    await test.advance(500)
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen.map(({ expiresAt }) => expiresAt))).toEqual(new Set([firstEnd + 10_000]))
    await test.advance(12_000)
    expect(exchange.isOpen).toBe(true)
    await test.advance(10_000)
    expect(exchange.isOpen).toBe(false)
  })

  it('AU41 AU7 who is over sees nothing, whatever it says', async () => {
    let isValid = true
    const rig = await FeedRig.start({
      authorize: () => true,
      authenticator: {
        authenticate: () => ({ ...nobodyKnown, id: 'user:ada', kind: 'user', isValid }),
        watch: () => () => {},
      },
    })
    const room = await rig.room('a', {})
    const reader = await rig.open('/rooms/a/feed')
    room.patch({ score: 1 })
    await rig.settle()
    isValid = false
    const late = rig.get('/rooms/a/feed')
    await rig.settle()
    expect([late.exchange.status, reader.of('patch').length]).toEqual([403, 1])
  })
})

it('AU39 a preflight of an allowed origin lets pages send what the feed and keys need, with their cookies', async () => {
  await using door = await startDoor({ allowedOrigins: ['https://friend.test'] })
  const preflight = (origin: string, method: string) =>
    door.ask({
      method: 'OPTIONS',
      path: '/admin/keys',
      headers: { origin, host: 'game.test', 'access-control-request-method': method },
    })
  for (const method of ['PATCH', 'DELETE', 'POST']) {
    const { status, headers } = await preflight('https://friend.test', method)
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://friend.test',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    expect(headers['access-control-allow-methods']).toContain(method)
    const allowed = headers['access-control-allow-headers']?.toLowerCase().split(', ') ?? []
    for (const name of [
      'x-api-key',
      'authorization',
      'last-event-id',
      'traceparent',
      'content-type',
    ])
      expect(allowed).toContain(name)
  }
  const { headers } = await preflight('https://evil.test', 'DELETE')
  expect(headers['access-control-allow-origin']).toBeUndefined()
  expect(headers['access-control-allow-credentials']).toBeUndefined()
})

it('AU33 AU36 on real sockets: a handshake is decided after a wait, and a session ends with its token', async () => {
  const principals: Principal[] = []
  const server = createServer(defineGame({}), {
    jwt: { secret: SECRET },
    authorizeConnection: async ({ principal, header }) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (header('x-name') === '') return false
      principals.push(principal)
      return { name: header('x-name') }
    },
  })
  const auths: unknown[] = []
  server.onConnect((session) => void auths.push(session.auth))
  const port = await server.listen({ port: 0 })
  try {
    const dial = (headers: Record<string, string>): WebSocket =>
      new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers, perMessageDeflate: false })
    const refused = dial({})
    const [error] = (await once(refused, 'error')) as [Error]
    expect(error.message).toContain('403')
    const token = await tokenOf(Date.now(), {}, { lifeMs: 2_500 })
    const socket = dial({ authorization: `Bearer ${token}`, 'x-name': 'Ada' })
    await once(socket, 'open')
    expect([auths, principals[0]?.id]).toEqual([[{ name: 'Ada' }], 'user:ada'])
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(4010)
    expect(Date.now()).toBeGreaterThanOrEqual(principals[0]?.expiresAt ?? Infinity)
    const wrong = dial({ authorization: `Bearer ${token}` })
    const [late] = (await once(wrong, 'error')) as [Error]
    expect(late.message).toContain('401')
  } finally {
    await server.close()
  }
})
