import type { EventPage, GameContract, Json, MatchmakeAnswer, PageEvent } from '@ringside/protocol'
import { pickLimits } from '../options.ts'
import { checkLimits } from '../process/limits.ts'
import { MemoryStore } from '../outbox/stores/memory/store.ts'
import type { LogStore } from '../outbox/contract/store.ts'
import { ManualClock } from '../process/clock.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { ServerOptions } from '../options.ts'
import type { Server } from '../server-types.ts'
import type { MemoryTransport } from '../transport/memory/transport.ts'
import { TestStream } from './event-stream.ts'
import { HostTransport } from './host-transport.ts'
import { Lifetime } from './lifetime.ts'
import type { Link, LinkOptions } from './network/link.ts'
import { Network } from './network/network.ts'
import { RawClient } from './raw-client.ts'
import { StoreFaults } from './store/faults.ts'
import { advance, during, settle, until } from './time.ts'
import type { UntilOptions } from './time.ts'

/** The kit gives these to a server in place of its own. */
export interface TestServerSettings extends ServerOptions {
  readonly clock: Clock
  readonly store: LogStore
  readonly logger: Logger
  readonly transport: MemoryTransport
  readonly seed: number
  readonly newId: () => string
}

/** Makes the server of a test with the options it is given; called again for each restart. It must not listen. */
export type MakeServer<G extends GameContract, Data> = (
  settings: TestServerSettings,
) => Server<G, Data>

/** Options of the server, but for what the kit puts in their place. */
export interface TestServerOptions extends Omit<
  ServerOptions,
  'clock' | 'transport' | 'logger' | 'newId'
> {
  /** A test that makes something on the same time before the server, a store for example, gives its clock. Default: one of its own. */
  readonly clock?: ManualClock
  /** The seed of everything random in the test: rooms, networks, backoffs. Default 1. */
  readonly seed?: number
}

/** One line of a server's log. */
export interface LoggedLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface TestRequest {
  /** A body that is sent as JSON. */
  readonly body?: unknown
  /** Text that is sent as it is, well-formed or not, in place of a `body`. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default: a link without delay. */
  readonly link?: Link
}

export interface TestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body as JSON; null when it is empty or none. */
  readonly json: unknown
}

/** A raw client connects by these. */
export interface DialOptions {
  /** Default: a link of its own without delay. */
  readonly link?: Link
  /** With its query. Default `/ws`. */
  readonly path?: string
  /** Default: `ringside.1`, as the SDK. */
  readonly protocols?: readonly string[]
}

export interface JoinOptions extends DialOptions {
  readonly name?: string
  /** For the room's onCreate and onAuth. */
  readonly options?: Json
}

/** A raw client with a seat. */
export type RawPlayer<G extends GameContract> = RawClient<G> & { readonly seat: MatchmakeAnswer }

/** All servers of a test share these. */
interface World {
  readonly clock: ManualClock
  readonly store: LogStore
  readonly network: Network
  readonly seed: number
  bootCount: number
  nodeCount: number
}

const ID_CHARACTERS = 12
const PAGE_LIMIT = 1_000

/**
 * Starts a server in memory, on a clock that a test moves. `make` makes it with the settings of the kit:
 * `(settings) => createServer(game, settings)`, with its rooms and commands.
 * @throws RingsideError as `createServer` and `listen` do.
 */
export function startTestServer<G extends GameContract, Data = Record<string, unknown>>(
  game: G,
  make: MakeServer<G, Data>,
  options: TestServerOptions = {},
): Promise<TestServer<G, Data>> {
  return TestServer.start(worldOf(options), game, { make, options })
}

/** Makes one that does not listen yet. @throws RingsideError as `createServer` does. */
export function makeTestServer<G extends GameContract, Data = Record<string, unknown>>(
  game: G,
  make: MakeServer<G, Data>,
  options: TestServerOptions = {},
): TestServer<G, Data> {
  return TestServer.make(worldOf(options), game, { make, options })
}

