import { createHmac } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { expect, vi } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from '@ringside/client'
import { createServer } from '@ringside/server'
import type { RoomOf, Server, ServerOptions } from '@ringside/server'
import type { LoggedLine } from '@ringside/server/testing'
import { bool, command, defineGame, event, int, map, num, schema, str } from '@ringside/protocol'
import { startMongo } from '../../../../server/test/support/mongo.ts'

/** One block that is about to run. */
export interface Run {
  /** What stands in the place of the addresses of the page. */
  readonly address: string
  readonly port: number
  readonly otherPort: number
  /** What the block has printed. */
  readonly lines: unknown[][]
  /** Runs the block; what it declares is what comes back. */
  load(globals?: Record<string, unknown>): Promise<Record<string, never>>
  /** Imports a named file that stands beside it. */
  modules(name: string): Promise<Record<string, never>>
  /** Runs the block as a command. */
  shell(replaced?: Record<string, string>): Promise<string>
  onEnd(end: () => Promise<void> | void): void
}

type Play = (run: Run) => Promise<void>

/** The game of docs/rooms.md, which the other pages play too. */
const Player = schema({ coins: int(1), hasSword: bool(2), isAway: bool(3) })
const game = defineGame({
  commands: { buySword: command(0x0100, {}, { reply: { coins: int(1) } }) },
  rooms: {
    arena: {
      state: schema({ players: map(1, Player), endsAt: num(2) }),
      events: { kill: event({ by: str(1), whom: str(2) }) },
    },
  },
})
type Game = typeof game
type GameServer = Server<Game>

