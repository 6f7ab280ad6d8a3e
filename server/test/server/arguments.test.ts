import { networkInterfaces, tmpdir } from 'node:os'
import { command, defineGame, event, schema, str, uint } from '@ringside/protocol'
import { describe, expect, test } from 'vitest'
import { MemoryStore, createRandom, createServer, reject, serveFolder } from '../../src/index.ts'
import type { Room, Server, ServerOptions } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import type { TestServerOptions } from '../../src/testing/index.ts'
import { startTestServer } from '../../src/testing/index.ts'

const game = defineGame({
  commands: { hit: command(1, { power: uint(1) }) },
  rooms: { arena: { state: schema({ title: str(1) }), events: { kill: event({ by: str(1) }) } } },
})

/** Arguments as plain JavaScript passes them. */
type Loose = (...values: unknown[]) => unknown

const refusal = (message: string | RegExp, code = 'option_invalid') =>
  expect.objectContaining({
    code,
    message: (typeof message === 'string'
      ? expect.stringContaining(message)
      : expect.stringMatching(message)) as string,
  }) as Error

const make = (options?: unknown) => createServer(game, options as ServerOptions)
const loose = (server: Server<typeof game>) => server as unknown as Record<string, Loose>
const onCreate = () => ({ title: '' })

describe('RM59 a room that is registered with', () => {
  test.each([
    [{ maxPlayers: 8 }, "got 'maxPlayers': did you mean 'maxClients'?"],
    [{ maxClient: 8 }, "got 'maxClient': did you mean 'maxClients'?"],
    [{ tickhz: 8 }, "did you mean 'tickHz'?"],
    [{ onMessage: () => {} }, "did you mean 'commands'? Each command of the contract has its own"],
    [{ onTik: () => {} }, "did you mean 'onTick'?"],
    [{ onDestroy: () => {} }, "did you mean 'onDispose'?"],
    [{ color: 'red' }, /got 'color'$/],
    [{ onTick: 5 }, "Expected onTick of room 'arena' as a function, got a number"],
    [{ onJoin: null }, "Expected onJoin of room 'arena' as a function, got null"],
    [{ onCreate: undefined }, 'to have an onCreate'],
    [Object.create({ onTick: () => {} }), 'Expected onTick of room'],
    [{ maxClients: 0 }, 'Expected maxClients from 1 to 10000, got 0'],
    [{ maxClients: 2.5 }, 'Expected maxClients as a whole number, got 2.5'],
    [{ maxClients: '8' }, 'Expected maxClients from 1 to 10000, got a string'],
    [{ maxClients: null }, 'Expected maxClients from 1 to 10000, got null'],
    [{ tickHz: NaN }, 'Expected tickHz from 0 to 120, got NaN'],
    [{ whenLogIsFull: 'stop' }, "'pause' or 'close', got 'stop'"],
    [{ commands: [] }, "Expected the commands of room 'arena' in an object, got an array"],
    [{ commands: { hit: 5 } }, "Expected the handler of command 'hit' as a function, got a number"],
    [{ commands: { hit: null } }, "command 'hit' as a function, got null"],
  ])('%j is refused', (handlers: object, message) => {
    const all = Object.assign(handlers, { onCreate, ...handlers })
    expect(() => loose(make())['room']?.('arena', all)).toThrow(refusal(message))
  })

  test('a command or type that the contract has not is refused with the nearest one', () => {
    const server = loose(make())
    expect(() => server['room']?.('arena', { onCreate, commands: { hits: () => {} } })).toThrow(
      refusal("got 'hits': did you mean 'hit'?", 'not_in_contract'),
    )
    expect(() => server['room']?.('arenas', { onCreate })).toThrow(
      refusal("got 'arenas': did you mean 'arena'?", 'not_in_contract'),
    )
    for (const name of ['constructor', '__proto__', 7])
      expect(() => server['room']?.(name, { onCreate })).toThrow(refusal('', 'not_in_contract'))
    for (const handlers of [undefined, null, 5, 'x', [], () => {}])
      expect(() => server['room']?.('arena', handlers)).toThrow(
        refusal("room 'arena' in an object"),
      )
    server['room']?.('arena', { onCreate, onTick: undefined, color: undefined })
  })
})

