import { request as httpRequest } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServer } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'
import type { TestOptions } from '../support/test-server.ts'
import { eventually } from '../../src/testing/index.ts'
import { JSON_TYPE, call, note, overHttp, post, startServer } from './rpc-rig.ts'
import type { GameOfTest, HttpInit } from './rpc-rig.ts'

const KEY = { 'x-api-key': 'a key for tests only' }

async function start(setUp: (server: GameOfTest) => void = () => {}, options: TestOptions = {}) {
  const test = await startServer((server) => {
    server.command(testGame.commands.free, (_session, { text }) => ({ text }))
    server.rpc('echo', (params) => params)
    setUp(server)
  }, options)
  onTestFinished(() => test[Symbol.asyncDispose]())
  return test
}

/** Status, body and headers of one request. */
async function ask(
  test: Awaited<ReturnType<typeof start>>,
  body: string | Uint8Array,
  init: HttpInit = {},
) {
  const exchange = post(test, body, init)
  await test.during(exchange.done)
  return { status: exchange.status, text: exchange.text(), headers: exchange.headers }
}

describe('POST /rpc', () => {
  it('JR11: answers 200 with JSON that nobody caches, errors of JSON-RPC too', async () => {
    const test = await start()
    const good = await ask(test, call(1, 'echo', ['é']))
    expect(good).toMatchObject({ status: 200, text: '{"jsonrpc":"2.0","result":["é"],"id":1}' })
    expect(good.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    for (const bad of ['', '{', '[]', call(1, 'none')])
      expect(await ask(test, bad)).toMatchObject({ status: 200 })
  })

  it('JR11: notifications alone are answered 204 without a body, unknown ones too', async () => {
    const test = await start()
    for (const text of [note('echo'), note('none'), `[${note('echo')},${note('none')}]`]) {
      const told = await ask(test, text)
      expect(told).toMatchObject({ status: 204, text: '' })
    }
  })

  it('JR11: commands are no methods here', async () => {
    const test = await start()
    for (const name of ['free', 'hit', '0x0001'])
      expect(JSON.parse((await ask(test, call(1, name, {}))).text)).toMatchObject({
        error: { code: -32_601 },
      })
  })

  it.each([
    ['text/plain', 415],
    ['', 415],
    ['application/jsonp', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json', 200],
    ['application/json;charset=UTF-8', 200],
    ['Application/JSON ; charset=utf-8', 200],
  ])('JR11: the media type %j is answered %i', async (type, status) => {
    const test = await start()
    const told = await ask(test, call(1, 'echo'), { headers: { 'content-type': type } })
    expect(told.status).toBe(status)
    if (status === 415)
      expect(JSON.parse(told.text)).toMatchObject({ error: { code: 'unsupported_media_type' } })
  })

  it('JR11: a body over maxBodyBytes is 413, another method 405', async () => {
    const test = await start(() => {}, { maxBodyBytes: 1_024 })
    expect(await ask(test, call(1, 'echo', ['x'.repeat(1_024)]))).toMatchObject({ status: 413 })
    const exchange = test.transport.request({ method: 'GET', path: '/rpc' })
    await test.during(exchange.done)
    expect(exchange).toMatchObject({ status: 405, headers: { allow: 'POST, OPTIONS' } })
  })

  it('JR11: the caller is anonymous, or who holds the key; a wrong key is 401', async () => {
    const test = await start((server) =>
      server.rpc('who', (_params, { caller }) =>
        caller.kind === 'principal' ? [caller.principal.kind, caller.remoteAddress] : null,
      ),
    )
    const who = async (headers: Readonly<Record<string, string>>) =>
      ask(test, call(1, 'who'), { headers, remoteAddress: '198.51.100.7' })
    expect(JSON.parse((await who({})).text)).toMatchObject({
      result: ['anonymous', '198.51.100.7'],
    })
    expect(JSON.parse((await who(KEY)).text)).toMatchObject({ result: ['key', '198.51.100.7'] })
    const wrong = { 'x-api-key': 'another key for tests' }
    expect(await who(wrong)).toMatchObject({ status: 401 })
    // Trying keys costs the address as calls do.
    for (let count = 0; count < 200; count++)
      post(test, call(1, 'who'), { headers: wrong, remoteAddress: '198.51.100.7' })
    expect(await who(wrong)).toMatchObject({ status: 429 })
  })

  it('JR11: a page of another origin is refused, unless it is allowed', async () => {
    const test = await start(() => {}, { allowedOrigins: ['https://play.example'] })
    const from = async (origin: string) =>
      ask(test, call(1, 'echo'), { headers: { origin, host: 'game.example' } })
    expect(await from('https://evil.example')).toMatchObject({ status: 403 })
    expect(await from('https://play.example')).toMatchObject({
      status: 200,
      headers: { 'access-control-allow-origin': 'https://play.example' },
    })
  })

  it('JR8: an address is charged for each body and for each member', async () => {
    const test = await start(() => {}, { rpcPerSecondPerIp: 4 })
    const members = [1, 2, 3, 4].map((id) => call(id, 'echo', [id])).join()
    const told = await ask(test, `[${members},${note('echo')}]`)
    expect(JSON.parse(told.text)).toMatchObject([
      { id: 1, result: [1] },
      { id: 2, result: [2] },
      { id: 3, result: [3] },
      { id: 4, error: { code: -32_029, data: { code: 'rate_limited', retry: true } } },
    ])
    const refused = await ask(test, call(1, 'echo'))
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    // Another network has its own share; a neighbour in the same IPv6 /64 has not.
    expect(await ask(test, call(1, 'echo'), { remoteAddress: '2001:db8::1' })).toMatchObject({
      status: 200,
    })
    for (let count = 0; count < 4; count++)
      await ask(test, call(1, 'echo'), { remoteAddress: '2001:db8::1' })
    expect(await ask(test, call(1, 'echo'), { remoteAddress: '2001:db8::2' })).toMatchObject({
      status: 429,
    })
  })

  it('JR9: a handler that never settles is answered -32001, in a batch beside the others', async () => {
    const test = await start((server) => server.rpc('never', () => new Promise(() => {})), {
      handlerTimeoutMs: 500,
    })
    const exchange = post(test, `[${call(1, 'never')},${call(2, 'echo')},${note('never')}]`)
    // Each member is charged before the first runs.
    for (let turn = 0; turn < 10; turn++) await test.clock.advanceAsync(0)
    await test.clock.advanceAsync(499)
    expect(exchange.isOpen).toBe(true)
    await test.clock.advanceAsync(1)
    expect(exchange.status).toBe(200)
    expect(JSON.parse(exchange.text())).toMatchObject([
      { id: 1, error: { code: -32_001, data: { code: 'timeout' } } },
      { id: 2, result: null },
    ])
  })

  it('JR9: a notification keeps its request open until it is done, or its time is over', async () => {
    const test = await start((server) => server.rpc('never', () => new Promise(() => {})), {
      handlerTimeoutMs: 500,
    })
    const exchange = post(test, note('never'))
    await test.clock.advanceAsync(499)
    expect(exchange.isOpen).toBe(true)
    await test.clock.advanceAsync(1)
    expect(exchange.status).toBe(204)
  })

  it('JR9: the signal aborts when the client goes, and no timer is left', async () => {
    const seen: string[] = []
    const test = await start((server) =>
      server.rpc('wait', (_params, { signal }) => {
        signal.addEventListener('abort', () => seen.push('aborted'))
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('secret detail'))),
        )
      }),
    )
    const exchange = post(test, call(1, 'wait'))
    await test.clock.advanceAsync(5)
    expect(seen).toEqual([])
    exchange.abort()
    await test.clock.advanceAsync(60_000)
    expect(seen).toEqual(['aborted'])
    expect(exchange.status).toBe(0)
  })

  it('JR9: the signal aborts when the time is over, and not when all went well', async () => {
    const seen: string[] = []
    const test = await start(
      (server) => {
        server.rpc('wait', (_params, { signal }) => {
          signal.addEventListener('abort', () => seen.push('aborted'))
          return new Promise(() => {})
        })
        server.rpc('well', async (_params, { signal }) => {
          signal.addEventListener('abort', () => seen.push('wrong'))
          await Promise.resolve()
        })
      },
      { handlerTimeoutMs: 500 },
    )
    await ask(test, call(1, 'well'))
    expect(await ask(test, call(1, 'wait'))).toMatchObject({ status: 200 })
    await test.clock.advanceAsync(1_000)
    expect(seen).toEqual(['aborted'])
  })

  it('JR9: a client that leaves while its body is read has nothing run', async () => {
    let hasRun = false
    const test = await start((server) =>
      server.rpc('it', () => {
        hasRun = true
      }),
    )
    post(test, call(1, 'it')).abort()
    await test.clock.advanceAsync(10)
    expect(hasRun).toBe(false)
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('JR11: many at once are answered each to its own', async () => {
    const test = await start()
    const asking = overHttp(test)
    const told = await Promise.all(
      [...Array(50).keys()].map((id) => asking(call(id, 'echo', [id]))),
    )
    told.forEach(({ text }, id) => expect(JSON.parse(text)).toMatchObject({ id, result: [id] }))
  })
})

describe('POST /rpc over uWebSockets.js', () => {
  async function listen(setUp: (server: GameOfTest) => void) {
    const server = createServer(testGame, { apiKey: 'a key for tests only' })
    setUp(server)
    const port = await server.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => server.close())
    return port
  }

  it('JR11: requests, batches and notifications are answered as in memory', async () => {
    const port = await listen((server) => server.rpc('echo', (params) => params))
    const send = async (body: string, headers: Record<string, string> = JSON_TYPE) => {
      const response = await fetch(`http://127.0.0.1:${port}/rpc`, {
        method: 'POST',
        headers,
        body,
      })
      return [response.status, await response.text()]
    }
    const id = '12345678901234567'
    expect(await send(`{"jsonrpc":"2.0","method":"echo","params":["é"],"id":${id}}`)).toEqual([
      200,
      `{"jsonrpc":"2.0","result":["é"],"id":${id}}`,
    ])
    expect(await send(`[${note('echo')},${call(1, 'echo', [])}]`)).toEqual([
      200,
      '[{"jsonrpc":"2.0","result":[],"id":1}]',
    ])
    expect(await send(note('echo'))).toEqual([204, ''])
    expect((await send('[', JSON_TYPE))[0]).toBe(200)
    expect((await send(call(1, 'echo'), { 'content-type': 'text/plain' }))[0]).toBe(415)
    expect((await send(call(1, 'echo'), { ...JSON_TYPE, 'x-api-key': 'wrong' }))[0]).toBe(401)
    expect((await send(call(1, 'echo', ['x'.repeat(70_000)])))[0]).toBe(413)
  })

  it('JR9: the signal aborts when the client hangs up', async () => {
    const seen: string[] = []
    const port = await listen((server) =>
      server.rpc('wait', (_params, { signal }) => {
        seen.push('called')
        signal.addEventListener('abort', () => seen.push('aborted'))
        return new Promise(() => {})
      }),
    )
    const client = httpRequest({
      host: '127.0.0.1',
      port,
      path: '/rpc',
      method: 'POST',
      headers: JSON_TYPE,
    })
    client.on('error', () => {})
    client.end(call(1, 'wait'))
    await eventually(() => seen.length > 0)
    client.destroy()
    await eventually(() => seen.length > 1)
    expect(seen).toEqual(['called', 'aborted'])
  })
})
