import { describe, expect, it } from 'vitest'
import { ManualClock, MemoryStore } from '../../src/index.ts'
import { aroundStore } from '../../src/testing/store/around-store.ts'
import { asOperator, auditTrail, codeOf, startHall } from './rig.ts'

const HOUR_MS = 3_600_000

describe('bans', () => {
  it('AD2 a banned user is put out of every room with 4007, and finds no seat again, by any way', async () => {
    await using test = await startHall()
    const ada = await test.create('hall', { options: { user: 'ada' } })
    const ada2 = await test.create('hall', { options: { user: 'ada' } })
    const bob = await test.joinById(ada.seat.roomId, { options: { user: 'bob' } })
    const { reconnectToken } = ada.all('joined')[0] ?? { reconnectToken: '' }
    const banned = await test.server.ban({
      userId: 'ada',
      durationMs: HOUR_MS,
      reason: 'spam\u0000\n again',
    })
    await test.settle()
    await test.advance(50)
    const until = new Date(test.clock.now() - 50 + HOUR_MS).toISOString()
    expect(banned).toMatchObject({ kind: 'ban', target: { userId: 'ada' }, reason: 'spam again' })
    for (const player of [ada, ada2]) {
      expect(player.closed).toEqual({ code: 4007, reason: `Banned until ${until}: spam again` })
      expect(player.all('left')).toMatchObject([{ code: 4007 }])
    }
    expect(bob.closed).toBeNull()
    const { roomId } = ada.seat
    const user = { options: { user: 'ada' } }
    expect(await codeOf(() => test.join('hall', user))).toBe('banned')
    expect(await codeOf(() => test.create('hall', user))).toBe('banned')
    expect(await codeOf(() => test.joinById(roomId, user))).toBe('banned')
    expect(await codeOf(() => test.reconnect(roomId, reconnectToken))).not.toBe('ok')
    const answer = await test.post('/matchmake/joinOrCreate/hall', user)
    expect(answer.status).toBe(403)
    expect(answer.json).toEqual({
      error: { code: 'banned', message: `Banned until ${until}: spam again` },
    })
    expect(await codeOf(() => test.join('hall', { options: { user: 'cleo' } }))).toBe('ok')
  })

  it('AD2 a ban that comes after the ticket is read at JOIN, and at the JOIN of a reconnect', async () => {
    await using test = await startHall()
    const wish = { options: { user: 'ada' } }
    const answer = await test.post('/matchmake/joinOrCreate/hall', wish)
    await test.server.ban({ userId: 'ada' })
    const client = await test.dial()
    client.sendSystem('join', { ticket: (answer.json as { ticket: string }).ticket })
    await test.until(() => client.closed)
    expect(client.closed).toEqual({ code: 4007, reason: 'Banned' })
    expect(client.all('error')).toMatchObject([{ code: 'banned', message: 'Banned', retry: false }])
  })

  it('AD2 a player who was away when their address was banned does not come back from it', async () => {
    await using test = await startHall()
    const link = test.link()
    const ada = await test.create('hall', { link })
    const { reconnectToken } = ada.all('joined')[0] ?? { reconnectToken: '' }
    ada.socket.close(3000, 'away')
    await test.advance(100)
    await test.server.ban({ address: link.address })
    const { roomId } = ada.seat
    expect(await codeOf(() => test.reconnect(roomId, reconnectToken, { link }))).toBe('banned')
    expect(await codeOf(() => test.reconnect(roomId, reconnectToken))).toBe('ok')
  })

  it('AD3 a banned address has no connection, no seat and no call, as long as the ban holds', async () => {
    await using test = await startHall()
    const link = test.link({ address: '198.51.100.7' })
    const other = await test.dial({ link: test.link({ address: '198.51.100.8' }) })
    const plain = await test.dial({ link })
    const player = await test.create('hall', { link })
    await test.server.ban({ address: '198.51.100.6/31', durationMs: 10_000 })
    await test.advance(10)
    expect([plain.closed?.code, player.closed?.code]).toEqual([4007, 4007])
    expect(other.closed).toBeNull()
    expect(await codeOf(() => test.dial({ link }))).not.toBe('ok')
    const body = { jsonrpc: '2.0', id: 1, method: 'x' }
    const wants = [
      ['POST', '/matchmake/join/hall', {}],
      ['POST', '/matchmake/create/hall', {}],
      ['POST', `/matchmake/joinById/${player.seat.roomId}`, {}],
      ['POST', `/matchmake/reconnect/${player.seat.roomId}`, { token: 'x' }],
      ['POST', '/rpc', body],
    ] as const
    for (const [method, path, sent] of wants) {
      const answer = await test.request(method, path, { body: sent, link })
      expect([path, answer.status]).toEqual([path, 403])
      expect(answer.json).toMatchObject({ error: { code: 'banned' } })
    }
    await test.advance(10_000)
    expect(test.server.bans()).toEqual([])
    expect(await codeOf(() => test.dial({ link }))).toBe('ok')
  })

  it('AD2 the ban of a session is of its seat alone: the same client may come anew', async () => {
    await using test = await startHall()
    const ada = await test.create('hall')
    const { reconnectToken } = ada.all('joined')[0] ?? { reconnectToken: '' }
    const { roomId, sessionId } = ada.seat
    await test.server.ban({ sessionId })
    await test.advance(10)
    expect(ada.closed?.code).toBe(4007)
    expect(await codeOf(() => test.reconnect(roomId, reconnectToken))).not.toBe('ok')
    expect(await codeOf(() => test.create('hall', { link: ada.link }))).toBe('ok')
  })

  it('AD4 bans and mutes go on after a restart, and end by themselves after one too', async () => {
    const first = await startHall()
    await first.server.ban({ userId: 'ada', durationMs: HOUR_MS })
    await first.server.ban({ userId: 'bob' })
    await first.server.mute({ userId: 'cleo', durationMs: 10_000, reason: 'loud' })
    await first.crash()
    await using test = await first.restart()
    const user = (name: string): object => ({ options: { user: name } })
    expect(await codeOf(() => test.join('hall', user('ada')))).toBe('banned')
    const cleo = await test.join('hall', user('cleo'))
    expect(await codeOf(() => cleo.request('say', { text: 'hi' }))).toBe('muted')
    await test.advance(10_000)
    expect(await codeOf(() => cleo.request('say', { text: 'hi' }))).toBe('ok')
    await test.advance(HOUR_MS)
    expect(await codeOf(() => test.join('hall', user('ada')))).toBe('ok')
    expect(await codeOf(() => test.join('hall', user('bob')))).toBe('banned')
    expect(await test.server.unban({ userId: 'bob' })).toBe(true)
    expect(await test.server.unban({ userId: 'bob' })).toBe(false)
    expect(await codeOf(() => test.join('hall', user('bob')))).toBe('ok')
  })

  it('AD6 a ban by another process on the store puts players out within 2 s, and so is it lifted', async () => {
    await using test = await startHall()
    await using other = await test.another()
    const ada = await test.create('hall', { options: { user: 'ada' } })
    await other.server.ban({ userId: 'ada' })
    await test.until(() => ada.closed, { limitMs: 2_100 })
    expect(ada.closed?.code).toBe(4007)
    await other.server.unban({ userId: 'ada' })
    await test.advance(2_100)
    expect(test.server.bans()).toEqual([])
    expect(await codeOf(() => test.create('hall', { options: { user: 'ada' } }))).toBe('ok')
  })

  it('AD6 while the store is away what is known holds; a ban whose answer was lost is found', async () => {
    const clock = new ManualClock()
    let [isLost, isBroken] = [false, false]
    const store = aroundStore(new MemoryStore({ clock }), async ({ contract, method, run }) => {
      if (isBroken && contract === 'records') throw new Error('broken')
      const answer = await run()
      if (isLost && contract === 'records' && method === 'put') throw new Error('lost')
      return answer
    })
    await using test = await startHall({ clock, store })
    await test.server.ban({ userId: 'ada' })
    const bob = await test.create('hall', { options: { user: 'bob' } })
    isLost = true
    expect(await codeOf(() => test.server.ban({ userId: 'bob' }))).toBe('unavailable')
    isLost = false
    expect(bob.closed).toBeNull()
    await test.advance(2_100)
    expect(bob.closed?.code).toBe(4007)
    test.faults.isAway = true
    await test.advance(2_500)
    expect(test.server.bans()).toHaveLength(2)
    test.faults.isAway = false
    await test.advance(2_500)
    expect(test.server.bans()).toHaveLength(2)
    const failure = 'bans and mutes were not read, trying again'
    const told = (): number => test.logged.filter(({ message }) => message === failure).length
    const before = told()
    isBroken = true
    await test.advance(20_000)
    expect(told(), 'once, where the rest of the log is there').toBe(before + 1)
    isBroken = false
  })

  it('AD7 a full list refuses one more, pushes out none, and has room when one is over', async () => {
    await using test = await startHall({ maxSanctions: 2 })
    await test.server.ban({ userId: 'a', durationMs: 5_000 })
    await test.server.mute({ userId: 'b' })
    expect(await codeOf(() => test.server.ban({ userId: 'c' }))).toBe('too_many_requests')
    expect(await codeOf(() => test.server.ban({ userId: 'a', durationMs: 6_000 }))).toBe('ok')
    expect([test.server.bans().length, test.server.mutes().length]).toEqual([1, 1])
    await test.advance(6_000)
    expect(await codeOf(() => test.server.ban({ userId: 'c' }))).toBe('ok')
  })

  it('AD8 who a user is says userIdOf; one that throws makes them nobody', async () => {
    await using test = await startHall({
      userIdOf: (auth) => {
        const { userId } = auth as { userId: string }
        if (userId === 'odd') throw new Error('secret')
        return userId.toUpperCase()
      },
    })
    await test.server.ban({ userId: 'ADA' })
    expect(await codeOf(() => test.join('hall', { options: { user: 'ada' } }))).toBe('banned')
    expect(await codeOf(() => test.join('hall', { options: { user: 'odd' } }))).toBe('ok')
    expect(await codeOf(() => test.join('hall'))).toBe('ok')
    expect(test.logged.some(({ message }) => message === 'userIdOf threw')).toBe(true)
  })

  it('AD9 a ban that cannot be stored is refused with unavailable, audited, and puts out nobody', async () => {
    const { entries, audit } = auditTrail()
    await using test = await startHall({ audit })
    const ada = await test.create('hall', { options: { user: 'ada' } })
    test.faults.isReadOnly = true
    const answer = await asOperator(test, ['POST', '/admin/ban'], { userId: 'ada' })
    expect(answer).toMatchObject({ status: 503, json: { error: { code: 'unavailable' } } })
    expect(entries).toMatchObject([{ action: 'ban', result: 'unavailable' }])
    await test.advance(5_000)
    expect(ada.closed).toBeNull()
    test.faults.isReadOnly = false
  })
})
