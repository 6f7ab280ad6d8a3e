import { encodeFrame } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { RingsideError, reject } from '../../src/index.ts'
import type { ConnectionRequest, Server, Session } from '../../src/index.ts'
import type { MemoryDial, MemoryRefusal, MemorySocket } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'
import { SECRET, startDoor, tokenOf } from './rig.ts'
import type { DoorOptions, Game } from './rig.ts'

const jwt = { secret: SECRET }
const FROM = '198.51.100.7'

/** A door with sockets: each session that opens is in `sessions`. */
async function startGate(options: DoorOptions = {}) {
  const sessions: Session[] = []
  const setUp = (server: Server<Game>): void => {
    server.onConnect((session) => void sessions.push(session))
    server.command(0x0001, (session) => Buffer.from(JSON.stringify(session.auth ?? null)))
  }
  const door = await startDoor({ ...options, setUp })
  const { transport } = door.test
  /** Dials from outside, and waits for the answer in real time. */
  const dial = async (given: MemoryDial = {}): Promise<MemorySocket | MemoryRefusal> => {
    const answers: (MemorySocket | MemoryRefusal)[] = []
    transport.handshake({ remoteAddress: FROM, ...given }, (answer) => void answers.push(answer))
    await eventually(() => answers.length > 0)
    return answers[0] as MemorySocket | MemoryRefusal
  }
  const knock = async (given: MemoryDial = {}): Promise<string> => {
    const answer = await dial(given)
    if ('status' in answer) return `${answer.status} ${answer.code}`
    answer.vanish()
    return 'in'
  }
  return { ...door, sessions, dial, knock, last: () => sessions.at(-1) as Session }
}

