import { FEED_PROTOCOL } from '@ringside/protocol'
import type { Clock } from '../../process/clock.ts'
import { RingsideError, TooManyRequests } from '../../process/errors.ts'
import { warnOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'
import { nextTurn } from '../../process/wait.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { FeedAccess } from '../audience/access.ts'
import type { FeedLog } from '../read/feed-log.ts'
import type { Resolved } from '../audience/room-finder.ts'
import type { ReadGate } from '../read/read-gate.ts'
import type { SealedPositions } from '../position/sealed-positions.ts'
import type { Places } from '../read/places.ts'
import type { States } from '../read/states.ts'
import type { TimeIndex } from '../read/time-index.ts'
import { joinBytes } from '../sse.ts'
import type { FeedStart } from './ask.ts'
import { bootstrap, showRevealed } from './bootstrap.ts'
import type { BootstrapStart } from './bootstrap.ts'
import type { BootstrapContext } from './bootstrap-context.ts'
import type { FeedNote } from './format.ts'
import type { FeedPump } from './pump.ts'
import type { FeedStream, StreamPlace } from './stream.ts'

export interface StarterContext {
  readonly outbox: Outbox
  readonly log: FeedLog
  readonly states: States
  readonly places: Places
  readonly positions: SealedPositions
  readonly access: FeedAccess
  readonly times: TimeIndex
  readonly gate: ReadGate
  readonly pump: FeedPump
  readonly clock: Clock
  readonly logger: Logger
  /** It gives the log's time in ms. */
  readonly now: () => number
  readonly retryMs: number
  readonly heartbeatMs: number
}

/** What a stream is told first, beside itself. */
export interface Greeting {
  /** The rooms that its aliases stand for. */
  readonly aliases: Resolved
  readonly notes: Iterable<FeedNote>
}

/**
 * Brings streams to the place where the pump takes them on: at their beginning, when they must
 * start over, and when a room is revealed to them on the way. Meanwhile they are `starting`; a
 * failure ends them.
 */
export class FeedStarter {
  readonly #context: StarterContext
  readonly #bootstrap: BootstrapContext
  #resetCount = 0

  constructor(context: StarterContext) {
    const { outbox, log, states, places, positions, access, times, gate } = context
    const { clock, now, pump } = context
    this.#context = context
    this.#bootstrap = {
      outbox,
      log,
      states,
      places,
      positions,
      access,
      times,
      gate,
      clock,
      now,
      write: (stream, bytes) => pump.write(stream, bytes),
      onReset: () => this.#resetCount++,
    }
  }

  /** So many streams were told to start over. */
  get resetCount(): number {
    return this.#resetCount
  }

  /** A stream was opened: `hello` and what is to be said with it, then what it asked for. */
  async begin(stream: FeedStream, start: FeedStart, greeting: Greeting): Promise<void> {
    if (await this.greet(stream, greeting)) await this.start(stream, start)
  }

  /** Says `hello`, and what is to be said with it. False = the stream has closed. */
  async greet(stream: FeedStream, { aliases, notes }: Greeting): Promise<boolean> {
    const { clock, pump, retryMs, heartbeatMs } = this.#context
    await nextTurn(clock)
    if (!stream.body.isOpen) return false
    const { selection, tail, format } = stream.group
    const hello = {
      streamId: stream.id,
      streamKey: stream.key,
      rooms: selection.rooms ?? ['*'],
      ...(aliases.size > 0 ? { aliases: Object.fromEntries(aliases) } : {}),
      topics: selection.topics.patterns,
      delayMs: tail.delayMs,
      retryMs,
      protocol: FEED_PROTOCOL,
      heartbeatMs,
    }
    const events = [{ type: 'hello', json: JSON.stringify(hello) }, ...notes]
    const blocks = [...format.opening(retryMs), ...events.map((event) => format.event(event))]
    pump.write(stream, joinBytes(blocks))
    return true
  }

  /** The log no longer reaches back to the stream's cursor (FE1). */
  restart(stream: FeedStream, { place }: StreamPlace): void {
    const reason = stream.apart?.wasSlow ? 'slow' : 'retention'
    stream.restart()
    void this.start(stream, { kind: 'reset', reason, from: place?.n ?? null })
  }

  /** Snapshots of revealed rooms are due at the stream's place (FE40). */
  reveal(stream: FeedStream, place: StreamPlace): void {
    const rooms = stream.takeRevealed()
    const notes = stream.takeNotes()
    stream.restart()
    const shown = showRevealed(this.#bootstrap, stream, { rooms, notes, place }).catch(
      (error: unknown) => {
        const isCut = error instanceof RingsideError && error.code === 'past_retention'
        if (!isCut) throw error
        this.restart(stream, place)
        return null
      },
    )
    void this.#handOver(stream, shown)
  }

  /** Brings a stream that was greeted to where it begins. */
  start(stream: FeedStream, start: BootstrapStart): Promise<void> {
    return this.#handOver(stream, bootstrap(this.#bootstrap, stream, start))
  }

  /** Lets the stream go on by itself once all that comes first is written. */
  async #handOver(stream: FeedStream, written: Promise<StreamPlace | null>): Promise<void> {
    const { logger, pump } = this.#context
    try {
      const place = await written
      if (!place || stream.state.kind !== 'starting') return
      stream.toCatchingUp(place)
      pump.schedule()
    } catch (error) {
      // The reader comes back by itself, after `retry`.
      if (!(error instanceof TooManyRequests))
        warnOf(logger, error, [{ streamId: stream.id }, 'feed stream failed to begin'])
      stream.body.end()
    }
  }
}
