import { describe, expect, test } from 'vitest'
import { serverPrincipal } from '../../src/auth/principal.ts'
import {
  command,
  decodeMessage,
  decodeSystem,
  defineGame,
  encodeMessage,
  int,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { Caller, MethodEntry, PrincipalCaller, RpcHttpReply } from '../../src/call/call.ts'
import { Dispatcher } from '../../src/call/dispatcher.ts'
import { isCommand } from '../../src/call/call.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { reject } from '../../src/process/errors.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { createMetrics } from '../../src/process/metrics.ts'
import { checkLimits } from '../../src/process/limits.ts'
import type { Session } from '../../src/call/public-contract.ts'
import { CommandRegistry } from '../../src/call/command-table.ts'
import { TestServer } from '../support/test-server.ts'
import { createFixture, settle } from '../session/fixture.ts'

const game = defineGame({
  commands: { add: command(0x10, { a: int(1), b: int(2) }, { reply: { sum: int(1) } }) },
})
const { add } = game.commands
const sumOf = (bytes: Uint8Array) => add.reply && decodeMessage(add.reply, bytes).sum

/** Promises that a test settles by hand, in the order in which handlers made them. */
class Promises {
  readonly made: { resolve: (value: unknown) => void; reject: (error: unknown) => void }[] = []
  make(): Promise<never> {
    return new Promise<never>((resolve, rejectPromise) =>
      this.made.push({ resolve: resolve as never, reject: rejectPromise }),
    )
  }
}

/** An object with a `then` and nothing else of a promise. */
function thenable(then: (done: (bytes: Uint8Array) => void) => void): object {
  // oxlint-disable-next-line unicorn/no-thenable -- a game may return one
  return { then }
}

describe('one dispatch', () => {
  test('CA1 a plain command and a REQUEST run the same handler with the same value', async () => {
    const values: unknown[] = []
    const { dial } = await createFixture({
      commands: game.commands,
      register: (registry) =>
        registry.addTyped(add, (_, value: { a: number; b: number }) => {
          values.push(value)
          return value.a > 0 ? { sum: value.a + value.b } : Promise.reject(reject('too_small'))
        }),
    })
    const client = await dial()
    for (const a of [1, 0]) {
      const payload = encodeMessage(add.payload, { a, b: 2 })
      client.send(add.id, payload)
      client.request(9, add.id, payload)
    }
    await settle()
    expect(values).toEqual([
      { a: 1, b: 2 },
      { a: 1, b: 2 },
      { a: 0, b: 2 },
      { a: 0, b: 2 },
    ])
    const [plain, reply, ...errors] = client.frames
    expect(plain && [readCommandId(plain), sumOf(plain.subarray(4))]).toEqual([add.id, 3])
    expect(reply && sumOf(decodeSystem('reply', reply).payload)).toBe(3)
    expect(errors.map((frame) => decodeSystem('error', frame))).toMatchObject([
      { command: add.id, code: 'too_small' },
      { command: add.id, code: 'too_small', correlation: 9 },
    ])
  })

  test('CA1 REQUESTs whose answers come late, in another order, keep their own correlation and client', async () => {
    const promises = new Promises()
    const { dial } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => promises.make())
        registry.addRaw(2, () => undefined)
      },
    })
    const [ada, bob] = [await dial(), await dial()]
    ada.request(1, 1)
    bob.request(2, 1)
    ada.request(3, 2)
    await settle()
    promises.made[1]?.resolve(Buffer.from('bob'))
    promises.made[0]?.resolve(Buffer.from('ada'))
    await settle()
    const seen = (frames: Uint8Array[]) =>
      frames
        .map((frame) => decodeSystem('reply', frame))
        .map(({ correlation, payload }) => [correlation, Buffer.from(payload).toString()])
    expect(seen(ada.frames)).toEqual([
      [3, ''],
      [1, 'ada'],
    ])
    expect(seen(bob.frames)).toEqual([[2, 'bob']])
  })

  test('CA1 what only looks like a promise, even a broken one, is waited for or `internal`', async () => {
    const { dial } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => thenable((done) => done(Buffer.of(65))))
        registry.addRaw(2, () =>
          thenable(() => {
            throw new Error('broken')
          }),
        )
      },
    })
    const client = await dial()
    client.send(1)
    client.send(2)
    await settle()
    expect(client.frames).toHaveLength(2)
    const [answer] = client.frames
    expect(answer && Buffer.from(answer).toString('hex')).toBe('0000000141')
    expect(client.errors()).toMatchObject([{ command: 2, code: 'internal' }])
  })

  test('CA2 a handler that settles after its client has gone tells nobody; its bugs are logged', async () => {
    const promises = new Promises()
    const { dial, logs, metrics } = await createFixture({
      register: (registry) => registry.addRaw(1, () => promises.make()),
    })
    const client = await dial()
    for (const correlation of [1, 2, 3]) client.request(correlation, 1)
    client.send(1)
    await settle()
    client.socket.vanish()
    await settle()
    const [first, second, third, fourth] = promises.made
    first?.resolve(Buffer.from('late'))
    second?.reject(reject('too_late'))
    third?.reject(new Error('bug'))
    fourth?.reject(new Error('bug'))
    await settle()
    expect(client.frames).toEqual([])
    expect(logs.map(({ message }) => message)).toEqual(Array(2).fill('Command handler failed'))
    expect(metrics.counters.messagesFailed).toBe(2)
  })
})

