import { FakeFeed } from '@ringside/server/testing'
import { openFeed } from '../../src/feed/index.ts'
import type { FeedMessage, FeedOptions, FeedReset } from '../../src/feed/index.ts'
import { game } from './fake-server.ts'

const FIRST = { players: {}, round: 1, flag: { x: 0 } }

/** A reader of the kit's fake feed, and everything that it reported. */
export class FeedRig {
  readonly fake: FakeFeed<typeof game, 'arena'>
  readonly events: FeedMessage[] = []
  readonly patches: number[] = []
  readonly snapshots: number[] = []
  readonly resets: FeedReset[] = []
  readonly statuses: string[] = []
  readonly retries: number[] = []
  /** Answers in place of the feed's, in order; null leaves the answer to the feed. */
  answers: (Response | null)[] = []

  constructor(retryMs = 2_000) {
    this.fake = new FakeFeed(game, 'arena', { room: 'r', state: FIRST, retryMs })
  }

  open(options: FeedOptions = {}) {
    const { fake } = this
    return openFeed(
      { address: fake.address, room: fake.room },
      {
        timers: fake.clock,
        random: () => 1,
        fetch: async (input, init) => this.answers.shift() ?? fake.options.fetch(input, init),
        onEvent: (event) => this.events.push(event),
        onPatch: ({ n }) => this.patches.push(n),
        onSnapshot: ({ n }) => this.snapshots.push(n),
        onReset: (reset) => this.resets.push(reset),
        onStatus: (status, info) => {
          this.statuses.push(status)
          if (info.retryInMs !== undefined) this.retries.push(info.retryInMs)
        },
        ...options,
      },
    )
  }

  /** The next round begins: a patch. */
  patch(): void {
    this.fake.patch((state) => {
      state.round++
    })
  }

  /** Sends an event that the feed did not make, in order or not. */
  send(type: string, data: object, id?: string): void {
    const line = id === undefined ? '' : `id: ${id}\n`
    this.fake.write(`${line}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  }
}