describe('RM61 a server that is made with', () => {
  test.each([
    [{ maxConections: 5 }, "got 'maxConections': did you mean 'maxConnections'?"],
    [{ alowedOrigins: [] }, "did you mean 'allowedOrigins'?"],
    [{ port: 8080 }, /got 'port'$/],
    [null, 'in an object, got null'],
    [[], 'in an object, got an array'],
    ['text', 'in an object, got a string'],
    [{ maxRooms: '5' }, /Expected maxRooms from .*, got a string/],
    [{ maxRooms: 5.5 }, /Expected maxRooms from .* a whole number, got 5.5/],
    [{ maxRooms: null }, /Expected maxRooms from .*, got null/],
    [{ ratePerSecond: NaN }, /Expected ratePerSecond from .*, got NaN/],
    [{ logger: console.log }, 'Expected logger as an object, got a function'],
    [{ logger: { info() {} } }, "Expected logger with a method 'debug'"],
    [{ clock: {} }, "Expected clock with a method 'now'"],
    [{ seed: {} }, 'Expected seed as text, got an object'],
    [{ seed: 'short' }, 'got 5 characters'],
    [{ apiKey: 1234567890123456 }, 'Expected apiKey as text, got a number'],
    [{ apiKey: 'short' }, 'Expected an apiKey of 16 characters or more, got 5'],
    [{ allowedOrigins: 'https://x.example' }, 'Expected allowedOrigins as a list, got a string'],
    [{ trustedProxies: '10.0.0.1' }, 'Expected trustedProxies as a list, got a string'],
    [{ trustedProxies: ['10.0.0.0/33'] }, "got '10.0.0.0/33'"],
    [{ trustedProxies: ['proxy.local'] }, "got 'proxy.local'"],
    [{ trustedProxies: [7] }, 'as text, got a number'],
    [{ requireOrigin: 'no' }, 'Expected requireOrigin as true or false, got a string'],
    [{ isDevelopment: 1 }, 'Expected isDevelopment as true or false, got 1'],
    [{ rateLimit: 100 }, 'Expected rateLimit as true or false, got 100'],
    [{ newId: 'id' }, 'Expected newId as a function, got a string'],
    [{ nodeName: 5 }, "Expected a nodeName like 'node-1', got a number"],
    [{ ticketSecret: 5 }, 'Expected ticketSecret as text, got a number'],
    [{ whenLogIsFull: true }, "'pause' or 'close', got a boolean"],
    [{ onDead: 'x' }, 'Expected onDead as a function'],
    [{ transport: {} }, "Expected transport with a method 'listen'"],
    [{ store: 'mongodb://me:hunter2@db/x' }, /^Expected store as an object, got a string$/],
    [{ authorizeSpectator: true }, 'Expected authorizeSpectator as a function, got a boolean'],
  ])('%j is refused, and secrets are not shown', (options, message) => {
    expect(() => make(options)).toThrow(refusal(message))
    expect(() => make(options)).not.toThrow(/hunter2|1234567890123456/)
  })

  test('no contract is refused', () => {
    for (const none of [undefined, null, {}, 'arena', { rooms: {} }, { commands: {} }])
      expect(() => createServer(none as never)).toThrow(
        refusal('Expected a contract of defineGame'),
      )
    make({ maxRooms: undefined, color: undefined })
  })
})

test.each([
  [['command', 'hit', () => {}], "command's id or a command of the contract, got 'hit'", ''],
  [['command', null, () => {}], 'command of the contract, got null', ''],
  [['command', 5, 'x'], 'Expected the handler of command 5 as a function', ''],
  [['command', game.commands.hit, 5], "handler of command 'hit' as a function", ''],
  [['command', 5, () => {}, { costs: 2 }], "got 'costs': did you mean 'cost'?", ''],
  [['command', 5, () => {}, { cost: '2' }], 'a cost of at least 0, got a string', ''],
  [['command', game.commands.hit, () => {}, { cost: 2 }], "got 'cost'", ''],
  [['command', 1.5, () => {}], 'Expected an id', 'reserved_id'],
  [['rpc', 'add', 5], "handler of method 'add' as a function", ''],
  [['rpc', '', () => {}], 'the name of a method as text, got none', ''],
  [['rpc', 7, () => {}], 'the name of a method as text, got a number', ''],
  [['rpc', 'add', {}, () => {}], 'Expected a schema or a Standard Schema validator', ''],
  [['rpc', 'add', () => {}, { price: 1 }], "got 'price'", ''],
  [['onConnect', 5], 'Expected the handler of onConnect as a function', ''],
  [['onDisconnect', undefined], 'the handler of onDisconnect as a function', ''],
  [['route', 'get', '/x', () => {}], "method like 'GET', got 'get'", ''],
  [['route', 'GET', 'x', () => {}], "path like '/scores/:id', got 'x'", ''],
  [['route', 'GET', '/x', 'hello'], "handler of route 'GET /x' as a function", ''],
  [['broadcast', 0xffff_0001, new Uint8Array(0)], '', 'reserved_id'],
  [['broadcast', 1, 'text'], 'bytes in a Uint8Array, got a string', ''],
  [['kick', 7], 'the id of a session as text, got a number', ''],
  [['kick', '~x', {}], 'a reason as text, got an object', ''],
] as const)(
  'RM62 the call %j of a server is refused where it is made',
  ([name, ...values], message, code) => {
    const server = loose(make())
    expect(() => server[name]?.(...values)).toThrow(refusal(message, code || 'option_invalid'))
  },
)

