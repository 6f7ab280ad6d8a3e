import { command, defineGame, schema, str, uint } from '@ringside/protocol'
import { expect, test } from 'vitest'
import { connect, openFeed } from '../src/index.ts'
import { openFeed as openFeedAlone } from '../src/feed/index.ts'

const game = defineGame({
  commands: { hit: command(1, { power: uint(1) }) },
  rooms: { arena: { state: schema({ title: str(1) }) } },
})

type Loose = (...values: unknown[]) => unknown

test.each([
  [{ reconectForMs: 5 }, "got 'reconectForMs': did you mean 'reconnectForMs'?"],
  [{ fetch: 'x' }, 'Expected fetch as function, got a string'],
  [{ rejoin: 1 }, 'Expected rejoin as boolean, got a number'],
  [{ joinTimeoutMs: '5' }, 'Expected joinTimeoutMs as number, got a string'],
  [{ requestTimeoutMs: NaN }, 'got NaN'],
  [{ headers: null }, 'Expected headers as object, got null'],
  [null, 'in an object, got null'],
  ['text', 'in an object, got a string'],
])('CN51 connect refuses the options %j', (options, message) => {
  const make = () => (connect as Loose)(game, 'http://game.test', options)
  expect(make).toThrow(TypeError)
  expect(make).toThrow(message)
})

test.each([
  ['ws://game.test', "got 'ws://game.test'"],
  ['game.test', "got 'game.test'"],
  ['http://', "got 'http://'"],
  ['http://game.test?a=1', 'like'],
  ['http://me:hunter2@game.test', 'got one with a user'],
  [5, 'got a number'],
  ['', "got ''"],
])('CN51 connect refuses the address %s', (address, message) => {
  expect(() => (connect as Loose)(game, address)).toThrow(message)
  expect(() => (connect as Loose)(undefined, 'http://game.test')).toThrow('Expected a contract')
})

test.each([
  [['joinOrCreate', 'arenas'], "got 'arenas': did you mean 'arena'?"],
  [['join', undefined], 'Expected a room of the contract, got undefined'],
  [['create', 'constructor'], "got 'constructor'"],
  [['joinOrCreate', 'arena', { nme: 'Ada' }], "did you mean 'name'?"],
  [['joinOrCreate', 'arena', { name: 5 }], 'Expected name as string, got a number'],
  [['join', 'arena', 'Ada'], 'in an object, got a string'],
  [['joinById', ''], 'the id of a room as text, got none'],
  [['joinById', 'id', []], 'in an object, got an array'],
  [['reconnect', 'id', undefined], 'a token as text, got undefined'],
  [['joinWithTicket', null], 'a ticket as text, got null'],
  [['rpc', 5], 'a method as text, got a number'],
  [['rpc', 'add', {}, { timeout: 5 }], "got 'timeout': did you mean 'timeoutMs'?"],
  [['rpc', 'add', {}, { timeoutMs: -1 }], 'got -1'],
] as const)(
  'CN52 the call %j of a client rejects before it asks the network',
  async ([name, ...values], message) => {
    const asked: unknown[] = []
    const client = connect(game, 'http://game.test', {
      fetch: (...request) => {
        asked.push(request)
        return Promise.reject(new Error('offline'))
      },
    }) as unknown as Record<string, Loose>
    await expect(client[name]?.(...values)).rejects.toThrow(message)
    await expect(client[name]?.(...values)).rejects.toBeInstanceOf(TypeError)
    expect(() => client['watchRooms']?.({ onAd: () => {} })).toThrow("did you mean 'onAdd'?")
    expect(asked).toEqual([])
  },
)

test.each([
  [{ form: 'start' }, "got 'form'"],
  [{ onEvents: () => {} }, "got 'onEvents'"],
  [{ onEvent: 5 }, 'Expected onEvent as function, got'],
  [{ silenceMs: '5' }, 'Expected silenceMs as number, got'],
  [{ silenceMs: -1 }, 'got -1'],
  [{ speed: NaN }, 'got NaN'],
  [{ storage: null }, 'Expected storage as object, got null'],
])('CN53 openFeed refuses the options %j before it asks the network', (options, message) => {
  const target = 'http://game.test/rooms/x/feed'
  for (const open of [openFeed, openFeedAlone] as unknown as Loose[])
    expect(() => open(target, options)).toThrow(message)
  expect(() => (openFeed as Loose)(game, target, options)).toThrow(message)
  expect(() => (openFeed as Loose)(game, target, { onPatch: () => {} })).toThrow("got 'onPatch'")
})
