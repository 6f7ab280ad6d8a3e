import { describe, expect, it, onTestFinished } from 'vitest'
import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import { createServer } from '../../src/index.ts'
import { readRequests } from '../../src/call/json-rpc/request-text.ts'
import { testGame } from '../support/test-game.ts'
import type { TestOptions } from '../support/test-server.ts'
import { askClient, call, overHttp, post, sendText, startServer, taken } from './rpc-rig.ts'
import type { GameOfTest } from './rpc-rig.ts'

async function start(options: TestOptions = {}, setUp: (server: GameOfTest) => void = () => {}) {
  const test = await startServer((server) => {
    server.rpc('size', (params) => JSON.stringify(params).length)
    setUp(server)
  }, options)
  onTestFinished(() => test[Symbol.asyncDispose]())
  return test
}

const KIB = 1_024
const TOO_LARGE = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}'
const REFUSED = { via: RPC_ERROR_ID, text: TOO_LARGE }

/** A call of exactly so many bytes. */
function sized(bytes: number, id = 1): string {
  const empty = call(id, 'size', ['']).length
  return call(id, 'size', ['x'.repeat(bytes - empty)])
}

/** An object of so many different names. */
const wide = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index.toString(36)}`, 0]))

/** So many empty lists. */
const lists = (count: number): unknown[] => Array.from({ length: count }, () => [])

describe('the size of a text', () => {
  it('JR16: a text of maxRpcBytes is read, one byte more is not, and is a strike', async () => {
    const test = await start({ maxRpcBytes: 2 * KIB, maxStrikes: 2 })
    const client = await test.dial()
    expect((await askClient(test, client, sized(2 * KIB))).via).toBe(RPC_ID)
    expect(await askClient(test, client, sized(2 * KIB + 1))).toEqual(REFUSED)
    expect(client.closed).toBeNull()
    expect(await askClient(test, client, sized(2 * KIB + 1))).toEqual(REFUSED)
    expect(client.closed).toMatchObject({ code: 1008 })
  })

  it('JR16: a text costs a token for each KiB and for each 32 names, before it is parsed', async () => {
    const bucket = { rateBurst: 12, ratePerSecond: 0.01, maxDrops: 1_000 }
    const reads = async (text: string, options: TestOptions = bucket) => {
      const test = await start(options)
      const client = await test.dial()
      return [...Array(6)].map(() => {
        sendText(client, text)
        return client
      })
    }
    const answersTo = async (text: string): Promise<number> => {
      const [client] = await reads(text)
      if (!client) throw new Error('Expected a client')
      await Promise.resolve()
      return taken(client).filter(({ via }) => via === RPC_ID).length
    }
    // Each call costs 1 for the text, 1 for the member, and its size.
    expect(await answersTo(sized(KIB - 1))).toBe(6)
    expect(await answersTo(sized(KIB))).toBe(4)
    expect(await answersTo(sized(4 * KIB))).toBe(2)
    expect(await answersTo(call(1, 'size', wide(27)))).toBe(6)
    expect(await answersTo(call(1, 'size', wide(28)))).toBe(4)
  })

  it.each([
    ['names', 'params', wide(1_997), wide(1_996)],
    ['values', 'params', Array(9_997).fill(0), Array(9_996).fill(0)],
    ['values without commas', 'params', lists(5_000), lists(4_990)],
  ])('JR16: too many %s are counted before the text is parsed', (_what, _name, many, few) => {
    const text = (params: unknown) => Buffer.from(call(1, 'size', params))
    expect(readRequests(text(many)).kind).toBe('too_large')
    expect(readRequests(text(few)).kind).toBe('single')
    // It need not be JSON to be refused.
    expect(readRequests(Buffer.concat([text(many), Buffer.from('x')])).kind).toBe('too_large')
  })

  it('JR16: commas, colons and brackets inside strings count nothing', () => {
    const params = [String.raw`,:[]{}\"`.repeat(9_000)]
    expect(readRequests(Buffer.from(call(1, 'size', params))).kind).toBe('single')
  })

  it('JR16: no text that is read holds the loop for long', () => {
    const texts = [wide(1_996), lists(4_990), ['\\'.repeat(32 * KIB)], ['"'.repeat(30_000)]]
    for (const params of texts) {
      const bytes = Buffer.from(call(1, 'size', params))
      const times = [...Array(5)].map(() => {
        const begun = performance.now()
        readRequests(bytes)
        return performance.now() - begun
      })
      // The quickest of five: the rest is the machine's.
      expect(Math.min(...times)).toBeLessThan(30)
    }
  })

  it('JR16: a body of HTTP is charged by its size and kept to the same bounds', async () => {
    const test = await start({ rpcPerSecondPerIp: 12, maxRpcBytes: 8 * KIB })
    const ask = overHttp(test)
    expect(await ask(call(1, 'size', wide(1_997)))).toMatchObject({ via: 413 })
    expect(await ask(sized(8 * KIB))).toMatchObject({ via: 200 })
    expect(await ask(sized(8 * KIB))).toMatchObject({ via: 429 })
    const other = overHttp(await start())
    expect(await other(call(1, 'size', wide(1_997)))).toEqual({ via: 200, text: TOO_LARGE })
    const flooded = await start()
    const codes: number[] = []
    for (let count = 0; count < 10; count++) {
      const exchange = post(flooded, sized(64 * KIB))
      await flooded.during(exchange.done)
      codes.push(exchange.status)
    }
    expect(codes).toEqual([200, 200, 200, ...Array<number>(7).fill(429)])
  })

  it('JR16: maxRpcBytes lies within maxPayloadBytes, whose default may be under it', () => {
    const bounds = { maxRpcBytes: 4_096, maxPayloadBytes: 2_048 }
    expect(() => createServer(testGame, bounds)).toThrow('Expected maxRpcBytes within')
    createServer(testGame, { maxPayloadBytes: 2_048 })
  })
})
