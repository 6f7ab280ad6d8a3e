import { once } from 'node:events'
import { connect, createServer as createNetServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'

const HOST = 'Host: localhost\r\n'
let port = 0
let server: ReturnType<typeof createServer<typeof testGame>>

async function freePort(): Promise<number> {
  const probe = createNetServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: free } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return free
}

beforeAll(async () => {
  server = createServer(testGame, { allowedHosts: ['localhost', 'game.example'] })
  server.room('arena', arenaHandlers())
  port = await freePort()
  await server.listen({ port: 0, plainPort: port })
})
afterAll(() => server.close())

/** What the bytes are answered with, each part in a packet of its own. */
async function answerTo(
  parts: readonly string[],
  isWhole = (text: string): boolean => text.includes('\r\n\r\n'),
): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  let hasEnded = false
  socket.on('data', (chunk) => void (text += chunk.toString('latin1')))
  socket.on('error', () => void (hasEnded = true))
  socket.on('close', () => void (hasEnded = true))
  for (const part of parts) {
    socket.write(Buffer.from(part, 'latin1'))
    if (parts.length > 1) await fetch(`http://127.0.0.1:${port}/health/live`)
  }
  await eventually(() => hasEnded || isWhole(text))
  socket.destroy()
  return text
}

const get = (target: string, headers = HOST, version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\n${headers}\r\n`

test.each([
  ['HTTP/1.0 without Host', [get('/health/live', '', '1.0')], 200],
  ['HTTP/1.1 without Host', [get('/rooms', '')], 400],
  ['HTTP/1.0 with Host', [get('/rooms', HOST, '1.0')], 200],
  ['HTTP/1.0 for another host', [get('/rooms', 'Host: evil.test\r\n', '1.0')], 421],
  ['an absolute target', [get('http://game.example/rooms?a=1')], 200],
  ['an absolute target in capitals, and no path', [get('HTTP://GAME.example')], 404],
  ['an absolute target of another host', [get('http://evil.test/rooms')], 421],
  ['two Hosts', [get('/rooms', HOST + HOST)], 400],
  ['110 headers', [get('/rooms', HOST + 'x: 1\r\n'.repeat(110))], 200],
  ['a first line in two packets', ['GET /roo', 'ms HTTP/1.1\r\n' + HOST + '\r\n'], 200],
  ['a first line of 6 kB', [get(`/rooms?a=${'b'.repeat(6_000)}`)], 200],
  [
    'cookies of 6 kB in segments',
    get('/rooms', `${HOST}Cookie: ${'c'.repeat(6_000)}\r\n`).match(/[^]{1,1400}/g) ?? [],
    200,
  ],
  ['a head over maxHeaderBytes', [get('/rooms', `${HOST}Cookie: ${'c'.repeat(17_000)}\r\n`)], 431],
  ['an empty line before it', ['\r\n' + get('/rooms')], 200],
  ['OPTIONS *', [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`], 204],
  [
    'a WebSocket',
    [`GET /ws HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`],
    426,
  ],
  ['TLS', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'], 400],
  ['HEAD', [`HEAD /rooms HTTP/1.1\r\n${HOST}\r\n`], 200],
  ['no such method', [`DELETE /rooms HTTP/1.1\r\n${HOST}\r\n`], 405],
])('TR46 the plain door answers %s', async (_, parts, status) => {
  expect(await answerTo(parts)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
})

test('TR46 a stream is there for HTTP/1.0 too, without chunks', async () => {
  const text = await answerTo([get('/rooms/stream', '', '1.0')], (got) =>
    got.includes('event: rooms'),
  )
  expect(text).toContain('content-type: text/event-stream')
  expect(text.toLowerCase()).not.toContain('transfer-encoding')
})

test('TR46 bodies are read, bounded as at the other port', async () => {
  const post = (body: string): Promise<Response> =>
    fetch(`http://localhost:${port}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
  const answer = await post('{"jsonrpc":"2.0","method":"nothing","id":1}')
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('-32601')])
  expect((await post(`"${'x'.repeat(70_000)}"`)).status).toBe(413)
})

test('TR46 a port that is taken is told of, and nothing is left listening', async () => {
  const second = createServer(testGame)
  second.room('arena', arenaHandlers())
  const main = await freePort()
  await expect(second.listen({ port: main, plainPort: port })).rejects.toMatchObject({
    code: 'port_in_use',
  })
  await expect(fetch(`http://127.0.0.1:${main}/rooms`)).rejects.toThrow('fetch failed')
  expect(() => createServer(testGame).listen({ plainPort: 1.5 })).toThrow('Expected plainPort')
})

test('TR46 streams end with the server', async () => {
  const other = createServer(testGame, { drainMs: 0 })
  other.room('arena', arenaHandlers())
  const plainPort = await freePort()
  await other.listen({ port: 0, plainPort })
  const response = await fetch(`http://127.0.0.1:${plainPort}/rooms/stream`)
  const whole = response.text()
  await other.close()
  expect(await whole).toContain('going-away')
  await expect(fetch(`http://127.0.0.1:${plainPort}/rooms`)).rejects.toThrow('fetch failed')
})
