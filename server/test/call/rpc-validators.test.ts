import { int, list, map, schema, str } from '@ringside/protocol'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import type { RpcParams, StandardResult, StandardSchema } from '../../src/index.ts'
import { askClient, call, sendText, startServer, taken } from './rpc-rig.ts'
import type { GameOfTest } from './rpc-rig.ts'

/** A validator as libraries make them: takes numbers, gives their sum. */
function standard(
  validate: (value: unknown) => StandardResult<number> | Promise<StandardResult<number>>,
): StandardSchema<number[], number> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const summing = standard((value) => {
  if (!Array.isArray(value)) return { issues: [{ message: 'Expected numbers' }] }
  const wrong = value.findIndex((item) => typeof item !== 'number')
  if (wrong >= 0)
    return { issues: [{ message: 'Expected a number', path: ['items', { key: wrong }] }] }
  return { value: (value as number[]).reduce((total, item) => total + item, 0) }
})

async function answerOf(
  setUp: (server: GameOfTest) => void,
  params: unknown,
): Promise<{ result?: unknown; error?: { code: number; data?: unknown } }> {
  const test = await startServer(setUp)
  onTestFinished(() => test[Symbol.asyncDispose]())
  const told = await askClient(test, await test.dial(), call(1, 'it', params))
  return JSON.parse(told.text) as { result?: unknown }
}

