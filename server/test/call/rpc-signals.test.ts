import { describe, expect, it, onTestFinished } from 'vitest'
import type { TestOptions } from '../support/test-server.ts'
import { askClient, call, note, post, sendText, startServer, taken } from './rpc-rig.ts'
import type { GameOfTest } from './rpc-rig.ts'

async function start(setUp: (server: GameOfTest) => void, options: TestOptions = {}) {
  const test = await startServer(setUp, options)
  onTestFinished(() => test[Symbol.asyncDispose]())
  return test
}

/** Errors that got out of everything, as the process sees them. */
function escaped(): unknown[] {
  const errors: unknown[] = []
  const keep = (error: unknown): void => void errors.push(error)
  process.on('uncaughtException', keep)
  onTestFinished(() => void process.off('uncaughtException', keep))
  return errors
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the signal of a call', () => {
  it('JR9: a call over a socket that timed out is told so, and no other call of the session', async () => {
    const seen: string[] = []
    const test = await start(
      (server) =>
        server.rpc('wait', async (params, { signal }) => {
          const [name, ms] = params as [string, number]
          signal.addEventListener('abort', () => seen.push(name))
          await new Promise((resolve) => test.clock.after(ms, () => resolve(null)))
          return name
        }),
      { handlerTimeoutMs: 500 },
    )
    const client = await test.dial()
    sendText(client, call(1, 'wait', ['slow', 10_000]))
    await test.clock.advanceAsync(300)
    sendText(client, call(2, 'wait', ['later', 10_000]))
    sendText(client, call(3, 'wait', ['quick', 10]))
    await test.clock.advanceAsync(200)
    expect(seen).toEqual(['slow'])
    expect(taken(client).map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([
      { id: 3, result: 'quick' },
      { id: 1, error: { code: -32_001 } },
    ])
    client.link.cut()
    await test.clock.advanceAsync(1)
    expect(seen).toEqual(['slow', 'later'])
  })

  it('JR9: each call of a batch has its own, also when it asks too late', async () => {
    const signals: AbortSignal[] = []
    const late: boolean[] = []
    const test = await start(
      (server) =>
        server.rpc('wait', async (_params, context) => {
          if (signals.length < 2) signals.push(context.signal)
          else await new Promise((resolve) => test.clock.after(1_000, () => resolve(null)))
          if (signals.length === 2) late.push(context.signal.aborted)
          await new Promise(() => {})
        }),
      { handlerTimeoutMs: 500 },
    )
    const client = await test.dial()
    sendText(client, `[${call(1, 'wait')},${call(2, 'wait')}]`)
    await test.clock.advanceAsync(10)
    expect(signals[0]).not.toBe(signals[1])
    late.length = 0
    sendText(client, note('wait'))
    await test.clock.advanceAsync(1_100)
    expect(late).toEqual([true])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('JR9: a hundred calls that listen bring no warning of listeners', async () => {
    const warnings: unknown[] = []
    const keep = (warning: unknown): void => void warnings.push(warning)
    process.on('warning', keep)
    onTestFinished(() => void process.off('warning', keep))
    let aborted = 0
    const test = await start((server) =>
      server.rpc('wait', (_params, { caller, signal }) => {
        signal.addEventListener('abort', () => aborted++)
        if (caller.kind === 'session')
          caller.session.signal.addEventListener('abort', () => aborted++)
        return new Promise(() => {})
      }),
    )
    const client = await test.dial()
    sendText(client, `[${Array(90).fill(call(1, 'wait')).join()}]`)
    await test.clock.advanceAsync(1)
    client.link.cut()
    await test.clock.advanceAsync(1)
    await turn()
    expect([aborted, warnings]).toEqual([180, []])
  })

  it('CA4: a call that timed out counts as pending until its promise settles', async () => {
    const settle: (() => void)[] = []
    const test = await start(
      (server) => server.rpc('wait', () => new Promise<void>((resolve) => settle.push(resolve))),
      { handlerTimeoutMs: 500, maxPendingCalls: 2 },
    )
    const client = await test.dial()
    sendText(client, `[${call(1, 'wait')},${call(2, 'wait')}]`)
    await test.clock.advanceAsync(600)
    taken(client)
    const refused = await askClient(test, client, call(3, 'wait'))
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: -32_029 } })
    settle[0]?.()
    await test.clock.advanceAsync(1)
    expect(await askClient(test, client, call(4, 'wait'))).toEqual({ via: 0, text: '' })
    expect(settle).toHaveLength(3)
  })

  it('CA11: a listener that throws when its client hangs up is logged, over the socket and HTTP', async () => {
    const errors = escaped()
    const test = await start((server) =>
      server.rpc('it', (_params, { caller, signal }) => {
        const fail = (): void => {
          throw new Error('listener')
        }
        signal.addEventListener('abort', fail)
        if (caller.kind === 'session')
          caller.session.signal.addEventListener(
            'abort',
            () => Promise.reject(new Error('2')) as never,
          )
        return new Promise(() => {})
      }),
    )
    const client = await test.dial()
    sendText(client, call(1, 'it'))
    await test.clock.advanceAsync(1)
    client.link.cut()
    const exchange = post(test, call(1, 'it'), { remoteAddress: '198.51.100.7' })
    await test.clock.advanceAsync(5)
    exchange.abort()
    await test.clock.advanceAsync(1)
    await turn()
    expect(errors).toEqual([])
    // The second of the method's is of the same kind.
    expect(test.logged.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: 'Listener of a signal failed',
        fields: { method: 'it', sessionId: expect.any(String) as string },
      },
      {
        message: 'Listener of a signal failed',
        fields: { sessionId: expect.any(String) as string, err: new Error('2') },
      },
    ])
  })

  it('CA11: a listener of a seat that throws is told to onError, and the room goes on', async () => {
    const errors = escaped()
    const told: unknown[] = []
    const test = await startServer(
      () => {},
      {},
      {
        onJoin(_room, session) {
          session.signal.addEventListener('abort', () => {
            throw new Error('listener')
          })
        },
        onError: (_room, error, where) => void told.push([where, error]),
      },
    )
    onTestFinished(() => test[Symbol.asyncDispose]())
    const player = await test.join('Ada')
    player.sendSystem('leave', {})
    await test.clock.advanceAsync(10)
    await turn()
    expect(errors).toEqual([])
    expect(told).toEqual([['signal', new Error('listener')]])
    expect(test.server.rooms).toHaveLength(1)
  })

  it('CA12: a batch of a hundred bugs is one line, and a count when the server closes', async () => {
    const test = await start((server) =>
      server.rpc('boom', () => {
        throw new Error('secret')
      }),
    )
    const client = await test.dial()
    const told = await askClient(test, client, `[${Array(90).fill(call(1, 'boom')).join()}]`)
    expect(JSON.parse(told.text)).toHaveLength(90)
    const lines = () =>
      test.logged.filter(({ message }) => message.startsWith('Command handler failed'))
    expect(lines()).toHaveLength(1)
    await test.during(test.server.close())
    expect(lines().slice(1)).toMatchObject([{ fields: { place: 'boom', more: 89 } }])
  })
})
