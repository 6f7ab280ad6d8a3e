import { createHash } from 'node:crypto'
import { createParser } from 'eventsource-parser'
import type { EventSourceMessage } from 'eventsource-parser'
import type { Json, RoomListing } from '@ringside/protocol'
import { applyMergePatch } from '@ringside/protocol'
import { ManualClock } from '../../src/process/clock.ts'
import { createFeed } from '../../src/feed/create-feed.ts'
import type { FeedOptions, FeedParts } from '../../src/feed/create-feed.ts'
import { checkOf, roomId } from '../../src/feed/position/room-id.ts'
import { SealedPositions, selectionHash } from '../../src/feed/position/sealed-positions.ts'
import { feedRoutes } from '../../src/feed/routes.ts'
import { Selection } from '../../src/feed/audience/selection.ts'
import { NO_TOPICS, makeTopicFilter } from '../../src/feed/audience/topic-filter.ts'
import { parseRooms, parseTypes } from '../../src/feed/audience/wish.ts'
import type { RoomDirectory, RoomFacts } from '../../src/feed/audience/directory.ts'
import { authenticatorOf } from '../support/authenticator.ts'
import { Router } from '../../src/http/router.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { createMetrics } from '../../src/process/metrics.ts'
import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { whoEvent } from '../../src/outbox/contract/room-who.ts'
import type { RoomWho } from '../../src/outbox/contract/room-who.ts'
import type { LogStore } from '../../src/outbox/contract/store.ts'
import type { Outbox, RoomLog } from '../../src/outbox/contract/outbox.ts'
import { MemoryTransport } from '../../src/transport/memory/transport.ts'
import type { MemoryExchange, MemoryStream } from '../../src/transport/memory/http.ts'
import type { AskingRequest } from '../../src/auth/asking-request.ts'
import type { Principal } from '../../src/auth/principal.ts'
import type { FeedAuthenticator } from '../../src/feed/audience/access.ts'
import { advance } from '../../src/testing/index.ts'
import { BodyGate } from '../../src/limit/body-gate.ts'

/** Opens the routes of operators. */
export const API_KEY = 'key-of-sixteen-and-more'

/** Rooms as a test sets them. */
export class FakeDirectory implements RoomDirectory {
  readonly rooms = new Map<string, RoomFacts>()
  readonly #listeners = new Set<(roomId: string) => void>()
  set(id: string, facts: Partial<RoomFacts> = {}): void {
    const known = this.rooms.get(id) ?? {
      type: 'arena',
      delayMs: 0,
      isPrivate: false,
      isLive: true,
    }
    this.rooms.set(id, { ...known, ...facts })
    this.#tell(id)
  }
  forget(id: string): void {
    this.rooms.delete(id)
    this.#tell(id)
  }
  list(): RoomListing[] {
    return [...this.rooms]
      .filter(([, room]) => room.isLive && !room.isPrivate)
      .map(([roomId, room]) => listing(roomId, room))
  }
  find(id: string): RoomFacts | null {
    return this.rooms.get(id) ?? null
  }
  /** It remembers what `find` has forgotten. */
  readonly records = new Map<string, RoomFacts>()
  async lookUp(id: string): Promise<RoomFacts | null> {
    return this.records.get(id) ?? null
  }
  ids(): Iterable<string> {
    return this.rooms.keys()
  }
  onChange(listener: (roomId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id)
  }
}

function listing(roomId: string, { type, delayMs }: RoomFacts): RoomListing {
  const numbers = { clients: 1, maxClients: 16, spectators: 0 }
  return { roomId, type, ...numbers, locked: false, metadata: null, delayMs }
}

