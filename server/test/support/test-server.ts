import { decodeMessage, encodeMessage, encodeSystem } from '@ringside/protocol'
import type { MatchmakeAnswer, Schema } from '@ringside/protocol'
import type { ManualClock, MemoryTransport, Server, ServerOptions } from '../../src/index.ts'
import { createServer } from '../../src/server.ts'
import { RawClient } from '../../src/testing/index.ts'
import type { LoggedLine, StoreFaults, TestServer as KitServer } from '../../src/testing/index.ts'
import { makeTestServer } from '../../src/testing/test-server.ts'
import { arenaHandlers, testGame } from './test-game.ts'
import type { ArenaHandlers, HookLog } from './test-game.ts'

/** A player of the small game, whose requests are sent and not waited for. */
export class TestClient extends RawClient<typeof testGame> {
  ask(correlation: number, name: keyof typeof testGame.commands, payload: object): void {
    const { id, payload: schema } = testGame.commands[name]
    const bytes = encodeMessage(schema as Schema, payload as never)
    this.sendBytes(encodeSystem('request', { correlation, command: id, payload: bytes }))
  }

  reply(correlation: number, name: keyof typeof testGame.commands): unknown {
    const reply = this.all('reply').find((entry) => entry.correlation === correlation)
    const schema = testGame.commands[name].reply
    return reply && schema ? decodeMessage(schema as Schema, reply.payload) : undefined
  }
}

export type TestPlayer = TestClient & { readonly seat: MatchmakeAnswer }

export interface TestOptions extends Omit<
  ServerOptions,
  'clock' | 'transport' | 'logger' | 'newId'
> {
  /** First character of every id: two servers on one store must not make the same. */
  readonly idPrefix?: string
  /** Several servers on one clock. Default: one of its own. */
  readonly clock?: ManualClock
}

/**
 * A server of the kit that runs the small game, for the tests that look at each ms: a step takes 1 ms here, where
 * the kit goes on to the next timer.
 */
export class TestServer implements AsyncDisposable {
  readonly kit: KitServer<typeof testGame>
  readonly hookLog: HookLog = []

  private constructor(given: TestOptions, parts: Parts) {
    const { idPrefix = 'a', seed, ...options } = { seed: 7, ...given }
    let ids = 0
    this.kit = makeTestServer<typeof testGame>(
      testGame,
      ({ seed: _ofTheKit, ...settings }) => {
        const server = createServer(testGame, {
          ...settings,
          ...(seed === undefined ? {} : { seed }),
          newId: () => `${idPrefix}${String(++ids).padStart(11, '0')}`,
        })
        server.room('arena', arenaHandlers(this.hookLog, parts.handlers))
        parts.setUp(server)
        return server
      },
      {
        apiKey: 'a key for tests only',
        ticketSecret: 'a secret for tests, 32 characters long',
        ...options,
      },
    )
  }

  static async start(
    options: TestOptions = {},
    handlers: Partial<ArenaHandlers> = {},
    setUp: Parts['setUp'] = () => {},
  ): Promise<TestServer> {
    const test = new TestServer(options, { handlers, setUp })
    await test.during(test.server.listen({ port: 0 }))
    return test
  }

  /** One that does not listen yet. */
  static make(options: TestOptions = {}, handlers: Partial<ArenaHandlers> = {}): TestServer {
    return new TestServer(options, { handlers, setUp: () => {} })
  }

  get clock(): ManualClock {
    return this.kit.clock
  }

  get server(): Server<typeof testGame> {
    return this.kit.server
  }

  get transport(): MemoryTransport {
    return this.kit.transport
  }

  get faults(): StoreFaults {
    return this.kit.faults
  }

  get logged(): readonly LoggedLine[] {
    return this.kit.logged
  }

  /** Waits for a promise while time moves. */
  during<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.kit.during(promise, limitMs === undefined ? {} : { limitMs })
  }

  async http(
    method: string,
    path: string,
    body?: unknown,
    remoteAddress = '127.0.0.1',
  ): Promise<{ status: number; body: unknown; headers: Readonly<Record<string, string>> }> {
    const exchange = this.transport.request({
      method,
      path,
      remoteAddress,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    await this.during(exchange.done)
    const text = exchange.text()
    return {
      status: exchange.status,
      body: text === '' ? null : JSON.parse(text),
      headers: exchange.headers,
    }
  }

  /** Matchmaking by HTTP, then JOIN by socket. */
  async join(name: string, path = 'joinOrCreate/arena', options?: unknown): Promise<TestPlayer> {
    const answer = await this.http('POST', `/matchmake/${path}`, { name, options })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    const seat = answer.body as MatchmakeAnswer
    const client = await this.dial()
    client.sendSystem('join', { ticket: seat.ticket })
    await this.clock.advanceAsync(1)
    return Object.assign(client, { seat })
  }

  /** Over a link of its own, which a test may cut or stall. */
  async dial(): Promise<TestClient> {
    const client = new TestClient({
      game: testGame,
      link: this.kit.link({ address: '127.0.0.1' }),
      url: new URL('/ws', this.kit.address.replace('http', 'ws')),
      until: (condition, waiting) => this.kit.until(condition, waiting),
    })
    await this.clock.advanceAsync(1)
    if (client.closed) throw new Error(`refused with ${client.closed.code}`)
    return client
  }

  /** The process dies: nothing more is called, nothing is flushed. */
  crash(): Promise<void> {
    return this.kit.crash()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kit.close()
  }
}

interface Parts {
  readonly handlers: Partial<ArenaHandlers>
  readonly setUp: (server: Server<typeof testGame>) => void
}
