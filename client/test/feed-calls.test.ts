import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { keepAuthorized, openFeed, topicHandlers, followFeed } from '../src/feed/index.ts'
import type { FeedMessage } from '../src/feed/index.ts'
import { tokenLifeMs } from '../src/feed/token-life.ts'
import { withToken } from '../src/feed/with-token.ts'
import { FeedRig } from './support/feed-rig.ts'
import { TestTimers } from './support/test-timers.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown): string => `${part({ alg: 'none' })}.${part(claims)}.x`

describe('CN81: bounded feeds', () => {
  it.each(['to', 'limit', 'for'])(
    'bound (%s) ends the reader, without another dial',
    async (reason) => {
      const rig = new FeedRig()
      const kept = new Map<string, string>()
      const storage = {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => void kept.set(key, value),
      }
      const feed = rig.open({ storage, storageKey: 'k' })
      await rig.fake.settle()
      rig.send('bound', { reason }, '1-abc~l0')
      rig.fake.finish()
      await rig.fake.advance(100_000)
      const { requests, clock } = rig.fake
      expect([feed.status, requests.length, clock.pendingCount]).toEqual(['ended', 1, 0])
      expect(rig.events.at(-1)).toEqual({ type: 'bound', id: '1-abc~l0', data: { reason } })
      // A reload goes on with what was left, which is nothing.
      expect(kept.get('k')).toBe('1-abc~l0')
      expect(rig.open({ storage, storageKey: 'k' }).checkpoint).toBe('1-abc~l0')
    },
  )

  it('a 204 that is not the server’s is tried again', async () => {
    const rig = new FeedRig()
    rig.answers = [new Response(null, { status: 204 })]
    const feed = rig.open()
    await rig.fake.advance(5_000)
    expect([feed.status, rig.fake.requests.length]).toEqual(['live', 1])
    feed.close()
  })
})

describe('CN82: the feed’s own events, a game’s and a topic’s', () => {
  it('each is told as what it is', async () => {
    const rig = new FeedRig()
    const feed = rig.open()
    await rig.fake.settle()
    const { events } = rig
    events.length = 0
    rig.send('heartbeat', { at: 5 })
    rig.send('room-unknown', { room: 'x', waitMs: 0 })
    rig.send('room-alias', { alias: '@arena', room: null })
    rig.send('joined', { room: 'r', n: 2, at: 1, data: { sessionId: 's', name: 'Ada' } }, '2-a')
    rig.send('kill', { room: 'r', n: 3, at: 1, data: {} }, '3-a')
    rig.send('patch', { topic: 'public', messageId: 'm', at: 1, data: null })
    await rig.fake.settle()
    expect(events.map(({ type }) => type)).toEqual([
      'heartbeat',
      'room-unknown',
      'room-alias',
      'joined',
      'game',
      'topic',
    ])
    feed.close()
  })

  it('topicHandlers hands each type to its handler, the rest to others; a name of every object is none', () => {
    const told: unknown[] = []
    const handler = topicHandlers<{ 'build-done': { ok: boolean } }>(
      {
        alert: ({ data }) => {
          expectTypeOf(data.severity).toEqualTypeOf<'info' | 'warning' | 'error' | 'critical'>()
          told.push(['alert', data.title])
        },
        'build-done': ({ data }) => {
          expectTypeOf(data.ok).toBeBoolean()
          told.push(['build', data.ok])
        },
      },
      (event) => void told.push(event.type === 'topic' ? event.name : event.type),
    )
    const topic = (name: string, data: object): FeedMessage =>
      ({
        type: 'topic',
        name,
        id: null,
        data: { topic: 'public', messageId: 'm', at: 1, data },
      }) as never
    handler(topic('alert', { severity: 'error', title: 'Down', message: '' }))
    handler(topic('build-done', { ok: true }))
    handler(topic('constructor', {}))
    handler({ type: 'heartbeat', id: null, data: { at: 1 } })
    expect(told).toEqual([['alert', 'Down'], ['build', true], 'constructor', 'heartbeat'])
  })
})