/** One room's log, written as a room would write it. */
export class ScriptedRoom {
  state: Json = {}
  n = 0
  #who: RoomWho | null = null
  readonly id: string
  readonly #log: RoomLog
  constructor(id: string, log: RoomLog) {
    this.id = id
    this.#log = log
  }
  patch(data: Json, hidden: string | null = null): void {
    this.state = applyMergePatch(this.state, structuredClone(data))
    this.#append('patch', JSON.stringify(data), hidden)
  }
  emit(type: string, data: Json): void {
    this.#append(type, JSON.stringify(data), null)
  }
  end(): void {
    this.#append('end', '{}', null)
  }
  /** Writes the room's first event, which says who sees it. */
  begin(data: Json, who: RoomWho): void {
    this.state = structuredClone(data)
    this.#who = who
    this.#append('patch', JSON.stringify(data), null, who)
  }
  /** Says who sees the room from here on. */
  who(who: RoomWho): void {
    const { type, data } = whoEvent(this.#who, who)
    this.#who = who
    this.#append(type, data, null, who)
  }
  snapshot(): void {
    const publicState = JSON.stringify(this.state)
    this.#log.snapshot({ publicState, hiddenState: '{"mines":"SECRET"}', runtime: '{}' })
  }
  #append(type: string, data: string, hidden: string | null, who?: RoomWho): void {
    if (!this.#log.append({ type, data, hidden, who }))
      throw new Error('Expected the log to take it')
    this.n++
  }
}

/** The fields that any event of the feed may have; a test asks only for those that its type has. */
interface SeenData {
  room: string
  n: number
  prev: number
  at: number
  retryMs: number
  state: Json
  data: Json
  rooms: Json
  topic: string
  alias: string
  streamId: string
  streamKey: string
}

export interface SeenEvent {
  readonly type: string
  readonly id: string | null
  readonly data: SeenData
}

/** One reader, at the bytes: parsed by eventsource-parser, the oracle. */
export class Reader {
  readonly exchange: MemoryExchange
  constructor(exchange: MemoryExchange) {
    this.exchange = exchange
  }
  get body(): MemoryStream {
    const { openBody } = this.exchange
    if (!openBody) throw new Error(`Expected a stream, got ${this.exchange.status}`)
    return openBody
  }
  get text(): string {
    return this.exchange.text()
  }
  get events(): SeenEvent[] {
    const events: SeenEvent[] = []
    const parser = createParser({
      onEvent: (event: EventSourceMessage) =>
        events.push({
          type: event.event ?? 'message',
          id: event.id ?? null,
          data: JSON.parse(event.data) as SeenEvent['data'],
        }),
      onError: (error) => {
        throw error
      },
    })
    parser.feed(this.text)
    return events
  }
  /** The events of a feed in lines, each of which must be whole. */
  get lines(): SeenEvent[] {
    const lines = this.text.split('\n')
    if (lines.pop() !== '') throw new Error('Expected whole lines')
    return lines.map((line) => {
      const { type, id, data, ...others } = JSON.parse(line) as Omit<SeenEvent, 'id'> & {
        id?: string
      }
      if (Object.keys(others).length > 0) throw new Error(`Expected no more in ${line}`)
      return { type, id: id ?? null, data }
    })
  }
  get types(): string[] {
    return this.events.map(({ type }) => type)
  }
  of(type: string): SeenEvent[] {
    return this.events.filter((event) => event.type === type)
  }
  /** What comes from the rooms themselves. */
  get roomEvents(): SeenEvent[] {
    const framing = new Set([
      'hello',
      'snapshot',
      'caught-up',
      'reset',
      'going-away',
      'room-unknown',
      'room-alias',
      'heartbeat',
      'bound',
    ])
    return this.events.filter(({ type }) => !framing.has(type))
  }
  /** The id that EventSource would send: the last of a complete block. */
  get lastEventId(): string {
    const complete = this.text.slice(0, this.text.lastIndexOf('\n\n') + 2)
    return [...complete.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? ''
  }
  get error(): string | null {
    const { error } = this.exchange.json() as { error?: { code: string } }
    return error?.code ?? null
  }
}

/** Keys as a server has them, from a secret that every rig has. */
export const testKeyFor = (purpose: string): Uint8Array =>
  createHash('sha256').update(`test ${purpose}`).digest()

/** No two owners of a log are alike, those of different rigs neither. */
let owns = 0

type RigOptions = Partial<ServerLimits> &
  Partial<
    Pick<FeedOptions, 'authorize' | 'random' | 'keyFor' | 'publicTopics' | 'authenticator'>
  > & {
    readonly store?: LogStore
    readonly clock?: ManualClock
    readonly directory?: FakeDirectory
  }

/** A feed on the real log, in memory, on a clock that stands still. */
export class FeedRig {
  readonly clock: ManualClock
  readonly directory: FakeDirectory
  readonly limits: ServerLimits
  readonly store: LogStore
  readonly outbox: Outbox
  readonly transport: MemoryTransport
  parts!: FeedParts
  readonly #options: RigOptions
  #published = 0

