import { closeCodes, errorCodes } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { FINAL_CODES, readRefusal } from '../src/http-refusal.ts'
import type { ConnectOptions, StatusInfo } from '../src/index.ts'
import { FakeServer } from './support/fake-server.ts'
import { FeedRig } from './support/feed-rig.ts'
import { settle } from './support/test-timers.ts'

const HTML = { 'content-type': 'text/html; charset=utf-8' }
const JSON_TYPE = { 'content-type': 'application/json' }

function error(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error: { code, message: code } }, { status, headers })
}

/** Answers that may come from what stands between, by what they are. */
const foreign: Record<string, () => Response> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 405, 408, 409, 410, 413, 425, 429, 451, 500, 502, 503, 504, 520, 530].map(
      (status) => [
        `a page with ${status}`,
        () => new Response('<html>deploying</html>', { status, headers: HTML }),
      ],
    ),
  ),
  'a page of login with 200': () => new Response('<html>log in</html>', { headers: HTML }),
  'a page that says it is JSON': () => new Response('<html>', { status: 404, headers: JSON_TYPE }),
  'no body': () => new Response(null, { status: 404 }),
  'a bare 204': () => new Response(null, { status: 204 }),
  'JSON with 200 that is no answer': () => Response.json({ ok: true }),
  "another API's JSON": () => Response.json({ message: 'no Route matched' }, { status: 404 }),
  "another API's code": () => error(404, 'NOT_FOUND'),
  'a code of a newer server': () => error(403, 'quarantined'),
  'a code without a message': () =>
    Response.json({ error: { code: 'room_not_found' } }, { status: 404 }),
  'an error as text': () => Response.json({ error: 'not_found' }, { status: 404 }),
  'JSON null': () => Response.json(null, { status: 403 }),
  'our error as text/plain': () =>
    new Response('{"error":{"code":"not_found","message":""}}', {
      status: 404,
      headers: { 'content-type': 'text/plain' },
    }),
  'our code that may be retried': () => error(503, 'draining'),
}

/** Answers of our server that no repetition mends. */
const ours: Record<string, () => Response> = Object.fromEntries([
  ...Object.entries(errorCodes)
    .filter(([, { retry }]) => !retry)
    .map(([code, { status }]) => [code, () => error(status, code)] as const),
  ["the game's own code", () => error(409, 'too_young')] as const,
])

async function broken(options: ConnectOptions & { first?: () => Response } = {}) {
  const server = new FakeServer()
  const room = await server.room(options)
  const statuses: [string, StatusInfo][] = []
  room.onStatus((status, info) => statuses.push([status, info]))
  return { server, room, statuses }
}

it('CN55: the codes that end anything are those of the table that may not be retried', () => {
  for (const [code, { retry, status }] of Object.entries(errorCodes)) {
    expect([code, FINAL_CODES.has(code)]).toEqual([code, !retry])
    // 409 is also that of the game's own codes.
    if (retry && status === 409) expect(['room_full', 'room_locked']).toContain(code)
  }
})

describe('CN55: a seat that is taken back during a deploy', () => {
  it.each(Object.entries(foreign))('outlives %s', async (_name, answer) => {
    const { server, room, statuses } = await broken()
    server.responses = [answer, answer]
    server.socket.serverClose(1006)
    await server.timers.advance(1_700)
    expect(server.requests.length).toBeGreaterThanOrEqual(3)
    await server.timers.advance(3_000)
    await server.accept()
    expect(room.status).toBe('connected')
    expect(statuses.every(([status]) => status !== 'closed')).toBe(true)
  })

  it.each(Object.entries(foreign))(
    'is given up for %s when its time is over',
    async (_n, answer) => {
      const { server, room, statuses } = await broken({ reconnectForMs: 8_000 })
      server.responses = Array.from({ length: 50 }, () => answer)
      server.socket.serverClose(1006)
      await server.timers.advance(8_001)
      expect(room.status).toBe('closed')
      expect(statuses.at(-1)?.[1].error?.retry).toBe(true)
      // Its delays grow: it asks a handful of times.
      expect(server.requests.length).toBeLessThan(12)
      expect(server.timers.pending).toBe(0)
    },
  )

  it.each(Object.entries(ours))('is given up at once for %s', async (code, answer) => {
    const { server, room, statuses } = await broken()
    server.responses = [answer]
    server.socket.serverClose(1006)
    await server.timers.advance(1_000)
    const isAboutTicket = code.startsWith('ticket_')
    expect(room.status).toBe(isAboutTicket ? 'reconnecting' : 'closed')
    if (!isAboutTicket) expect(statuses.at(-1)?.[1].error?.retry).toBe(false)
  })
})

describe('CN55: a first join', () => {
  it.each(Object.entries(foreign))(
    'rejects as one that may be tried again: %s',
    async (_n, answer) => {
      const server = new FakeServer()
      server.responses = [answer]
      await expect(server.client().joinOrCreate('arena')).rejects.toMatchObject({ retry: true })
      expect([server.requests.length, server.timers.pending]).toEqual([1, 0])
    },
  )

  it.each(Object.entries(ours))('rejects for good: %s', async (_name, answer) => {
    const server = new FakeServer()
    server.responses = [answer]
    await expect(server.client().joinOrCreate('arena')).rejects.toMatchObject({ retry: false })
  })
})

describe('CN55: a call over HTTP', () => {
  it.each(Object.entries(foreign))(
    'rejects as one that may be tried again: %s',
    async (_n, answer) => {
      const server = new FakeServer()
      server.responses = [answer]
      await expect(server.client().rpc('x')).rejects.toMatchObject({ retry: true })
    },
  )
})

