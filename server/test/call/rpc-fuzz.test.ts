import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { seededRandom } from '../../../protocol/test/seeded-random.ts'
import { testGame } from '../support/test-game.ts'
import { MAX_BATCH } from '../../src/call/json-rpc/request-text.ts'
import { askClient, overHttp, startServer } from './rpc-rig.ts'

/** Texts that are good, nearly good, and bad, to be cut up. */
const SEEDS = [
  '{"jsonrpc":"2.0","method":"echo","params":[1,"a",null],"id":1}',
  '{"jsonrpc":"2.0","method":"free","params":{"text":"abc"},"id":"two"}',
  '[{"jsonrpc":"2.0","method":"echo","id":3},{"jsonrpc":"2.0","method":"echo"},{"id":[]},1]',
  String.raw`{"\u0069d":1e2,"id":-0,"jsonrpc":"2.0","method":"soon","params":{"a":{"__proto__":1}}}`,
  '{"jsonrpc":"2.0","method":"throws","id":12345678901234567}',
]
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'null',
  '"id":',
  '1.0',
  '\u0000',
  'é',
  '\\u',
]

interface Answer {
  readonly jsonrpc: unknown
  readonly id: unknown
  readonly error?: { readonly code: unknown; readonly message: unknown }
}

it('JR2 JR10: random texts are answered by the letter over both transports, and harm nothing', async () => {
  const random = seededRandom()
  const below = (count: number): number => Math.floor(random() * count)
  const test = await startServer(
    (server) => {
      server.command(testGame.commands.free, (_session, { text }) => ({ text }))
      server.rpc('echo', (params) => params)
      server.rpc('soon', async (params) => Promise.resolve(params))
      server.rpc('throws', () => {
        throw new Error('secret detail')
      })
    },
    { rateLimit: false, maxStrikes: 1e6, rpcPerSecondPerIp: 1e6 },
  )
  onTestFinished(() => test[Symbol.asyncDispose]())
  const client = await test.dial()
  const askHttp = overHttp(test)

  function mutated(): Buffer {
    let bytes = Buffer.from(SEEDS[below(SEEDS.length)] ?? '')
    for (let count = below(4); count > 0; count--) {
      const at = below(bytes.length + 1)
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + below(3))]
      const piece = random() < 0.2 ? Buffer.of(below(256)) : Buffer.from(PIECES[below(14)] ?? '')
      bytes = Buffer.concat([head, ...Array<Buffer>(below(3)).fill(piece), tail])
    }
    return bytes
  }

  function check({ jsonrpc, id, error, ...rest }: Answer): void {
    expect(jsonrpc).toBe('2.0')
    expect(typeof id === 'object' ? id : ['string', 'number'].includes(typeof id)).not.toBe(false)
    expect(Object.keys(rest)).toEqual(error === undefined ? ['result'] : [])
    if (error === undefined) return
    expect(Number.isInteger(error.code)).toBe(true)
    expect(typeof error.message).toBe('string')
  }

  for (let round = 0; round < 1_500; round++) {
    const sent = mutated()
    const told = await askClient(test, client, sent)
    const overSocket = told.text
    const http = await askHttp(sent)
    expect(overSocket).not.toContain('secret')
    if (overSocket === '') expect(http).toEqual({ via: 204, text: '' })
    else {
      const answer = JSON.parse(overSocket) as Answer | Answer[]
      const all = Array.isArray(answer) ? answer : [answer]
      expect(all.length).toBeLessThanOrEqual(MAX_BATCH)
      all.forEach(check)
      const isSingleError = !Array.isArray(answer) && answer.error !== undefined
      expect(told.via).toBe(isSingleError ? RPC_ERROR_ID : RPC_ID)
      // The two differ in what a session alone reaches.
      if (!overSocket.includes('"text"')) expect(http.text.length > 0).toBe(true)
      if (!sent.includes('free')) expect(http).toEqual({ via: 200, text: overSocket })
    }
    expect(client.closed).toBeNull()
  }
})