/** Makes the server that a block registers its rooms with, and collects what it logs. */
function newServer(
  run: Run,
  options: ServerOptions = {},
): { server: GameServer; logged: LoggedLine[] } {
  const logged: LoggedLine[] = []
  const add =
    (level: LoggedLine['level']) =>
    (fields: object, message: string): void =>
      void logged.push({ level, fields: { ...fields }, message })
  const logger = { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') }
  const server = createServer(game, { logger, ...options })
  run.onEnd(() => server.close())
  return { server, logged }
}

/** Runs a block that registers the room `arena` and lets two players into it, who use every command. */
function playArena(
  globals: Record<string, unknown> = {},
  check: (room: ArenaRoom) => void = () => {},
): Play {
  return async (run) => {
    const { server, logged } = newServer(run)
    await run.load({ server, game, ...globals })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const client = connect(game, run.address)
    const ada = await client.joinOrCreate('arena', { name: 'Ada' })
    const bob = await client.joinById(ada.id, { name: 'Bob' })
    run.onEnd(() => ada.disconnect())
    await ada.request('buySword', {}).catch((error: { code: string }) => {
      expect(['too_poor', 'unknown_command']).toContain(error.code)
    })
    await vi.waitFor(() => check(ada as ArenaRoom))
    await bob.leave()
    expect(logged.filter(({ level }) => level === 'error')).toEqual([])
  }
}

/** A server with the room `arena` for blocks that are clients; its one player has 10 coins and grows richer. */
async function serveArena(
  run: Run,
  bought: string[] = [],
  given: ServerOptions & { readonly setUp?: (server: GameServer) => void } = {},
): Promise<GameServer> {
  const { setUp, ...options } = given
  const { server } = newServer(run, options)
  setUp?.(server)
  server.rpc('math.add', (params) => (params as number[]).reduce((sum, one) => sum + one, 0))
  server.room('arena', {
    onCreate: () => ({ players: {}, endsAt: 0 }),
    tickHz: 20,
    onJoin(room, session) {
      room.state.players[session.id] = { coins: 10, hasSword: false, isAway: false }
    },
    onTick(room) {
      for (const id of room.sessions.keys()) {
        const player = room.state.players[id]
        if (player) player.coins += 1
      }
      if (room.tick % 5 === 0) room.emit('kill', { by: 'Ada', whom: 'Bob' })
    },
    commands: {
      buySword(_room, session) {
        bought.push(session.id)
        return { coins: 0 }
      },
    },
  })
  await server.listen({ port: run.port, host: '127.0.0.1' })
  return server
}

/** Serves the arena with a player in it; a spectator's block follows that room by `id`. */
async function serveWatched(run: Run): Promise<void> {
  await serveArena(run)
  const player = await connect(game, run.address).create('arena', { name: 'Ada' })
  run.onEnd(() => player.disconnect())
  await run.load({ game, id: player.id })
}

interface ArenaRoom {
  readonly id: string
  readonly state: {
    readonly players: Readonly<Record<string, { coins: number; hasSword: boolean }>>
  }
}

const texts = (run: Run): string => JSON.stringify(run.lines)

/** How each block of the pages is run: by its id, `page, heading, place`. */
export const plays: Readonly<Record<string, Play>> = {
  'README.md, What you see, 1': async (run) => {
    const server = await serveArena(run)
    const room = await server.createRoom('arena')
    const output = await run.shell({ '<room>': room })
    expect(output).toContain('event: hello')
    expect(output).toContain('event: snapshot')
  },

  'protocol/README.md, top, 1': async (run) => {
    const { game: made } = (await run.load()) as unknown as { game: { commands: object } }
    expect(Object.keys(made.commands)).toEqual(['hit'])
  },

  'server/README.md, top, 1': async (run) => {
    const { server } = (await run.load()) as unknown as { server: GameServer }
    run.onEnd(() => server.close())
    const session = await connect(game, run.address).open()
    run.onEnd(() => session.close())
    const heard = new Promise<Uint8Array>((resolve) => session.onMessage(0x0001, resolve))
    session.send(0x0001, Uint8Array.of(7))
    expect([...(await heard)]).toEqual([7])
  },
  'server/README.md, Handlers that wait, 1': async (run) => {
    const scores = createHttpServer((_, response) => response.end('ok')).listen(run.otherPort)
    run.onEnd(() => void scores.close())
    const { server } = newServer(run)
    await run.load({ server })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const session = await connect(game, run.address).open()
    run.onEnd(() => session.close())
    const heard = new Promise<Uint8Array>((resolve) => session.onMessage(0x0002, resolve))
    session.send(0x0002)
    expect(new TextDecoder().decode(await heard)).toBe('ok')
  },
  'server/README.md, JSON-RPC, 1': async (run) => {
    const { server } = newServer(run)
    await run.load({ server })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const client = connect(game, run.address)
    expect(await client.rpc('math.add', { a: 1, b: 2 })).toBe(3)
    await expect(client.rpc('rooms.close', {})).rejects.toMatchObject({
      data: { code: 'operators_only' },
    })
  },
  'server/README.md, JSON-RPC, 2': async (run) => {
    const { server } = newServer(run)
    server.rpc('math.add', schema({ a: num(1), b: num(2) }), ({ a, b }) => a + b)
    await server.listen({ port: run.port, host: '127.0.0.1' })
    expect(JSON.parse(await run.shell())).toEqual({ jsonrpc: '2.0', result: 3, id: 1 })
  },
  'server/README.md, A room, 1': async (run) => {
    const { nextRound } = (await run.load({ game })) as unknown as {
      nextRound: (room: RoomOf<Game, 'arena'>) => void
    }
    const { server, logged } = newServer(run)
    server.room('arena', {
      onCreate: () => ({ players: {}, endsAt: 0 }),
      onJoin(room, session) {
        room.state.players[session.id] = { coins: 10, hasSword: false, isAway: false }
        nextRound(room)
      },
    })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const room = await connect(game, run.address).create('arena')
    run.onEnd(() => room.disconnect())
    expect(Object.values(room.state.players)).toMatchObject([{ coins: 0 }])
    expect(logged).toContainEqual(expect.objectContaining({ message: 'coins' }))
    expect(logged).toContainEqual(expect.objectContaining({ message: 'next round' }))
  },
  'server/README.md, The log in MongoDB, 1': playMongo,
  'server/README.md, uWebSockets.js, 2': async (run) => {
    const output = await run.shell({
      'npx --no-install ringside-prune':
        'node --conditions=source --import tsx server/bin/ringside-prune.mjs --dry-run',
    })
    expect(output).toMatch(/^would remove \d+ files, \d+ MB; kept uws_/)
  },

  'client/README.md, top, 1': async (run) => {
    await serveArena(run)
    const { room } = (await run.load()) as unknown as {
      room: ArenaRoom & { leave(): Promise<void> }
    }
    run.onEnd(() => room.leave())
    await vi.waitFor(() => expect(run.lines).toContainEqual([{ by: 'Ada', whom: 'Bob' }]), 5_000)
  },
  'client/README.md, top, 2': async (run) => {
    const server = await serveArena(run)
    const { effect } = (await run.load({ game })) as unknown as {
      effect: (show: (room: ArenaRoom) => void) => () => void
    }
    let shown = 0
    effect(() => (shown += 1))()
    const end = effect(() => (shown += 1))
    await vi.waitFor(() => expect(shown).toBe(1))
    end()
    await vi.waitFor(() => expect(server.sessionCount).toBe(0), 5_000)
  },
  'client/README.md, top, 3': async (run) => {
    const bought: string[] = []
    await serveArena(run, bought)
    const { room } = (await run.load()) as unknown as { room: { leave(): Promise<void> } }
    run.onEnd(() => room.leave())
    await vi.waitFor(() => expect(bought).toHaveLength(1), 5_000)
  },
  'client/README.md, top, 4': async (run) => {
    await serveArena(run)
    const { sum, same, session } = await run.load({ game })
    run.onEnd(() => (session as unknown as { close(): void } | undefined)?.close())
    expect([sum, same]).toEqual([3, 3])
  },
  'client/README.md, top, 5': async (run) => {
    await serveWatched(run)
    await vi.waitFor(() => {
      expect(texts(run)).toContain('["kill",{"by":"Ada","whom":"Bob"}]')
      expect(texts(run)).toMatch(/"players":\{"[^"]+":\{"coins":\d+/)
    }, 5_000)
  },
  'client/README.md, top, 6': async (run) => {
    await serveWatched(run)
    await vi.waitFor(() => expect(texts(run)).toMatch(/"coins":\d+,"hasSword":false/), 5_000)
  },

  'client/README.md, Tokens and topics, 1': async (run) => {
    const secret = 'a secret of thirty-two characters'
    const [head, claims] = [
      { alg: 'HS256' },
      { sub: 'ada', scope: 'read:topic:*', exp: Math.floor(Date.now() / 1_000) + 60 },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    const signed = createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url')
    const server = await serveArena(run, [], {
      jwt: { secret },
      setUp(made) {
        made.route('GET', '/token', (_, response) =>
          response.send(200, {}, `${head}.${claims}.${signed}`),
        )
      },
    })
    const { follow } = (await run.load({ game })) as unknown as {
      follow(): Promise<{ stop(): Promise<void> }>
    }
    const { stop } = await follow()
    run.onEnd(() => stop())
    await vi.waitFor(async () => {
      await server.publish({ topic: 'project.42.build', type: 'build-done', data: { ok: true } })
      expect(run.lines).toContainEqual([true])
    }, 5_000)
  },
  'docs/operations.md, Where the log is, 1': playMongo,
  'docs/operations.md, Kick, ban, mute, 1': async (run) => {
    const apiKey = 'key-of-an-operator'
    const { server } = newServer(run, { apiKey })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const output = await run.shell({ $API_KEY: apiKey })
    expect(output).toContain('203.0.113.0/24')
    expect(output).toContain('raid')
    const bans = await fetch(`${run.address}/admin/bans`, { headers: { 'x-api-key': apiKey } })
    expect(await bans.json()).toMatchObject({ bans: [expect.objectContaining({ reason: 'raid' })] })
  },
  'docs/rooms.md, top, 1': async (run) => {
    const { game: made } = (await run.load()) as unknown as { game: Game }
    expect(Object.keys(made.rooms)).toEqual(['arena'])
  },
  'docs/rooms.md, Hooks that await, 1': async (run) => {
    const saved: [string, number][] = []
    const loadCoins = async (): Promise<number> => 7
    const saveCoins = async (name: string, coins: number): Promise<void> => {
      saved.push([name, coins])
    }
    const hasCoins = ({ state }: ArenaRoom): void => {
      expect(Object.values(state.players).map(({ coins }) => coins)).toEqual([7, 7])
    }
    await playArena({ loadCoins, saveCoins }, hasCoins)(run)
    await vi.waitFor(() => expect(saved).toEqual([['Bob', 7]]))
  },
  'docs/rooms.md, How a room is released, 1': async (run) => {
    const charge = vi.fn<() => Promise<string>>(async () => 'receipt')
    await playArena({ payments: { charge, refund: async () => {} } })(run)
    expect(charge).toHaveBeenCalledOnce()
  },
  'docs/rooms.md, What survives a restart, 1': playArena({}, ({ state }) => {
    expect(Object.values(state.players)).toHaveLength(2)
  }),
  'docs/rooms.md, What must not be undone, 1': playArena(),
  'docs/rooms.md, While the log is away, 1': playArena(),
  'docs/auth.md, Keys, 1': async (run) => {
    const { server } = newServer(run, { apiKey: 'a key of the documents' })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const output = await run.shell({ $API_KEY: 'a key of the documents' })
    expect(JSON.parse(output)).toMatchObject({ id: expect.any(String), key: expect.any(String) })
  },

  'docs/auth.md, Tokens, 1': async (run) => {
    const { server } = (await run.load({ game })) as unknown as { server: GameServer }
    run.onEnd(() => server.close())
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const headers = { authorization: 'Bearer no-token' }
    expect((await fetch(`${run.address}/rooms/x/state`, { headers })).status).toBe(401)
  },

  'docs/auth.md, Connections, 1': async (run) => {
    const { server } = (await run.load({ game })) as unknown as { server: GameServer }
    run.onEnd(() => server.close())
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const url = `${run.address.replace('http', 'ws')}/ws`
    const greeted = await new Promise((resolve, refuse) => {
      const socket = new WebSocket(url, { headers: { cookie: 'sid=sid-of-ada' } })
      socket.on('open', () => socket.send(new Uint8Array([0, 0, 0, 1])))
      socket.on('message', (data) => {
        resolve((data as Buffer).subarray(4).toString())
        socket.close()
      })
      socket.on('error', refuse)
    })
    expect(greeted).toBe('Hello Ada')
    const status = await new Promise((resolve) => {
      const socket = new WebSocket(url)
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode))
      socket.on('error', () => {})
    })
    expect(status).toBe(401)
  },

  'docs/auth.md, Your own routes, 1': async (run) => {
    const { server } = newServer(run)
    await run.load({ server })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const answer = await fetch(`${run.address}/scores`, { method: 'POST', body: '7' })
    expect(await answer.json()).toMatchObject({ error: { code: 'sign_in' } })
  },

  'docs/publishing.md, Ten lines to try it, 1': async (run) => {
    const key = 'a key of the documents'
    const { server } = newServer(run, { apiKey: key })
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const output = await run.shell({ 'the-key-that-it-printed': `'${key}'` })
    expect(output.match(/"duplicate":true/g)).toHaveLength(1)
    expect(output.match(/"duplicate":false/g)).toHaveLength(6)
    const types = ['news', 'notification', 'alert', 'data-update']
    // The reader of the second line sees them, and so does that of the last line.
    for (const type of types) expect(output.split(`event: ${type}\n`).length).toBeGreaterThan(2)
    expect(output.match(/"data":"for you alone"/g)).toHaveLength(1)
    expect(output).not.toContain('unauthorized')
  },

  "docs/publishing.md, From the server's code, 1": async (run) => {
    const { server } = newServer(run)
    await server.listen({ port: run.port, host: '127.0.0.1' })
    await run.load({ server })
    const again = { type: 'hint', data: 'for you alone', messageId: 'hint-7' }
    expect(await server.publish(again)).toEqual({ messageId: 'hint-7', duplicate: true })
  },

  'docs/rooms.md, Keeping matches, 1': async (run) => {
    const { server } = (await run.load({ game })) as unknown as { server: GameServer }
    expect(server.archive).not.toBeNull()
  },

  'docs/rooms.md, Teams, 1': async (run) => {
    const { game: made } = (await run.load()) as unknown as { game: Game }
    expect(Object.keys(made.rooms)).toEqual(['field'])
  },
  'docs/rooms.md, Teams, 2': async (run) => {
    const { server } = (await run.load()) as unknown as { server: Server }
    run.onEnd(() => server.close())
    await server.listen({ port: run.port, host: '127.0.0.1' })
    const field = (await run.modules('field.ts')) as unknown as { game: Game }
    const room = await connect(field.game, run.address).create('field' as 'arena')
    run.onEnd(() => room.disconnect())
    expect(room.state).toMatchObject({ sides: { red: { score: 0 } } })
  },
  'docs/rooms.md, How long players try to come back, 1': playArena(),
}

/** Runs a block that makes a server on a real MongoDB. */
async function playMongo(run: Run): Promise<void> {
  const mongo = await startMongo(1)
  run.onEnd(() => mongo.stop())
  const before = process.env['MONGODB_URI']
  process.env['MONGODB_URI'] = mongo.uri
  run.onEnd(() => {
    if (before === undefined) delete process.env['MONGODB_URI']
    else process.env['MONGODB_URI'] = before
  })
  const { server: made } = await run.load({ game, uri: mongo.uri, logger: silent })
  const server = made as unknown as GameServer
  run.onEnd(() => server.close())
  server.room('arena', { onCreate: () => ({ players: {}, endsAt: 0 }) })
  await server.listen({ port: run.port, host: '127.0.0.1' })
  const room = await connect(game, run.address).create('arena')
  await room.leave()
}

const ignore = (): void => {}
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }
