import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import { warnOf } from '../../process/failure.ts'
import { TooManyRequests } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import { MAX_CHUNK_BYTES, collectChunk } from './chunk.ts'
import type { PacedChunk } from './chunk.ts'
import type { FeedGroup } from './group.ts'
import type { FeedSource } from '../read/source.ts'
import type { FeedStream } from './stream.ts'
import type { ByteStream } from '../../transport/contract.ts'
import { covers, sliceOf } from '../read/log-pages.ts'
import { holdPage, readAheadOf } from '../read/read-ahead.ts'
import { HEARTBEAT, encodeEvent, encodeId, joinBytes } from '../sse.ts'

export interface PumpContext {
  readonly source: FeedSource
  readonly clock: Clock
  readonly logger: Logger
  readonly heartbeatMs: number
  readonly maxBehindMs: number
  /** The log no longer reaches back to where the stream stands: it must start over (FE1). */
  readonly onLost: (stream: FeedStream) => void
  /** Snapshots are due to the stream where it stands (FE11): it is set going again by whoever writes them. */
  readonly onRevealed: (stream: FeedStream) => void
}

/** A turn's events beyond this go out in chunks, stream by stream, as for those that catch up. */
const MAX_LIVE_BYTES = 4 * MAX_CHUNK_BYTES
const SWEEP_MS = 1_000
const RETRY_MS = 500
/** Streams that catch up get so much of a turn, in ms, before everything else has its turn. */
const BUDGET_MS = 5

/**
 * Writes to the streams, always from a turn of its own: first each group's new events to its live streams,
 * then one chunk to each stream that catches up, as many of them as its time allows. Nothing is queued for a
 * stream: who cannot take a write keeps a cursor and comes back.
 */
export class FeedPump {
  readonly #context: PumpContext
  /** All streams that are not live. Who has waited longest for a step comes first. */
  readonly #apart = new Set<FeedStream>()
  #dirty: FeedGroup[] = []
  #isScheduled = false
  #cancelSweep: (() => void) | null = null
  #deliveredCount = 0

  constructor(context: PumpContext) {
    this.#context = context
  }

  /** Events written to streams so far. */
  get deliveredCount(): number {
    return this.#deliveredCount
  }

  get apartCount(): number {
    return this.#apart.size
  }

  /** A group has its first pending entry. */
  readonly onDirty = (group: FeedGroup): void => {
    this.#dirty.push(group)
    this.schedule()
  }

  /** Runs the pump in a turn of its own: inside another request's handler a write costs 2.7 times as much. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#context.clock.soon(() => this.pump())
  }

  /** Takes in a stream that is not live. */
  add(stream: FeedStream): void {
    this.#apart.add(stream)
    this.#cancelSweep ??= this.#context.clock.after(SWEEP_MS, () => this.#sweep())
  }

  /** The stream has closed. */
  remove(stream: FeedStream): void {
    const { group } = stream
    if (stream.state === 'live') group.leave(stream)
    stream.state = 'closed'
    this.#apart.delete(stream)
    stream.pace?.cancel?.()
    stream.wake?.()
  }

  stop(): void {
    this.#cancelSweep?.()
  }

  /** Takes a live stream out of its group, to catch up from `cursor` by itself. */
  demote(stream: FeedStream, cursor: number): void {
    stream.group.leave(stream)
    stream.state = 'catching'
    stream.cursor = cursor
    this.add(stream)
  }

  /** Hands bytes to the socket. False: it is full (or gone), write nothing more until it takes bytes again. */
  write(stream: FeedStream, bytes: Uint8Array): boolean {
    const now = this.#context.clock.now()
    stream.lastWriteAt = now
    if (stream.body.write(bytes)) return true
    this.#block(stream, now)
    return false
  }

