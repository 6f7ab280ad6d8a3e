import { defineGame } from '@ringside/protocol'
import type { AuditRecord } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../src/index.ts'
import type { LogEvent } from '../../src/index.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts'

const empty = defineGame({})

const KEY = { 'x-api-key': 'the key of a test' }

function start(options: TestServerOptions = {}): Promise<TestServer> {
  return startTestServer(empty, (settings) => createServer(empty, settings), options)
}

/** The published events of the store, oldest first, those of the audit apart. */
async function logOf(test: TestServer): Promise<{ events: LogEvent[]; audit: LogEvent[] }> {
  const all = await test.store.events.range({
    after: 0,
    upTo: Number.MAX_SAFE_INTEGER,
    limit: 10_000,
  })
  const messages = all.filter(({ message }) => message !== undefined)
  return {
    events: messages.filter(({ message }) => message?.topic !== 'audit'),
    audit: messages.filter(({ message }) => message?.topic === 'audit'),
  }
}

const post = (test: TestServer, path: string, body: unknown, headers = KEY) =>
  test.post(path, body, { headers })

describe('publishing', () => {
  it('PU1 answers 202 once the event is in the log, and a retry as the first', async () => {
    await using test = await start()
    const body = { type: 'news', data: { text: 'hi' }, messageId: 'once' }
    for (const duplicate of [false, true, true]) {
      const answer = await post(test, '/feed/broadcast', body)
      expect(answer.status).toBe(202)
      expect(answer.json).toEqual({ messageId: 'once', duplicate })
    }
    const other = await post(test, '/feed/broadcast', { type: 'news', data: 1, topic: 'a.b' })
    expect(other.json).toMatchObject({ duplicate: false })
    const { events } = await logOf(test)
    expect(events).toMatchObject([
      {
        room: null,
        n: 0,
        type: 'news',
        data: '{"text":"hi"}',
        message: { topic: 'public', to: null },
      },
      { type: 'news', data: '1', message: { topic: 'a.b', to: null } },
    ])
  })

  it('PU4 each route has its type and its fields', async () => {
    await using test = await start()
    const routes: [path: string, body: object][] = [
      ['/feed/broadcast', { type: 'x', data: null }],
      ['/feed/send/ada', { eventType: 'y', data: [1] }],
      ['/feed/notification', { title: 't', message: 'm' }],
      ['/feed/alert', { severity: 'warning', message: 'm' }],
      ['/feed/data-update', { entity: 'e', id: 'i', change: 'created' }],
      ['/feed/test-event', {}],
    ]
    for (const [path, body] of routes) expect((await post(test, path, body)).status).toBe(202)
    const { events } = await logOf(test)
    expect(events.map(({ type, message }) => [type, message?.to])).toEqual([
      ['x', null],
      ['y', 'ada'],
      ['notification', null],
      ['alert', null],
      ['data-update', null],
      ['test-event', null],
    ])
  })

  it.each([
    ['/feed/broadcast', { type: 'patch', data: 1 }, /does not use|feed/],
    ['/feed/broadcast', { type: 'error', data: 1 }, /feed/],
    ['/feed/broadcast', { type: 'a b', data: 1 }, /type/],
    ['/feed/broadcast', { type: '_who', data: 1 }, /type/],
    ['/feed/broadcast', { type: 'a\nb', data: 1 }, /type/],
    ['/feed/broadcast', { type: 7, data: 1 }, /type/],
    ['/feed/broadcast', { data: 1 }, /type/],
    ['/feed/broadcast', { type: 'a', data: 1, topic: 'a..b' }, /topic/],
    ['/feed/broadcast', { type: 'a', data: 1, topic: 'a.*' }, /topic/],
    ['/feed/broadcast', { type: 'a', data: 1, topic: 'x'.repeat(201) }, /topic/],
    ['/feed/broadcast', { type: 'a', data: 1, messageId: '' }, /messageId/],
    ['/feed/broadcast', { type: 'a', data: 1, messageId: 'a b' }, /messageId/],
    ['/feed/broadcast', { type: 'a', data: 1, messageId: 7 }, /messageId/],
    ['/feed/broadcast', { type: 'a', data: 1, messageId: 'x'.repeat(129) }, /messageId/],
    ['/feed/broadcast', { type: 'a', data: 1, to: 'ada' }, /'to'/],
    ['/feed/send/a%20b', { type: 'a', data: 1 }, /clientId/],
    [`/feed/send/${'x'.repeat(65)}`, { type: 'a', data: 1 }, /clientId/],
  ])('PU2 %s %j is 400 and names what is wrong', async (path, body, message) => {
    await using test = await start()
    const answer = await post(test, path, body)
    expect(answer.status).toBe(400)
    expect((answer.json as { error: { message: string } }).error.message).toMatch(message)
    expect((await logOf(test)).events).toEqual([])
  })

  it('PU5 without a key 401, with a wrong one too, to the topics of the server 403', async () => {
    await using test = await start()
    const body = { type: 'a', data: 1 }
    for (const headers of [{}, { 'x-api-key': 'a wrong key of 16' }])
      expect((await post(test, '/feed/broadcast', body, headers as typeof KEY)).status).toBe(401)
    for (const topic of ['audit', 'presence'])
      expect((await post(test, '/feed/broadcast', { ...body, topic })).status).toBe(403)
    await expect(test.server.publish({ ...body, topic: 'audit' })).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect((await logOf(test)).events).toEqual([])
  })

  it('PU5 PU7 a publisher over its rate is 429 and fills no audit; what is refused counts as well', async () => {
    await using test = await start({ publishPerSecond: 3 })
    const made = await test.post('/admin/keys', { scopes: ['publish:topic:a'] }, { headers: KEY })
    const { key, id } = made.json as { key: string; id: string }
    const headers = { 'x-api-key': key }
    const statuses: number[] = []
    for (const topic of ['a', 'b', 'a', 'a', 'b', 'a', 'a']) {
      const answer = await post(test, '/feed/broadcast', { type: 'x', data: 1, topic }, headers)
      statuses.push(answer.status)
      if (answer.status === 429) expect(answer.headers['retry-after']).toBe('1')
    }
    expect(statuses).toEqual([202, 403, 202, 429, 429, 429, 429])
    expect((await post(test, '/feed/broadcast', { type: 'x', data: 1 })).status).toBe(202)
    await test.during(test.server.publish({ type: 'x', data: 2 }))
    const results = async () =>
      (await logOf(test)).audit
        .map(({ data }) => JSON.parse(data) as AuditRecord)
        .filter(({ by }) => by === `key:${id}`)
        .map(({ result }) => result)
    await test.advance(10)
    expect(await results()).toEqual(['done', 'forbidden', 'done', 'too_many_requests'])
    await test.advance(1_000)
    const body = { type: 'x', data: 1, topic: 'a' }
    expect((await post(test, '/feed/broadcast', body, headers)).status).toBe(202)
  })

  it('PU1 the server publishes by itself with the same checks, and its messageIds are its own', async () => {
    await using test = await start()
    const order = { topic: 'scores', type: 'final', data: { winner: 'ada' }, messageId: 'm' }
    expect(await test.during(test.server.publish(order))).toEqual({
      messageId: 'm',
      duplicate: false,
    })
    expect(await test.during(test.server.publish(order))).toEqual({
      messageId: 'm',
      duplicate: true,
    })
    const { data, type } = order
    const answer = await post(test, '/feed/broadcast', { data, type, messageId: 'm' })
    expect(answer.json).toEqual({ messageId: 'm', duplicate: false })
    for (const wrong of [
      { type: 'a' },
      { type: 'a', data: () => {} },
      { type: 'a', data: 1n },
      { type: 'a', data: 1, too: 'ada' },
      null,
    ])
      await expect(test.server.publish(wrong as never)).rejects.toThrow(/Expected/)
  })

  it('PU1 before listen nothing is published, and an event that is too large says so', async () => {
    const early = createServer(empty, {})
    await expect(early.publish({ type: 'a', data: 1 })).rejects.toMatchObject({
      code: 'unavailable',
    })
    await using test = await start({ maxEventBytes: 2_048 })
    const answer = await post(test, '/feed/broadcast', { type: 'a', data: 'x'.repeat(3_000) })
    expect(answer.status).toBe(413)
  })

  it('PU6 PU7 the request names its trace, and the audit who did what, not what was said', async () => {
    await using test = await start()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const body = { type: 'hint', data: 'a secret of ada', messageId: 'm' }
    await post(test, '/feed/send/ada', body, { ...KEY, traceparent } as typeof KEY)
    await post(test, '/feed/send/ada', body)
    await post(test, '/feed/broadcast', { ...body, topic: 'audit', messageId: 'n' })
    await test.advance(100)
    const { events, audit } = await logOf(test)
    expect(events.map(({ message }) => message?.trace)).toEqual([traceparent])
    const records = audit.map(({ data }) => JSON.parse(data) as AuditRecord)
    const target = { topic: 'public', type: 'hint', to: 'ada', messageId: 'm' }
    expect(records).toMatchObject([
      { action: 'publish', target, result: 'done' },
      { action: 'publish', target, result: 'duplicate' },
      { action: 'publish', target: { topic: 'audit' }, result: 'forbidden' },
    ])
    for (const { by } of records) expect(by).toMatch(/^key:/)
    expect(JSON.stringify([audit, test.logged])).not.toMatch(/a secret of ada|the key of a test/)
  })

  it('PU7 what operators do is in the topic audit', async () => {
    await using test = await start()
    await post(test, '/admin/ban', { address: '10.0.0.9', reason: 'spam' })
    await post(test, '/admin/kick', { sessionId: 'nobody' })
    await test.advance(100)
    const { audit } = await logOf(test)
    expect(audit.map(({ data }) => JSON.parse(data) as AuditRecord)).toMatchObject([
      { action: 'ban', target: { address: '10.0.0.9' }, reason: 'spam', result: 'done' },
      { action: 'kick', target: { sessionId: 'nobody' } },
    ])
  })

  it('PU9 with aliasRoutes other names of a route mean it, without they are none', async () => {
    await using plain = await start()
    expect((await post(plain, '/api/sse/broadcast', { type: 'a', data: 1 })).status).toBe(404)
    await using test = await start({ aliasRoutes: true })
    expect(
      (await post(test, '/api/sse/broadcast', { type: 'a', data: 1 }, {} as typeof KEY)).status,
    ).toBe(401)
    expect((await post(test, '/api/sse/broadcast', { eventType: 'a', data: 1 })).status).toBe(202)
    expect((await post(test, '/sse/test-event', {})).status).toBe(202)
    expect((await post(test, '/api/sse/nothing', {})).status).toBe(404)
  })
})
