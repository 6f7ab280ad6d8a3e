import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import type { ServerOptions } from '../../src/index.ts'
import { checkAllowedHosts, createHostCheck } from '../../src/limit/hosts.ts'
import { testGame } from '../support/test-game.ts'

function checkOf(given: string[] | undefined, isDevelopment = false, listenHost = '127.0.0.1') {
  return createHostCheck({ allowedHosts: checkAllowedHosts(given), isDevelopment }, listenHost)
}

const LOOPBACK = [
  'localhost',
  'LOCALHOST:8080',
  'localhost.',
  'a.localhost:1',
  'deep.er.localhost',
  '127.0.0.1',
  '127.255.0.9:65535',
  '[::1]',
  '[::1]:8080',
  '[0:0:0:0:0:0:0:1]',
]
const FOREIGN = [
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'notlocalhost',
  '127.1',
  '0x7f.0.0.1',
  '2130706433',
  '10.0.0.7:8080',
  '[::2]',
]
const MALFORMED = [
  '',
  ' ',
  ':8080',
  'a b',
  'localhost, localhost',
  'localhost:8080:9',
  'localhost:',
  'localhost:abc',
  'localhost:123456',
  'user@localhost',
  'localhost/path',
  'http://localhost',
  'localhost\0',
  'localhost\t',
  'ⓛocalhost',
  'localhost%00',
  '[::1',
  '::1',
  '[::g]',
  '[:::]',
  '..',
  '.localhost',
  'x'.repeat(256),
]

test('HT14 in development the machine answers to its own names, and to no other', () => {
  const check = checkOf(undefined, true)
  for (const host of LOOPBACK) expect(check(host), host).toBe('ours')
  for (const host of FOREIGN) expect(check(host), host).toBe('foreign')
  for (const host of MALFORMED) expect(check(host), host).toBe('malformed')
  const named = checkOf(undefined, true, 'dev.example')
  expect(['dev.example:8080', 'localhost', 'other.example'].map(named)).toEqual([
    'ours',
    'ours',
    'foreign',
  ])
  // On every address: any of them may be asked for, but no name.
  for (const everywhere of ['0.0.0.0', '::', '[::]']) {
    const open = checkOf(undefined, true, everywhere)
    expect(['10.0.0.7:8080', '[fe80::1]', 'localhost', 'evil.example'].map(open)).toEqual([
      'ours',
      'ours',
      'ours',
      'foreign',
    ])
  }
})

test('HT14 in production any well-formed host is answered, unless allowedHosts says which', () => {
  const any = checkOf(undefined)
  for (const host of [...LOOPBACK, ...FOREIGN]) expect(any(host), host).toBe('ours')
  for (const host of MALFORMED) expect(any(host), host).toBe('malformed')
  const listed = checkOf(['Game.example', '*.play.example', '10.0.0.7', '[fe80::1]'])
  const cases = {
    'game.example': 'ours',
    'GAME.example.:443': 'ours',
    'eu.play.example': 'ours',
    'a.b.play.example': 'ours',
    '10.0.0.7:80': 'ours',
    '[fe80::1]:80': 'ours',
    'play.example': 'foreign',
    'evilplay.example': 'foreign',
    'a.game.example': 'foreign',
    'game.example.evil': 'foreign',
    localhost: 'foreign',
  }
  expect(Object.fromEntries(Object.keys(cases).map((host) => [host, listed(host)]))).toEqual(cases)
  expect(checkOf(['*'], true)('evil.example')).toBe('ours')
  expect(checkOf([])('localhost')).toBe('foreign')
})

test('HT14 an entry that is no host is refused at the start', () => {
  const wrong = ['', 'a b', 'http://a.example', 'a.example:80', '*.', '**', 'a.*', 'é.example', 7]
  for (const entry of wrong)
    expect(
      () => createServer(testGame, { allowedHosts: [entry as string] }),
      String(entry),
    ).toThrow(expect.objectContaining({ code: 'option_invalid' }))
  expect(() => createServer(testGame, { allowedHosts: 'a.example' as never })).toThrow()
})

async function listen(options: ServerOptions): Promise<(text: string) => Promise<string>> {
  const server = createServer(testGame, options)
  const port = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  return async (text) => {
    const socket = connect(port, '127.0.0.1')
    let got = ''
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString()
      if (got.includes('\r\n\r\n')) socket.end()
    })
    socket.write(text.replaceAll('\n', '\r\n'))
    await once(socket, 'close')
    return got
  }
}

const UPGRADE =
  'Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n'

test('HT14, HT15 the Host header is looked at before anything else, for HTTP as for sockets', async () => {
  const ask = await listen({ isDevelopment: true, joinsPerSecondPerIp: 1 })
  const first = (text: string) => text.split('\r\n')[0]
  const paths = [
    'GET /metrics',
    'GET /health/ready',
    'POST /rpc',
    'GET /rooms/stream',
    'OPTIONS /x',
  ]
  for (const line of paths) {
    const rebound = await ask(
      `${line} HTTP/1.1\nHost: evil.example:80\nOrigin: http://evil.example:80\n\n`,
    )
    expect(first(rebound), line).toBe('HTTP/1.1 421 Misdirected Request')
    expect(rebound).toContain('{"error":{"code":"misdirected"')
    expect(rebound).not.toContain('access-control')
  }
  const sockets = await ask(`GET /ws HTTP/1.1\nHost: evil.example\n${UPGRADE}\n`)
  expect(first(sockets)).toBe('HTTP/1.1 421 Misdirected Request')
  expect(sockets).toContain('{"error":{"code":"misdirected"')
  expect(first(await ask(`GET /ws HTTP/1.1\nHost: localhost\n${UPGRADE}\n`))).toContain('101')
  expect(await ask('GET /metrics HTTP/1.1\nHost: localhost:1\n\n')).toContain('ringside_')
})

test('HT15 no host, two of them or a malformed one is 400 or a closed socket, whatever is allowed', async () => {
  const ask = await listen({})
  for (const hosts of ['Host: \n', 'Host: a\nHost: a\n', 'Host: a\nhost: b\n', 'Host: a b\n']) {
    expect(await ask(`GET /rooms HTTP/1.1\n${hosts}\n`), hosts).toMatch(
      /^HTTP\/1.1 400 .*bad_request/s,
    )
    expect(await ask(`GET /ws HTTP/1.1\n${hosts}${UPGRADE}\n`), hosts).toMatch(/^HTTP\/1.1 400 /)
  }
  // uWebSockets.js itself ends it.
  expect(await ask('GET /rooms HTTP/1.1\nAccept: x\n\n')).not.toContain('200')
  expect(await ask('GET /rooms HTTP/1.1\nHost: a.example\n\n')).toMatch(/^HTTP\/1.1 200 /)
})