test('MM17 rooms and seats that code of the server asks for are checked as they are asked for', async () => {
  const server = loose(make())
  await expect(server['createRoom']?.(undefined)).rejects.toThrow(refusal('the type of a room'))
  await expect(server['reserveSeat']?.(5, {})).rejects.toThrow(refusal('the id of a room as text'))
  await expect(server['reserveSeat']?.('id', undefined)).rejects.toThrow(refusal('in an object'))
  await expect(server['reserveSeat']?.('id', { nme: 'Ada' })).rejects.toThrow(
    refusal("got 'nme': did you mean 'name'?"),
  )
})

describe('HT20 an address to listen at', () => {
  test.each([
    [{ port: 99_999 }, 'Expected port as a whole number from 0 to 65535, got 99999'],
    [{ port: -1 }, 'got -1'],
    [{ port: 80.5 }, 'got 80.5'],
    [{ port: '8080' }, 'got a string'],
    [{ port: null }, 'got null'],
    [{ hostname: 'x' }, "got 'hostname': did you mean 'host'?"],
    [{ host: '' }, 'Expected host as a name or address'],
    [{ host: 'http://localhost' }, "got 'http://localhost'"],
    [{ host: 'localhost:80' }, "got 'localhost:80'"],
    [{ host: '[::1]' }, "got '[::1]'"],
    [{ host: 5 }, 'got a number'],
    [8080, 'in an object, got a number'],
    [null, 'in an object, got null'],
  ])('%j is refused, and the server may listen at another', async (address, message) => {
    const server = make()
    expect(() => loose(server)['listen']?.(address)).toThrow(refusal(message))
    await server.listen({ port: 0 })
    expect(() => server.listen({ port: 0 })).toThrow(refusal('listen once', 'already_listening'))
    await server.close()
    expect(() => server.listen()).toThrow(refusal('was closed', 'already_listening'))
  })
})

describe('HT21 a server that cannot listen says why:', () => {
  const failure = async (host: string, port = 0) => {
    const server = make()
    const failed = await server.listen({ host, port }).catch((error: unknown) => error)
    await server.close()
    return failed
  }

  test('the port is in use', async () => {
    const first = make()
    const port = await first.listen({ port: 0 })
    expect(await failure('127.0.0.1', port)).toMatchObject({ code: 'port_in_use' })
    await first.close()
  })

  test.each(['203.0.113.7', '2001:db8::7', 'no-such-host.invalid'])(
    '%s is no host of this machine',
    async (host) => {
      expect(await failure(host)).toEqual(refusal(`got '${host}'`, 'host_unavailable'))
    },
  )

  test('every host of this machine is one', async () => {
    const hosts = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
    const own = hosts.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
    for (const host of ['127.0.0.1', '0.0.0.0', 'localhost', ...own]) {
      const server = make()
      expect(await server.listen({ host, port: 0 })).toBeGreaterThan(0)
      await server.close()
    }
  })
})

describe('SE39 what is unsafe outside development', () => {
  const warningsOf = async (options: TestServerOptions) => {
    await using kit = await startTestServer(
      game,
      (settings) => createServer(game, settings),
      options,
    )
    return kit.logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }

  test('is warned of once, when the server listens', async () => {
    expect(
      await warningsOf({ allowedOrigins: ['*', 'https://x.example'], rateLimit: false }),
    ).toEqual([
      expect.stringContaining('rateLimit'),
      expect.stringContaining("allowedOrigins has '*'"),
    ])
  })

  test('is not warned of in development, nor is what is safe', async () => {
    expect(await warningsOf({ allowedOrigins: ['*'], isDevelopment: true })).toEqual([])
    expect(await warningsOf({ allowedOrigins: ['https://*.x.example'] })).toEqual([])
  })
})

test('HT22 a folder that is served must be there, and its fallback in it', () => {
  const serve = serveFolder as unknown as Loose
  expect(() => serve({ folder: '/no/such/folder' })).toThrow(refusal("got '/no/such/folder'"))
  expect(() => serve({ folder: import.meta.filename })).toThrow(refusal('one that exists'))
  expect(() => serve({ folder: new URL(import.meta.url) })).toThrow(refusal('folder as text'))
  expect(() => serve({ dir: '/' })).toThrow(refusal("got 'dir'"))
  expect(() => serve('/')).toThrow(refusal('in an object, got a string'))
  expect(() => serve({ folder: `${import.meta.dirname}/../http`, fallback: 'none.html' })).toThrow(
    refusal("Expected fallback as a file of the folder, got 'none.html'"),
  )
  expect(() => serve({ folder: tmpdir(), policy: 5 })).toThrow(refusal('policy as text'))
})

