import type { Route, StreamAct } from '../http/contract.ts'
import { unlessAway } from '../http/starting.ts'
import type { Clock } from '../process/clock.ts'
import { randomId } from '../process/ids.ts'
import type { KeyFor } from '../process/sealer.ts'
import type { Logger } from '../process/logger.ts'
import type { ServerLimits } from '../process/limits.ts'
import { spreadRetryMs } from '../process/spread.ts'
import type { LabelledReading, Part, Reading } from '../process/part.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { ArchiveReader } from '../archive/archive-reader.ts'
import type { RecordStore } from '../outbox/contract/store.ts'
import { FeedAccess } from './audience/access.ts'
import { nobodyKnown } from './audience/nobody-known.ts'
import type { AuthorizeSpectator, FeedAuthenticator } from './audience/access.ts'
import { ClientClaims } from './audience/client-claims.ts'
import type { RoomDirectory } from './audience/directory.ts'
import { ReaderLimits } from './audience/reader-limits.ts'
import type { ReaderLimitNumbers } from './audience/reader-limits.ts'
import { RoomFinder } from './audience/room-finder.ts'
import { WhoIndex } from './audience/who-index.ts'
import { Spectators } from './audience/spectators.ts'
import { NO_TOPICS, makeTopicFilter } from './audience/topic-filter.ts'
import { Feed } from './feed.ts'
import { ListingDelay } from './lobby/listing-delay.ts'
import { Lobby } from './lobby/lobby.ts'
import { EventPages } from './pages/event-pages.ts'
import { History } from './pages/history.ts'
import { Series } from './pages/series.ts'
import { SealedPositions } from './position/sealed-positions.ts'
import { FeedLog } from './read/feed-log.ts'
import { Places } from './read/places.ts'
import { ReadGate } from './read/read-gate.ts'
import { RoomSeeker } from './read/room-seeker.ts'
import { FeedSource } from './read/source.ts'
import { States } from './read/states.ts'
import { FeedTails } from './read/tail.ts'
import { TimeIndex } from './read/time-index.ts'
import { feedRoutes } from './routes.ts'
import { StreamDesk } from './stream-desk.ts'
import { FeedGroups } from './stream/groups.ts'
import { FeedPump } from './stream/pump.ts'
import { FeedStarter } from './stream/starter.ts'
import { Seekers } from './stream/seekers.ts'
import { FeedReadings } from './stream/stream-readings.ts'
import { StreamTable } from './stream/stream-table.ts'

/** FE153: a series may hold 200,000 values until it is whole. */
const SERIES_AT_ONCE = { atOnce: 2, maxWaiting: 20 }

export type FeedLimits = ReaderLimitNumbers &
  Pick<
    ServerLimits,
    'heartbeatMs' | 'retryMs' | 'maxBehindMs' | 'minBytesPerSecond' | 'feedRingBytes'
  >

export interface FeedOptions {
  /** It must have been started, for the feed begins at its watermark. */
  readonly outbox: Outbox
  readonly directory: RoomDirectory
  /** Rooms that are over and have left the log. Default: there are none. */
  readonly archive?: ArchiveReader | null
  readonly clock: Clock
  readonly limits: FeedLimits
  readonly logger: Logger
  /** It gives the keys under which positions are sealed (FE52): the same ones wherever the log is served. */
  readonly keyFor: KeyFor
  /** The log's time in ms; default the clock's. */
  readonly now?: () => number
  /** 0 (inclusive) to 1; default Math.random. */
  readonly random?: () => number
  /** Source of the ids of streams. Default: the system's randomness. */
  readonly newId?: () => string
  /** Source of their keys. Default: the system's randomness. */
  readonly newKey?: () => string
  /** Default: the principal alone decides. */
  readonly authorize?: AuthorizeSpectator
  /** Finds who asks, and tells when that is over. Default: nobody is known. */
  readonly authenticator?: FeedAuthenticator
  /** Topics and patterns that everybody may read, and that a feed follows which names none. Default `['public']`. */
  readonly publicTopics?: readonly string[]
  /** The ids of clients are claimed here. */
  readonly records: Pick<RecordStore, 'get' | 'put'>
  /**
   * True while the log does not take what rooms do: the list of rooms then stands still. Default:
   * never.
   */
  readonly isBehind?: () => boolean
  /** True when the process takes no new streams (LI8). Default: never. */
  readonly isFull?: () => boolean
  /** Is told how many ms live events took from their `at` to sockets, the delay of rooms taken off. */
  readonly observeLatency?: (ms: number) => void
}

