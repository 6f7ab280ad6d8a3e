import { describe, expect, it } from 'vitest'
import { createServer } from '../../src/index.ts'
import type { AuditEntry } from '../../src/index.ts'
import { OPERATOR, SECRET, codeOf, game, startDoor, tokenOf } from './rig.ts'
import type { DoorOptions } from './rig.ts'

const BODIES = ['kick', 'ban', 'mute', 'close', 'message'].map((act) => ['POST', `/admin/${act}`])
/** Every route of operators, but those of keys, which are the operator's own alone (AU14). */
const ROUTES = [
  ...BODIES,
  ['GET', '/admin/bans'],
  ['DELETE', '/admin/bans?id=x'],
  ['GET', '/admin/mutes'],
  ['DELETE', '/admin/mutes?id=x'],
  ['GET', '/feed/streams'],
  ['GET', '/feed/stats'],
  ['DELETE', '/feed/streams/nothing'],
  ['GET', '/metrics'],
  ['GET', '/own'],
] as [string, string][]

/** With a route of the game's own that lets operators in. */
function startOffice(options: DoorOptions = {}) {
  return startDoor({
    jwt: { secret: SECRET },
    cookie: { name: 't' },
    allowQueryToken: true,
    isDevelopment: false,
    setUp: (server) =>
      server.route('GET', '/own', async (_request, response, context) => {
        const { id } = await context.requireOperator()
        response.send(200, {}, JSON.stringify({ id }))
      }),
    ...options,
  })
}

const isIn = (status: number): boolean => status !== 401 && status !== 403 && status !== 429

