import {
  decodeMessage,
  decodeSystem,
  encodeMessage,
  encodeSystem,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { MatchmakeAnswer, Schema, SystemName } from '@ringside/protocol'
import { createServer } from '../../src/server.ts'
import { ManualClock } from '../../src/index.ts'
import type { Logger, Server, ServerOptions } from '../../src/index.ts'
import { MemoryTransport } from '../../src/transport/memory/transport.ts'
import type { MemorySocket } from '../../src/transport/memory/socket.ts'
import { arenaHandlers, testGame } from './test-game.ts'
import type { ArenaHandlers, HookLog } from './test-game.ts'

/** A frame that a test client received. */
export interface Received {
  readonly id: number
  readonly name: SystemName | null
  readonly frame: Uint8Array
}

/** One player of a test, speaking real frames over an in-process socket. */
export class TestClient {
  readonly socket: MemorySocket
  readonly received: Received[] = []
  closed: { code: number; reason: string } | null = null

  constructor(socket: MemorySocket) {
    this.socket = socket
    socket.onmessage = ({ data }) => {
      const frame = new Uint8Array(data)
      const id = readCommandId(frame)
      const names = Object.keys(system) as SystemName[]
      this.received.push({ id, frame, name: names.find((name) => system[name].id === id) ?? null })
    }
    socket.onclose = (event) => {
      this.closed = { code: event.code, reason: event.reason }
    }
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame)
  }

  request(correlation: number, name: keyof typeof testGame.commands, payload: object): void {
    const { id, payload: schema } = testGame.commands[name]
    const bytes = encodeMessage(schema as Schema, payload as never)
    this.send(encodeSystem('request', { correlation, command: id, payload: bytes }))
  }

  /** The payloads of all system messages of this name, decoded. */
  all<N extends Exclude<SystemName, 'state' | 'patch'>>(name: N) {
    return this.received
      .filter((entry) => entry.name === name)
      .map((entry) => decodeSystem(name, entry.frame))
  }

  reply(correlation: number, name: keyof typeof testGame.commands): unknown {
    const reply = this.all('reply').find((entry) => entry.correlation === correlation)
    const schema = testGame.commands[name].reply
    return reply && schema ? decodeMessage(schema as Schema, reply.payload) : undefined
  }

  count(name: SystemName): number {
    return this.received.filter((entry) => entry.name === name).length
  }
}

export interface LoggedLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

export interface TestOptions extends ServerOptions {
  /** First character of every id: two servers on one store must not make the same. */
  readonly idPrefix?: string
  /** Several servers on one clock. Default: one of its own. */
  readonly clock?: ManualClock
}

/** A whole server in memory on a manual clock, with the same ids on every run. */
export class TestServer implements AsyncDisposable {
  readonly clock: ManualClock
  readonly hookLog: HookLog = []
  readonly logged: LoggedLine[] = []
  readonly server: Server<typeof testGame>
  readonly transport: MemoryTransport
  #isCrashed = false

  private constructor(
    { idPrefix = 'a', clock = new ManualClock(), ...options }: TestOptions,
    handlers: Partial<ArenaHandlers>,
  ) {
    this.clock = clock
    this.transport = new MemoryTransport({
      maxMessageBytes: 1024 * 1024 + 4,
      maxBufferedBytes: options.maxQueuedBytes ?? 1024 * 1024,
      idleTimeoutMs: 60_000,
    })
    let ids = 0
    this.server = createServer(testGame, {
      clock,
      transport: this.transport,
      logger: this.#logger(),
      seed: 7,
      newId: () => `${idPrefix}${String(++ids).padStart(11, '0')}`,
      apiKey: 'a key for tests only',
      ticketSecret: 'a secret for tests, 32 characters long',
      ...options,
    })
    this.server.room('arena', arenaHandlers(this.hookLog, handlers))
  }

  static async start(
    options: TestOptions = {},
    handlers: Partial<ArenaHandlers> = {},
    setUp: (server: Server<typeof testGame>) => void = () => {},
  ): Promise<TestServer> {
    const test = TestServer.make(options, handlers)
    setUp(test.server)
    await test.during(test.server.listen({ port: 0 }))
    return test
  }

  /** One that does not listen yet. */
  static make(options: TestOptions = {}, handlers: Partial<ArenaHandlers> = {}): TestServer {
    return new TestServer(options, handlers)
  }

  /** Waits for a promise while time moves. */
  async during<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isDone = false
    const settled = promise.finally(() => {
      isDone = true
    })
    settled.catch(() => {})
    for (let passed = 0; !isDone && passed < limitMs; passed += 5)
      await this.clock.advanceAsync(5, 1)
    return settled
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
    client.send(encodeSystem('join', { ticket: seat.ticket }))
    await this.clock.advanceAsync(1)
    return Object.assign(client, { seat })
  }

  async dial(): Promise<TestClient> {
    const socket = this.transport.dial({ protocols: ['ringside.1'] })
    if ('status' in socket) throw new Error(`refused with ${socket.status}`)
    const client = new TestClient(socket)
    await this.clock.advanceAsync(1)
    return client
  }

  /** The process dies: nothing more is called, nothing is flushed. */
  async crash(): Promise<void> {
    await this.clock.advanceAsync(0)
    this.#isCrashed = true
  }

  #logger(): Logger {
    const at = (level: string) => (fields: object, message: string) => {
      this.logged.push({ level, message, fields: fields as Record<string, unknown> })
    }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCrashed) return
    await this.during(this.server.close())
  }
}

export type TestPlayer = TestClient & { readonly seat: MatchmakeAnswer }
