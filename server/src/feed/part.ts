import type { Route } from '../http/contract.ts'
import { unlessAway } from '../http/starting.ts'
import type { Part, Reading } from '../process/part.ts'
import { createFeed } from './create-feed.ts'
import type { FeedOptions, FeedParts } from './create-feed.ts'
import { feedRoutes } from './routes.ts'

export interface FeedPartOptions extends FeedOptions {
  /** Longest time over which the streams are told to go away, in ms. */
  readonly drainMs: number
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

  get routes(): readonly Route[] {
    const { isAway, limits } = this.#options
    const { retryMs } = limits
    return feedRoutes(this.#made).map((route) => {
      // Lists are in memory.
      const needsLog = route.path === '/feed' || route.path.startsWith('/rooms/:id/')
      return needsLog
        ? { ...route, handler: unlessAway(route.handler, { isAway, retryMs }) }
        : route
    })
  }

  get gauges(): readonly Reading[] {
    const { feed, lobby } = this.#made
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
    ]
  }

  get counters(): readonly Reading[] {
    const { feed } = this.#made
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
    ]
  }

  /** @throws TypeError before `start`. */
  get #made(): FeedParts {
    if (!this.#parts) throw new TypeError('Expected a feed that has started')
    return this.#parts
  }
}