/** Routes, metrics and shutdown use these parts. */
export interface FeedParts {
  readonly feed: Feed
  readonly desk: StreamDesk
  readonly lobby: Lobby
  readonly history: History
  readonly series: Series
  readonly readers: ReaderLimits
  readonly readings: FeedReadings
  readonly spectators: Spectators
  readonly states: States
  readonly gate: ReadGate
  readonly claims: ClientClaims
}

/**
 * Constructs the feed's parts. Imports inside of feed/ go one way:
 *
 *     audience, read <- stream <- feed.ts, pages, lobby <- routes.ts, create-feed.ts
 *
 * `audience/` says who may see which room, and `read/` reads the log for spectators; neither knows
 * a stream. `position/` knows what positions look like, and nothing of the log. `sse.ts` and `ndjson.ts` are text alone, and every folder may use them. Three calls run against the
 * arrows, as functions that are handed over here: tails tell the groups and the pump that they
 * moved, the pump asks the starter to begin a stream anew, and listings tell the lobby that they
 * changed.
 */
export function createFeed(options: FeedOptions): FeedParts {
  const { outbox, directory, clock, limits, logger, keyFor } = options
  const { random = Math.random, newId = randomId } = options
  const { newKey = newId } = options
  const { archive = null } = options
  const { authorize = null, isBehind = () => false } = options
  const now = options.now ?? (() => clock.now())

  // These say who may see what.
  const topics = options.publicTopics ?? ['public']
  const publicTopics = makeTopicFilter(topics, Infinity) ?? NO_TOPICS
  const { authenticator = nobodyKnown(topics) } = options
  const who = new WhoIndex({
    clock,
    onChanged: (room) => feed.onRoomChange(room),
  })
  const access = new FeedAccess({
    directory: withArchived(directory, archive),
    authorize,
    authenticator,
    logger,
    who,
  })
  const claims = new ClientClaims({
    records: options.records,
    now: () => outbox.now(),
    salt: randomId(),
  })
  const readers = new ReaderLimits(limits, clock, options.isFull)
  const spectators = new Spectators()

  // These read the log for spectators.
  const gate = new ReadGate({ clock })
  const log = new FeedLog(outbox, archive)
  const seeker = new RoomSeeker({ access, log, gate })
  const source = new FeedSource(log, limits.feedRingBytes, gate)
  const states = new States(log, gate)
  const places = new Places({ log, ring: source.ring, states, gate })
  const positions = new SealedPositions(keyFor, outbox.historyId)
  const times = new TimeIndex(outbox, gate, now)
  const tails = new FeedTails({
    outbox,
    source,
    clock,
    logger,
    now,
    onMoved: () => pump.onMoved(),
    onCut: (tail) => groups.onCut(tail),
    onDead: (tail) => groups.onDead(tail),
  })

  // These follow the log as streams.
  const streams = new StreamTable()
  const pump: FeedPump = new FeedPump({
    source,
    clock,
    logger,
    heartbeatMs: limits.heartbeatMs,
    now,
    observeLatency: options.observeLatency,
    slow: limits,
    onLost: (stream, cursor) => starter.restart(stream, cursor),
    onRevealed: (stream, place) => starter.reveal(stream, place),
  })
  const { retryMs, heartbeatMs } = limits
  const reading = { outbox, log, states, places, positions, access, times, gate }
  const starter = new FeedStarter({ ...reading, pump, clock, logger, now, retryMs, heartbeatMs })
  const groups: FeedGroups = new FeedGroups({
    outbox,
    tails,
    access,
    pump,
    positions,
    spectators,
    streams,
  })
  const seekers = new Seekers({
    clock,
    finder: new RoomFinder(access, () => listings.list()),
    groups,
    publicTopics,
    onArrived: (stream) => feed.arrived(stream),
  })
  const desk = new StreamDesk({
    outbox,
    access,
    claims,
    streams,
    source,
    groups,
    seekers,
    clock,
    positionOf: (id, stream) => feed.positionOf(id, stream),
  })
  const feed: Feed = new Feed({
    outbox,
    directory,
    clock,
    retryMs,
    random,
    newId,
    newKey,
    access,
    seeker,
    claims,
    seekers,
    readers,
    spectators,
    source,
    states,
    places,
    positions,
    tails,
    streams,
    pump,
    starter,
    groups,
    who,
  })

  // These answer without a stream of the log.
  const pages = new EventPages(log, gate)
  const series = new Series({
    log,
    access,
    seeker,
    readers,
    tails,
    states,
    places,
    gate,
    desk: new ReadGate(SERIES_AT_ONCE),
  })
  const history = new History({ log, access, seeker, readers, tails, states, places, pages })
  const onShown = (roomId: string): void => lobby.note(roomId)
  const listings: ListingDelay = new ListingDelay({
    directory,
    spectators,
    clock,
    isBehind,
    onShown,
  })
  const lobby: Lobby = new Lobby({
    directory,
    listings,
    spectators,
    readers,
    clock,
    random,
    limits,
  })
  const readings = new FeedReadings({
    streams,
    source,
    clock,
    now: () => outbox.now(),
    lobbyCount: () => lobby.streamCount,
  })
  return { feed, desk, lobby, history, series, readers, readings, spectators, states, gate, claims }
}

