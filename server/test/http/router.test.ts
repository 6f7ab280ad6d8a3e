import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RingsideError, reject } from '../../src/process/errors.ts'
import { KeyCheck } from '../../src/auth/key-check.ts'
import { authenticatorOf } from '../support/authenticator.ts'
import { TooManyRequests } from '../../src/process/errors.ts'
import { readJson, sendJson } from '../../src/http/json.ts'
import { Router } from '../../src/http/router.ts'
import { serveFolder } from '../../src/http/static-files.ts'
import { PrometheusMetrics, createMetrics } from '../../src/process/metrics.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { AddressRate } from '../../src/limit/address-rate.ts'
import { createOriginCheck, createTrustCheck } from '../../src/limit/origin.ts'
import { MemoryExchange } from '../../src/transport/memory/http.ts'
import type { MemoryRequest } from '../../src/transport/memory/http.ts'
import { settle } from '../../src/testing/index.ts'
import { BodyGate } from '../../src/limit/body-gate.ts'
import { checkLimits } from '../../src/process/limits.ts'

const KEY = 'key-of-16-characters'
const guesses = new AddressRate({ points: 1_000 }, new ManualClock())

function createRouter(allowedOrigins: string[] = []) {
  const logs: { fields: object; message: string }[] = []
  const log = (fields: object, message: string): void => void logs.push({ fields, message })
  const router = new Router({
    bodies: new BodyGate(checkLimits()),
    logger: { debug() {}, info() {}, warn() {}, error: log },
    metrics: createMetrics(),
    isOriginAllowed: createOriginCheck({ allowedOrigins }),
    isTrusted: createTrustCheck({ allowedOrigins }),
    authenticator: authenticatorOf(KEY),
  })
  const ask = async (request: MemoryRequest): Promise<MemoryExchange> => {
    const exchange = new MemoryExchange(request, () => {})
    router.handle(exchange, exchange)
    await exchange.done
    return exchange
  }
  return { router, logs, ask }
}

describe('routes', () => {
  test('HT1 parameters are decoded, /* takes the rest, the first route that fits wins', async () => {
    const { router, ask } = createRouter()
    router.add('GET', '/rooms/stream', (_, response) => response.send(200, {}, 'stream'))
    router.add('GET', '/rooms/:id/feed', (_, response, { params }) =>
      response.send(200, {}, params['id'] ?? ''),
    )
    router.add('GET', '/files/*', (_, response, { params }) =>
      response.send(200, {}, params['*'] ?? ''),
    )
    expect((await ask({ path: '/rooms/stream' })).text()).toBe('stream')
    expect((await ask({ path: '/rooms/a%2Fb%C3%BC/feed?x=1' })).text()).toBe('a/bü')
    expect((await ask({ path: '/files/a/b.txt' })).text()).toBe('a/b.txt')
    expect((await ask({ path: '/files/' })).text()).toBe('')
    for (const path of ['/rooms//feed', '/rooms/%zz/feed', '/rooms/a/feed/', '/rooms', '/'])
      expect((await ask({ path })).status).toBe(404)
  })

  test('HT2 HEAD is answered as GET without a body', async () => {
    const { router, ask } = createRouter()
    router.add('GET', '/a', (_, response) => response.send(200, { 'x-a': '1' }, 'body'))
    const exchange = await ask({ method: 'HEAD', path: '/a' })
    expect([exchange.status, exchange.headers['x-a'], exchange.text()]).toEqual([200, '1', ''])
  })

  test('HT8 what changes something is refused to pages of other origins, reading is not', async () => {
    const { router, ask } = createRouter(['https://ok.example'])
    router.add('POST', '/a', (_, response) => response.send(200, {}, 'done'))
    router.add('GET', '/a', (_, response) => response.send(200, {}, 'read'))
    const status = async (method: string, origin?: string): Promise<number> => {
      const headers: Record<string, string> = { host: 'game.example' }
      if (origin !== undefined) headers['origin'] = origin
      return (await ask({ method, path: '/a', headers })).status
    }
    expect(await status('POST')).toBe(200)
    expect(await status('POST', 'https://game.example')).toBe(200)
    expect(await status('POST', 'https://ok.example')).toBe(200)
    expect(await status('POST', 'https://evil.example')).toBe(403)
    expect(await status('POST', 'null')).toBe(403)
    expect(await status('GET', 'https://evil.example')).toBe(200)
  })

  test('HT3 a route that ends in /* neither hides a 405 nor makes one', async () => {
    const { router, ask } = createRouter()
    router.add('POST', '/matchmake/join/:type', (_, response) => response.send(200, {}, 'joined'))
    router.add('GET', '/*', (_, response) => response.send(200, {}, 'page'))
    const wrong = await ask({ path: '/matchmake/join/arena' })
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'POST, OPTIONS'])
    expect((await ask({ method: 'POST', path: '/matchmake/bogus/arena' })).status).toBe(404)
    expect((await ask({ path: '/anything' })).status).toBe(200)
  })

  test('HT3 unknown path 404, wrong method 405 with Allow, both as JSON', async () => {
    const { router, ask } = createRouter()
    router.add('GET', '/a', () => {})
    router.add('PATCH', '/a', () => {})
    const missing = await ask({ path: '/b' })
    expect(missing.status).toBe(404)
    expect(missing.json()).toEqual({ error: { code: 'not_found', message: 'Not found' } })
    const wrong = await ask({ method: 'DELETE', path: '/a' })
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, PATCH, HEAD, OPTIONS'])
    expect(wrong.json()).toMatchObject({ error: { code: 'method_not_allowed' } })
  })

  test('HT4 what is no route is refused when it is added', () => {
    const { router } = createRouter()
    for (const [method, path] of [
      ['get', '/a'],
      ['GET', 'a'],
      ['GET', '/a/*/b'],
      ['GET', '/:'],
      ['GET', '/a?b'],
    ] as const)
      expect(() => router.add(method, path, () => {})).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      )
  })
})