describe('time', () => {
  test('CA3 a REQUEST that does not settle is answered `timeout` once; the late result is dropped', async () => {
    const promises = new Promises()
    const { dial, clock, logs, metrics } = await createFixture({
      limits: { handlerTimeoutMs: 500 },
      register: (registry) => registry.addRaw(1, () => promises.make()),
    })
    const client = await dial()
    for (const correlation of [7, 8, 9]) client.request(correlation, 1)
    await settle()
    clock.advance(499)
    promises.made[2]?.resolve(Buffer.from('in time'))
    await settle()
    expect(client.take()).toHaveLength(1)
    clock.advance(1)
    expect(client.frames).toHaveLength(0)
    await settle()
    expect(client.errors()).toMatchObject([
      { code: 'timeout', correlation: 7, command: 1, retry: true },
      { code: 'timeout', correlation: 8, command: 1, retry: true },
    ])
    expect(logs.map(({ level, fields }) => [level, fields['command']])).toEqual([['warn', 1]])
    expect(metrics.counters.messagesTimedOut).toBe(2)
    promises.made[0]?.resolve(Buffer.from('late'))
    promises.made[1]?.reject(new Error('late bug'))
    await settle()
    clock.advance(10_000)
    await settle()
    expect(client.frames).toEqual([])
    expect(logs.map(({ level }) => level)).toEqual(['warn', 'error'])
  })

  test('CA3 the answer of a plain command may come at any time, and takes no timer', async () => {
    const promises = new Promises()
    const { dial, clock } = await createFixture({
      limits: { handlerTimeoutMs: 500 },
      register: (registry) => registry.addRaw(1, () => promises.make()),
    })
    const client = await dial()
    const timers = clock.pendingCount
    client.send(1)
    await settle()
    expect(clock.pendingCount).toBe(timers)
    clock.advance(60_000)
    promises.made[0]?.resolve(Buffer.from('late'))
    await settle()
    expect(client.take()).toEqual(['1:late'])
  })
})

describe('bound', () => {
  test('CA4 beyond maxPendingCalls an async command is refused and does not run; others go on', async () => {
    const promises = new Promises()
    const { dial } = await createFixture({
      limits: { maxPendingCalls: 3 },
      register: (registry) => {
        registry.addRaw(1, () => promises.make())
        registry.addRaw(2, (_, payload: Uint8Array) => payload)
      },
    })
    const [client, other] = [await dial(), await dial()]
    client.send(1)
    for (const correlation of [1, 2, 3]) client.request(correlation, 1)
    client.send(1)
    client.send(2, 'on')
    other.send(1)
    await settle()
    expect(promises.made).toHaveLength(4)
    expect(other.frames).toEqual([])
    const [refused, alsoRefused, answer] = client.frames
    expect(
      [refused, alsoRefused].map((frame) => frame && decodeSystem('error', frame)),
    ).toMatchObject([
      { code: 'rate_limited', correlation: 3, retry: true },
      { code: 'rate_limited', command: 1 },
    ])
    expect(answer && Buffer.from(answer.subarray(4)).toString()).toBe('on')
    client.frames.splice(0)
    promises.made[0]?.resolve(undefined)
    await settle()
    client.request(4, 1)
    await settle()
    expect(promises.made).toHaveLength(5)
    expect(client.frames).toEqual([])
  })

  test('CA4 a place is free again once the promise settles, and not when it times out', async () => {
    const promises = new Promises()
    const { dial, clock } = await createFixture({
      limits: { maxPendingCalls: 1, handlerTimeoutMs: 100 },
      register: (registry) => registry.addRaw(1, () => promises.make()),
    })
    const client = await dial()
    client.request(1, 1)
    await settle()
    clock.advance(100)
    client.request(2, 1)
    await settle()
    expect(promises.made).toHaveLength(1)
    expect(client.errors()).toMatchObject([
      { code: 'timeout', correlation: 1 },
      { code: 'rate_limited', correlation: 2 },
    ])
    promises.made[0]?.reject(reject('late'))
    await settle()
    client.request(3, 1)
    await settle()
    expect(promises.made).toHaveLength(2)
  })

  test('CA5 a client that goes leaves no timer behind, however often it comes back', async () => {
    const { dial, clock } = await createFixture({
      register: (registry) => registry.addRaw(1, () => new Promise<never>(() => {})),
    })
    await dial()
    const timers = clock.pendingCount
    for (let round = 0; round < 5; round++) {
      const client = await dial()
      for (let correlation = 0; correlation < 20; correlation++) client.request(correlation, 1)
      await settle()
      // The clock of the turn is held until the turn ends.
      clock.advance(0)
      expect(clock.pendingCount).toBe(timers + 20)
      client.socket.vanish()
      await settle()
      expect(clock.pendingCount).toBe(timers)
    }
  })
})