  /** The socket is full. It is listened to only as long as that lasts: most never are. */
  #block(stream: FeedStream, now: number): void {
    const { body } = stream
    stream.isBlocked = true
    stream.wasSlow = true
    stream.blockedAt = now
    stream.blockedBytes = body.bufferedBytes
    body.onWritable = () => {
      body.onWritable = null
      stream.isBlocked = false
      stream.wake?.()
      this.schedule()
    }
  }

  /** Writes all that is due now. */
  pump(): void {
    this.#isScheduled = false
    const dirty = this.#dirty
    this.#dirty = []
    for (const group of dirty) this.#flush(group)
    this.#stepAll()
  }

  /** FE14: each stream that may go on gets one step; when the time is up, the others have the next turn. */
  #stepAll(): void {
    const { clock } = this.#context
    const until = clock.now() + BUDGET_MS
    const stepped: FeedStream[] = []
    for (const stream of this.#apart) {
      if (stream.state !== 'catching' || stream.isBlocked || stream.isLoading) continue
      if (stream.pace?.cancel) continue
      if (clock.now() >= until) {
        // They had their step: to the end of the line with them.
        for (const done of stepped) if (this.#apart.delete(done)) this.#apart.add(done)
        return this.schedule()
      }
      stepped.push(stream)
      this.#step(stream)
    }
  }

  /** The same bytes to each live stream of the group. No closure and no allocation per stream. */
  #flush(group: FeedGroup): void {
    const { pending, live } = group
    if (pending.length === 0) return
    group.pending = []
    let size = 0
    let isEnd = false
    for (const entry of pending) {
      size += entry.bytes.length
      if (group.isSingle && entry.type === 'end') isEnd = true
    }
    if (size > MAX_LIVE_BYTES) {
      for (let index = live.length - 1; index >= 0; index--)
        this.demote(live[index] as FeedStream, group.flushed)
      return
    }
    const bytes = joinBytes(pending.map((entry) => entry.bytes))
    group.flushed = group.tail.position
    group.lastId = pending.at(-1)?.seq ?? group.lastId
    group.lastWriteAt = this.#context.clock.now()
    this.#deliveredCount += pending.length * live.length
    this.#writeAll(group, bytes)
    if (isEnd) for (const stream of live.slice()) stream.body.end()
  }

  /**
   * In the order in which the sockets were opened: the other way round the kernel took a tenth longer. Who
   * leaves on the way is replaced by the last one, which is then next.
   */
  #writeAll(group: FeedGroup, bytes: Uint8Array): void {
    const { bodies } = group
    for (let index = 0; index < bodies.length;) {
      const body = bodies[index] as ByteStream
      if (!body.write(bytes) && bodies[index] === body) this.#fallBehind(group, index)
      if (bodies[index] === body) index++
    }
  }

  /** The socket of a live stream is full: what it was given is its own; from here on it keeps a cursor. */
  #fallBehind(group: FeedGroup, index: number): void {
    const stream = group.live[index] as FeedStream
    this.demote(stream, group.flushed)
    this.#block(stream, group.lastWriteAt)
  }

  #step(stream: FeedStream): void {
    const { group } = stream
    const target = group.tail.position
    // Beyond the target they are too young to be seen.
    if (stream.revealed && stream.cursor <= target) return this.#context.onRevealed(stream)
    let chunk: PacedChunk | null = null
    if (stream.cursor < target) {
      chunk = this.#chunk(stream, target)
      if (!chunk) return void this.#load(stream)
      stream.cursor = chunk.next
      this.#deliveredCount += chunk.count
      if (chunk.waitMs > 0) this.#pauseFor(stream, chunk.waitMs)
    }
    const isEnd = chunk?.isEnd ?? false
    const isThere = target >= 0 && stream.cursor >= target && !isEnd && !stream.pace?.cancel
    let bytes = chunk?.bytes ?? null
    if (isThere && stream.announces) {
      stream.announces = false
      const note = encodeEvent('caught-up', `{"seq":${stream.cursor}}`, stream.cursor)
      bytes = bytes ? joinBytes([bytes, note]) : note
    }
    const isTaken = bytes ? this.write(stream, bytes) : true
    if (isEnd) stream.body.end()
    else if (isTaken && isThere && stream.cursor === target) this.#goLive(stream)
    else if (isTaken && !isThere && stream.cursor < target) this.schedule()
  }

  #chunk(stream: FeedStream, target: number): PacedChunk | null {
    const { group, cursor: from, pace } = stream
    const known = group.chunk
    if (!pace && known?.from === from && known.target === target) return { ...known, waitMs: 0 }
    const held = pace?.page
    const slice =
      held && covers(held, from)
        ? sliceOf(held, from)
        : this.#context.source.window(from, group.readRoom)
    if (!slice) return null
    const now = this.#context.clock.now()
    const chunk = collectChunk(group, slice, { from, target, pace, now })
    if (!pace) group.chunk = chunk
    return chunk
  }

  #goLive(stream: FeedStream): void {
    const { group } = stream
    if (group.pending.length > 0 || stream.state !== 'catching') return
    this.#apart.delete(stream)
    stream.pace = null
    stream.wasSlow = false
    group.chunk = null
    group.flushed = group.tail.position
    if (group.live.length === 0) {
      group.lastId = Math.max(group.lastId, group.flushed)
      group.lastWriteAt = this.#context.clock.now()
    }
    group.join(stream)
    if (!group.cancelHeartbeat) this.#armHeartbeat(group)
  }

  #pauseFor(stream: FeedStream, waitMs: number): void {
    const { pace } = stream
    if (!pace) return
    pace.hasWaited = true
    pace.cancel = this.#context.clock.after(waitMs, () => {
      pace.cancel = null
      this.schedule()
    })
  }

  async #load(stream: FeedStream): Promise<void> {
    const { source, clock, logger } = this.#context
    stream.isLoading = true
    try {
      const { pace, address: who } = stream
      const ahead = readAheadOf(pace, this.#apart.size)
      const page = await source.load(stream.cursor, stream.group.readRoom, { who, ahead })
      if (pace) holdPage(pace, page, ahead)
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'past_retention') {
        stream.isLoading = false
        if (stream.state === 'catching') this.#context.onLost(stream)
        return
      }
      if (!(error instanceof TooManyRequests))
        warnOf(logger, error, [{ streamId: stream.id }, 'feed read failed'])
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve))
    }
    stream.isLoading = false
    this.schedule()
  }

  /** One timer a group: due when nothing was written for a while. */
  #armHeartbeat(group: FeedGroup): void {
    const { clock, heartbeatMs } = this.#context
    const wait = Math.max(1, group.lastWriteAt + heartbeatMs - clock.now())
    group.cancelHeartbeat = clock.after(wait, () => {
      if (group.live.length === 0) {
        group.cancelHeartbeat = null
        return
      }
      if (group.lastWriteAt + heartbeatMs <= clock.now()) this.#beat(group)
      this.#armHeartbeat(group)
    })
  }

  /** FE6: when others' events have moved the position, an id-only block takes the reader along. */
  #beat(group: FeedGroup): void {
    if (group.pending.length > 0) return
    if (group.isSingle && group.readRoom && !group.allows(group.readRoom)) {
      for (const stream of group.live.slice()) stream.body.end()
      return
    }
    group.flushed = group.tail.position
    group.lastWriteAt = this.#context.clock.now()
    let bytes = HEARTBEAT
    if (group.lastId < group.flushed) bytes = joinBytes([encodeId(group.flushed), HEARTBEAT])
    group.lastId = group.flushed
    this.#writeAll(group, bytes)
  }

  /** Closes sockets that take nothing, and keeps quiet ones that are not live awake. */
  #sweep(): void {
    const { clock, maxBehindMs, heartbeatMs } = this.#context
    const now = clock.now()
    for (const stream of this.#apart) {
      if (!stream.isBlocked) {
        if (now - stream.lastWriteAt >= heartbeatMs) this.write(stream, HEARTBEAT)
        continue
      }
      const buffered = stream.body.bufferedBytes
      if (buffered < stream.blockedBytes) stream.blockedAt = now
      else if (now - stream.blockedAt >= maxBehindMs) stream.body.end()
      stream.blockedBytes = buffered
    }
    this.#cancelSweep = this.#apart.size > 0 ? clock.after(SWEEP_MS, () => this.#sweep()) : null
  }
}