describe('errors', () => {
  test('HT5 coded errors have their status, text and Retry-After, thrown or rejected', async () => {
    const { router, ask, logs } = createRouter()
    const errors: Record<string, Error> = {
      a: new RingsideError('past_retention'),
      b: reject('too_far', 'Come closer'),
      c: new TooManyRequests(2_300),
      d: new RingsideError('draining'),
    }
    router.add('GET', '/now/:e', (_, __, { params }) => {
      throw errors[params['e'] ?? ''] ?? new Error('none')
    })
    router.add('GET', '/later/:e', (_, __, { params }) =>
      Promise.reject(errors[params['e'] ?? ''] ?? new Error('none')),
    )
    for (const kind of ['now', 'later']) {
      expect((await ask({ path: `/${kind}/a` })).status).toBe(410)
      expect((await ask({ path: `/${kind}/b` })).json()).toEqual({
        error: { code: 'too_far', message: 'Come closer' },
      })
      const limited = await ask({ path: `/${kind}/c` })
      expect([limited.status, limited.headers['retry-after']]).toEqual([429, '3'])
      expect((await ask({ path: `/${kind}/d` })).headers['retry-after']).toBe('1')
    }
    expect(logs).toEqual([])
  })

  test('HT6 an unexpected error is 500 without its text, logged once', async () => {
    const { router, ask, logs } = createRouter()
    router.add('GET', '/now', () => {
      throw new Error('secret')
    })
    router.add('GET', '/later', () => Promise.reject(new RingsideError('option_invalid', 'secret')))
    for (const path of ['/now', '/later']) {
      const exchange = await ask({ path })
      expect(exchange.status).toBe(500)
      expect(exchange.text()).not.toContain('secret')
    }
    expect(logs).toHaveLength(2)
  })

  test('HT7 a client that leaves while its body is read is no failure', async () => {
    const { router, logs } = createRouter()
    router.add('POST', '/', async (request, response) => {
      response.send(200, {}, JSON.stringify(await readJson(request, 100)))
    })
    const exchange = new MemoryExchange({ method: 'POST', path: '/', body: '{}' }, () => {})
    router.handle(exchange, exchange)
    exchange.abort()
    await settle()
    expect(exchange.status).toBe(0)
    expect(logs).toEqual([])
  })
})