describe('CN77: when the next token is asked for', () => {
  it.each([
    [{ iat: 1_000, exp: 1_060 }, 1_000_000, 60_000],
    [{ iat: 1_000, exp: 1_060 }, 1_040_000, 20_000],
    // A clock an hour behind, and one an hour ahead.
    [{ iat: 1_000, exp: 1_060 }, -2_600_000, 60_000],
    [{ iat: 1_000, exp: 1_060 }, 4_600_000, 6_000],
    [{ exp: 1_060 }, 1_000_000, 60_000],
    [{ exp: 1_060 }, 2_000_000, 0],
    [{ exp: 'soon' }, 0, null],
    [null, 0, null],
  ])('%j at %i: %s ms', (claims, nowMs, life) => {
    expect(tokenLifeMs(jwt(claims), nowMs)).toBe(life)
  })

  it.each(['', 'opaque', 'a.b.c', '.!.'])('%j tells nothing', (token) => {
    expect(tokenLifeMs(token, 0)).toBeNull()
  })

  it('a source that fails, and a server that refuses, are told and tried again ever later; it stops at close', async () => {
    const timers = new TestTimers()
    const errors: unknown[] = []
    const sent: unknown[] = []
    let close = (): void => {}
    let isRefused = true
    const token = vi.fn(() => jwt({ iat: 0, exp: 100 }))
    token.mockImplementationOnce(() => {
      throw new Error('no token')
    })
    const session = {
      async rpc<R>(_method: string, params?: unknown): Promise<R> {
        if (isRefused) throw new Error('refused')
        sent.push(params)
        return {} as R
      },
      onClose(handler: () => void) {
        close = handler
        return () => {}
      },
    }
    keepAuthorized(session, token, {
      timers,
      random: () => 0,
      onError: (error) => errors.push(error),
    })
    await timers.advance(0)
    expect(errors).toEqual([new Error('no token')])
    await timers.advance(1_000)
    expect(errors).toEqual([new Error('no token'), new Error('refused')])
    isRefused = false
    await timers.advance(1_000)
    expect(sent).toHaveLength(1)
    close()
    await timers.advance(1_000_000)
    expect(sent).toHaveLength(1)
    expect(token).toHaveBeenCalledTimes(3)
  })

  it('withToken asks for a token before each request, and leaves an Authorization that is there', async () => {
    const seen: (string | null)[] = []
    let count = 0
    const fetcher = withToken(
      async () => `t${++count}`,
      async (_, init) => {
        seen.push(new Headers(init?.headers).get('authorization'))
        return new Response('')
      },
    )
    await fetcher('http://x')
    await fetcher('http://x', { headers: { Authorization: 'Bearer other' } })
    await fetcher('http://x', { headers: { a: 'b' } })
    expect(seen).toEqual(['Bearer t1', 'Bearer other', 'Bearer t2'])
  })
})

describe('CN79: what a feed follows', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('a feed of one room, and what is no feed, is refused', async () => {
    const rig = new FeedRig()
    const feed = rig.open()
    await expect(followFeed(feed, { rooms: ['a'] })).rejects.toThrow(/many rooms/)
    await expect(followFeed({} as never, {})).rejects.toThrow(/a feed of openFeed/)
    feed.close()
  })

  it('a stream that is on its way is given up for one that follows it', async () => {
    const urls: string[] = []
    const timers = new TestTimers()
    const feed = openFeed(
      { address: 'http://x', rooms: [], topics: ['a'] },
      {
        timers,
        fetch: (input) => {
          urls.push(input as string)
          return new Promise(() => {})
        },
      },
    )
    await timers.advance(0)
    expect(await followFeed(feed, { topics: ['b'] })).toBeNull()
    await timers.advance(250)
    expect(urls).toEqual(['http://x/feed?rooms=&topics=a', 'http://x/feed?rooms=&topics=b'])
    feed.close()
  })

  it('between streams the next one follows it; a refusal leaves what was', async () => {
    const urls: string[] = []
    const timers = new TestTimers()
    const answers: (() => Response)[] = []
    const feed = openFeed(
      { address: 'http://x', rooms: ['a'], topics: [] },
      {
        timers,
        random: () => 0,
        fetch: async (input) => {
          urls.push(input as string)
          const answer = answers.shift()
          if (!answer) throw new Error('away')
          return answer()
        },
      },
    )
    await timers.advance(0)
    expect(await followFeed(feed, { rooms: ['a', 'b'], topics: null, types: ['alert'] })).toBeNull()
    await timers.advance(5_000)
    expect(urls[0]).toBe('http://x/feed?rooms=a&topics=')
    expect(urls[1]).toBe('http://x/feed?rooms=a,b&types=alert')
    feed.close()
  })
})
