import { expect, onTestFinished, test } from 'vitest'
import { TestServer } from '../support/test-server.ts'

const KEY = 'a key for tests only'

async function start() {
  const server = await TestServer.start({ isDevelopment: false }, {}, (server) =>
    server.rpc('it', () => 1),
  )
  onTestFinished(() => server[Symbol.asyncDispose]())
  /** The status of `/metrics`, or of a call, asked with this key from there. */
  const ask = async (key: string, remoteAddress: string, path = '/metrics'): Promise<number> => {
    const isCall = path === '/rpc'
    const exchange = server.transport.request({
      method: isCall ? 'POST' : 'GET',
      path,
      remoteAddress,
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      ...(isCall ? { body: '{"jsonrpc":"2.0","method":"it","id":1}' } : {}),
    })
    await server.during(exchange.done)
    return exchange.status
  }
  return { server, ask }
}

test('LI3 an address has ten wrong keys a second, whatever asks for the key; then none is looked at', async () => {
  const { server, ask } = await start()
  const codes: number[] = []
  for (let count = 0; count < 10; count++)
    codes.push(await ask(`wrong ${count}`, '10.0.0.1', count % 2 === 0 ? '/rpc' : '/metrics'))
  expect(codes).toEqual(Array(10).fill(401))
  for (const path of ['/metrics', '/rpc'])
    expect([await ask('wrong', '10.0.0.1', path), await ask(KEY, '10.0.0.1', path)]).toEqual([
      429, 429,
    ])
  expect(await ask(KEY, '10.0.0.2')).toBe(200)
  await server.clock.advanceAsync(1_000)
  expect(await ask(KEY, '10.0.0.1')).toBe(200)
})

test('LI3 neither the right key nor none is a guess', async () => {
  const { ask } = await start()
  for (let count = 0; count < 30; count++) {
    expect(await ask(KEY, '10.0.0.1')).toBe(200)
    expect(await ask('', '10.0.0.1')).toBe(401)
  }
})
