import { RPC_ERROR_ID, RPC_ID } from '@ringside/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { overHttp, overSocket, startServer } from './rpc-rig.ts'
import type { Ask, GameOfTest } from './rpc-rig.ts'

/** The methods that the examples of the specification call; what its notifications brought. */
function register(server: GameOfTest, noted: unknown[]): void {
  server.rpc('subtract', (params) => {
    const [minuend, subtrahend] = Array.isArray(params)
      ? params
      : [params?.['minuend'], params?.['subtrahend']]
    return Number(minuend) - Number(subtrahend)
  })
  server.rpc('sum', (params) => (params as number[]).reduce((total, value) => total + value, 0))
  server.rpc('get_data', () => ['hello', 5])
  for (const name of ['update', 'notify_sum', 'notify_hello'])
    server.rpc(name, (params) => noted.push([name, params]))
}

const PARSE_ERROR =
  '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'
const INVALID =
  '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'

/** Section 7 of https://www.jsonrpc.org/specification; null = nothing is returned. */
const EXAMPLES: readonly (readonly [what: string, sent: string, answer: string | null])[] = [
  [
    'rpc call with positional parameters',
    '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    '{"jsonrpc": "2.0", "result": 19, "id": 1}',
  ],
  [
    'rpc call with positional parameters, the other way round',
    '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    '{"jsonrpc": "2.0", "result": -19, "id": 2}',
  ],
  [
    'rpc call with named parameters',
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    '{"jsonrpc": "2.0", "result": 19, "id": 3}',
  ],
  [
    'rpc call with named parameters in another order',
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    '{"jsonrpc": "2.0", "result": 19, "id": 4}',
  ],
  ['a Notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', null],
  ['a Notification of no method', '{"jsonrpc": "2.0", "method": "foobar"}', null],
  [
    'rpc call of non-existent method',
    '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}',
  ],
  [
    'rpc call with invalid JSON',
    '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    PARSE_ERROR,
  ],
  [
    'rpc call with invalid Request object',
    '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    INVALID,
  ],
  [
    'rpc call Batch, invalid JSON',
    `[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]`,
    PARSE_ERROR,
  ],
  ['rpc call with an empty Array', '[]', INVALID],
  ['rpc call with an invalid Batch (but not empty)', '[1]', `[${INVALID}]`],
  ['rpc call with invalid Batch', '[1,2,3]', `[${INVALID},${INVALID},${INVALID}]`],
  [
    'rpc call Batch',
    `[
    {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
    {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
    {"foo": "boo"},
    {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
    {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
]`,
    `[
    {"jsonrpc": "2.0", "result": 7, "id": "1"},
    {"jsonrpc": "2.0", "result": 19, "id": "2"},
    ${INVALID},
    {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
    {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
]`,
  ],
  [
    'rpc call Batch (all notifications)',
    `[
    {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
]`,
    null,
  ],
]

const parse = (text: string): unknown => JSON.parse(text)

const request = (members: string): string => `{"jsonrpc":"2.0","method":"sum",${members}}`
const SUM = '"params":[1,2]'

/** Bad input beyond the examples, with the code, and the id as it is written in the answer. */
const BAD_INPUT: (readonly [what: string, sent: string | Uint8Array, code: number, id: string])[] =
  [
    ['nothing', '', -32_700, 'null'],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), -32_700, 'null'],
    ['a byte order mark', `\ufeff${request(`${SUM},"id":1`)}`, -32_700, 'null'],
    ['a NUL at the end', `${request(`${SUM},"id":1`)}\0`, -32_700, 'null'],
    ['garbage at the end', `${request(`${SUM},"id":1`)}]`, -32_700, 'null'],
    ['two requests without a list', request(`"id":1`) + request(`"id":2`), -32_700, 'null'],
    ['a text that is 100,000 deep', '['.repeat(50_000) + '{"a":'.repeat(50_000), -32_700, 'null'],
    [
      'params that are 65 deep',
      request(`"id":1,"params":${'['.repeat(70)}${']'.repeat(70)}`),
      -32_700,
      'null',
    ],
    ['NaN', request('"id":NaN'), -32_700, 'null'],
    ['a number', '7', -32_600, 'null'],
    ['a string', '"sum"', -32_600, 'null'],
    ['null', 'null', -32_600, 'null'],
    ['a batch of 101', `[${Array(101).fill('1').join()}]`, -32_600, 'null'],
    ['a batch of 100,000', `[${Array(100_000).fill('1').join()}]`, -32_600, 'null'],
    ['an id of an object', request(`${SUM},"id":{"a":1}`), -32_600, 'null'],
    ['an id of a list', request(`${SUM},"id":[1]`), -32_600, 'null'],
    ['an id of true', request(`${SUM},"id":true`), -32_600, 'null'],
    ['no version', '{"method":"sum","id":1.50}', -32_600, '1.50'],
    ['version 1.0', '{"jsonrpc":"1.0","method":"sum","id":null}', -32_600, 'null'],
    [
      'version 2',
      '{"jsonrpc":2.0,"method":"sum","id":12345678901234567}',
      -32_600,
      '12345678901234567',
    ],
    ['a method of null', '{"jsonrpc":"2.0","method":null,"id":"a"}', -32_600, '"a"'],
    ['params of text', request('"params":"1,2","id":1e2'), -32_600, '1e2'],
    ['params of a number', request('"params":3,"id":-0'), -32_600, '-0'],
    ['params of null', request('"params":null,"id":1'), -32_600, '1'],
    ['a response', '{"jsonrpc":"2.0","result":1,"id":1}', -32_600, '1'],
    ['a second id that is none', request(`${SUM},"id":1,"id":{}`), -32_600, 'null'],
    ['a reserved method', '{"jsonrpc":"2.0","method":"rpc.discover","id":1}', -32_601, '1'],
    ['a method of every object', '{"jsonrpc":"2.0","method":"constructor","id":1}', -32_601, '1'],
    ['a raw command', '{"jsonrpc":"2.0","method":"0x0001","id":1}', -32_601, '1'],
    ['a method without a name', '{"jsonrpc":"2.0","method":"","id":1}', -32_601, '1'],
    ['params with __proto__', request('"params":[{"__proto__":{}}],"id":1'), -32_602, '1'],
    [
      'a handler that throws',
      String.raw`{"jsonrpc":"2.0","method":"sum","id":"\ud800\u0041"}`,
      -32_603,
      String.raw`"\ud800\u0041"`,
    ],
  ]

