import { describe, expect, it, onTestFinished } from 'vitest'
import type { TestOptions } from '../support/test-server.ts'
import { call, note, post, sendText, startServer, taken } from './rpc-rig.ts'

const KIB = 1_024

/** A server with results of so many bytes, and calls that wait until a test lets them go. */
async function start(options: TestOptions = {}) {
  const waiting: (() => void)[] = []
  const test = await startServer(
    (server) => {
      server.rpc('big', (params) => 'x'.repeat((params as [number])[0]))
      server.rpc('wait', () => new Promise<void>((resolve) => waiting.push(resolve)))
    },
    { maxQueuedBytes: 100 * KIB, ...options },
  )
  onTestFinished(() => test[Symbol.asyncDispose]())
  const letGo = async (): Promise<void> => {
    for (const resolve of waiting.splice(0)) resolve()
    await test.clock.advanceAsync(1)
  }
  return { test, letGo }
}

/** Per member its result's length, or its error's code. */
function sizes(text: string): number[] {
  const told = JSON.parse(text) as { result: string | null; error?: { code: number } }[]
  return told.map(({ result, error }) => error?.code ?? result?.length ?? 0)
}

const batch = (...texts: string[]): string => `[${texts.join()}]`

describe('the bytes of a batch that wait', () => {
  it('JR17: what goes beyond maxQueuedBytes is answered rate_limited; the rest is told', async () => {
    const { test, letGo } = await start()
    const client = await test.dial()
    const big = [1, 2, 3].map((id) => call(id, 'big', [40 * KIB]))
    sendText(client, batch(...big, call(4, 'big', [10]), call(5, 'wait')))
    await test.clock.advanceAsync(1)
    await letGo()
    const [told] = taken(client)
    expect(sizes(told?.text ?? '[]')).toEqual([40 * KIB, 40 * KIB, -32_029, 10, 0])
    expect(client.closed).toBeNull()
  })

  it('JR17: all batches of a session share the space, which is free again once they were told', async () => {
    const { test, letGo } = await start()
    const [client, other] = [await test.dial(), await test.dial()]
    const text = batch(call(1, 'big', [60 * KIB]), call(2, 'wait'))
    sendText(client, text)
    sendText(client, text)
    sendText(other, text)
    await test.clock.advanceAsync(1)
    await letGo()
    expect(taken(client).map(({ text }) => sizes(text))).toEqual([
      [60 * KIB, 0],
      [-32_029, 0],
    ])
    expect(taken(other).map(({ text }) => sizes(text))).toEqual([[60 * KIB, 0]])
    sendText(client, text)
    await test.clock.advanceAsync(1)
    await letGo()
    expect(taken(client).map(({ text }) => sizes(text))).toEqual([[60 * KIB, 0]])
  })

  it('JR17: a batch that waits for nothing is bounded too; a single answer and a notification are not', async () => {
    const { test } = await start()
    const client = await test.dial()
    const big = (id: number): string => call(id, 'big', [60 * KIB])
    sendText(client, batch(big(1), note('big', [60 * KIB]), big(2)))
    expect(taken(client)).toEqual([])
    await test.clock.advanceAsync(1)
    expect(taken(client).map(({ text }) => sizes(text))).toEqual([[60 * KIB, -32_029]])
    sendText(client, call(1, 'big', [90 * KIB]))
    await test.clock.advanceAsync(1)
    expect(taken(client)).toHaveLength(1)
  })

  it('JR17: over HTTP an address has the space, whatever its requests; who hangs up gives it back', async () => {
    const { test, letGo } = await start()
    const text = batch(call(1, 'big', [60 * KIB]), call(2, 'wait'))
    const from = async (remoteAddress: string) => {
      const exchange = post(test, text, { remoteAddress })
      await test.clock.advanceAsync(5)
      return exchange
    }
    const first = await from('10.0.0.1')
    const [second, other] = [await from('10.0.0.1'), await from('10.0.0.2')]
    first.abort()
    const third = await from('10.0.0.1')
    await letGo()
    expect([second, other, third].map((exchange) => sizes(exchange.text()))).toEqual([
      [-32_029, 0],
      [60 * KIB, 0],
      [60 * KIB, 0],
    ])
    const fourth = await from('10.0.0.1')
    await letGo()
    expect(sizes(fourth.text())).toEqual([60 * KIB, 0])
  })
})