test('RM61 stores are made of known options, and the address of a database is not shown', () => {
  const mongo = (options: unknown) => () => new MongoStore(options as never)
  expect(mongo({ url: 'mongodb://me:hunter2@db' })).toThrow(
    refusal("got 'url': did you mean 'uri'?"),
  )
  expect(mongo({ uri: 5 })).toThrow(refusal('uri as text, got a number'))
  expect(mongo('mongodb://me:hunter2@db')).toThrow(refusal(/^(?!.*hunter2)/))
  expect(mongo({ uri: 'http://me:hunter2@db' })).toThrow(refusal(/^(?!.*hunter2)/))
  expect(mongo({ uri: 'mongodb://db', connectTimeoutMs: NaN })).toThrow(refusal('got NaN'))
  expect(() => new MemoryStore({ clok: 1 } as never)).toThrow(refusal("did you mean 'clock'?"))
  expect(() => new MemoryStore({ clock: {} } as never)).toThrow(refusal("a method 'now'"))
  expect(() => createRandom(undefined as never)).toThrow(refusal('a seed as text or a number'))
  expect(() => createRandom(NaN)).toThrow(refusal('got NaN'))
  expect(() => createRandom(1, 1.5)).toThrow(refusal('an epoch as a whole number from 0, got 1.5'))
  expect(() => reject(5 as never)).toThrow(refusal("a code like 'too_far', got a number"))
  expect(() => reject('too_far', {} as never)).toThrow(refusal('text to refuse with'))
})

test('RM60 the methods of a room and of a player check what they are given', async () => {
  let room: Room | null = null
  await using kit = await startTestServer(game, (settings) => {
    const server = createServer(game, settings)
    server.room('arena', {
      onCreate(created) {
        room = created as unknown as Room
        return { title: '' }
      },
    })
    return server
  })
  const player = await kit.join('arena')
  const open = room as unknown as Record<string, Loose> & Room
  const session = open.sessions.get(player.seat.sessionId) as unknown as Record<string, Loose>
  const calls: [name: string, values: unknown[], message: string, code?: string][] = [
    ['after', [NaN, () => {}], 'a delay of at least 0 ms, got NaN'],
    ['after', ['5', () => {}], 'got a string'],
    ['after', [5], 'the callback of a timer as a function, got undefined'],
    ['broadcast', [0xffff_0001, new Uint8Array(0)], "a game's command id", 'reserved_id'],
    ['broadcast', ['1', new Uint8Array(0)], "a game's command id", 'reserved_id'],
    ['broadcast', [1, 'text'], 'bytes in a Uint8Array, got a string'],
    ['broadcast', [1, { length: 3 }], 'got an object'],
    ['broadcast', [1, new Uint8Array(0), { exept: 'x' }], "did you mean 'except'?"],
    ['broadcast', [1, new Uint8Array(0), { to: 'x' }], 'to as a list of session ids, got a string'],
    ['broadcast', [1, new Uint8Array(0), { to: [5] }], 'the id of a session as text, got a number'],
    ['emit', ['kil', { by: 'x' }], "got 'kil': did you mean 'kill'?", 'not_in_contract'],
    ['emit', ['constructor', {}], "got 'constructor'", 'not_in_contract'],
    ['emit', ['kill', { by: 'x' }, { atonce: true }], "did you mean 'atOnce'?"],
    ['emit', ['kill', { by: 'x' }, { to: 'x' }], 'to as a list of session ids, got a string'],
    ['setTeam', ['~x', 'red'], 'the session of a player as an object, got a string'],
    ['setPrivate', ['yes'], 'isPrivate as true or false, got a string'],
    ['setMetadata', [undefined], 'metadata as JSON, got undefined'],
    ['setMetadata', [() => {}], 'metadata as JSON, got a function'],
    ['setMetadata', [{ big: 5n }], 'metadata as JSON'],
  ]
  for (const [name, values, message, code] of calls)
    expect(() => open[name]?.(...values), name).toThrow(refusal(message, code))
  expect(() => session['send']?.(-1)).toThrow(refusal('', 'reserved_id'))
  expect(() => session['send']?.(1, [1, 2])).toThrow(refusal('Uint8Array, got an array'))
  expect(() => session['kick']?.(5)).toThrow(refusal('a reason as text, got a number'))
  const [plain] = kit.server.sessions() as unknown as Record<string, Loose>[]
  expect(() => plain?.['send']?.(1, 'text')).toThrow(refusal('Uint8Array, got a string'))
  expect(() => plain?.['send']?.(0xffff_0001)).toThrow(refusal('', 'reserved_id'))
  expect(() => plain?.['broadcast']?.(1, 'text')).toThrow(refusal('Uint8Array, got a string'))
  expect(() => plain?.['close']?.(1000, 5)).toThrow(refusal('a reason as text, got a number'))
})