describe('signals', () => {
  test.each([
    ['the client goes', (client: { socket: { vanish(): void } }) => client.socket.vanish()],
    ['the server closes', (_: unknown, session: Session) => session.close()],
  ])('CA5 the signal of a session aborts when %s, once, before onDisconnect', async (_, end) => {
    const order: string[] = []
    const { dial, table } = await createFixture({
      onDisconnect: (session) => order.push(`disconnected ${session.signal.aborted}`),
    })
    const client = await dial()
    const [session] = table.list()
    if (!session) throw new Error('Expected a session')
    expect(session.signal).toBe(session.signal)
    expect(session.signal.aborted).toBe(false)
    session.signal.addEventListener('abort', () => order.push('aborted'))
    end(client, session)
    await settle()
    expect(order).toEqual(['aborted', 'disconnected true'])
  })

  test('CA5 a signal that is first asked for after the end is aborted already', async () => {
    const { dial, table } = await createFixture()
    const client = await dial()
    const [session] = table.list()
    client.socket.vanish()
    await settle()
    expect(session?.signal.aborted).toBe(true)
  })

  test('CA6 the signal of a seat outlives its connection and ends with the seat', async () => {
    const signals: AbortSignal[] = []
    await using server = await TestServer.start(
      {},
      {
        reconnectGraceMs: 1_000,
        onJoin: (room, session) => {
          room.state.players[session.id] = { name: session.name, score: 0, mines: [] }
          signals.push(session.signal)
        },
      },
    )
    const ada = await server.join('Ada')
    const bob = await server.join('Bob')
    await server.clock.advanceAsync(5)
    ada.link.cut()
    await server.clock.advanceAsync(500, 5)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    await server.clock.advanceAsync(600, 5)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    expect(bob.closed).toBeNull()
    await server.server.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })
})

describe('rooms', () => {
  test('CA7 a handler of a room is found when the type is registered, inherited names are none', async () => {
    await using server = await TestServer.start()
    const ada = await server.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    ada.ask(2, 'free', { text: 'x' })
    await server.clock.advanceAsync(5)
    expect(ada.reply(1, 'later')).toEqual({ value: 2 })
    expect(ada.all('error')).toMatchObject([{ correlation: 2, code: 'unknown_command' }])
    await expect(
      TestServer.start({}, { commands: { toString: () => undefined } as never }),
    ).rejects.toMatchObject({ code: 'not_in_contract' })
  })

  test('CA3 a handler of a room that does not settle is answered `timeout` too', async () => {
    await using server = await TestServer.start(
      { handlerTimeoutMs: 200 },
      { commands: { later: () => new Promise<never>(() => {}) } },
    )
    const ada = await server.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    await server.clock.advanceAsync(300, 5)
    expect(ada.all('error')).toMatchObject([{ correlation: 1, code: 'timeout' }])
  })
})

