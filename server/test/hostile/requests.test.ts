import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../src/testing/index.ts'
import { Attacked } from './attacked.ts'

const HOST = 'Host: localhost\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'
const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
const VERSION = 'Sec-WebSocket-Version: 13\r\n'
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n'

const get = (headers: string, path = '/rooms'): string =>
  `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`
const post = (headers: string, body: string): string =>
  `POST /rpc HTTP/1.1\r\n${HOST}${JSON_TYPE}${headers}\r\n${body}`
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body)
const handshake = (headers: string, method = 'GET'): string =>
  `${method} /ws HTTP/1.1\r\n${HOST}${headers}\r\n`

let server: Attacked

beforeAll(async () => {
  server = await Attacked.start({
    connectionsPerSecondPerIp: 10_000,
    readsPerSecondPerIp: 10_000,
    rpcPerSecondPerIp: 100_000,
  })
}, 30_000)
afterAll(() => server[Symbol.asyncDispose]())

/** The statuses that these bytes are answered with, the code of the last one's JSON, and whether the socket ended. */
async function answerTo(
  text: string,
): Promise<{ statuses: number[]; code: string; hasEnded: boolean; text: string }> {
  const socket = server.connect()
  socket.write(text)
  let size = -1
  await eventually(
    () => {
      const isStill = size === socket.received.length && size > 0
      size = socket.received.length
      return socket.hasEnded || isStill
    },
    { deadlineMs: 4_000 },
  ).catch(() => {})
  await server.expectAnswer()
  const got = socket.received.toString('latin1')
  const statuses = [...got.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
  return {
    statuses,
    code: /"code":"(\w+)"/.exec(got)?.[1] ?? '',
    hasEnded: socket.hasEnded,
    text: got,
  }
}

test.each([
  ['Content-Length twice', post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}')],
  ['an empty Content-Length', post('Content-Length: \r\n', '{}')],
  [
    'Transfer-Encoding twice',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '2\r\n{}\r\n0\r\n\r\n'),
  ],
  ['a coding before chunked', post('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n')],
  ['a coding that is none', post('Transfer-Encoding: xchunked\r\n', '2\r\n{}\r\n0\r\n\r\n')],
  ['a coding that frames nothing', post('Transfer-Encoding: identity\r\n', '')],
  ['a GET in chunks', get('Transfer-Encoding: chunked\r\n')],
])('TR39 %s is 400 and the end of its connection', async (_, text) => {
  const { statuses, code, hasEnded } = await answerTo(text)
  expect({ statuses, code, hasEnded }).toEqual({
    statuses: [400],
    code: 'bad_request',
    hasEnded: true,
  })
})

test.each([
  ['two lengths', post('Content-Length: 2\r\nContent-Length: 60\r\n', '{}')],
  ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n', '0\r\n\r\n')],
  ['chunks', chunked('2\r\n{}\r\n0\r\n\r\n')],
  ['a chunk that is longer than it says', chunked('1\r\n{}\r\n0\r\n\r\n')],
])('TR40 what comes behind %s is never answered as a request', async (_, text) => {
  const { statuses, hasEnded } = await answerTo(text + get(''))
  expect(statuses.length).toBeLessThanOrEqual(1)
  expect(hasEnded).toBe(true)
})

test('TR40 a body in chunks is answered, and ends its connection', async () => {
  const { statuses, hasEnded, text } = await answerTo(chunked('2\r\n{}\r\n0\r\n\r\n'))
  expect({ statuses, hasEnded }).toEqual({ statuses: [200], hasEnded: true })
  expect(text.toLowerCase()).toContain('connection: close')
})

