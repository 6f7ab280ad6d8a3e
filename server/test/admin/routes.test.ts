import { describe, expect, it } from 'vitest'
import { KEY, asOperator, auditTrail, codeOf, startHall } from './rig.ts'

const POSTS = ['kick', 'ban', 'mute', 'close', 'message']
const LISTS = ['bans', 'mutes']

describe('the routes of operators', () => {
  it('AD1 every route needs the key, and wrong keys are counted', async () => {
    const { entries, audit } = auditTrail()
    await using test = await startHall({ audit })
    const routes = [
      ...POSTS.map((name) => ['POST', `/admin/${name}`]),
      ...LISTS.flatMap((name) => [
        ['GET', `/admin/${name}`],
        ['DELETE', `/admin/${name}`],
      ]),
    ] as [string, string][]
    for (const [method, path] of routes) {
      const body = method === 'POST' ? { body: {} } : {}
      const answer = await test.request(method, path, body)
      expect([path, answer.status]).toEqual([path, 401])
    }
    expect(entries, 'strangers fill no record').toEqual([])
    const headers = { 'x-api-key': 'a wrong key of 16' }
    const statuses: number[] = []
    for (let guess = 0; guess < 12; guess++)
      statuses.push((await test.post('/admin/ban', {}, { headers })).status)
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429])
    expect(entries).toHaveLength(10)
    expect(entries[0]).toMatchObject({
      action: 'ban',
      by: null,
      result: 'unauthorized',
      target: {},
    })
    expect(JSON.stringify([entries, test.logged])).not.toMatch(/a wrong key|the key of a test/)
  })

  it('AD1 another method is 405 and says which there are', async () => {
    await using test = await startHall()
    for (const name of POSTS)
      expect(await asOperator(test, ['GET', `/admin/${name}`])).toMatchObject({ status: 405 })
    for (const name of LISTS)
      expect(await asOperator(test, ['POST', `/admin/${name}`], {})).toMatchObject({
        status: 405,
        headers: { allow: 'GET, DELETE, HEAD, OPTIONS' },
      })
    expect((await asOperator(test, ['POST', '/admin/other'], {})).status).toBe(404)
  })

  it('AD11 kick takes a player out by their session, one who is away too, and a connection without a seat', async () => {
    await using test = await startHall()
    const ada = await test.create('hall')
    const { roomId, sessionId } = ada.seat
    const body = { sessionId, roomId, reason: 'go\u0007\u202e now' }
    expect((await asOperator(test, ['POST', '/admin/kick'], body)).status).toBe(200)
    await test.advance(10)
    expect(ada.closed).toEqual({ code: 4000, reason: 'go now' })
    expect((await asOperator(test, ['POST', '/admin/kick'], body)).status).toBe(404)
    const bob = await test.create('hall')
    const { reconnectToken } = bob.all('joined')[0] ?? { reconnectToken: '' }
    bob.socket.close(3000, 'away')
    await test.advance(10)
    expect(test.server.kick(bob.seat.sessionId)).toBe(true)
    expect(await codeOf(() => test.reconnect(bob.seat.roomId, reconnectToken))).not.toBe('ok')
    const plain = await test.dial()
    const [session] = test.server.sessions()
    expect(test.server.kick(session?.id ?? '')).toBe(true)
    await test.advance(10)
    expect(plain.closed?.code).toBe(4000)
    expect(test.server.kick('nobody')).toBe(false)
  })

  it('AD11 a player who is kicked by the id of their connection has no seat to come back to', async () => {
    await using test = await startHall()
    const ada = await test.create('hall')
    const { reconnectToken } = ada.all('joined')[0] ?? { reconnectToken: '' }
    expect(test.server.kick(test.server.sessions()[0]?.id ?? '', 'out')).toBe(true)
    await test.advance(10)
    expect(ada.closed).toEqual({ code: 4000, reason: 'out' })
    expect(await codeOf(() => test.reconnect(ada.seat.roomId, reconnectToken))).not.toBe('ok')
  })

  it('AD12 close ends a room for good with the reason, whatever it waits for', async () => {
    const left: string[] = []
    const handlers = {
      onLeave: (_room: unknown, _session: unknown, reason: string) => void left.push(reason),
    }
    await using test = await startHall({ handlers })
    const ada = await test.create('hall')
    const { roomId } = ada.seat
    const answer = await asOperator(test, ['POST', '/admin/close'], { roomId, reason: 'raid' })
    expect(answer).toMatchObject({ status: 200, json: {} })
    await test.advance(50)
    expect(ada.closed).toEqual({ code: 4001, reason: 'raid' })
    expect(left).toEqual(['room_ended'])
    expect(test.server.rooms).toEqual([])
    expect((await test.eventsOf(roomId)).at(-1)?.type).toBe('end')
    const again = await asOperator(test, ['POST', '/admin/close'], { roomId })
    expect(again).toMatchObject({ status: 404, json: { error: { code: 'room_not_found' } } })
  })

  it('AD12 a room that stands still because its log is full is closed as well', async () => {
    await using test = await startHall({ maxOutboxLagMs: 500 })
    const ada = await test.create('hall')
    test.faults.isAway = true
    test.server.message(ada.seat.roomId, 'hold on')
    await test.advance(3_000)
    test.server.closeRoom(ada.seat.roomId, 'enough')
    await test.advance(50)
    expect(ada.closed).toEqual({ code: 4001, reason: 'enough' })
    test.faults.isAway = false
  })

  it('AD13 a message reaches every player of the room and nobody else, as one clean line', async () => {
    await using test = await startHall()
    const ada = await test.create('hall')
    const bob = await test.joinById(ada.seat.roomId)
    const cleo = await test.create('hall')
    const { roomId } = ada.seat
    const body = { roomId, text: '  Restart\u0000 at\n9  ', level: 'warning' }
    expect((await asOperator(test, ['POST', '/admin/message'], body)).status).toBe(200)
    test.server.message(roomId, 'x'.repeat(600))
    await test.advance(10)
    for (const player of [ada, bob])
      expect(player.all('notice')).toMatchObject([
        { text: 'Restart at 9', level: 'warning' },
        { text: 'x'.repeat(500), level: 'info' },
      ])
    expect(cleo.all('notice')).toEqual([])
  })

  it('AD14 bans and mutes are listed by pages, and lifted by id or target', async () => {
    await using test = await startHall()
    for (const userId of ['a', 'b', 'c', 'd', 'e']) await test.server.ban({ userId })
    await test.server.mute({ userId: 'a' })
    const seen: string[] = []
    for (let after: string | null = ''; after !== null;) {
      const query = new URLSearchParams({ limit: '2', after })
      const answer = await asOperator(test, ['GET', `/admin/bans?${query}`])
      const page = answer.json as { bans: { id: string }[]; next: string | null }
      seen.push(...page.bans.map(({ id }) => id))
      after = page.next
    }
    expect(seen).toEqual(test.server.bans().map(({ id }) => id))
    expect(seen).toHaveLength(5)
    expect((await asOperator(test, ['DELETE', `/admin/bans?id=${seen[0]}`])).status).toBe(204)
    expect((await asOperator(test, ['DELETE', `/admin/bans?id=${seen[0]}`])).status).toBe(404)
    expect((await asOperator(test, ['DELETE', '/admin/mutes?userId=b'])).status).toBe(404)
    expect((await asOperator(test, ['DELETE', '/admin/mutes?userId=a'])).status).toBe(204)
    expect(await asOperator(test, ['GET', '/admin/mutes'])).toMatchObject({
      json: { mutes: [], next: null },
    })
    expect(test.server.bans()).toHaveLength(4)
  })

  it('AD15 whatever is malformed is refused with bad_request or not found, and changes nothing', async () => {
    const { entries, audit } = auditTrail()
    await using test = await startHall({ audit })
    const ada = await test.create('hall')
    const { roomId, sessionId } = ada.seat
    const durations = [0, -1, 999, 1.5, 1e300, 'x', true, {}, [], 315_360_000_001]
    const odd = [null, 1, true, [], {}, '', 'x'.repeat(257)]
    const asks: [string, unknown][] = [
      ...durations.map((durationMs): [string, unknown] => ['ban', { userId: 'a', durationMs }]),
      ...durations.map((durationMs): [string, unknown] => ['mute', { userId: 'a', durationMs }]),
      ...odd.map((userId): [string, unknown] => ['ban', { userId }]),
      ...odd.map((id): [string, unknown] => ['ban', { sessionId: id }]),
      ...odd.map((address): [string, unknown] => ['mute', { address }]),
      ...odd.map((id): [string, unknown] => ['kick', { sessionId: id }]),
      ...odd.map((id): [string, unknown] => ['close', { roomId: id }]),
      ...odd.map((id): [string, unknown] => ['message', { roomId: id, text: 'hi' }]),
      ...[null, 1, {}, [], '', ' \n\u0000'].map((text): [string, unknown] => [
        'message',
        { roomId, text },
      ]),
      ...[null, 1, 'loud', ['info']].map((level): [string, unknown] => [
        'message',
        { roomId, text: 'hi', level },
      ]),
      ...[1, {}, [], true].map((reason): [string, unknown] => ['kick', { sessionId, reason }]),
      ...[1, {}, [], true].map((reason): [string, unknown] => ['close', { roomId, reason }]),
      ['ban', {}],
      ['ban', { userId: 'a', address: '10.0.0.1' }],
      ['ban', []],
      ['kick', { sessionId, roomId: 1 }],
    ]
    for (const [name, body] of asks) {
      const answer = await asOperator(test, ['POST', `/admin/${name}`], body)
      expect([name, body, answer.status]).toEqual([name, body, 400])
      expect(answer.json).toMatchObject({ error: { code: 'bad_request' } })
    }
    expect(entries).toHaveLength(asks.length)
    expect(new Set(entries.map(({ result }) => result))).toEqual(new Set(['bad_request']))
    for (const text of ['{', '{"__proto__":{"userId":"a"}}', '\u0000', '"a"']) {
      const answer = await test.request('POST', '/admin/ban', { text, headers: KEY })
      expect([text, answer.status]).toEqual([text, 400])
    }
    const big = { userId: 'a', reason: 'x'.repeat(70_000) }
    expect((await asOperator(test, ['POST', '/admin/ban'], big)).status).toBe(413)
    for (const query of ['limit=0', 'limit=x', 'limit=1001', 'limit=1.5'])
      expect((await asOperator(test, ['GET', `/admin/bans?${query}`])).status).toBe(400)
    for (const query of ['', '?', '?id=', '?userId=&address=', '?__proto__=a'])
      expect((await asOperator(test, ['DELETE', `/admin/bans${query}`])).status).toBe(400)
    const nowhere = [
      ['kick', { roomId: 'nowhere', sessionId }],
      ['close', { roomId: 'nowhere' }],
      ['message', { roomId: 'nowhere', text: 'hi' }],
    ] as const
    // A field that is misspelt would be no field: a ban without its durationMs is for ever.
    for (const [name, body] of [...nowhere, ['ban', { userId: 'a', duration: 60_000 }]] as const)
      expect(
        (await asOperator(test, ['POST', `/admin/${name}`], { ...body, reasn: 'x' })).json,
      ).toMatchObject({ error: { code: 'bad_request' } })
    for (const [name, body] of nowhere)
      expect(await asOperator(test, ['POST', `/admin/${name}`], body)).toMatchObject({
        status: 404,
        json: { error: { code: 'room_not_found' } },
      })
    await test.advance(10)
    expect([ada.closed, test.server.bans(), test.server.mutes()]).toEqual([null, [], []])
  })
})