describe('handshakes', () => {
  it('AU33 authorizeConnection sees the request, and what it returns is the session’s', async () => {
    const seen: ConnectionRequest[] = []
    await using gate = await startGate({
      jwt,
      allowQueryToken: true,
      authorizeConnection: async (request) => {
        seen.push(request)
        await Promise.resolve()
        return { name: request.header('x-name'), level: 7 }
      },
    })
    const token = await tokenOf(gate.test.clock.now())
    const headers = { 'x-name': 'Ada', origin: 'http://localhost', cookie: 'a=1; b="2"; c=x; c=y' }
    const socket = await gate.dial({ query: `token=${token}&room=x`, headers })
    if ('status' in socket) throw new Error('refused')
    expect(gate.last().auth).toEqual({ name: 'Ada', level: 7 })
    expect(gate.last().principal.id).toBe('user:ada')
    const [request] = seen
    expect(request).toMatchObject({ path: '/ws', origin: 'http://localhost', remoteAddress: FROM })
    expect(request?.query.get('room')).toBe('x')
    expect(request?.principal.id).toBe('user:ada')
    expect(['a', 'b', 'c', 'd'].map((name) => request?.cookie(name))).toEqual(['1', '2', '', ''])
    // A client without a room is known by it.
    const frames: Uint8Array[] = []
    socket.onmessage = ({ data }) => frames.push(new Uint8Array(data))
    await eventually(() => socket.readyState === 1)
    socket.send(encodeFrame(0x0001))
    await eventually(() => frames.length === 1)
    expect(Buffer.from(frames[0] ?? []).toString()).toContain('"level":7')
  })

  it('AU33 what it throws, rejects with or refuses is the answer of the handshake', async () => {
    let answer: () => unknown = () => true
    await using gate = await startGate({ authorizeConnection: () => answer() })
    const told = async (given: () => unknown): Promise<string> => {
      answer = given
      return gate.knock()
    }
    const failing = (error: unknown) => async () => {
      await Promise.resolve()
      throw error
    }
    expect(await told(() => undefined)).toBe('in')
    expect(await told(() => null)).toBe('in')
    expect(await told(() => false)).toBe('403 auth_failed')
    expect(await told(async () => false)).toBe('403 auth_failed')
    expect(await told(failing(reject('not_invited')))).toBe('403 not_invited')
    expect(await told(failing(reject('unauthorized')))).toBe('401 unauthorized')
    expect(await told(failing(new RingsideError('forbidden')))).toBe('403 forbidden')
    expect(await told(failing(new Error('a secret of the database')))).toBe('500 internal')
    expect(
      await told(() => {
        throw reject('at_once')
      }),
    ).toBe('403 at_once')
    expect(gate.sessions).toHaveLength(2)
    const errors = gate.test.logged.filter(({ level }) => level === 'error')
    expect(errors, 'only what nobody meant is logged').toHaveLength(1)
  })

  it('AU33 it is asked about every handshake but the server’s own, after all that costs less', async () => {
    let count = 0
    await using gate = await startGate({
      authorizeConnection: () => void count++,
      allowedOrigins: ['https://friend.test'],
    })
    expect(await gate.knock({ headers: { origin: 'https://evil.test' } })).toBe('403 forbidden')
    expect(await gate.knock({ path: '/other' })).toBe('404 not_found')
    await gate.test.server.ban({ address: '203.0.113.1' })
    expect(await gate.knock({ remoteAddress: '203.0.113.1' })).toBe('403 banned')
    expect(count).toBe(0)
    gate.test.server.loopback()
    await eventually(() => gate.sessions.length === 1)
    expect([count, gate.last().auth]).toEqual([0, undefined])
    expect(await gate.knock()).toBe('in')
    expect(count).toBe(1)
  })

  it('AU34 a handshake waits for hookTimeoutMs at most, and what comes later counts for nothing', async () => {
    const signals: AbortSignal[] = []
    let admit: () => void = () => {}
    await using gate = await startGate({
      hookTimeoutMs: 1_000,
      authorizeConnection: ({ signal }) => {
        signals.push(signal)
        return new Promise<void>((resolve) => {
          admit = resolve
        })
      },
    })
    const knocking = gate.knock()
    await eventually(() => signals.length === 1)
    await gate.test.advance(999)
    expect(signals[0]?.aborted).toBe(false)
    await gate.test.advance(1)
    expect(await knocking).toBe('504 timeout')
    expect(signals[0]?.aborted).toBe(true)
    admit()
    await gate.test.settle()
    expect(gate.sessions).toEqual([])
  })

  it('AU34 so many handshakes of one address, and in all, wait at once', async () => {
    let admit: () => void = () => {}
    const gone = new Promise<void>((resolve) => {
      admit = resolve
    })
    await using gate = await startGate({
      maxPendingHandshakes: 5,
      maxPendingHandshakesPerIp: 3,
      authorizeConnection: () => gone,
    })
    const knocks = Array.from({ length: 3 }, () => gate.knock())
    expect(await gate.knock()).toBe('429 too_many_requests')
    knocks.push(...['10.0.0.1', '10.0.0.2'].map((remoteAddress) => gate.knock({ remoteAddress })))
    expect(await gate.knock({ remoteAddress: '10.0.0.3' })).toBe('503 unavailable')
    admit()
    expect(await Promise.all(knocks)).toEqual(Array.from({ length: 5 }, () => 'in'))
    expect(await gate.knock()).toBe('in')
  })

  it('AU34 who has waited is let in only where there is room still', async () => {
    let admit: () => void = () => {}
    const gone = new Promise<void>((resolve) => {
      admit = resolve
    })
    await using gate = await startGate({ maxConnections: 2, authorizeConnection: () => gone })
    const knocks = Array.from({ length: 4 }, () => gate.dial())
    await gate.test.settle()
    admit()
    const answers = await Promise.all(knocks)
    expect(answers.map((answer) => ('status' in answer ? answer.status : 'in'))).toEqual([
      'in',
      'in',
      503,
      503,
    ])
    await gate.test.server.ban({ address: FROM })
    expect(await gate.knock()).toBe('403 banned')
  })

  it('AU1 a wrong credential of a handshake is refused, with and without authorizeConnection', async () => {
    for (const authorizeConnection of [undefined, () => true]) {
      await using gate = await startGate({
        jwt,
        ...(authorizeConnection ? { authorizeConnection } : {}),
      })
      const now = gate.test.clock.now()
      const { key } = await gate.makeKey({ scopes: [] })
      const knock = (headers: Record<string, string>): Promise<string> => gate.knock({ headers })
      const bearer = async (lifeMs: number, secret = SECRET): Promise<string> =>
        knock({ authorization: `Bearer ${await tokenOf(now, {}, { lifeMs, secret })}` })
      expect(await knock({})).toBe('in')
      expect(await knock({ 'x-api-key': key })).toBe('in')
      expect(await knock({ 'x-api-key': `${key}x` })).toBe('401 unauthorized')
      expect(await bearer(60_000)).toBe('in')
      expect(await bearer(60_000, 'x'.repeat(40))).toBe('401 unauthorized')
      expect(await bearer(-60_000)).toBe('401 token_expired')
      expect(gate.sessions.map(({ principal }) => principal.kind)).toEqual([
        'anonymous',
        'key',
        'user',
      ])
    }
  })

  it('AU30 a page of a foreign origin brings no cookie through a handshake', async () => {
    await using gate = await startGate({ jwt, cookie: { name: 't' }, allowedOrigins: ['*'] })
    const cookie = `t=${await tokenOf(gate.test.clock.now())}`
    const as = async (origin: string): Promise<string> => {
      await gate.knock({ headers: { cookie, host: 'game.test', origin } })
      return gate.last().principal.kind
    }
    expect(await as('https://evil.test')).toBe('anonymous')
    expect(await as('https://game.test')).toBe('user')
  })

  it('AU36 a session is closed when its token ends, or its key is revoked', async () => {
    await using gate = await startGate({ jwt })
    const { clock } = gate.test
    const closes: { code: number; reason: string }[] = []
    const open = async (headers: Record<string, string>): Promise<void> => {
      const socket = await gate.dial({ headers })
      if ('status' in socket) throw new Error('refused')
      socket.onclose = (close) => void closes.push(close)
    }
    const token = await tokenOf(clock.now(), {}, { lifeMs: 5_000 })
    await open({ authorization: `Bearer ${token}` })
    const { id, key } = await gate.makeKey({ scopes: [] })
    await open({ 'x-api-key': key })
    await open({})
    await gate.admin('DELETE', undefined, `/admin/keys?id=${id}`)
    await gate.test.settle()
    expect(closes).toEqual([{ code: 4010, reason: 'The token or key is over' }])
    await gate.test.advance(4_900)
    expect(closes).toHaveLength(1)
    await gate.test.advance(200)
    expect(closes).toHaveLength(2)
    expect(gate.sessions.map(({ isOpen }) => isOpen)).toEqual([false, false, true])
  })

  it('AU28 a new token keeps a session open, of the same subject alone; nobody known may become somebody', async () => {
    await using gate = await startGate({ jwt })
    const { clock } = gate.test
    const openWith = async (headers: Record<string, string>) => {
      const socket = await gate.dial({ headers })
      if ('status' in socket) throw new Error('refused')
      await eventually(() => socket.readyState === 1)
      const texts: string[] = []
      socket.onmessage = ({ data }) => texts.push(Buffer.from(data).subarray(4).toString())
      const refresh = async (params: unknown): Promise<unknown> => {
        const before = texts.length
        const call = { jsonrpc: '2.0', id: 1, method: 'auth.refresh', params }
        socket.send(encodeFrame(0xffffffff, Buffer.from(JSON.stringify(call))))
        await eventually(() => texts.length > before)
        const answer = JSON.parse(texts.at(-1) ?? '') as {
          result?: unknown
          error?: { data?: { code: string }; code: number }
        }
        return answer.result ?? answer.error?.data?.code ?? answer.error?.code
      }
      return { refresh, session: gate.last() }
    }
    const short = await tokenOf(clock.now(), {}, { lifeMs: 5_000 })
    const ada = await openWith({ authorization: `Bearer ${short}` })
    const nobody = await openWith({})
    const long = await tokenOf(clock.now(), { scope: 'read:topic:a' }, { lifeMs: 60_000 })
    const bobs = await tokenOf(clock.now(), { sub: 'bob' }, { lifeMs: 60_000 })
    expect(await ada.refresh({ token: bobs })).toBe('forbidden')
    expect(await ada.refresh({ token: `${long}x` })).toBe('unauthorized')
    expect(await ada.refresh({})).not.toMatchObject({ expiresAt: expect.anything() })
    const { principal: before } = ada.session
    expect(await ada.refresh({ token: long })).toMatchObject({ expiresAt: expect.any(Number) })
    expect(ada.session.principal.mayReadTopic('a', 'x')).toBe(true)
    expect(await nobody.refresh([bobs])).toMatchObject({ expiresAt: expect.any(Number) })
    expect(nobody.session.principal.id).toBe('user:bob')
    await gate.test.advance(6_000)
    expect(before.isValid).toBe(false)
    expect([ada.session.isOpen, nobody.session.isOpen]).toEqual([true, true])
    await gate.test.advance(60_000)
    expect([ada.session.isOpen, nobody.session.isOpen]).toEqual([false, false])
    const http = await gate.ask({
      method: 'POST',
      path: '/rpc',
      headers: { 'content-type': 'application/json' },
      body: { jsonrpc: '2.0', id: 1, method: 'auth.refresh', params: { token: bobs } },
    })
    expect(http.json).toMatchObject({ error: { data: { code: 'bad_request' } } })
  })
})