describe('validated params', () => {
  const Move = schema({ steps: list(2, int()), name: str(1), at: map(3, schema({ x: int(1) })) })

  it.each([
    ['by name', { name: 'a', steps: ['1', 2] }, { name: 'a', steps: [1, 2], at: {} }],
    ['by position, in the order of numbers', ['a', [1]], { name: 'a', steps: [1], at: {} }],
    ['none', undefined, { name: '', steps: [], at: {} }],
  ])('JR7: a schema takes params %s', async (_what, params, expected) => {
    const { result } = await answerOf(
      (server) =>
        server.rpc('it', Move, (params) => {
          expectTypeOf(params.steps).toEqualTypeOf<number[]>()
          return params
        }),
      params,
    )
    expect(result).toEqual(expected)
  })

  it('JR7: what does not fit a schema is -32602', async () => {
    const { error } = await answerOf((server) => server.rpc('it', Move, () => {}), {
      at: { a: { x: 'b' } },
    })
    expect(error).toEqual({
      code: -32_602,
      message: 'Invalid params',
      data: { code: 'invalid_payload', message: 'at.a.x: Expected a number' },
    })
  })

  it('JR7: a key `__proto__` is no key of a map either', async () => {
    const hostile: unknown = JSON.parse('{"at":{"__proto__":{"x":1}}}')
    const { error } = await answerOf((server) => server.rpc('it', Move, () => {}), hostile)
    expect(error).toMatchObject({ code: -32_602 })
  })

  it('JR7: a validator of Standard Schema decides what the handler gets', async () => {
    const setUp = (server: GameOfTest): void =>
      server.rpc('it', summing, (total) => {
        expectTypeOf(total).toEqualTypeOf<number>()
        return total
      })
    expect((await answerOf(setUp, [1, 2])).result).toBe(3)
    expect((await answerOf(setUp, [1, 'a'])).error?.data).toEqual({
      code: 'invalid_payload',
      message: 'items.1: Expected a number',
    })
    expect((await answerOf(setUp, undefined)).error?.data).toMatchObject({
      message: 'Expected numbers',
    })
  })

  it('JR7: it may be async, or a function, and is told nothing of `__proto__`', async () => {
    const validator = Object.assign(
      () => {},
      standard(async (value) => {
        await Promise.resolve()
        return Array.isArray(value) ? { value: value.length } : { issues: [] }
      }),
    )
    const setUp = (server: GameOfTest): void =>
      server.rpc('it', validator as StandardSchema<unknown, number>, (count) => count)
    expect((await answerOf(setUp, [1, 2])).result).toBe(2)
    expect((await answerOf(setUp, {})).error).toMatchObject({
      code: -32_602,
      data: { message: 'Expected other params' },
    })
    const hostile: unknown = JSON.parse('[{"a":[{"__proto__":{"admin":true}}]}]')
    expect((await answerOf(setUp, hostile)).error).toMatchObject({ code: -32_602 })
  })

  it.each([
    ['throws', standard(() => JSON.parse('{') as never)],
    ['rejects', standard(() => Promise.reject(new Error('secret detail')))],
  ])('JR10: a validator that %s is a bug, not an answer', async (_what, validator) => {
    const { error } = await answerOf((server) => server.rpc('it', validator, () => {}), [])
    expect(error).toEqual({ code: -32_603, message: 'Internal error' })
  })

  it('JR7: without a validator the handler gets params as they were sent', async () => {
    const seen: RpcParams[] = []
    const setUp = (server: GameOfTest): void => server.rpc('it', (params) => void seen.push(params))
    const all: RpcParams[] = [[1, { a: null }], { proto: 'constructor' }, [], {}, undefined]
    for (const params of all) await answerOf(setUp, params)
    expect(seen).toEqual(all)
  })

  it.each([
    '{"constructor":{"prototype":{"admin":true}}}',
    '[[{"prototype":1}]]',
    '{"a":[{"__proto__":{}}]}',
  ])(
    'JR7: params with the member %s reach no method, with a validator or without',
    async (text) => {
      const hostile: unknown = JSON.parse(text)
      let hasRun = false
      const run = (): void => {
        hasRun = true
      }
      const all = [
        await answerOf((server) => server.rpc('it', run), hostile),
        await answerOf((server) => server.rpc('it', summing, run), hostile),
        await answerOf((server) => server.rpc('it', Move, run), hostile),
      ]
      for (const { error } of all) expect(error).toMatchObject({ code: -32_602 })
      expect(hasRun).toBe(false)
    },
  )

  it('JR8: a method costs what it was registered with, with a validator and without', async () => {
    const validator = Object.assign(() => {}, summing) as StandardSchema<number[], number>
    const setUp = (server: GameOfTest): void => {
      server.rpc('gratis', () => 1, { cost: 0 })
      server.rpc('plain', () => 1, { cost: 3 })
      server.rpc('schema', Move, () => 1, { cost: 3 })
      server.rpc('standard', validator, () => 1, { cost: 3 })
      for (const cost of [-1, Number.NaN, '2' as never])
        expect(() => server.rpc('bad', () => 1, { cost })).toThrow('Expected a cost')
    }
    for (const [method, count] of [
      ['gratis', 8],
      ['plain', 2],
      ['schema', 2],
      ['standard', 2],
    ] as const) {
      const test = await startServer(setUp, { rateBurst: 8, ratePerSecond: 0.01 })
      onTestFinished(() => test[Symbol.asyncDispose]())
      const client = await test.dial()
      for (let id = 0; id < 8; id++) sendText(client, call(id, method, []))
      await test.clock.advanceAsync(0)
      const told = taken(client).filter(({ text }) => text.includes('"result"'))
      expect([method, told.length]).toEqual([method, count])
    }
  })

  it('JR9: no handler runs for a client that left while its params were checked', async () => {
    let release: (result: StandardResult<number>) => void = () => {}
    let hasRun = false
    const slow = standard(() => new Promise((resolve) => (release = resolve)))
    const test = await startServer((server) =>
      server.rpc('it', slow, () => {
        hasRun = true
      }),
    )
    onTestFinished(() => test[Symbol.asyncDispose]())
    const client = await test.dial()
    sendText(client, call(1, 'it'))
    await test.clock.advanceAsync(0)
    client.socket.close(1000, '')
    await test.clock.advanceAsync(0)
    release({ value: 1 })
    await test.clock.advanceAsync(10)
    expect(hasRun).toBe(false)
    expect(taken(client)).toEqual([])
  })
})