describe('CN55: a feed', () => {
  it.each(Object.entries(foreign))('is opened again after %s', async (_name, answer) => {
    const rig = new FeedRig()
    rig.answers = [answer(), answer(), answer()]
    const feed = rig.open()
    await rig.fake.advance(20_000)
    expect(rig.statuses).not.toContain('failed')
    expect(feed.status).toBe('live')
    expect(rig.retries).toHaveLength(3)
    feed.close()
  })

  it.each(Object.entries(ours))('ends for good for %s', async (_name, answer) => {
    const rig = new FeedRig()
    rig.answers = [answer()]
    const feed = rig.open()
    await rig.fake.advance(60_000)
    expect([feed.status, rig.retries.length, rig.fake.clock.pendingCount]).toEqual(['failed', 0, 0])
  })

  it('goes on for ever, ever slower, and at most 30 s apart', async () => {
    const rig = new FeedRig()
    rig.answers = Array.from(
      { length: 60 },
      () => new Response('<html>', { status: 404, headers: HTML }),
    )
    const feed = rig.open()
    await rig.fake.advance(1_200_000)
    expect(rig.retries.length).toBeGreaterThan(38)
    expect(Math.max(...rig.retries)).toBe(30_000)
    feed.close()
  })
})

describe('CN56: Retry-After', () => {
  it.each([
    ['seconds', () => '4', 4_000],
    ['a date', () => new Date(Date.now() + 60_000).toUTCString(), 20_000],
  ])('%s of whoever answers delay the next attempt', async (_name, makeHeader, atLeastMs) => {
    const header = makeHeader()
    const { server, statuses } = await broken()
    const headers = { ...HTML, 'retry-after': header }
    server.responses = [() => new Response('', { status: 503, headers })]
    server.socket.serverClose(1006)
    await server.timers.advance(1_000)
    expect(statuses.at(-1)?.[1].retryInMs).toBeGreaterThan(atLeastMs)
    const rig = new FeedRig()
    rig.answers = [new Response('', { status: 404, headers })]
    const feed = rig.open()
    await rig.fake.settle()
    expect(rig.retries[0]).toBeGreaterThan(atLeastMs)
    feed.close()
  })

  it('one beyond the time for coming back leaves the last attempt at its end', async () => {
    const { server, room } = await broken({ reconnectForMs: 10_000 })
    const headers = { 'retry-after': '86400' }
    server.responses = [
      () => error(503, 'draining', headers),
      () => error(503, 'draining', headers),
    ]
    server.socket.serverClose(1006)
    await server.timers.advance(9_900)
    expect([room.status, server.requests.length]).toEqual(['reconnecting', 2])
    await server.timers.advance(200)
    expect([room.status, server.requests.length]).toEqual(['closed', 3])
  })

  it.each([
    '',
    'soon',
    '-5',
    '0',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    '1e400',
    'NaN',
    '9'.repeat(400),
  ])('what is none, or absurd, is bounded: %s', async (header) => {
    const { retryAfterMs } = await readRefusal(
      new Response('', { status: 503, headers: { 'retry-after': header } }),
    )
    expect(retryAfterMs ?? 0).toBeLessThanOrEqual(1_000_000)
    expect(retryAfterMs ?? 1).toBeGreaterThan(0)
  })
})

describe('CN55: the answer itself', () => {
  it('is not read beyond its bound, and no unread one holds a connection', async () => {
    for (const [headers, pulls] of [
      [JSON_TYPE, 80],
      [HTML, 2],
    ] as const) {
      let given = 0
      let isCancelled = false
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          given++
          controller.enqueue(new Uint8Array(1_024).fill(32))
        },
        cancel() {
          isCancelled = true
        },
      })
      const refusal = await readRefusal(new Response(body, { status: 404, headers }))
      await settle()
      expect(refusal).toMatchObject({ code: null, isFinal: false })
      expect([isCancelled, given <= pulls]).toEqual([true, true])
    }
  })
})

describe('CN55: close codes', () => {
  const final = new Set<number>()
  for (const { code, retry } of Object.values(closeCodes)) if (!retry) final.add(code)
  const others = [
    1001, 1003, 1005, 1006, 1007, 1011, 1012, 1013, 1014, 1015, 3000, 3999, 4002, 4999,
  ]

  it.each(others)('%i is redialled', async (code) => {
    const { server, room } = await broken()
    server.socket.serverClose(code)
    await server.timers.advance(1_000)
    await server.accept()
    expect(room.status).toBe('connected')
  })

  it.each([...final])('%i of the table is final', async (code) => {
    const { server, room } = await broken()
    server.socket.serverClose(code)
    await server.timers.advance(60_000)
    expect([room.status, server.requests.length]).toEqual(['closed', 1])
  })

  it('a proxy that takes every connection and closes it ends the game only when time is up', async () => {
    const { server, room, statuses } = await broken({ reconnectForMs: 20_000 })
    server.onSocket = (socket) => queueMicrotask(() => socket.serverClose(1013))
    server.socket.serverClose(1012)
    await server.timers.advance(19_000)
    expect(room.status).toBe('reconnecting')
    await server.timers.advance(2_000)
    expect(room.status).toBe('closed')
    expect(statuses.at(-1)?.[1]).toMatchObject({ code: 1012, error: { retry: true } })
    expect(server.sockets.length).toBeLessThan(14)
  })
})

it('CN62: a request whose fetch never settles ends with its time, and holds nothing', async () => {
  const server = new FakeServer()
  const joining = server
    .client({ fetch: () => new Promise(() => {}), joinTimeoutMs: 1_000 })
    .join('arena')
  const failed = expect(joining).rejects.toMatchObject({ code: 'timeout', retry: true })
  await server.timers.advance(1_001)
  await failed
  expect(server.timers.pending).toBe(0)
})
