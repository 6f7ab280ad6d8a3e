import { once } from 'node:events'
import { defineGame } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createServer } from '../../src/index.ts'
import type { Principal, RequestFacts } from '../../src/index.ts'
import { startHall } from '../admin/rig.ts'
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
