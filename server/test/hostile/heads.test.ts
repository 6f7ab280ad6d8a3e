import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../src/testing/index.ts'
import { Attacked } from './attacked.ts'

/** As much as one packet of Ethernet has room for. */
const SEGMENT_BYTES = 1_400
const HOST = 'Host: localhost\r\n'
const get = (headers: string, target = '/rooms'): string =>
  `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`
const cookies = (byteCount: number): string => `Cookie: ${'c'.repeat(byteCount)}\r\n`

let server: Attacked

beforeAll(async () => {
  server = await Attacked.start({ readsPerSecondPerIp: 10_000 })
}, 30_000)
afterAll(() => server[Symbol.asyncDispose]())

interface Answer {
  readonly statuses: number[]
  readonly text: string
  readonly hasEnded: boolean
}

/** What these bytes are answered with, each part in a packet of its own; `count` answers are waited for. */
async function answerTo(parts: readonly string[], count = 1): Promise<Answer> {
  const socket = server.connect()
  socket.socket.setNoDelay()
  for (const part of parts) {
    socket.write(part)
    // The server reads it apart from the one behind it: its friend's answer came after that.
    if (parts.length > 1) await server.expectAnswer()
  }
  const statuses = (): number[] =>
    [...socket.received.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) =>
      Number(status),
    )
  await eventually(() => statuses().length >= count || socket.hasEnded)
  // An end comes right behind the last answer, or not at all.
  await server.expectAnswer()
  await server.expectAnswer()
  return {
    statuses: statuses(),
    text: socket.received.toString('latin1'),
    hasEnded: socket.hasEnded,
  }
}

function segments(text: string, byteCount = SEGMENT_BYTES): string[] {
  return Array.from({ length: Math.ceil(text.length / byteCount) }, (_, index) =>
    text.slice(index * byteCount, (index + 1) * byteCount),
  )
}

test.each([
  ['6 kB of cookies', get(cookies(6_000))],
  ['16,000 bytes of cookies', get(cookies(16_000))],
  ['90 headers', get('X-Forwarded-Something: 0123456789\r\n'.repeat(90))],
  ['a stream, as EventSource asks for it', get(`${cookies(6_000)}Accept: text/event-stream\r\n`)],
])('TR43 %s are taken whole and in segments', async (_, text) => {
  expect((await answerTo([text])).statuses).toEqual([200])
  expect((await answerTo(segments(text))).statuses).toEqual([200])
})

test('TR43 a handshake with 6 kB of cookies in segments is taken', async () => {
  const upgrade =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  const { statuses } = await answerTo(segments(get(cookies(6_000) + upgrade, '/ws')))
  expect(statuses).toEqual([101])
})

test.each([
  ['at once', (text: string) => [text]],
  ['in segments', segments],
])('TR43 a head over maxHeaderBytes that comes %s is 431', async (_, cut) => {
  const { statuses, text, hasEnded } = await answerTo(cut(get(cookies(17_000))))
  expect({ statuses, hasEnded }).toEqual({ statuses: [431], hasEnded: true })
  expect(text).toContain('headers_too_large')
  expect((await answerTo(cut(get(cookies(40_000))))).statuses).toEqual([431])
})

test('TR43 maxHeaderBytes is the limit of its server', async () => {
  const other = await Attacked.start({ maxHeaderBytes: 65_536 })
  try {
    const socket = other.connect()
    socket.socket.setNoDelay()
    for (const part of segments(get(cookies(60_000)))) {
      socket.write(part)
      await other.expectAnswer()
    }
    await eventually(() => socket.received.includes('HTTP/1.1 200 '))
  } finally {
    await other[Symbol.asyncDispose]()
  }
}, 30_000)

test('TR43 a head may come in pieces behind its first line, cut anywhere', async () => {
  const text = get('X-Empty:\r\nAccept: */*\r\n')
  const firstLine = text.indexOf('\r\n') + 2
  for (let at = firstLine; at < text.length; at++) {
    const { statuses } = await answerTo([text.slice(0, at), text.slice(at)])
    expect(statuses, JSON.stringify(text.slice(0, at))).toEqual([200])
  }
})

test.each([
  ['Connection: close', 'Connection: close\r\n'],
  ['Connection: Close', 'Connection: Close\r\n'],
  ['close among others', 'Connection: TE, close\r\n'],
])('TR44 %s ends the connection with the answer', async (_, headers) => {
  const { statuses, hasEnded } = await answerTo([get(headers)])
  expect({ statuses, hasEnded }).toEqual({ statuses: [200], hasEnded: true })
})

test.each([
  ['requests in one packet', [get('') + get('', '/feed/nothing') + get('')], [200, 404, 200]],
  [
    'a request behind half of another',
    [get('') + get('').slice(0, 30), get('').slice(30)],
    [200, 200],
  ],
  ['a value that is empty', [get('X-Empty:\r\nX-Blank: \r\n')], [200]],
  [
    'Expect: 100-continue',
    [
      `POST /rpc HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`,
      '{}',
    ],
    [100, 200],
  ],
  ['OPTIONS of a path', [`OPTIONS /rooms HTTP/1.1\r\n${HOST}\r\n`], [204]],
  ['a Host with a port', ['GET /rooms HTTP/1.1\r\nHost: localhost:8080\r\n\r\n'], [200]],
])('TR44 %s: answered, in order', async (_, parts, statuses) => {
  expect((await answerTo(parts, statuses.length)).statuses).toEqual(statuses)
})
