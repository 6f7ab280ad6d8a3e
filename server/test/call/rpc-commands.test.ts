import { RPC_ERROR_ID, RPC_ID, encodeFrame } from '@ringside/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { reject } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import type { TestOptions } from '../support/test-server.ts'
import { askClient, call, note, sendText, startServer, taken } from './rpc-rig.ts'
import type { GameOfTest } from './rpc-rig.ts'

async function start(
  setUp: (server: GameOfTest) => void = () => {},
  options: TestOptions = {},
  handlers: Partial<ArenaHandlers> = {},
) {
  const test = await startServer(
    (server) => {
      server.command(testGame.commands.free, (_session, { text }) => ({ text: text.toUpperCase() }))
      setUp(server)
    },
    options,
    handlers,
  )
  onTestFinished(() => test[Symbol.asyncDispose]())
  return test
}

const error = (code: number, message: string, data?: unknown) => ({
  jsonrpc: '2.0',
  error: data === undefined ? { code, message } : { code, message, data },
  id: 1,
})
const result = (value: unknown) => ({ jsonrpc: '2.0', result: value, id: 1 })

describe('commands by their name', () => {
  it.each([
    ['by name', { text: 'abc' }, { text: 'ABC' }],
    ['by position', ['abc'], { text: 'ABC' }],
    ['none, which are defaults', undefined, { text: '' }],
    ['an empty list', [], { text: '' }],
    ['null for a field', [null], { text: '' }],
  ])('JR6: params are %s', async (_what, params, expected) => {
    const test = await start()
    const told = await askClient(test, await test.dial(), call(1, 'free', params))
    expect(JSON.parse(told.text)).toEqual(result(expected))
  })

  it.each([
    ['a wrong type', { text: 1 }, 'text: Expected a string'],
    ['an unknown field', { txt: 'a' }, 'txt: Expected no field of this name'],
    ['text that is too long', ['x'.repeat(11)], 'text: Expected at most 10 characters'],
    ['too many positions', ['a', 'b'], 'Expected at most 1 params'],
  ])('JR6: %s is -32602 and says where', async (_what, params, message) => {
    const test = await start()
    const told = await askClient(test, await test.dial(), call(1, 'free', params))
    const data = { code: 'invalid_payload', message }
    expect(JSON.parse(told.text)).toEqual(error(-32_602, 'Invalid params', data))
  })

  it('JR6: the handler of the room of the caller runs, and its change is in the state', async () => {
    const test = await start()
    const player = await test.join('Ada')
    const told = await askClient(test, player, call(1, 'hit', { target: 'b' }))
    expect(told).toMatchObject({ via: RPC_ID })
    expect(JSON.parse(told.text)).toEqual(result({ score: 1 }))
    // A command without a reply has null; the server's own commands are there too.
    expect(JSON.parse((await askClient(test, player, call(1, 'mine', [5]))).text)).toEqual(
      result(null),
    )
    expect(JSON.parse((await askClient(test, player, call(1, 'free', ['a']))).text)).toEqual(
      result({ text: 'A' }),
    )
    expect(
      JSON.parse((await askClient(test, player, call(1, 'later', { value: '4' }))).text),
    ).toEqual(result({ value: 5 }))
  })

  it('JR5: refusals, bugs and missing rooms have their codes; no text of a bug is told', async () => {
    const test = await start()
    const player = await test.join('Ada')
    const ask = async (method: string, params?: unknown) =>
      JSON.parse((await askClient(test, player, call(1, method, params))).text) as unknown
    expect(await ask('refuse')).toEqual(
      error(-32_000, 'Too far away', { code: 'too_far', retry: false }),
    )
    expect(await ask('fail')).toEqual(error(-32_603, 'Internal error'))
    const outside = await askClient(test, await test.dial(), call(1, 'hit', { target: '' }))
    expect(outside.via).toBe(RPC_ERROR_ID)
    expect(JSON.parse(outside.text)).toEqual(
      error(-32_000, 'This command needs a room; join one first', {
        code: 'not_in_room',
        retry: false,
      }),
    )
    expect(test.logged.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('JR6: a handler whose answer is not of the contract is a bug', async () => {
    const test = await start(() => {}, {}, { commands: { hit: () => ({ score: 1.5 }) } })
    const told = await askClient(test, await test.join('Ada'), call(1, 'hit', ['b']))
    expect(JSON.parse(told.text)).toEqual(error(-32_603, 'Internal error'))
  })
})

describe('texts over the socket', () => {
  it('JR3: a batch is answered in the order of its requests, once the last is done', async () => {
    let release: (value: string) => void = () => {}
    const test = await start((server) => {
      server.rpc('slow', () => new Promise((resolve) => (release = resolve)))
      server.rpc('fast', () => 'fast')
    })
    const client = await test.dial()
    sendText(client, `[${call(1, 'slow')},${note('fast')},${call(2, 'fast')},${call(3, 'none')}]`)
    sendText(client, call(4, 'fast'))
    await test.clock.advanceAsync(10)
    // A call that waits delays its own answer only.
    expect(taken(client).map(({ text }) => text)).toEqual([
      '{"jsonrpc":"2.0","result":"fast","id":4}',
    ])
    release('slow')
    await test.clock.advanceAsync(0)
    const [told] = taken(client)
    expect(told?.via).toBe(RPC_ID)
    expect(JSON.parse(told?.text ?? '')).toMatchObject([
      { id: 1, result: 'slow' },
      { id: 2, result: 'fast' },
      { id: 3, error: { code: -32_601 } },
    ])
  })

  it('JR9: a handler that never settles is answered -32001, and what it brings later is dropped', async () => {
    const releases: ((value: unknown) => void)[] = []
    const test = await start(
      (server) => server.rpc('never', () => new Promise((resolve) => releases.push(resolve))),
      { handlerTimeoutMs: 500 },
    )
    const client = await test.dial()
    sendText(client, call(1, 'never'))
    sendText(client, `[${call(1, 'never')}]`)
    sendText(client, note('never'))
    await test.clock.advanceAsync(499)
    expect(taken(client)).toEqual([])
    await test.clock.advanceAsync(1)
    const timeout = error(-32_001, 'The handler did not answer in time', {
      code: 'timeout',
      retry: true,
    })
    const told = taken(client)
    expect(told.map(({ via }) => via)).toEqual([RPC_ERROR_ID, RPC_ID])
    expect(told.map(({ text }) => JSON.parse(text) as unknown)).toEqual([timeout, [timeout]])
    for (const release of releases) release('late')
    await test.clock.advanceAsync(1_000)
    expect(taken(client)).toEqual([])
  })

  it('JR9: the signal of a call aborts when the client goes, and no member of its text runs after that', async () => {
    const seen: string[] = []
    const test = await start((server) => {
      server.rpc('wait', (_params, { signal }) => {
        signal.addEventListener('abort', () => seen.push('aborted'))
        return new Promise(() => {})
      })
      server.rpc('close', (_params, { caller }) => {
        if (caller.kind === 'session') caller.session.close()
      })
      server.rpc('after', () => seen.push('after'))
    })
    const client = await test.dial()
    sendText(client, `[${call(1, 'wait')},${call(2, 'close')},${note('after')}]`)
    await test.clock.advanceAsync(1)
    expect(seen).toEqual(['aborted'])
    expect(client.closed).toMatchObject({ code: 1000 })
    expect(taken(client)).toEqual([])
  })

  it('JR8: a text costs 1 before it is parsed, then the cost of each member', async () => {
    const test = await start((server) => server.rpc('one', () => 1), {
      rateBurst: 10,
      ratePerSecond: 1,
    })
    const client = await test.dial()
    const batch = [...Array(8).keys()].map((id) => call(id, 'one')).join()
    expect(JSON.parse((await askClient(test, client, `[${batch}]`)).text)).toHaveLength(8)
    // One token is left: for the text, not for what it holds.
    const unread = error(-32_029, 'Too many messages; slow down', {
      code: 'rate_limited',
      retry: true,
    })
    const told = await askClient(test, client, call(1, 'one'))
    expect(told.via).toBe(RPC_ERROR_ID)
    expect(JSON.parse(told.text)).toEqual(unread)
    // Half a token is not even enough for the text: it is not parsed, so its id is not known.
    await test.clock.advanceAsync(500)
    const unparsed = await askClient(test, client, call(1, 'one'))
    expect(JSON.parse(unparsed.text)).toEqual({ ...unread, id: null })
  })

  it('JR8: a text that cannot be afforded is answered without an id, at most once a second', async () => {
    const test = await start(() => {}, { rateBurst: 1, ratePerSecond: 0.01 })
    const client = await test.dial()
    sendText(client, note('free'))
    for (let count = 0; count < 5; count++) sendText(client, call(count, 'free'))
    await test.clock.advanceAsync(0)
    const told = taken(client)
    expect(told.map(({ via }) => via)).toEqual([RPC_ERROR_ID])
    expect(JSON.parse(told[0]?.text ?? '')).toMatchObject({ error: { code: -32_029 }, id: null })
  })

  it('JR8: a member of a batch that cannot be afforded is answered; a notification is dropped', async () => {
    const ran: unknown[] = []
    const test = await start((server) => server.rpc('one', (params) => ran.push(params)), {
      rateBurst: 3,
      ratePerSecond: 0.01,
    })
    const client = await test.dial()
    const members = [call(1, 'one', [1]), note('one', [2]), call(3, 'one', [3]), note('one', [4])]
    const told = await askClient(test, client, `[${members.join()},5,${call(6, 'none')}]`)
    expect(ran).toEqual([[1], [2]])
    expect(JSON.parse(told.text)).toMatchObject([
      { result: 1, id: 1 },
      { error: { code: -32_029 }, id: 3 },
      { error: { code: -32_029 }, id: null },
      { error: { code: -32_029 }, id: 6 },
    ])
    expect(client.closed).toBeNull()
  })

  it('JR8: a command costs what the contract says, by name too', async () => {
    const test = await start(() => {}, { rateBurst: 2, ratePerSecond: 0.01 })
    const client = await test.dial()
    expect((await askClient(test, client, call(1, 'free', ['a']))).via).toBe(RPC_ID)
    expect(await askClient(test, client, call(1, 'free', ['a']))).toMatchObject({
      via: RPC_ERROR_ID,
    })
  })

  it('JR8: a text of invalid members is one strike, and answered before the client is closed', async () => {
    const test = await start(() => {}, { maxStrikes: 3 })
    const client = await test.dial()
    const many = `[${Array(90).fill('1').join()}]`
    expect(JSON.parse((await askClient(test, client, many)).text)).toHaveLength(90)
    expect(client.closed).toBeNull()
    expect((await askClient(test, client, 'x')).via).toBe(RPC_ERROR_ID)
    const last = await askClient(test, client, call(1, 'no such method'))
    expect(last.via).toBe(RPC_ERROR_ID)
    expect(client.closed).toEqual({ code: 1008, reason: 'Too many invalid messages' })
  })

  it('JR8: whoever floods with texts is closed', async () => {
    const test = await start(() => {}, { rateBurst: 1, ratePerSecond: 0.01, maxDrops: 5 })
    const client = await test.dial()
    for (let count = 0; count < 10; count++) sendText(client, call(count, 'free'))
    await test.clock.advanceAsync(0)
    expect(client.closed).toEqual({ code: 1008, reason: 'Rate limit exceeded' })
  })

  it('JR14: a frame with the id of error responses is none that a client may send', async () => {
    const test = await start()
    const client = await test.dial()
    client.sendBytes(encodeFrame(RPC_ERROR_ID, Buffer.from(call(1, 'free'))))
    await test.clock.advanceAsync(0)
    expect(taken(client)).toEqual([])
    expect(client.all('error')).toMatchObject([{ command: RPC_ERROR_ID, code: 'unknown_command' }])
  })

  it('JR6: at most maxPendingCalls calls of a client wait', async () => {
    const test = await start((server) => server.rpc('wait', () => new Promise(() => {})), {
      maxPendingCalls: 2,
    })
    const client = await test.dial()
    for (let count = 0; count < 3; count++) sendText(client, call(count, 'wait'))
    await test.clock.advanceAsync(0)
    const told = taken(client)
    expect(told.map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([
      { id: 2, error: { code: -32_029 } },
    ])
  })
})

describe('methods', () => {
  it.each([
    ['undefined', undefined, 'null'],
    ['null', null, 'null'],
    ['false', false, 'false'],
    ['an object', { a: [1, 'é'] }, '{"a":[1,"é"]}'],
    ['a promise of nothing', Promise.resolve(), 'null'],
  ])('JR7: a handler that returns %s', async (_what, value, json) => {
    const test = await start((server) => server.rpc('it', () => value))
    const told = await askClient(test, await test.dial(), call(1, 'it'))
    expect(told.text).toBe(`{"jsonrpc":"2.0","result":${json},"id":1}`)
  })

  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  it.each([
    ['throws', () => Promise.reject(new Error('secret detail'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    [
      'throws text',
      () => {
        throw 'secret detail'
      },
    ],
    ['returns a cycle', () => cycle],
    ['returns a BigInt', () => 1n],
    ['returns a function', () => () => {}],
    [
      'has a toJSON that throws',
      () => ({
        toJSON() {
          throw new Error('secret detail')
        },
      }),
    ],
  ])(
    'JR10: a handler that %s is answered -32603 without its text, and logged once',
    async (_what, run) => {
      const test = await start((server) => server.rpc('it', run))
      const client = await test.dial()
      const told = await askClient(test, client, call(1, 'it'))
      expect(JSON.parse(told.text)).toEqual(error(-32_603, 'Internal error'))
      const failures = test.logged.filter(({ level }) => level === 'error')
      expect(failures).toMatchObject([
        { message: 'Command handler failed', fields: { method: 'it' } },
      ])
      expect(client.closed).toBeNull()
    },
  )

  it('JR7 JR10: a refusal reaches the caller with its code and text', async () => {
    const test = await start((server) =>
      server.rpc('it', async () => {
        await Promise.resolve()
        throw reject('too_late', 'Come earlier')
      }),
    )
    const told = await askClient(test, await test.dial(), call(1, 'it'))
    expect(JSON.parse(told.text)).toEqual(
      error(-32_000, 'Come earlier', { code: 'too_late', retry: false }),
    )
  })

  it('JR7: the caller is the session, with the room it sits in', async () => {
    const test = await start((server) =>
      server.rpc('who', (_params, { caller, signal }) =>
        caller.kind === 'session' ? [caller.session.roomId, signal.aborted] : null,
      ),
    )
    const player = await test.join('Ada')
    const told = await askClient(test, player, call(1, 'who'))
    expect(JSON.parse(told.text)).toEqual(result([player.seat.roomId, false]))
  })

  it.each([
    ['rpc.', 'reserved_id'],
    ['rpc.list', 'reserved_id'],
    ['hit', 'registered_twice'],
    ['twice', 'registered_twice'],
    ['', 'option_invalid'],
  ])('JR7: no method may be named %j', async (name, code) => {
    await start((server) => {
      server.rpc('twice', () => {})
      expect(() => server.rpc(name, () => {})).toThrow(expect.objectContaining({ code }) as Error)
    })
  })

  it('JR7: late registration, no handler and no validator throw', async () => {
    const test = await start((server) => {
      const wrong = expect.objectContaining({ code: 'option_invalid' }) as Error
      expect(() => server.rpc('a', 5 as never)).toThrow(wrong)
      expect(() => server.rpc('a', {} as never, () => {})).toThrow(wrong)
      expect(() => server.rpc('a', 5 as never, () => {})).toThrow(wrong)
      expect(() => server.rpc('a', null as never, () => {})).toThrow(wrong)
    })
    expect(() => test.server.rpc('a', () => {})).toThrow(
      expect.objectContaining({ code: 'already_listening' }) as Error,
    )
  })
})