test.each([
  [
    'a key of 24 other characters',
    UPGRADE + VERSION + `Sec-WebSocket-Key: ${'!'.repeat(24)}\r\n`,
    400,
    'bad_request',
  ],
  ['a key with spare bits', UPGRADE + VERSION + KEY.replace('A==', 'B=='), 400, 'bad_request'],
  ['two keys', UPGRADE + VERSION + KEY + KEY, 400, 'bad_request'],
  ['two versions', UPGRADE + VERSION + VERSION + KEY, 400, 'bad_request'],
  [
    'two origins',
    `${UPGRADE}${VERSION}${KEY}Origin: http://localhost\r\nOrigin: http://evil.test\r\n`,
    400,
    'bad_request',
  ],
  ['a body', `${UPGRADE}${VERSION}${KEY}Content-Length: 5\r\n`, 400, 'bad_request'],
  ['no Connection: Upgrade', `Upgrade: websocket\r\n${VERSION}${KEY}`, 400, 'bad_request'],
  ['the version 12', `${UPGRADE}${KEY}Sec-WebSocket-Version: 12\r\n`, 426, 'upgrade_required'],
  ['no version', UPGRADE + KEY, 426, 'upgrade_required'],
  [
    'an upgrade to h2c',
    `Upgrade: h2c\r\nConnection: Upgrade\r\n${VERSION}${KEY}`,
    426,
    'upgrade_required',
  ],
  ['no upgrade', `Connection: Upgrade\r\n${VERSION}${KEY}`, 426, 'upgrade_required'],
  ['no key', UPGRADE + VERSION, 426, 'upgrade_required'],
  ['a short key', `${UPGRADE}${VERSION}Sec-WebSocket-Key: short\r\n`, 426, 'upgrade_required'],
  ['nothing of a handshake', '', 426, 'upgrade_required'],
  ['another origin', `${UPGRADE}${VERSION}${KEY}Origin: http://evil.test\r\n`, 403, 'forbidden'],
])('TR41 a handshake with %s is refused', async (_, headers, status, code) => {
  const before = await server.metrics()
  const answer = await answerTo(handshake(headers))
  expect({ statuses: answer.statuses, code: answer.code }).toEqual({ statuses: [status], code })
  if (status === 426) expect(answer.text).toContain('sec-websocket-version: 13')
  const after = await server.metrics()
  const counted = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  expect(counted('connections_refused_total') + counted('http_requests_total')).toBeGreaterThan(0)
  expect(counted('connections_opened_total')).toBe(0)
})

test.each([
  ['get', 'get /rooms', 405],
  ['GeT', 'GeT /rooms', 405],
  ['BREW', 'BREW /rooms', 405],
  ['TRACE', 'TRACE /rooms', 405],
  ['post', 'post /rpc', 405],
  ['POST to the WebSocket', 'POST /ws', 405],
  ['HEAD', 'HEAD /rooms', 200],
  ['HEAD of a stream', 'HEAD /feed', 200],
  ['OPTIONS', 'OPTIONS /rooms', 204],
  ['a path with ..', 'GET /../rooms', 404],
  ['a path with %2e%2e', 'GET /rooms/%2e%2e/%2e%2e/etc/passwd', 404],
  ['a path with %00', 'GET /rooms/%00/state', 404],
  ['a path with half an escape', 'GET /rooms/%zz/state', 404],
  ['two slashes', 'GET //rooms', 404],
])(
  'TR42 methods are told apart by case and paths are taken as they are: %s',
  async (_, line, status) => {
    const { statuses } = await answerTo(`${line} HTTP/1.1\r\n${HOST}\r\n`)
    expect(statuses).toEqual([status])
  },
)