/** A room that is forgotten everywhere else may be in the archive, with all that must be known of it. */
function withArchived(directory: RoomDirectory, archive: ArchiveReader | null): RoomDirectory {
  if (!archive) return directory
  return {
    list: (spectatorsOf) => directory.list(spectatorsOf),
    find: (id) => directory.find(id),
    ids: () => directory.ids(),
    onChange: (listener) => directory.onChange(listener),
    lookUp: async (id) => {
      const known = await directory.lookUp(id)
      if (known) return known
      const match = await archive.find(id)
      if (!match) return null
      const { type, delayMs, isPrivate, end } = match
      return { type, delayMs, isPrivate, isLive: false, end }
    },
  }
}

export interface FeedPartOptions extends FeedOptions {
  /** Longest time over which the streams are told to go away, in ms. */
  readonly drainMs: number
  /** Runs what operators do with streams. */
  readonly onStream: StreamAct
  /** True while the log is known not to answer: what needs it is then answered at once. */
  readonly isAway: () => boolean
}

/**
 * The feed as a part of the server. It is made at its start, when the log runs, for it begins at the log's
 * watermark.
 */
export class FeedPart implements Part<Route> {
  readonly name = 'feed'
  readonly #options: FeedPartOptions
  #parts: FeedParts | null = null

  constructor(options: FeedPartOptions) {
    this.#options = options
  }

  start(): void {
    this.#parts = createFeed(this.#options)
  }

  drain(): void {
    const { drainMs } = this.#options
    this.#parts?.feed.drain(drainMs)
    this.#parts?.lobby.drain(drainMs)
  }

  stop(): void {
    this.#parts?.lobby.stop()
    this.#parts?.feed.stop()
  }

  /** The id of a client as operators see it (FE80). */
  shownClient(clientId: string): Promise<string> {
    return this.#made.claims.shownTo(clientId)
  }

  get routes(): readonly Route[] {
    const { isAway, limits, onStream, random = Math.random } = this.#options
    const retryMs = (): number => spreadRetryMs(limits.retryMs, limits.retryMs, random)
    return feedRoutes({ ...this.#made, onStream }).map(({ needsLog, ...route }) =>
      needsLog ? { ...route, handler: unlessAway(route.handler, { isAway, retryMs }) } : route,
    )
  }

  get gauges(): readonly (Reading | LabelledReading)[] {
    const { feed, lobby, readings } = this.#made
    return [
      {
        name: 'streams',
        help: 'Open feed streams',
        read: () => feed.streamCount + lobby.streamCount,
      },
      {
        name: 'feed_ring_bytes',
        help: 'Bytes of recent events kept for catching up',
        read: () => feed.stats.ringBytes,
      },
      ...readings.gauges,
    ]
  }

  get counters(): readonly Reading[] {
    const { feed, readings } = this.#made
    return [
      {
        name: 'feed_deliveries_total',
        help: 'Events written to feed streams',
        read: () => feed.stats.deliveredCount,
      },
      {
        name: 'feed_resets_total',
        help: 'Feed streams told to start over',
        read: () => feed.stats.resetCount,
      },
      ...readings.counters,
    ]
  }

  /** @throws TypeError before `start`. */
  get #made(): FeedParts {
    if (!this.#parts) throw new TypeError('Expected a feed that has started')
    return this.#parts
  }
}