const TRANSPORTS: readonly (readonly [
  name: string,
  open: (test: Awaited<ReturnType<typeof startServer>>) => Promise<Ask> | Ask,
  via: { readonly answer: number; readonly error: number; readonly nothing: number },
])[] = [
  ['the socket', overSocket, { answer: RPC_ID, error: RPC_ERROR_ID, nothing: 0 }],
  ['HTTP', (test) => overHttp(test), { answer: 200, error: 200, nothing: 204 }],
]

describe.each(TRANSPORTS)('JSON-RPC over %s', (_name, open, via) => {
  async function start(noted: unknown[] = []): Promise<Ask> {
    const test = await startServer(
      (server) => {
        server.command(0x0001, () => {})
        register(server, noted)
      },
      {
        maxBodyBytes: 1024 * 1024,
        maxPayloadBytes: 1024 * 1024,
        maxRpcBytes: 1024 * 1024,
        // A long text must be paid for.
        rateBurst: 10_000,
        rpcPerSecondPerIp: 10_000,
      },
    )
    onTestFinished(() => test[Symbol.asyncDispose]())
    return open(test)
  }

  it.each(EXAMPLES)('JR2 JR3: the specification, %s', async (_what, sent, answer) => {
    const ask = await start()
    const told = await ask(sent)
    if (answer === null) return expect(told).toEqual({ via: via.nothing, text: '' })
    const json = parse(answer)
    expect(parse(told.text)).toEqual(json)
    const isError = !Array.isArray(json) && 'error' in (json as object)
    expect(told.via).toBe(isError ? via.error : via.answer)
  })

  it('JR3: notifications are run, whatever they are sent with', async () => {
    const noted: unknown[] = []
    const ask = await start(noted)
    for (const [, sent] of EXAMPLES) await ask(sent)
    expect(noted).toEqual([
      ['update', [1, 2, 3, 4, 5]],
      ['notify_hello', [7]],
      ['notify_sum', [1, 2, 4]],
      ['notify_hello', [7]],
    ])
  })

  it.each(BAD_INPUT)('JR2 JR4 JR5: %s is refused', async (_what, sent, code, id) => {
    const ask = await start()
    const told = await ask(sent)
    expect(told.via).toBe(via.error)
    expect(parse(told.text)).toMatchObject({ jsonrpc: '2.0', error: { code } })
    expect(told.text.endsWith(`,"id":${id}}`), told.text).toBe(true)
    // And it goes on as if nothing had been.
    const next = await ask(request(`${SUM},"id":7`))
    expect(next).toEqual({ via: via.answer, text: '{"jsonrpc":"2.0","result":3,"id":7}' })
  })

  it.each(['1', '1.0', '1e2', '-0', '12345678901234567', '9'.repeat(400), 'null', '""'])(
    'JR4: the id %.30s comes back as it was sent',
    async (id) => {
      const ask = await start()
      const text = `{"jsonrpc":"2.0","result":3,"id":${id}}`
      expect(await ask(request(`${SUM}, "id" : ${id} `))).toEqual({ via: via.answer, text })
      expect((await ask(`[${request(`${SUM},"id":${id}`)}]`)).text).toBe(`[${text}]`)
    },
  )
})