function worldOf({ seed = 1, clock = new ManualClock(), store }: TestServerOptions): World {
  return {
    clock,
    store: store ?? new MemoryStore({ clock }),
    network: new Network(clock, seed),
    seed,
    bootCount: 0,
    nodeCount: 0,
  }
}

interface Recipe<G extends GameContract, Data> {
  readonly make: MakeServer<G, Data>
  readonly options: TestServerOptions
}

/**
 * A server in memory with everything around it that a test needs. Time stands still but in `advance`, `until`,
 * `during`, and what is said to move it; promises settle between any two timers; what is random is drawn from the
 * seed. The same test makes the same frames, events and times on each run.
 */
export class TestServer<
  G extends GameContract = GameContract,
  Data = Record<string, unknown>,
> implements AsyncDisposable {
  readonly server: Server<G, Data>
  /** It is dialled at this address: `http://node-1.test`. */
  readonly address: string
  readonly clock: ManualClock
  readonly store: LogStore
  /** Its own way to the store, sound until a test changes it. */
  readonly faults: StoreFaults
  /** Its own transport; fullness of a socket is better set by a link. */
  readonly transport: MemoryTransport
  readonly seed: number
  /** All that it logged, in order. */
  readonly logged: LoggedLine[] = []
  readonly #world: World
  readonly #game: G
  readonly #recipe: Recipe<G, Data>
  readonly #lifetime = new Lifetime()
  readonly #link: Link
  #isClosed = false

  private constructor(world: World, game: G, recipe: Recipe<G, Data>) {
    const { clock, network, store } = world
    const { make, options } = recipe
    const { seed = world.seed } = options
    const nodeName = options.nodeName ?? `node-${++world.nodeCount}`
    const limits = checkLimits(pickLimits(options))
    const boot = (++world.bootCount).toString(36)
    let ids = 0
    this.#world = world
    this.#game = game
    this.#recipe = { make, options: { ...options, nodeName } }
    this.clock = clock
    this.store = store
    this.faults = new StoreFaults(clock)
    this.seed = seed
    this.address = `http://${nodeName}.test`
    this.#link = network.link()
    this.transport = new HostTransport(
      {
        maxMessageBytes: limits.maxPayloadBytes + 4,
        maxBufferedBytes: limits.maxQueuedBytes,
        idleTimeoutMs: limits.idleTimeoutMs,
      },
      { network, name: `${nodeName}.test`, lifetime: this.#lifetime },
    )
    this.server = make({
      apiKey: 'the key of a test',
      ticketSecret: 'the secret of a test, 32 characters or more',
      // Links dial nodes by names of the test.
      allowedHosts: ['*'],
      ...options,
      nodeName,
      seed,
      clock: this.#lifetime.clock(clock),
      store: this.#lifetime.store(this.faults.around(store)),
      logger: this.#lifetime.logger(this.#logger()),
      transport: this.transport,
      newId: () => boot + String(++ids).padStart(ID_CHARACTERS - boot.length, '0'),
    })
  }

  /** For {@link makeTestServer}. */
  static make<G extends GameContract, Data>(
    world: World,
    game: G,
    recipe: Recipe<G, Data>,
  ): TestServer<G, Data> {
    return new TestServer(world, game, recipe)
  }

  /** For {@link startTestServer}. */
  static async start<G extends GameContract, Data>(
    world: World,
    game: G,
    recipe: Recipe<G, Data>,
  ): Promise<TestServer<G, Data>> {
    const test = new TestServer(world, game, recipe)
    await test.during(test.server.listen({ port: 0 }), { what: 'the server to listen' })
    if (world.network.find(new URL(test.address).host)) return test
    await test.close()
    throw new Error('Expected a server that is made with the settings it is given, got one without')
  }

  /** Moves time by so many ms. Timers run one at a time, and promises settle after each. */
  advance(ms: number): Promise<void> {
    return advance(this.clock, ms)
  }

  /** Lets everything run that needs no time. */
  settle(): Promise<void> {
    return settle()
  }

  /**
   * Moves time until the condition gives something truthy, and returns that. A condition that throws does not hold yet.
   * @throws Error that says what was waited for after `limitMs` of the test's time.
   */
  until<T>(condition: () => T, options?: UntilOptions): Promise<T> {
    return until(this.clock, condition, { seed: this.seed, ...options })
  }

  /** Moves time until the promise settles. @throws what it rejects with; Error after `limitMs`. */
  during<T>(promise: Promise<T>, options?: UntilOptions): Promise<T> {
    return during(this.clock, promise, { seed: this.seed, ...options })
  }

  /**
   * A network of a client's own to all servers of this test, shaped as it is told. Its `options` fit the SDK:
   * `connect(game, test.address, test.link({ latencyMs: 40 }).options)`.
   */
  link(options?: LinkOptions): Link {
    return this.#world.network.link(options)
  }

  /** Sends a request, and moves time until it is answered whole. @throws TypeError when nothing listens. */
  async request(method: string, path: string, request: TestRequest = {}): Promise<TestAnswer> {
    const { body, text: sentText, headers = {}, link = this.#link } = request
    const content = sentText ?? (body === undefined ? null : JSON.stringify(body))
    const type = content === null ? {} : { 'content-type': 'application/json' }
    const sent = link.options.fetch(new URL(path, this.address), {
      method,
      headers: { ...type, ...headers },
      ...(content === null ? {} : { body: content }),
    })
    const what = `the answer to ${method} ${path}`
    const response = await this.during(sent, { what })
    const text = await this.during(response.text(), { what })
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      text,
      json: isJson && text !== '' ? JSON.parse(text) : null,
    }
  }

  get(path: string, request?: TestRequest): Promise<TestAnswer> {
    return this.request('GET', path, request)
  }

  post(path: string, body?: unknown, request?: TestRequest): Promise<TestAnswer> {
    return this.request('POST', path, { ...request, body })
  }

  /** Opens a stream (`/rooms/<id>/feed?from=start`) and moves time until it is answered. */
  async follow(
    path: string,
    { headers = {}, link = this.#link }: TestRequest = {},
  ): Promise<TestStream> {
    const stream = new TestStream()
    const request = { path, headers: { accept: 'text/event-stream', ...headers } }
    const call = link.call(new URL(path, this.address), request, {
      onHead: (status, headers) => Object.assign(stream, { status, headers }),
      onBytes: (bytes) => stream.take(bytes),
      onEnd: () => {
        stream.isOver = true
      },
      onBroken: () => {
        stream.isOver = true
      },
    })
    stream.attach(() => call.abort())
    await this.until(() => stream.status !== 0 || stream.isOver, { what: `a stream of ${path}` })
    return stream
  }

  /** The public state of a room at the end of its log, as spectators see it. */
  async stateOf(roomId: string): Promise<Json> {
    const answer = await this.get(`/rooms/${roomId}/state`)
    if (answer.status !== 200) throw new Error(`Expected a state, got ${answer.text}`)
    return (answer.json as { state: Json }).state
  }

  /** All events of a room's log, as spectators see them. */
  async eventsOf(roomId: string): Promise<PageEvent[]> {
    const events: PageEvent[] = []
    for (let after = 0; ;) {
      const answer = await this.get(`/rooms/${roomId}/events?limit=${PAGE_LIMIT}&after=${after}`)
      if (answer.status !== 200) throw new Error(`Expected a page, got ${answer.text}`)
      const page = answer.json as EventPage
      events.push(...page.events)
      if (page.events.length < PAGE_LIMIT) return events
      after = page.next
    }
  }

  /**
   * Connects a client without a seat, and moves time until it is open.
   * @throws Error when the handshake is refused.
   */
  async dial(options: DialOptions = {}): Promise<RawClient<G>> {
    const { link = this.link(), path = '/ws', protocols } = options
    const client = new RawClient<G>({
      game: this.#game,
      link,
      url: new URL(path, this.address.replace('http', 'ws')),
      until: (condition, waiting) => this.until(condition, waiting),
      ...(protocols ? { protocols } : {}),
    })
    await this.until(() => client.isOpen || client.closed, { what: 'the connection' })
    if (client.closed) throw new Error(`Expected a connection, got close ${client.closed.code}`)
    return client
  }

  /** Joins a room of this type that has space, or makes one. @throws Error when a seat is refused. */
  join(type: keyof G['rooms'] & string, options?: JoinOptions): Promise<RawPlayer<G>> {
    return this.#seat(`joinOrCreate/${type}`, options)
  }

  /** Makes a room of this type and joins it. @throws Error when a seat is refused. */
  create(type: keyof G['rooms'] & string, options?: JoinOptions): Promise<RawPlayer<G>> {
    return this.#seat(`create/${type}`, options)
  }

  /** Joins the room with this id. @throws Error when a seat is refused. */
  joinById(roomId: string, options?: JoinOptions): Promise<RawPlayer<G>> {
    return this.#seat(`joinById/${roomId}`, options)
  }

  /** Takes a seat back by the `reconnectToken` of a JOINED. @throws Error when it is refused. */
  reconnect(roomId: string, token: string, options?: DialOptions): Promise<RawPlayer<G>> {
    return this.#seat(`reconnect/${roomId}`, options, { token })
  }

  /** One more server over the same store and time, made in the same way but for what `options` change. */
  another(options: TestServerOptions = {}): Promise<TestServer<G, Data>> {
    const { nodeName: _own, ...same } = this.#recipe.options
    return TestServer.start(this.#world, this.#game, {
      make: this.#recipe.make,
      options: { ...same, ...options },
    })
  }

  /**
   * The process dies: no hook, timer, write or message of it comes any more, what the store has is what is left.
   * Connections to it break.
   */
  async crash(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#lifetime.end()
    const { host } = new URL(this.address)
    const { network } = this.#world
    network.remove(host, this.transport)
    network.cut(host)
    // The sockets of `server.loopback()` have no link.
    this.transport.terminateAll()
    await settle()
  }

  /** Drains and stops as `server.close()` does, while time moves. Does nothing after a crash. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.during(this.server.close(), { what: 'the server to close' })
  }

  /**
   * Starts a new process at the same address, over the same store and made in the same way but for what `options`
   * change; ends this one first if it runs.
   */
  async restart(options: TestServerOptions = {}): Promise<TestServer<G, Data>> {
    await this.close()
    const { make, options: same } = this.#recipe
    return TestServer.start(this.#world, this.#game, { make, options: { ...same, ...options } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #seat(
    path: string,
    options: JoinOptions = {},
    body: object = { name: options.name, options: options.options },
  ): Promise<RawPlayer<G>> {
    const link = options.link ?? this.link()
    const answer = await this.post(`/matchmake/${path}`, body, { link })
    if (answer.status !== 200) throw new Error(`Expected a seat, got ${answer.text}`)
    const seat = answer.json as MatchmakeAnswer
    const client = await this.dial({ path: seat.url, ...options, link })
    client.sendSystem('join', { ticket: seat.ticket })
    await this.until(() => client.count('joined') > 0 || client.closed, { what: 'JOINED' })
    if (client.closed) throw new Error(`Expected JOINED, got close ${client.closed.code}`)
    return Object.assign(client, { seat })
  }

  #logger(): Logger {
    const at = (level: keyof Logger) => (fields: object, message: string) => {
      this.logged.push({ level, message, fields: fields as Record<string, unknown> })
    }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
}