describe('who is an operator', () => {
  it('AU40 a token, a key, a cookie and a query with the scope admin open every route of operators', async () => {
    await using office = await startOffice()
    const now = office.test.clock.now()
    const token = await tokenOf(now, { scope: 'read:topic:news admin' })
    const { key } = await office.makeKey({ scopes: ['admin'] })
    const ways = [
      { headers: { authorization: `Bearer ${token}` } },
      { headers: { 'x-api-key': key } },
      { headers: { 'x-api-key': OPERATOR } },
      { headers: { cookie: `t=${token}`, 'sec-fetch-site': 'same-origin' } },
      { query: `token=${token}` },
      { query: `apikey=${key}` },
    ]
    for (const [method, path] of ROUTES)
      for (const { headers = {}, query } of ways) {
        const asked =
          query === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`
        const body = method === 'POST' ? { body: {} } : {}
        const { status } = await office.ask({ method, path: asked, headers, ...body })
        expect([method, path, isIn(status), status]).toEqual([method, path, true, status])
      }
  })

  it('AU40 nobody known is 401, anybody else without the scope 403, and one that is over 401', async () => {
    await using office = await startOffice()
    const now = office.test.clock.now()
    const others = [
      [{}, 401, 'unauthorized'],
      [{ authorization: `Bearer ${await tokenOf(now)}` }, 403, 'forbidden'],
      [
        { authorization: `Bearer ${await tokenOf(now, { scope: 'administrator Admin admin:*' })}` },
        403,
        'forbidden',
      ],
      [
        {
          'x-api-key': (await office.makeKey({ scopes: ['read:topic:*', 'publish:topic:*'] })).key,
        },
        403,
        'forbidden',
      ],
    ] as const
    for (const [method, path] of ROUTES)
      for (const [headers, status, code] of others) {
        const told = await office.ask({ method, path, headers })
        expect([method, path, told.status, codeOf(told)]).toEqual([method, path, status, code])
      }
    const over = await tokenOf(now, { scope: 'admin' }, { lifeMs: -60_000 })
    const told = await office.ask({ path: '/own', headers: { authorization: `Bearer ${over}` } })
    expect([told.status, codeOf(told)]).toEqual([401, 'token_expired'])
    const { key, id } = await office.makeKey({ scopes: ['admin'] })
    await office.admin('DELETE', undefined, `/admin/keys?id=${id}`)
    expect((await office.ask({ path: '/own', headers: { 'x-api-key': key } })).status).toBe(401)
  })

  it('AU40 AU30 the cookie of an operator does nothing for a foreign page', async () => {
    const friend = 'https://friend.test'
    const star = ['*', friend]
    await using office = await startOffice({ allowedOrigins: star })
    const token = await tokenOf(office.test.clock.now(), { scope: 'admin' })
    const cookie = `t=${token}`
    for (const [method, path] of ROUTES) {
      const headers = { cookie, origin: 'https://evil.test', host: 'game.test' }
      const { status } = await office.ask({ method, path, headers })
      expect([method, path, status]).toEqual([method, path, method === 'GET' ? 401 : 403])
      const own = await office.ask({ method, path, headers: { ...headers, origin: friend } })
      expect([method, path, isIn(own.status)]).toEqual([method, path, true])
    }
  })

  it('AU14 a token with admin makes no keys', async () => {
    const entries: AuditEntry[] = []
    await using office = await startOffice({ audit: (entry) => void entries.push(entry) })
    const token = await tokenOf(office.test.clock.now(), { scope: 'admin' })
    const headers = { authorization: `Bearer ${token}` }
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: { scopes: ['admin'] } }
      expect((await office.ask({ method, path: '/admin/keys', headers, ...body })).status).toBe(403)
    }
    expect(entries.map(({ by, result }) => [by, result])).toEqual(
      Array.from({ length: 4 }, () => ['user:ada', 'forbidden']),
    )
  })

  it('AD9 the audit says which principal acted, or was refused', async () => {
    const entries: AuditEntry[] = []
    await using office = await startOffice({ audit: (entry) => void entries.push(entry) })
    const now = office.test.clock.now()
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const ban = { method: 'POST', path: '/admin/ban', body: { userId: 'eve', reason: 'bots' } }
    const asAda = bearer(await tokenOf(now, { scope: 'admin' }))
    const asBob = bearer(await tokenOf(now, { sub: 'bob' }))
    expect((await office.ask({ ...ban, headers: asAda })).status).toBe(200)
    expect((await office.ask({ ...ban, headers: asBob })).status).toBe(403)
    expect((await office.ask({ ...ban, headers: bearer('a.b.c') })).status).toBe(401)
    expect((await office.ask(ban)).status).toBe(401)
    const close = { method: 'DELETE', path: '/feed/streams/nothing' }
    expect((await office.ask({ ...close, headers: asAda })).status).toBe(404)
    expect((await office.ask({ ...close, headers: asBob })).status).toBe(403)
    expect(entries.map(({ action, by, result, target }) => [action, by, result, target])).toEqual([
      ['ban', 'user:ada', 'done', { userId: 'eve' }],
      ['ban', 'user:bob', 'forbidden', {}],
      ['ban', null, 'unauthorized', {}],
      ['stream.close', 'user:ada', 'not_found', { streamId: 'nothing' }],
      ['stream.close', 'user:bob', 'forbidden', {}],
    ])
    expect(entries[0]?.reason).toBe('bots')
  })

  it('AD9 an operator with a token closes a stream, and the topic audit tells who', async () => {
    await using office = await startOffice()
    const { test } = office
    const headers = {
      authorization: `Bearer ${await tokenOf(test.clock.now(), { scope: 'admin' })}`,
    }
    const stream = test.transport.request({ path: '/feed?rooms=' })
    await test.advance(50)
    const { streams } = (await office.ask({ path: '/feed/streams', headers })).json as {
      streams: { streamId: string }[]
    }
    const { streamId = '' } = streams[0] ?? {}
    const path = `/feed/streams/${streamId}`
    expect((await office.ask({ method: 'DELETE', path, headers })).status).toBe(204)
    await test.advance(50)
    expect(stream.isOpen).toBe(false)
    const audit = test.transport.request({ path: '/feed?rooms=&topics=audit&from=start', headers })
    await test.advance(100)
    await office.ask()
    await test.advance(100)
    const told = audit.text()
    expect(told).toContain('"action":"stream.close"')
    expect(told).toContain(`"by":"user:ada","target":{"streamId":"${streamId}"}`)
    expect(told).not.toContain(headers.authorization.slice(7, 40))
  })

  it('AD16 who may not fills the audit no faster than ten records a second', async () => {
    const entries: AuditEntry[] = []
    await using office = await startOffice({ audit: (entry) => void entries.push(entry) })
    const headers = { authorization: `Bearer ${await tokenOf(office.test.clock.now())}` }
    for (let count = 0; count < 25; count++)
      expect((await office.ask({ path: '/admin/bans', headers })).status).toBe(403)
    expect(entries).toHaveLength(10)
    await office.test.advance(1_000)
    expect((await office.ask({ path: '/admin/bans', headers })).status).toBe(403)
    expect(entries).toHaveLength(11)
  })

  it('AU40 on a real socket: a token is checked while the body comes, and both are there', async () => {
    const server = createServer(game, { jwt: { secret: SECRET } })
    const port = await server.listen({ port: 0 })
    try {
      const post = async (claims: object): Promise<number> => {
        const token = await tokenOf(Date.now(), { ...claims })
        const { status } = await fetch(`http://127.0.0.1:${port}/admin/ban`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ userId: 'eve', reason: 'x'.repeat(150) }),
        })
        return status
      }
      expect([await post({ scope: 'admin' }), await post({})]).toEqual([200, 403])
      expect(server.bans()).toMatchObject([{ target: { userId: 'eve' }, reason: 'x'.repeat(150) }])
    } finally {
      await server.close()
    }
  })
})