  private constructor(options: RigOptions) {
    this.#options = options
    const {
      authorize: _a,
      random: _r,
      keyFor: _k,
      publicTopics: _t,
      authenticator: _p,
      ...rest
    } = options
    const { store, clock, directory, ...limits } = rest
    this.directory = directory ?? new FakeDirectory()
    this.clock = clock ?? new ManualClock()
    // Time stands still here: tests that are not about it ask as often as they like.
    this.limits = checkLimits({ readsPerSecondPerIp: 1e6, ...limits })
    this.store = store ?? new MemoryStore({ clock: this.clock })
    this.outbox = createOutbox(this.store, this.limits, {
      clock: this.clock,
      logger: silentLogger,
      randomId: () => `own-${String(owns++).padStart(12, '0')}`,
    })
    this.transport = new MemoryTransport({
      maxMessageBytes: 1 << 20,
      maxBufferedBytes: 1 << 20,
      idleTimeoutMs: 60_000,
    })
  }

  static async start(options: RigOptions = {}): Promise<FeedRig> {
    const rig = new FeedRig(options)
    await rig.#start()
    return rig
  }

  async #start(): Promise<void> {
    const { outbox, directory, clock, limits, store } = this
    const started = outbox.start()
    await this.settle()
    await started
    const { authorize, random, publicTopics, authenticator } = this.#options
    this.parts = createFeed({
      outbox,
      directory,
      clock,
      limits,
      logger: silentLogger,
      now: () => outbox.now(),
      keyFor: this.#options.keyFor ?? testKeyFor,
      records: store.records,
      ...(publicTopics ? { publicTopics } : {}),
      ...(authenticator ? { authenticator } : {}),
      ...(authorize ? { authorize } : {}),
      ...(random ? { random } : {}),
    })
    const router = new Router({
      bodies: new BodyGate(checkLimits()),
      logger: silentLogger,
      metrics: createMetrics(),
      isOriginAllowed: () => true,
      isTrusted: () => false,
      authenticator: authenticatorOf(API_KEY),
    })
    router.addAll(feedRoutes(this.parts))
    const refuse = (): never => {
      throw new Error('Expected HTTP only')
    }
    await this.transport.listen(
      { host: 'memory', port: 1 },
      {
        upgrade: refuse,
        open: refuse,
        message: refuse,
        drain: refuse,
        close: refuse,
        dropped: refuse,
        http: router.handle,
      },
    )
    await this.settle()
  }

  get feed(): FeedParts['feed'] {
    return this.parts.feed
  }

  get lobby(): FeedParts['lobby'] {
    return this.parts.lobby
  }

  /** Makes a room and writes its first event. */
  async room(id: string, first: Json = {}, facts: Partial<RoomFacts> = {}): Promise<ScriptedRoom> {
    const room = await this.own(id, facts)
    room.patch(first)
    await this.settle()
    return room
  }