describe('security', () => {
  test('HT8 the key is needed exactly; none set refuses all; a short one is an error', async () => {
    const { router, ask } = createRouter()
    router.add('GET', '/secret', async (_, response, context) => {
      await context.requireOperator()
      response.send(200, {}, 'ok')
    })
    const status = async (key?: string): Promise<number> =>
      (await ask({ path: '/secret', headers: key === undefined ? {} : { 'x-api-key': key } }))
        .status
    expect(await status(KEY)).toBe(200)
    for (const key of [undefined, '', `${KEY}x`, KEY.slice(1), KEY.toUpperCase()])
      expect(await status(key)).toBe(401)
    const exchange = new MemoryExchange({ path: '/', headers: { 'x-api-key': KEY } }, () => {})
    expect(() => authenticatorOf(null).authenticate(exchange)).toThrow()
    expect(() => new KeyCheck({ apiKey: 'short', guesses, everybody: { topics: [] } })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    )
  })

  test('HT9 every answer carries nosniff; CORS only for allowed origins', async () => {
    const { router, ask } = createRouter(['https://friend.test'])
    router.add('POST', '/a', (_, response) => response.send(200, {}, 'ok'))
    const from = (origin: string, method: string) =>
      ask({ method, path: '/a', headers: { origin, host: 'game.test' } })
    const friend = await from('https://friend.test', 'POST')
    expect(friend.headers).toMatchObject({
      'access-control-allow-origin': 'https://friend.test',
      'x-content-type-options': 'nosniff',
      vary: 'Origin',
    })
    const preflight = await from('https://friend.test', 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-methods']).toBe('POST, OPTIONS')
    expect(preflight.headers['access-control-allow-headers']).toContain('X-API-Key')
    for (const origin of ['https://evil.test', 'null', 'https://friend.test.evil.test', '']) {
      const stranger = await from(origin, 'OPTIONS')
      expect(stranger.headers['access-control-allow-origin']).toBeUndefined()
      expect(stranger.headers['access-control-allow-credentials']).toBeUndefined()
    }
  })

  test('HT10 hostile JSON is bad_request: broken, not UTF-8, too deep, prototype keys', async () => {
    const { router, ask } = createRouter()
    router.add('POST', '/', async (request, response) => {
      sendJson(response, { body: [await readJson(request, 1_000)] })
    })
    const parse = async (body: string | Uint8Array) => {
      const exchange = await ask({ method: 'POST', path: '/', body })
      return [exchange.status, JSON.parse(exchange.text())]
    }
    expect(await parse('{"a":[1,{"b":null}]}')).toEqual([200, [{ a: [1, { b: null }] }]])
    expect(await parse('')).toEqual([200, [null]])
    for (const bad of [
      '{',
      '{"a":1}x',
      new Uint8Array([0x22, 0xff, 0x22]),
      '['.repeat(40) + ']'.repeat(40),
      '{"__proto__":{"isAdmin":true}}',
      '{"a":[{"constructor":1}]}',
    ])
      expect(await parse(bad)).toMatchObject([400, { error: { code: 'bad_request' } }])
  })

  test('HT11 a body over the limit is 413', async () => {
    const { router, ask } = createRouter()
    router.add('POST', '/', async (request, response) => {
      await readJson(request, 10)
      response.send(200, {}, '')
    })
    expect((await ask({ method: 'POST', path: '/', body: '"12345678"' })).status).toBe(200)
    expect((await ask({ method: 'POST', path: '/', body: '"123456789"' })).status).toBe(413)
  })
})

test('HT13 a folder: types, ETag, caching, policy; nothing outside it is served', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ringside-static-'))
  try {
    const folder = join(parent, 'web')
    mkdirSync(join(folder, 'assets'), { recursive: true })
    writeFileSync(join(parent, 'secret.txt'), 'secret')
    writeFileSync(join(folder, 'index.html'), '<p>')
    writeFileSync(join(folder, 'watch.html'), '<b>')
    writeFileSync(join(folder, 'assets/main-BxY12345.js'), 'x()')
    const { router, ask } = createRouter()
    router.add('GET', '/*', serveFolder({ folder }))
    const page = await ask({ path: '/' })
    expect(page.text()).toBe('<p>')
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringContaining("script-src 'self'"),
    })
    expect((await ask({ path: '/watch' })).text()).toBe('<b>')
    const asset = await ask({ path: '/assets/main-BxY12345.js' })
    expect(asset.headers['cache-control']).toContain('immutable')
    const etag = asset.headers['etag'] ?? ''
    const again = await ask({
      path: '/assets/main-BxY12345.js',
      headers: { 'if-none-match': etag },
    })
    expect([again.status, again.text()]).toEqual([304, ''])
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/no',
    ])
      expect((await ask({ path })).status).toBe(404)
  } finally {
    rmSync(parent, { recursive: true })
  }
})