describe('the audit', () => {
  it('AD9 every act is told, done or refused, with who, whom, why and from where, and no secret', async () => {
    const { entries, audit } = auditTrail()
    await using test = await startHall({ audit })
    const ada = await test.create('hall')
    const { roomId, sessionId } = ada.seat
    const order = { userId: 'eve', durationMs: 5_000, reason: 'x\n'.repeat(300) }
    await asOperator(test, ['POST', '/admin/ban'], order)
    await asOperator(test, ['POST', '/admin/message'], { roomId, text: 'hello' })
    await asOperator(test, ['POST', '/admin/kick'], { sessionId: 'no\u0000body' })
    await asOperator(test, ['GET', '/admin/bans'])
    await asOperator(test, ['DELETE', '/admin/bans?userId=eve'])
    test.server.kick(sessionId, 'bye')
    await codeOf(() => test.server.mute({ userId: 'a', durationMs: Number.NaN }))
    const key = expect.stringMatching(/^key:[0-9a-f]{8}$/) as string
    const remoteAddress = expect.stringMatching(/^[\d.]+$/) as string
    const by = { by: key, remoteAddress }
    expect(entries).toMatchObject([
      { ...by, action: 'ban', target: { userId: 'eve' }, durationMs: 5_000, result: 'done' },
      { ...by, action: 'message', target: { roomId }, reason: 'hello', result: 'done' },
      { ...by, action: 'kick', target: { sessionId: 'nobody' }, result: 'not_found' },
      { ...by, action: 'list', target: {}, result: 'done' },
      { ...by, action: 'unban', target: { userId: 'eve' }, result: 'done' },
      { by: 'server', remoteAddress: null, action: 'kick', reason: 'bye', result: 'done' },
      { by: 'server', action: 'mute', durationMs: Number.NaN, result: 'bad_request' },
    ])
    expect(entries[0]?.reason).toBe('x '.repeat(100).trim())
    expect(entries.every(({ at }) => at === test.clock.now() || at > 0)).toBe(true)
    expect(JSON.stringify([entries, test.logged])).not.toMatch(/secret|the key of a test/)
    const told = test.logged.filter(({ message }) => message === 'operator acted')
    expect(told).toHaveLength(entries.length)
  })

  it.each([
    [
      'throws',
      (): unknown => {
        throw new Error('disk full')
      },
    ],
    ['rejects', (): unknown => Promise.reject(new Error('disk full'))],
  ])('AD9 an audit that %s is logged, and the act stands', async (_how, audit) => {
    await using test = await startHall({ audit })
    expect((await asOperator(test, ['POST', '/admin/ban'], { userId: 'a' })).status).toBe(200)
    await test.settle()
    expect(test.server.bans()).toHaveLength(1)
    expect(test.logged.filter(({ message }) => message === 'audit failed')).toHaveLength(1)
  })

  it('AD9 audit and userIdOf are functions', async () => {
    const no = 1 as never
    await expect(startHall({ audit: no })).rejects.toMatchObject({ code: 'option_invalid' })
    await expect(startHall({ userIdOf: no })).rejects.toMatchObject({ code: 'option_invalid' })
  })
})