  /** The same where the log says who sees it. The directory has it as it was at first. */
  async saidRoom(id: string, first: Json = {}, said: Partial<RoomWho> = {}): Promise<ScriptedRoom> {
    const who = { delayMs: 0, isPrivate: false, ...said }
    const room = await this.own(id, { ...who, isElsewhere: true })
    room.begin(first, who)
    await this.settle()
    return room
  }

  /** Takes the ownership of a room and writes nothing. */
  async own(id: string, facts: Partial<RoomFacts>): Promise<ScriptedRoom> {
    this.directory.set(id, facts)
    const ignore = (): void => {}
    const opening = this.outbox.openRoom(id, {
      onFenced: ignore,
      onGivenUp: ignore,
      onWritable: ignore,
      onRefused: ignore,
      onSnapshotDue: ignore,
    })
    await this.settle()
    return new ScriptedRoom(id, await opening)
  }

  /** Puts an event of a topic into the log, as a publisher would. */
  async publish(topic: string, type: string, data: Json, to: string | null = null): Promise<void> {
    const messageId = `m${++this.#published}`
    const message = { topic, to, messageId, principal: 'server', trace: null }
    const published = this.outbox.publish({ ...message, type, data: JSON.stringify(data) })
    await this.settle()
    await published
    await this.settle()
  }

  /** Sends a request with a body, and waits for the answer. */
  async send(
    method: string,
    path: string,
    body: Json = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<MemoryExchange> {
    const text = body === null ? '' : JSON.stringify(body)
    const exchange = this.transport.request({ method, path, headers, body: text })
    await this.settle()
    return exchange
  }

  /** Lets everything run that needs no time. */
  settle(): Promise<void> {
    return advance(this.clock, 0)
  }

  advance(ms: number): Promise<void> {
    return advance(this.clock, ms)
  }

  /** The id of an event in the feed of its room. */
  async idOf(room: string, n: number): Promise<string> {
    const event = await this.store.events.byRoomN(room, n)
    if (!event) throw new Error(`Expected an event ${n} of ${room}`)
    return roomId({ n, check: checkOf(event) })
  }

  /** A position in a feed of many rooms, as the server tells it where it stands on no event. */
  tokenAt(seq: number, { rooms = '*', types = '' } = {}): string {
    const selection = new Selection({
      ...parseRooms(rooms),
      topics: makeTopicFilter(['public']) ?? NO_TOPICS,
      types: types === '' ? null : parseTypes(types),
      clientId: null,
      isSingle: false,
    })
    const positions = new SealedPositions(this.#options.keyFor ?? testKeyFor, this.outbox.historyId)
    return positions.quietToken(seq, selectionHash(selection.key))
  }

  /** Asks without waiting. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Reader {
    return new Reader(this.transport.request({ path, headers }))
  }

  async open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> {
    const reader = this.get(path, headers)
    await this.settle()
    return reader
  }

  async json<T>(path: string, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    const reader = await this.open(path, headers)
    return reader.exchange.json() as T
  }
}

/** Somebody who reads the public topic and what is not private, but for what is said otherwise. */
export function readerNamed(id: string, rights: Partial<Principal> = {}): Principal {
  const kind = id === 'anonymous' ? 'anonymous' : 'user'
  return {
    id,
    kind,
    isValid: true,
    expiresAt: null,
    isOperator: false,
    mayReadTopic: (topic) => topic === 'public',
    mayReadRoom: (room) => !room.isPrivate,
    mayPublish: () => false,
    ...rights,
  }
}

/** Knows who asks by this function alone. */
export function knownBy(principalOf: (request: AskingRequest) => Principal): FeedAuthenticator {
  return { authenticate: principalOf, watch: () => () => {} }
}

/** The item, which must be there. */
export function itemAt<T>(items: readonly T[], index: number): T {
  const item = items.at(index)
  if (item === undefined) throw new Error(`Expected an item at ${index} of ${items.length}`)
  return item
}
