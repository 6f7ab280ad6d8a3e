import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RemoteSet } from '../../src/auth/key-source.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { eventually } from '../../src/testing/index.ts'

const HEADER = { alg: 'ES256', kid: 'one' }

async function keyNamed(kid: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }
}

/** An identity provider on a real socket, which answers as the test wants. */
async function startProvider() {
  const state = { fetches: 0, answer: (() => {}) as RequestListener }
  const server = createServer((request, response) => {
    state.fetches++
    state.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const clock = new ManualClock()
  const logged: unknown[] = []
  const log = (fields: object, message: string): void => void logged.push({ ...fields, message })
  const { port } = server.address() as AddressInfo
  const source = new RemoteSet({
    url: `http://user:password@127.0.0.1:${port}/keys`.replace('user:password@', ''),
    clock,
    logger: { debug: log, info: log, warn: log, error: log },
  })
  onTestFinished(() => source.stop())
  const gives = (...keys: JWK[]): void => {
    state.answer = (_, response) => response.end(JSON.stringify({ keys }))
  }
  return { state, clock, source, gives, logged }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'found',
    (error: unknown) => String((error as { code?: string }).code),
  )

describe('a set of keys that is fetched', () => {
  it('AU24 many who need it at once cause one fetch, and later ones none', async () => {
    const { state, source, gives } = await startProvider()
    gives(await keyNamed('one'))
    const all = await Promise.all(Array.from({ length: 200 }, () => codeOf(source.keysFor(HEADER))))
    expect(new Set(all)).toEqual(new Set(['found']))
    for (let count = 0; count < 50; count++) await source.keysFor(HEADER)
    expect(state.fetches).toBe(1)
  })

  it('AU24 unknown keys cause a fetch every 30 s at most, and new ones are found by it', async () => {
    const { state, clock, source, gives } = await startProvider()
    const one = await keyNamed('one')
    gives(one)
    await source.keysFor(HEADER)
    const strange = { alg: 'ES256', kid: 'made up' }
    for (let count = 0; count < 100; count++)
      expect(await codeOf(source.keysFor({ ...strange, kid: `${count}` }))).toBe('unauthorized')
    expect(state.fetches).toBe(1)
    gives(one, await keyNamed('two'))
    clock.advance(30_000)
    expect(await codeOf(source.keysFor({ alg: 'ES256', kid: 'two' }))).toBe('found')
    for (let count = 0; count < 100; count++)
      expect(await codeOf(source.keysFor(strange))).toBe('unauthorized')
    expect(state.fetches).toBe(2)
  })

  it('AU24 a key that left the set is no key after ten minutes', async () => {
    const { clock, source, gives } = await startProvider()
    gives(await keyNamed('one'))
    await source.keysFor(HEADER)
    gives(await keyNamed('two'))
    clock.advance(600_001)
    // This one starts the fetch and does not wait for it.
    expect(await codeOf(source.keysFor(HEADER))).toBe('found')
    let code = 'found'
    while (code === 'found') {
      await turn()
      code = await codeOf(source.keysFor(HEADER))
    }
    expect(code).toBe('unauthorized')
  })

  it('AU25 a provider that is away locks nobody out whose key is known, for a day', async () => {
    const { state, clock, source, gives, logged } = await startProvider()
    gives(await keyNamed('one'))
    await source.keysFor(HEADER)
    state.answer = (_, response) => response.writeHead(500).end()
    for (let hour = 0; hour < 23; hour++) {
      clock.advance(3_600_000)
      expect(await codeOf(source.keysFor(HEADER))).toBe('found')
      // The one before may still be under way; then there is no second one.
      while (state.fetches < hour + 2) {
        await turn()
        expect(await codeOf(source.keysFor(HEADER))).toBe('found')
      }
    }
    clock.advance(3_600_001)
    expect(await codeOf(source.keysFor(HEADER))).toBe('unavailable')
    expect(logged, 'it is told once').toHaveLength(1)
  })

  it('AU25 while the keys cannot be had a token is neither right nor wrong, and the provider is asked now and then', async () => {
    const { state, clock, source } = await startProvider()
    const answers: RequestListener[] = [
      (_, response) => response.writeHead(503).end(),
      (_, response) => response.end('<html>'),
      (_, response) => response.end('{"keys":7}'),
      (_, response) =>
        response.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })),
      (_, response) => response.writeHead(302, { location: '/other' }).end(),
      (_, response) => response.socket?.destroy(),
      (_, response) => {
        for (let count = 0; count < 80; count++) response.write('x'.repeat(4_096))
        response.end()
      },
    ]
    for (const [index, answer] of answers.entries()) {
      state.answer = answer
      const all = await Promise.all(
        Array.from({ length: 20 }, () => codeOf(source.keysFor(HEADER))),
      )
      expect(new Set(all)).toEqual(new Set(['unavailable']))
      expect(await codeOf(source.keysFor(HEADER))).toBe('unavailable')
      expect(state.fetches).toBe(index + 1)
      clock.advance(2_000)
    }
  })

  it('AU25 a provider that never answers is given up after 5 s', async () => {
    const { state, clock, source } = await startProvider()
    const waiting = codeOf(source.keysFor(HEADER))
    await eventually(() => state.fetches === 1)
    clock.advance(5_000)
    expect(await waiting).toBe('unavailable')
    expect(clock.pendingCount).toBe(0)
  })

  it('AU25 nothing is left of a fetch once it stops', async () => {
    const { state, clock, source } = await startProvider()
    const waiting = codeOf(source.keysFor(HEADER))
    await eventually(() => state.fetches === 1)
    source.stop()
    expect(await waiting).toBe('unavailable')
    expect(clock.pendingCount).toBe(0)
    clock.advance(60_000)
    expect(await codeOf(source.keysFor(HEADER))).toBe('unavailable')
    expect(state.fetches).toBe(1)
  })
})
