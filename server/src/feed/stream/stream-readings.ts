import type { Clock } from '../../process/clock.ts'
import type { LabelledReading, Reading } from '../../process/part.ts'
import { lagOf } from './lag.ts'
import type { LagContext } from './lag.ts'
import type { FeedStream } from './stream.ts'
import type { StreamTable } from './stream-table.ts'

/**
 * What a stream does: it is live, begins, catches up from memory, reads the log, waits until its next event is due (by
 * `speed`), or waits for its room.
 */
export type StreamPhase = 'live' | 'starting' | 'catching-up' | 'loading' | 'pausing' | 'waiting'

/** The streams of the feed, counted at one moment. */
export interface StreamReadings {
  readonly states: Readonly<Record<StreamPhase, number>>
  /** Of one room, of what they name, of the lobby. */
  readonly kinds: Readonly<Record<'room' | 'feed' | 'lobby', number>>
  readonly formats: Readonly<Record<'sse' | 'ndjson', number>>
  /** Bytes that were written to streams, those that are over included; the lobby's are not. */
  readonly bytes: number
  /** Bytes that their sockets have not taken yet. */
  readonly bufferedBytes: number
  /** The largest lag of a stream, and that of the slowest but one in twenty, in ms; see MAX_LAGS. */
  readonly lagMaxMs: number
  readonly lagP95Ms: number
}

export interface StreamReadingsContext extends LagContext {
  readonly streams: StreamTable
  readonly clock: Clock
  /** Streams of the lobby. */
  readonly lobbyCount: () => number
}

/** The lags of so many streams are looked up for one reading, evenly among those that are not live. */
const MAX_LAGS = 1_000
const LAG_PART = 0.95

/** Reads all streams at most once in a turn, however many values are asked for (ME5). */
export class FeedReadings {
  readonly #context: StreamReadingsContext
  #last: StreamReadings | null = null

  constructor(context: StreamReadingsContext) {
    this.#context = context
  }

  get now(): StreamReadings {
    if (this.#last) return this.#last
    this.#last = this.#read()
    this.#context.clock.soon(() => void (this.#last = null))
    return this.#last
  }

  /** Values of `/metrics`; no label has a value from outside. */
  get gauges(): readonly (Reading | LabelledReading)[] {
    return [
      {
        name: 'feed_streams_by_state',
        help: 'Feed streams by what they do',
        label: 'state',
        readAll: () => this.now.states,
      },
      {
        name: 'feed_streams_by_kind',
        help: 'Feed streams of one room, of what they name, and of the lobby',
        label: 'kind',
        readAll: () => this.now.kinds,
      },
      {
        name: 'feed_streams_by_format',
        help: 'Feed streams by their format, without those of the lobby',
        label: 'format',
        readAll: () => this.now.formats,
      },
      {
        name: 'feed_buffered_bytes',
        help: 'Bytes of feed streams that their sockets have not taken yet',
        read: () => this.now.bufferedBytes,
      },
      {
        name: 'feed_lag_max_ms',
        help: 'Largest lag of a feed stream, in ms',
        read: () => this.now.lagMaxMs,
      },
      {
        name: 'feed_lag_p95_ms',
        help: 'Lag that 95 of 100 feed streams do not exceed, in ms',
        read: () => this.now.lagP95Ms,
      },
    ]
  }

  get counters(): readonly Reading[] {
    return [
      {
        name: 'feed_bytes_total',
        help: 'Bytes written to feed streams, without those of the lobby',
        read: () => this.now.bytes,
      },
    ]
  }

  #read(): StreamReadings {
    const { streams, lobbyCount } = this.#context
    const states = { live: 0, starting: 0, 'catching-up': 0, loading: 0, pausing: 0, waiting: 0 }
    const kinds = { room: 0, feed: 0, lobby: lobbyCount() }
    const formats = { sse: 0, ndjson: 0 }
    const apart: FeedStream[] = []
    let bytes = streams.closedBytes
    let bufferedBytes = 0
    for (const stream of streams) {
      const phase = phaseOf(stream)
      // It closes in this turn.
      if (phase === null) continue
      const { group, body } = stream
      states[phase]++
      kinds[group.selection.isSingle ? 'room' : 'feed']++
      formats[group.format.needsOk ? 'sse' : 'ndjson']++
      bytes += stream.writtenBytes
      bufferedBytes += body.bufferedBytes
      if (phase !== 'live' && phase !== 'waiting') apart.push(stream)
    }
    return { states, kinds, formats, bytes, bufferedBytes, ...this.#lags(apart, streams.size) }
  }

  #lags(
    apart: readonly FeedStream[],
    streamCount: number,
  ): { readonly lagMaxMs: number; readonly lagP95Ms: number } {
    const step = Math.max(1, Math.ceil(apart.length / MAX_LAGS))
    const lags: number[] = []
    for (let index = 0; index < apart.length; index += step)
      lags.push(this.#lagOf(apart[index] as FeedStream))
    lags.sort((a, b) => b - a)
    // Each stands for `step` streams; all others have no lag.
    const index = Math.floor((streamCount * (1 - LAG_PART)) / step)
    return { lagMaxMs: lags[0] ?? 0, lagP95Ms: lags[index] ?? 0 }
  }

  /** Of a stream whose next event is no longer in memory, the age of the oldest that is. */
  #lagOf(stream: FeedStream): number {
    const lagMs = lagOf(stream, this.#context)
    if (lagMs !== null) return lagMs
    const { source, now } = this.#context
    const { ring } = source
    const oldest = ring.after(ring.start)
    const entry = oldest?.entries[oldest.start]
    return entry ? Math.max(0, now() - entry.at) : 0
  }
}

function phaseOf({ state, group }: FeedStream): StreamPhase | null {
  if (state.kind === 'closed') return null
  const { isSingle, isEmpty } = group.selection
  return isSingle && isEmpty ? 'waiting' : state.kind
}
