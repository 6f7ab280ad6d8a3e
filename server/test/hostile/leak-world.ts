import { command, defineGame, event, map, schema, str } from '@ringside/protocol'
import { createServer } from '../../src/index.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import type { AuditEntry, RoomHandlersOf, RoomOf, Server } from '../../src/index.ts'
import type { ArchiveStore } from '../../src/archive/contract.ts'
import type { LogStore } from '../../src/outbox/contract/store.ts'
import type { ManualClock } from '../../src/process/clock.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { RawPlayer, TestServer, TestServerOptions } from '../../src/testing/index.ts'

export const DELAY_MS = 60_000
export const RETENTION_MS = 120_000
export const KEEP_MS = 3_600_000

const Player = schema({
  name: str(1),
  hand: str(2, { audience: 'owner' }),
  plan: str(3, { audience: 'team' }),
  fate: str(4, { audience: 'nobody' }),
})
const table = {
  state: schema({
    said: str(1),
    players: map(2, Player),
    deck: str(3, { audience: 'nobody' }),
  }),
  events: { told: event({ text: str(1) }) },
}

/** Rooms that differ in who may see them, and when. */
export const leakGame = defineGame({
  commands: { act: command(0x0200, { what: str(1), text: str(2) }, { reply: { done: str(1) } }) },
  rooms: { open: table, late: table, shy: table, veil: table },
})
export type LeakGame = typeof leakGame
export type RoomType = keyof LeakGame['rooms']
type Table = RoomOf<LeakGame, 'open'>
export type Seat = RawPlayer<LeakGame>

export interface WorldOptions extends Partial<ServerLimits>, Pick<TestServerOptions, 'readRss'> {
  readonly store?: LogStore
  readonly clock?: ManualClock
  readonly archive?: ArchiveStore
  readonly apiKey: string
  readonly ticketSecret: string
  readonly jwtSecret: string
  /** It is in what `onAuth` and `authorizeConnection` return. */
  readonly password: string
  /** It is in the texts of errors that the game throws. */
  readonly thrown?: string
}

/** A server with rooms of all kinds, on which everything is switched on. */
export class LeakWorld implements AsyncDisposable {
  readonly test: TestServer<LeakGame>
  /** By their ids. */
  readonly tables: ReadonlyMap<string, Table>
  readonly audited: AuditEntry[]

  private constructor(parts: Pick<LeakWorld, 'test' | 'tables' | 'audited'>) {
    this.test = parts.test
    this.tables = parts.tables
    this.audited = parts.audited
  }

  static async start(options: WorldOptions): Promise<LeakWorld> {
    const { apiKey, ticketSecret, jwtSecret, password, thrown = '', ...given } = options
    const tables = new Map<string, Table>()
    const audited: AuditEntry[] = []
    const { archive } = given
    const test = await startTestServer<LeakGame>(
      leakGame,
      (settings) => {
        const server = createServer(leakGame, settings)
        setUp(server, { tables, password, thrown, isArchived: archive !== undefined })
        return server
      },
      {
        ...given,
        apiKey,
        ticketSecret,
        jwt: { secret: jwtSecret },
        cookie: { name: 'token' },
        allowQueryToken: true,
        aliasRoutes: true,
        authorizeConnection: ({ query, cookie }) => ({
          password,
          was: query.get('pass') ?? cookie('pass'),
        }),
        audit: (entry) => void audited.push(entry),
        readsPerSecondPerIp: 1e6,
        joinsPerSecondPerIp: 1e6,
        maxUnclaimedPerIp: 1e6,
        connectionsPerSecondPerIp: 1e6,
        retentionMs: RETENTION_MS,
        retentionEvents: 1e6,
      },
    )
    return new LeakWorld({ test, tables, audited })
  }

  get now(): number {
    return this.test.clock.now()
  }

  /** Something happens in a room, as its player does it. */
  async act(player: Seat, what: string, text: string): Promise<void> {
    player.send('act', { what, text })
    await this.test.advance(1)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.test[Symbol.asyncDispose]()
  }
}

interface SetUp {
  readonly tables: Map<string, Table>
  readonly password: string
  readonly thrown: string
  readonly isArchived: boolean
}

function setUp(server: Server<LeakGame>, { tables, password, thrown, isArchived }: SetUp): void {
  const handlers = (type: RoomType): RoomHandlersOf<LeakGame, 'open'> => ({
    maxClients: 1_000,
    tickHz: 0,
    emptyTimeoutMs: null,
    delayMs: type === 'late' ? DELAY_MS : 0,
    ...(isArchived ? { archive: { keepMs: KEEP_MS } } : {}),
    onCreate(room) {
      tables.set(room.id, room as Table)
      if (type === 'shy') room.setPrivate(true)
      return { said: '', players: {}, deck: '' }
    },
    onAuth(_room, { name }) {
      if (name === 'Boom') throw new Error(`of the game: ${thrown}`)
      return { userId: `user of ${name}`, password }
    },
    onJoin(room, session) {
      room.state.players[session.id] = { name: session.name, hand: '', plan: '', fate: '' }
      room.setTeam(session, session.name.startsWith('Red') ? 'red' : 'blue')
    },
    onLeave(room, session) {
      delete room.state.players[session.id]
    },
    commands: {
      act(room, session, { what, text }) {
        const player = room.state.players[session.id]
        if (what === 'say') {
          room.state.said = text
          room.emit('told', { text })
        } else if (what === 'whisper') session.emit('told', { text })
        else if (what === 'meta') room.setMetadata({ title: text })
        else if (what === 'deck') room.state.deck = text
        else if (what === 'veil') room.setPrivate(true)
        else if (what === 'unveil') room.setPrivate(false)
        else if (what === 'end') room.end()
        else if (what === 'fail') throw new Error(text)
        else if (player && (what === 'hand' || what === 'plan' || what === 'fate'))
          player[what] = text
        return { done: what }
      },
    },
  })
  for (const type of ['open', 'late', 'shy', 'veil'] as const) server.room(type, handlers(type))
  server.rpc('fail', (params) => {
    throw new Error(`of the game: ${JSON.stringify(params)}`)
  })
  server.route('GET', '/boom', () => {
    throw new Error(`of the game: ${thrown}`)
  })
  server.command(0x0300, (_session, payload) => {
    throw new Error(`of the game: ${Buffer.from(payload).toString()}`)
  })
}