test('HT16 a folder: nothing that begins with a dot, no link, no other way to write a path', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ringside-static-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  const folder = join(parent, 'web')
  for (const name of ['.git/refs', '.well-known/.hidden', 'sub/.cache', 'sub/deep'])
    mkdirSync(join(folder, name), { recursive: true })
  const files = ['.env', '.git/HEAD', '.git/refs/main.txt', 'sub/.htpasswd', 'sub/.cache/a.txt']
  for (const name of [...files, '.well-known/.hidden/a.txt', '.index.html', '..txt'])
    writeFileSync(join(folder, name), 'secret')
  for (const name of ['index.html', 'sub/deep/page.html', 'a b.txt', '.well-known/security.txt'])
    writeFileSync(join(folder, name), 'open')
  writeFileSync(join(parent, 'outside.txt'), 'secret')
  symlinkSync(join(parent, 'outside.txt'), join(folder, 'link.txt'))
  symlinkSync(parent, join(folder, 'linked'))
  symlinkSync(folder, join(folder, 'sub/loop'))
  const { router, ask } = createRouter()
  router.add('GET', '/*', serveFolder({ folder, fallback: 'index.html' }))
  for (const path of ['/', '/index', '/sub/deep/page', '/a%20b.txt', '/.well-known/security.txt'])
    expect((await ask({ path })).text(), path).toBe('open')
  const hidden = [
    ...files,
    '.well-known/.hidden/a.txt',
    '.index.html',
    '..txt',
    '.git',
    '.env.html',
  ]
  const strange = [
    'link.txt',
    'linked/outside.txt',
    'sub/loop/index.html',
    'index.html.',
    'index.html%20',
    'index.html%00',
    'index.html%00.js',
    'index.html::$DATA',
    '%69ndex.html',
    'sub%2fdeep%2fpage.html',
    'sub%5Cdeep%5Cpage.html',
    'sub\\deep\\page.html',
    'sub//deep/page.html',
    './index.html',
    'sub/../index.html',
    '../outside.txt',
    '..%2foutside.txt',
    '%2e%2e/outside.txt',
    '..%c0%afoutside.txt',
    '%2eenv.x',
    'INDEX.HTML',
  ]
  for (const path of [...hidden, ...strange])
    expect((await ask({ path: `/${path}` })).text(), path).not.toMatch(/^(secret|open)$/)
})

test('ME1 counters, gauges and the histogram show under ringside_', async () => {
  const metrics = new PrometheusMetrics()
  metrics.counters.messagesHandled = 41
  metrics.counters.messagesHandled++
  let rooms = 1
  metrics.show({
    gauges: [{ name: 'rooms', help: 'Living rooms', read: () => rooms }],
    counters: [{ name: 'rooms_fenced_total', help: 'Rooms taken', read: () => rooms * 2 }],
  })
  rooms = 7
  metrics.observeTickLag(3)
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = await metrics.text()
    expect(text).toContain('ringside_messages_handled_total 42\n')
    expect(text).toContain('ringside_rooms 7\n')
    expect(text).toContain('ringside_rooms_fenced_total 14\n')
    expect(text).toContain('ringside_tick_lag_ms_bucket{le="5"} 1\n')
  }
})

test('EX6 a page with a relative base finds its folder from paths of any depth', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-static-'))
  try {
    writeFileSync(join(folder, 'index.html'), '<html><head><title>x</title></head></html>')
    const { router, ask } = createRouter()
    router.add('GET', '/*', serveFolder({ folder, fallback: 'index.html', relativeBase: true }))
    const etags = new Set<string>()
    for (const [path, base] of [
      ['/', './'],
      ['/play', './'],
      ['/index.html', './'],
      ['/play/a', '../'],
      ['/play/', '../'],
      ['/a/b/c', '../../'],
    ] as const) {
      const page = await ask({ path })
      expect([path, page.text()]).toEqual([
        path,
        `<html><head><base href="${base}"><title>x</title></head></html>`,
      ])
      // The base is the page's own: a policy that forbade it would break every address.
      expect(page.headers['content-security-policy']).toContain("base-uri 'self'")
      const etag = page.headers['etag'] ?? ''
      etags.add(etag)
      const again = await ask({ path, headers: { 'if-none-match': etag } })
      expect(again.status).toBe(304)
    }
    expect(etags.size).toBe(3)
    expect((await ask({ path: '/a'.repeat(9) })).status).toBe(200)
    expect((await ask({ path: '/a'.repeat(10) })).status).toBe(404)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