/** What uWebSockets.js does by itself; docs/protocol.md has the same table. */
const requests: readonly (readonly [what: string, sent: string[], answer: string])[] = [
  [
    'HTTP/1.0, HTTP/2, TLS or no HTTP',
    [
      'GET /rooms HTTP/1.0\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      '\0\0\0\0\r\n\r\n',
    ],
    '505',
  ],
  [
    'a target that is no path',
    ['http://localhost/rooms', '*', 'rooms', 'localhost:80'].map((target) => get('', target)),
    '505',
  ],
  ['a line that ends in LF alone', [`GET /rooms HTTP/1.1\nHost: localhost\n\n`], '505'],
  // One packet: behind an answer that left before all was read, a reset may overtake it.
  ['headers of 40 kB', [get(`X: ${'a'.repeat(40_000)}\r\n`)], '431'],
  [
    'a Content-Length that is no number',
    ['abc', '-1', '+2', '0x2', '2, 2', '9'.repeat(21)].map((length) =>
      post(`Content-Length: ${length}\r\n`, '{}'),
    ),
    '400',
  ],
  [
    'Content-Length beside Transfer-Encoding',
    [
      post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      post('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', '0\r\n\r\n'),
    ],
    '400',
  ],
  [
    'a chunk with no size',
    ['zz', '-2', '0x2', 'f'.repeat(18)].map((size) => chunked(`${size}\r\n{}\r\n0\r\n\r\n`)),
    '400',
  ],
  [
    'a header that is none',
    ['nocolon', 'X : a', 'X: a\r\n b', 'X: a\0b', 'X: a\nY: b', 'X: a\rY: b', 'X_Y: a'].map(
      (line) => get(`${line}\r\n`),
    ),
    'silence, then cut',
  ],
  [
    'more than 98 headers',
    [98, 110, 1_000].map((count) => get('X: a\r\n'.repeat(count))),
    'silence, then cut',
  ],
  [
    'a size of a chunk with an extension',
    [chunked('2;a=b\r\n{}\r\n0\r\n\r\n')],
    'silence, then cut',
  ],
]

test.each(requests.filter(([, , answer]) => answer !== 'silence, then cut'))(
  'HO19 %s is answered by the transport as docs/protocol.md says',
  async (_, sent, answer) => {
    for (const one of sent) {
      const got = await answerTo(one)
      expect(got.statuses, one.slice(0, 80)).toEqual([Number(answer)])
      expect(got.hasEnded).toBe(true)
    }
  },
)

test('HO19 headers of 1 MB are cut, with 431 where the client still reads', async () => {
  const { statuses, hasEnded } = await answerTo(get(`X: ${'a'.repeat(1_000_000)}\r\n`))
  expect(hasEnded).toBe(true)
  if (statuses.length > 0) expect(statuses).toEqual([431])
  await server.expectAnswer()
})

test('HO19 what the transport waits for in vain is cut', { timeout: 40_000 }, async () => {
  const sent = requests.flatMap(([, texts, answer]) =>
    answer === 'silence, then cut' ? texts : [],
  )
  const sockets = sent.map((text) => {
    const socket = server.connect()
    socket.write(text)
    return socket
  })
  await eventually(() => sockets.every(({ hasEnded }) => hasEnded), { deadlineMs: 25_000 })
  expect(sockets.map(({ received }) => received.length)).toEqual(sockets.map(() => 0))
  await server.expectAnswer()
})

test('HO19 the table of docs/protocol.md has each of them', () => {
  const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('| request ')
  const rows = table.split('\n\n')[0]?.split('\n').slice(2) ?? []
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.trim()),
  )
  expect(cells).toEqual(requests.map(([what, , answer]) => [what, answer]))
})

test.each([
  ['1e309', '{"options":1e309}'],
  ['-1e309, deep inside', '{"options":[{"a":[-1e309]}]}'],
  ['NaN', '{"options":NaN}'],
  ['__proto__', '{"options":{"__proto__":1}}'],
  ['__proto__ in escapes', '{"\\u005f_proto__":1}'],
  ['constructor', '{"constructor":{"prototype":{}}}'],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
  ['a surrogate in UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
  ['15,000 levels', `{"options":${'['.repeat(15_000)}${']'.repeat(15_000)}}`],
  ['two texts', '{}{}'],
])('HO20 a wish for a seat with %s is bad_request', async (_, body) => {
  const answer = await server.post('/matchmake/joinOrCreate/arena', body)
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('bad_request')
  await server.expectAnswer()
})

test('HO20 a method of JSON-RPC never sees Infinity', async () => {
  const { text } = await server.post(
    '/rpc',
    '{"jsonrpc":"2.0","method":"echo","params":[{"a":1e309}],"id":1}',
  )
  expect(text).toContain('-32602')
})

test('nothing is left of all that, and nothing was logged but the beginning', async () => {
  await server.forget()
  const { sessions, uncaught, logged } = await server.holdings()
  expect({ sessions, uncaught }).toEqual({ sessions: 1, uncaught: [] })
  expect(
    logged.filter((line) => !line.includes('server listens') && !line.includes('event loop')),
  ).toEqual([])
})
