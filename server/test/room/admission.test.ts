import { describe, expect, it } from 'vitest'
import type { JoinRequest } from '../../src/index.ts'
import { TestServer } from '../support/test-server.ts'

/** An onAuth that waits to be let go on. */
function waitingAuth() {
  const requests: JoinRequest[] = []
  const waiting: { go: (auth: unknown) => void; fail: (error: Error) => void }[] = []
  const told: string[] = []
  const joined: unknown[] = []
  return {
    requests,
    waiting,
    told,
    joined,
    handlers: {
      onAuth(_room: unknown, request: JoinRequest) {
        requests.push(request)
        return new Promise<unknown>((go, fail) => waiting.push({ go, fail }))
      },
      onJoin: (_room: unknown, session: { auth: unknown }) => void joined.push(session.auth),
      onError: (_room: unknown, error: unknown, where: string) =>
        void told.push(`${where}: ${(error as Error).message}`),
    },
  }
}

const join = { method: 'POST', path: '/matchmake/joinOrCreate/arena', body: '{}' }

describe('onAuth', () => {
  it.each(['is let in', 'is refused', 'fails'])(
    'RM37 that has not settled after hookTimeoutMs is answered timeout; whoever %s later counts for nothing',
    async (how) => {
      const rig = waitingAuth()
      await using test = await TestServer.start({ hookTimeoutMs: 2_000 }, rig.handlers)
      const exchange = test.transport.request(join)
      await test.clock.advanceAsync(1_900, 10)
      expect([exchange.status, rig.requests[0]?.signal.aborted]).toEqual([0, false])
      await test.clock.advanceAsync(200, 10)
      expect(exchange.status).toBe(504)
      expect(exchange.json()).toMatchObject({ error: { code: 'timeout' } })
      expect(rig.requests[0]?.signal.aborted).toBe(true)
      if (how === 'fails') rig.waiting[0]?.fail(new Error('aborted'))
      else rig.waiting[0]?.go(how === 'is let in')
      await test.clock.advanceAsync(200, 10)
      expect(test.server.rooms).toMatchObject([{ clients: 0 }])
      expect(rig.told).toEqual([])
    },
  )

  it('RM37 is told when the client has gone, and no seat is held for nobody', async () => {
    const rig = waitingAuth()
    await using test = await TestServer.start({ maxUnclaimedPerIp: 1 }, rig.handlers)
    for (let n = 0; n < 3; n++) {
      const exchange = test.transport.request(join)
      await test.clock.advanceAsync(100, 10)
      exchange.abort()
      await test.clock.advanceAsync(100, 10)
      expect(rig.requests[n]?.signal.aborted).toBe(true)
      rig.waiting[n]?.go(true)
      await test.clock.advanceAsync(100, 10)
    }
    const joining = test.join('Ada')
    await test.clock.advanceAsync(100, 10)
    rig.waiting[3]?.go('welcome')
    expect((await joining).count('joined')).toBe(1)
    expect(rig.joined).toEqual(['welcome'])
    expect(rig.requests[3]?.signal.aborted).toBe(false)
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('RM37 leaves no timer behind once it has settled', async () => {
    const rig = waitingAuth()
    await using test = await TestServer.start({}, rig.handlers)
    const answer = test.server.reserveSeat(await test.during(test.server.createRoom('arena')), {})
    const before = test.clock.pendingCount
    rig.waiting[0]?.go(false)
    await expect(answer).rejects.toMatchObject({ code: 'auth_failed' })
    expect(test.clock.pendingCount).toBe(before - 1)
  })
})