describe('the switch of the rate limit', () => {
  test('CA8 without it nothing is dropped', async () => {
    const { dial } = await createFixture({
      rateLimit: false,
      limits: { rateBurst: 1, ratePerSecond: 1 },
      register: (registry) => registry.addRaw(1, (_, payload: Uint8Array) => payload, 1e6),
    })
    const client = await dial()
    for (let index = 0; index < 500; index++) client.send(1)
    await settle()
    expect(client.frames).toHaveLength(500)
  })

  test.each([
    [{ rateLimit: false }, 1],
    [{ rateLimit: false, isDevelopment: true }, 0],
    [{ rateLimit: true }, 0],
    [{}, 0],
  ])('CA8 listen with %j warns %i times', async (options, count) => {
    await using server = await TestServer.start(options)
    expect(server.logged.filter(({ message }) => message.includes('rateLimit'))).toHaveLength(count)
  })

  test('CA8 anything but true and false is refused', async () => {
    await expect(TestServer.start({ rateLimit: 100 as never })).rejects.toMatchObject({
      code: 'option_invalid',
    })
  })
})

describe('methods', () => {
  test('CA9 commands and methods share one space of names', () => {
    const registry = new CommandRegistry(game.commands)
    const run = () => null
    registry.addMethod({ name: 'math.add', run, cost: 3 })
    const codeOf = (name: string, cost = 1): unknown => {
      try {
        registry.addMethod({ name, run, cost })
        return null
      } catch (error) {
        return (error as { code: unknown }).code
      }
    }
    expect(codeOf('math.add')).toBe('registered_twice')
    expect(codeOf('add')).toBe('registered_twice')
    for (const name of ['rpc.', 'rpc.discover']) expect(codeOf(name)).toBe('reserved_id')
    for (const name of ['rpc', '__proto__', 'constructor']) expect(codeOf(name)).toBeNull()
    expect(codeOf('')).toBe('option_invalid')
    expect(codeOf('dear', -1)).toBe('option_invalid')
    const [method, found] = [registry.find('math.add'), registry.find('add')]
    expect(method).toMatchObject({ name: 'math.add', cost: 3 })
    expect(found).toBe(registry.get(add.id))
    expect([method, found].map((entry) => entry && isCommand(entry))).toEqual([false, true])
    expect(registry.find('toString')).toBeUndefined()
    registry.seal()
    expect(codeOf('late')).toBe('already_listening')
  })

  test('CA1 a caller without a session is told of its method as its target tells it', async () => {
    const clock = new ManualClock()
    const metrics = createMetrics()
    const dispatcher = new Dispatcher({
      limits: checkLimits({ handlerTimeoutMs: 100, maxPendingCalls: 2 }),
      clock,
      metrics,
      logger: silentLogger,
    })
    const told: unknown[] = []
    const caller: PrincipalCaller & { strikes: number } = {
      kind: 'principal',
      principal: serverPrincipal,
      remoteAddress: '10.0.0.1',
      isOpen: true,
      pending: null,
      strikes: 0,
      strike() {
        this.strikes++
      },
    }
    const replyTo: RpcHttpReply = {
      kind: 'rpc-http',
      caller,
      answer: (_, result) => void told.push(result),
      refuse: ({ code }, id) => void told.push([code, id]),
      kept: () => replyTo,
    }
    const call = (run: (params: unknown, by: Caller) => unknown): MethodEntry => {
      const entry: MethodEntry = { id: -1, name: 'm', cost: 1, isAsync: false, run }
      dispatcher.dispatchMethod(entry, [1], replyTo)
      return entry
    }
    call((params, by) => [params, by === caller])
    call(() => Promise.resolve('later'))
    call(() => {
      throw reject('no')
    })
    call(() => {
      throw reject('invalid_payload')
    })
    call(() => Promise.reject(new Error('bug')))
    await settle()
    expect(told.splice(0)).toEqual([
      [[1], true],
      ['no', -1],
      ['invalid_payload', -1],
      'later',
      ['internal', -1],
    ])
    expect(caller.strikes).toBe(1)
    const slow = call(() => new Promise(() => {}))
    dispatcher.dispatchMethod(slow, [], replyTo)
    dispatcher.dispatchMethod(slow, [], replyTo)
    expect(told.splice(0)).toEqual([['rate_limited', -1]])
    clock.advance(100)
    expect(told).toEqual([
      ['timeout', -1],
      ['timeout', -1],
    ])
    expect(clock.pendingCount).toBe(0)
  })
})

test('CA5 a handler that closes its own session and waits on takes no timer', async () => {
  const { dial, clock, table } = await createFixture({
    register: (registry) =>
      registry.addRaw(1, (session) => {
        session.close()
        return new Promise<never>(() => {})
      }),
  })
  const client = await dial()
  const timers = clock.pendingCount
  client.request(1, 1)
  await settle()
  expect(table.count).toBe(0)
  expect(clock.pendingCount).toBeLessThanOrEqual(timers)
  expect(client.frames.filter((frame) => readCommandId(frame) === system.reply.id)).toEqual([])
})
