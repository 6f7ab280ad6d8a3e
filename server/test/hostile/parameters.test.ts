import { afterAll, beforeAll, expect, it } from 'vitest'
import { crawl, leave } from './crawl.ts'
import type { Visit } from './crawl.ts'
import { visitsOf } from './leak-visits.ts'
import { LeakWorld } from './leak-world.ts'

const OPERATOR = { 'x-api-key': 'an operator of a test' }

let world: LeakWorld
let roomId = ''

beforeAll(async () => {
  world = await LeakWorld.start({
    apiKey: OPERATOR['x-api-key'],
    ticketSecret: 'x'.repeat(40),
    jwtSecret: 'y'.repeat(40),
    password: 'p',
    maxStreams: 1e6,
    maxStreamsPerIp: 1e6,
  })
  const ada = await world.test.create('open', { name: 'Ada' })
  for (let count = 0; count < 5; count++) await world.act(ada, 'say', `=1+${count}`)
  roomId = ada.seat.roomId
})
afterAll(() => world[Symbol.asyncDispose]())

const VALUES = [
  '',
  '0',
  '-1',
  '1e9',
  '9007199254740993',
  '__proto__',
  'constructor',
  '%00',
  '%F0%9F%98%80',
  '%ED%A0%80',
  '%e2%80%a8%0d%0aX:%20y',
  '..%2f..%2fetc%2fpasswd',
  '1-zzzzzzz',
  '5-abc~l0',
  '5-abc~l99999999999999999',
  '~t0',
  'a.*.*.*',
  '**',
  'a'.repeat(4_000),
  'A'.repeat(59),
  '-30s',
  '-99999s',
  '@open:%22%5C%F0%9F%98%80',
  `@open:${'x'.repeat(64)}`,
  ','.repeat(500),
  Array.from({ length: 100 }, (_, index) => `@open:${index}`).join(','),
  Array.from({ length: 101 }, (_, index) => `room${index}`).join(','),
  "'%20or%201=1",
]
const FEED =
  'from,to,limit,for,speed,types,filter,checkpoint,lastEventId,last_event_id,clientId,feed,wait,heartbeat'
const PARAMETERS: readonly (readonly [title: string, path: string, names: string])[] = [
  ['GET /rooms/:id/feed', '/rooms/ROOM/feed', FEED],
  ['GET /feed', '/feed', `${FEED},rooms,topics`],
  ['GET /feed', '/api/sse/connect', 'types,rooms,topics,connection_id'],
  ['GET /rooms/:id/events', '/rooms/ROOM/events', 'after,limit'],
  ['GET /rooms/:id/state', '/rooms/ROOM/state', 'at'],
  ['GET /rooms/:id/series', '/rooms/ROOM/series?path=said', 'path,every,from,to,format'],
  ['GET /feed/streams', '/feed/streams', 'after,limit'],
  ['GET /admin/bans', '/admin/bans', 'after,limit'],
  ['DELETE /admin/keys', '/admin/keys', 'id'],
]

async function expectAnswers(
  visits: readonly Visit[],
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  for (let from = 0; from < visits.length; from += 200) {
    const answers = await crawl(world.test as never, visits.slice(from, from + 200), { headers })
    for (const { visit, exchange } of answers) {
      const told = `${visit.title} ${visit.path.slice(0, 120)} ${JSON.stringify(visit.body ?? '').slice(0, 60)}: ${exchange.status} ${exchange.text().slice(0, 200)}`
      expect(exchange.status, told).toBeGreaterThan(0)
      expect(exchange.status, told).toBeLessThan(500)
      // Neither a stack nor what JavaScript makes of nothing.
      expect(exchange.text(), told).not.toMatch(/\n {4}at |\bundefined\b|\[object|NaN/)
    }
    leave(answers)
  }
  expect(world.test.logged.filter(({ level }) => level === 'error')).toEqual([])
}

it('HT46 every parameter of every route takes or refuses whatever it is sent, once or twice, and nothing fails', async () => {
  const visits = PARAMETERS.flatMap(([title, path, names]) =>
    names.split(',').flatMap((name) =>
      VALUES.flatMap((value) => {
        const query = `${name}=${value}`
        const start = path.replace('ROOM', roomId) + (path.includes('?') ? '&' : '?')
        return [query, `${query}&${query}`].map((text) => ({ title, path: start + text }))
      }),
    ),
  )
  expect(visits.length).toBeGreaterThan(2_000)
  await expectAnswers(visits, OPERATOR)
}, 60_000)

const BODIES = [
  '',
  'null',
  '[]',
  '"x"',
  '{',
  '{"__proto__":{"a":1}}',
  '{"type":"x","data":{"a":{"constructor":1}}}',
  `{"type":"x","data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
  '['.repeat(60_000),
  '{"type":"constructor","data":1e400}',
  '{"type":"hasOwnProperty","data":"\\ud800"}',
  '{"type":"x","data":1,"topic":"a\\nb"}',
  '{"type":"x","data":1,"topic":"a.*"}',
  '{"type":"x","data":1,"messageId":"\\u0000"}',
  '{"title":{},"message":[],"level":"__proto__","severity":"toString","change":"constructor","entity":7,"id":{}}',
  '{"streamId":"__proto__","streamKey":"x","id":"1"}',
  '{"streamId":1,"streamKey":{},"id":[]}',
  '{"rooms":{"length":1e9},"topics":[null],"types":7}',
  '{"scopes":{"length":3},"durationMs":"1"}',
  '{"sessionId":"x\\u2028y","userId":"\\ud800","address":"::/0","durationMs":-1}',
  `{"name":"${'x'.repeat(60_000)}"}`,
  '{"jsonrpc":"2.0","method":"__proto__","id":{"a":1}}',
]

it('HT46 every route with a body takes or refuses whatever stands there, for operators and strangers', async () => {
  const rooms = { open: roomId, late: roomId, shy: roomId, veil: roomId, over: roomId }
  const paths = new Map<string, string>()
  for (const { title, path } of visitsOf(rooms))
    if (/^(POST|PATCH) \//.test(title)) paths.set(title, path)
  expect(paths.size).toBeGreaterThan(18)
  const visits = [...paths].flatMap(([title, path]) =>
    BODIES.map((body) => ({ title, path, body })),
  )
  await expectAnswers(visits, OPERATOR)
  await world.test.advance(2_000)
  await expectAnswers(visits, {})
}, 60_000)

it('HT46 every route answers every method: HEAD without a body, OPTIONS with what there is, any other with 405', async () => {
  const rooms = { open: roomId, late: roomId, shy: roomId, veil: roomId, over: roomId }
  const paths = new Set(
    visitsOf(rooms)
      .filter(({ title }) => !title.endsWith('*'))
      .map(({ path }) => path.split('?')[0] ?? ''),
  )
  paths.delete('/boom')
  const visits = [...paths].flatMap((path) =>
    ['HEAD', 'OPTIONS', 'PUT', 'TRACE'].map((method) => ({ title: `${method} *`, path })),
  )
  const answers = await crawl(world.test as never, visits)
  for (const { visit, exchange } of answers) {
    const told = `${visit.title} ${visit.path}: ${exchange.status}`
    // A stream by HEAD is its head.
    expect(exchange.isOpen, told).toBe(false)
    expect(exchange.status, told).toBeLessThan(500)
    if (visit.title !== 'PUT *' && visit.title !== 'TRACE *')
      expect(exchange.text(), told).toMatch(/^$|^\{"error"/)
    else expect([404, 405], told).toContain(exchange.status)
  }
})
