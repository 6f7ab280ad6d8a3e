import type { Clock } from '../../process/clock.ts'
import { RingsideError, TooManyRequests } from '../../process/errors.ts'
import { warnOf } from '../../process/log-line.ts'
import type { IntakeLimits } from '../../process/intake.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import type { Logger } from '../../process/logger.ts'
import { sleep } from '../../process/wait.ts'
import type { ByteStream } from '../../transport/contract.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { FeedEntry } from '../read/entry.ts'
import type { FeedSource } from '../read/source.ts'
import { covers, sliceOf } from '../read/stretches.ts'
import { joinBytes } from '../sse.ts'
import { MAX_CHUNK_BYTES, collectChunk } from './chunk.ts'
import type { PacedChunk } from './chunk.ts'
import { CAUGHT_UP } from './format.ts'
import { readSizeOf } from './pace.ts'
import type { GroupListener } from './group.ts'
import type { FeedStream, StreamGroup, StreamPlace, StreamState } from './stream.ts'

export interface PumpContext {
  readonly source: FeedSource
  readonly clock: Clock
  readonly logger: Logger
  readonly heartbeatMs: number
  /** The log's time in ms. */
  readonly now: () => number
  /** Is told of each event and group how many ms it took. Default: nobody is. */
  readonly observeLatency?: ((ms: number) => void) | undefined
  readonly slow: IntakeLimits
  /** The log no longer reaches back to the stream's cursor: the stream must start over (FE1). */
  readonly onLost: (stream: FeedStream, place: StreamPlace) => void
  /**
   * Snapshots are due to the stream at its place (FE40): whoever writes them sets it going again.
   */
  readonly onRevealed: (stream: FeedStream, place: StreamPlace) => void
}

type CatchingUp = Extract<StreamState, { kind: 'catching-up' }>

/**
 * When more than this is due to a group in one turn, its streams are given it in chunks, one by
 * one.
 */
const MAX_LIVE_BYTES = 4 * MAX_CHUNK_BYTES
const SWEEP_MS = 1_000
const RETRY_MS = 500
/** Streams that catch up get so many ms of a turn before everything else has its turn (FE14). */
const BUDGET_MS = 5

/**
 * Writes to the streams, never from a request's handler: first each group's new events to its live
 * streams, in the turn in which the log seals them or in one of its own, then one chunk to each stream that catches up, as many of them as its time allows.
 * Nothing is queued for a stream: one that cannot take a write keeps a cursor and comes back. A
 * stream keeps its own state and place; the pump says when it moves on.
 */
export class FeedPump implements GroupListener<FeedStream> {
  readonly #context: PumpContext
  /**
   * These streams are apart from their groups. The one that has waited longest for a step comes
   * first.
   */
  readonly #apart = new Set<FeedStream>()
  #dirty: StreamGroup[] = []
  #isScheduled = false
  /** What becomes dirty is flushed in this turn. */
  #isFlushing = false
  #cancelSweep: (() => void) | null = null
  readonly #pace: LoopPace
  /** The position at which each stream has last read the log. */
  readonly #loadedAt = new WeakMap<FeedStream, number>()
  #deliveredCount = 0

  constructor(context: PumpContext) {
    this.#context = context
    this.#pace = new LoopPace(context.clock)
  }

  /** So many events were written to streams. */
  get deliveredCount(): number {
    return this.#deliveredCount
  }

  /** So many streams are not live. */
  get apartCount(): number {
    return this.#apart.size
  }

  /** A group has its first pending entry. */
  readonly onDirty = (group: StreamGroup): void => {
    this.#dirty.push(group)
    if (!this.#isFlushing) this.schedule()
  }

  /** A room is revealed where its live streams stand: they go on by themselves, and are shown it on the way (FE40). */
  readonly onRevealing = (group: StreamGroup): void => {
    const { seen } = group
    for (const stream of group.live.slice()) this.demote(stream, seen)
    this.schedule()
  }

  /** A tail has moved: streams that wait for it may go on. */
  onMoved(): void {
    if (this.#apart.size > 0) this.schedule()
  }

  /**
   * Runs the pump in a turn of its own: a write from inside another request's handler costs far
   * more.
   */
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
    stream.close()
    this.#apart.delete(stream)
  }

  stop(): void {
    this.#cancelSweep?.()
  }

  /** Takes a live stream out of its group, to catch up from `cursor` by itself. */
  demote(stream: FeedStream, cursor: number): void {
    const { group } = stream
    stream.toCatchingUp({ cursor, place: group.placeAt(cursor), announces: false })
    this.add(stream)
  }

  /**
   * Hands bytes to a stream that is apart. False: the socket is full (or gone), write nothing more
   * for now.
   */
  write(stream: FeedStream, bytes: Uint8Array): boolean {
    const now = this.#context.clock.now()
    stream.wrote(now, bytes.length)
    if (stream.body.write(bytes)) return true
    this.#fill(stream, now)
    return false
  }

  /** The socket is full. It is listened to only as long as that lasts, for most never are. */
  #fill(stream: FeedStream, since: number): void {
    const { body } = stream
    stream.fill(since, this.#context.slow)
    body.onWritable = () => {
      body.onWritable = null
      stream.drain()
      this.schedule()
    }
  }

  /** Writes all that is due now. */
  pump(): void {
    this.#isScheduled = false
    this.#flushAll()
    this.#stepAll()
  }

  /** Advances tails, and writes at once what they pass: from a turn that no request's handler is part of. */
  flushing(advance: () => void): void {
    this.#isFlushing = true
    try {
      advance()
    } finally {
      this.#isFlushing = false
      this.#flushAll()
    }
  }

  #flushAll(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const group of dirty) this.#flush(group)
  }

  /**
   * FE14: each stream that may go on gets one step; when the time is up, the others have the next
   * turn.
   */
  #stepAll(): void {
    const { clock } = this.#context
    const until = clock.now() + BUDGET_MS
    const stepped: FeedStream[] = []
    for (const stream of this.#apart) {
      const { state } = stream
      if (state.kind !== 'catching-up' || state.apart.full) continue
      if (clock.now() >= until) {
        // The others go first in the next turn.
        for (const done of stepped) if (this.#apart.delete(done)) this.#apart.add(done)
        return this.schedule()
      }
      stepped.push(stream)
      this.#step(stream, state)
    }
  }

  /**
   * Writes the same bytes to each live stream of the group, without a closure or an allocation per
   * stream.
   */
  #flush(group: StreamGroup): void {
    const { pending, live, bound } = group
    if (pending.length === 0 && !group.isBoundMet) return
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
      return this.schedule()
    }
    const parts: Uint8Array[] = []
    const { format, ids } = group
    for (const entry of pending) {
      bound?.take()
      format.addEntry(entry, ids, parts)
    }
    const isBoundMet = bound !== null && group.isBoundMet
    if (isBoundMet)
      parts.push(boundBlock(group, pending.at(-1)?.seq ?? group.flushed, group.passed))
    const bytes = joinBytes(parts)
    group.markFlushed()
    group.lastWriteAt = this.#context.clock.now()
    this.#deliveredCount += pending.length * live.length
    // Also those that fall behind with this have all of it.
    const ending = isEnd || isBoundMet ? live.slice() : NO_STREAMS
    this.#writeAll(group, bytes)
    this.#observe(pending, group.tail.delayMs)
    for (const stream of ending) stream.body.end()
  }

  /** How long events took from their `at` to the sockets of a group, the delay of its rooms taken off (ME4). */
  #observe(entries: readonly FeedEntry[], delayMs: number): void {
    const { now, observeLatency } = this.#context
    if (!observeLatency) return
    const writtenAt = now() - delayMs
    for (const { at } of entries) observeLatency(Math.max(0, writtenAt - at))
  }

  /**
   * Writes in the order in which the sockets were opened, for the other way round costs the kernel
   * more. A stream that leaves on the way is replaced by the last one, which is then next.
   */
  #writeAll(group: StreamGroup, bytes: Uint8Array): void {
    const { bodies } = group
    group.writtenBytes += bytes.length
    for (let index = 0; index < bodies.length;) {
      const body = bodies[index] as ByteStream
      if (!body.write(bytes) && bodies[index] === body) this.#fallBehind(group, index)
      if (bodies[index] === body) index++
    }
  }

  /**
   * The socket of a live stream is full: what it was given is its own; from here on it keeps a
   * cursor.
   */
  #fallBehind(group: StreamGroup, index: number): void {
    const stream = group.live[index] as FeedStream
    this.demote(stream, group.flushed)
    this.#fill(stream, group.lastWriteAt)
  }

  #step(stream: FeedStream, state: CatchingUp): void {
    const { cursor, announces, revealed } = state.apart
    let { place } = state.apart
    const { group } = stream
    const target = group.tail.position
    // Rooms revealed beyond the target are too young to be seen.
    if ((revealed || stream.hasNotes) && cursor <= target)
      return this.#context.onRevealed(stream, { cursor, place, announces })
    if (group.bound?.isMetAt(place)) return this.#endBounded(stream, cursor, place)
    let chunk: PacedChunk | null = null
    if (cursor < target) {
      chunk = this.#chunk(stream, target, state)
      if (!chunk) return void this.#load(stream, state)
      this.#deliveredCount += chunk.count
    }
    const next = chunk?.next ?? cursor
    place = chunk?.place ?? place
    const { isEnd = false, isBoundMet = false, waitMs = 0 } = chunk ?? {}
    const isOver = isEnd || isBoundMet
    const isRevealing = chunk !== null && chunk.revealed !== null
    // What is due at a place ahead of the tail comes before the news that all has been caught up with.
    const isDue = revealed !== null && cursor > target
    const isThere =
      target >= 0 && next >= target && !isOver && !isRevealing && !isDue && waitMs === 0
    stream.moveTo({ cursor: next, place, announces: announces && !isThere })
    if (chunk?.revealed) stream.reveal(chunk.revealed)
    if (waitMs > 0) this.#pauseFor(stream, waitMs)
    let bytes = chunk?.bytes ?? null
    let isTaken = true
    if (bytes && bytes.length > MAX_CHUNK_BYTES) {
      // One large event: whoever waits for it shares its bytes (FE50).
      if (chunk?.head) this.write(stream, chunk.head)
      isTaken = this.write(stream, bytes)
      bytes = chunk?.end ?? null
    }
    let note: Uint8Array | null = null
    if (isBoundMet) note = boundBlock(group, next, place)
    else if (isThere && announces) note = group.format.event(CAUGHT_UP, group.ids.at(next, place))
    if (note) bytes = bytes ? joinBytes([bytes, note]) : note
    if (bytes) isTaken = this.write(stream, bytes)
    if (isOver) stream.body.end()
    else if (isTaken && isThere && next === target) this.#goLive(stream)
    else if (isTaken && !isThere && (next < target || isRevealing)) this.schedule()
  }

  #endBounded(stream: FeedStream, cursor: number, place: RoomPlace | null): void {
    this.write(stream, boundBlock(stream.group, cursor, place))
    stream.body.end()
  }

  /**
   * The time of a bounded stream is up: it ends where it stands. One that is beginning does so once that is written, but
   * one that waits for its room has nothing to write.
   */
  endInTime(stream: FeedStream): void {
    const { group, state } = stream
    if (group.selection.isEmpty) return this.#endBounded(stream, group.tail.position, null)
    if (state.kind === 'live') this.demote(stream, group.seen)
    else if (state.kind === 'pausing') stream.goOn()
    this.schedule()
  }

  #chunk(stream: FeedStream, target: number, { apart }: CatchingUp): PacedChunk | null {
    const { group } = stream
    const { cursor: from, pace } = apart
    const known = group.chunk
    if (!pace && !group.bound && known?.from === from && known.target === target)
      return { ...known, waitMs: 0 }
    const held = pace?.held
    const slice =
      held && covers(held, from)
        ? sliceOf(held, from)
        : this.#context.source.window(from, group.readRoom)
    if (!slice) return null
    const now = this.#context.clock.now()
    const chunk = collectChunk(group, slice, { from, target, pace, now })
    if (!pace && !group.bound) group.chunk = chunk
    return chunk
  }

  #goLive(stream: FeedStream): void {
    const { group, state } = stream
    if (group.pending.length > 0 || state.kind !== 'catching-up') return
    this.#apart.delete(stream)
    group.chunk = null
    if (group.live.length === 0) {
      if (state.apart.place) group.beginAt(state.apart.place)
      group.lastWriteAt = this.#context.clock.now()
    }
    group.markFlushed()
    stream.toLive()
    if (!group.cancelHeartbeat) this.#armHeartbeat(group)
  }

  #pauseFor(stream: FeedStream, waitMs: number): void {
    stream.pause(
      this.#context.clock.after(waitMs, () => {
        stream.goOn()
        this.schedule()
      }),
    )
  }

  async #load(stream: FeedStream, { apart }: CatchingUp): Promise<void> {
    const { cursor, place, announces, pace } = apart
    const { source, clock, logger } = this.#context
    stream.load()
    try {
      const size = readSizeOf(pace, this.#apart.size)
      const options = { who: stream.address, size }
      const stretch = await source.load(cursor, stream.group.readRoom, options)
      pace?.hold(stretch, size)
      // The same stretch again has brought nothing (OB31).
      if (this.#loadedAt.get(stream) === cursor) await this.#pace.turn()
      this.#loadedAt.set(stream, cursor)
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'past_retention') {
        if (isLoading(stream)) this.#context.onLost(stream, { cursor, place, announces })
        return
      }
      if (!(error instanceof TooManyRequests))
        warnOf(logger, error, [{ streamId: stream.id }, 'feed read failed'])
      await sleep(clock, RETRY_MS)
    }
    if (isLoading(stream)) stream.goOn()
    this.schedule()
  }

  /** Each group has one timer, which is due when nothing was written for a while. */
  #armHeartbeat(group: StreamGroup): void {
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

  /**
   * FE39: a block that shows no event takes readers along where others' events, or filtered ones, have moved the
   * position. It comes whether they have or not: nobody learns from it that something happened elsewhere.
   */
  #beat(group: StreamGroup): void {
    if (group.pending.length > 0) return
    if (group.isSingle && group.readRoom && !group.allows(group.readRoom)) {
      for (const stream of group.live.slice()) stream.body.end()
      return
    }
    group.markFlushed()
    group.lastWriteAt = this.#context.clock.now()
    const hasMoved =
      !group.isSingle || group.selection.types !== null || group.bound?.isOfTime === true
    const id = hasMoved ? group.ids.at(group.flushed, group.passed) : null
    this.#writeAll(group, group.format.beat(this.#context.now(), id))
  }

  /** A stream that is apart tells its position where what is left of it changes with time (FE106). */
  #beatOf({ group, state }: FeedStream): Uint8Array {
    const behind = state.kind !== 'starting' && 'apart' in state ? state.apart : null
    const id = behind && group.bound?.isOfTime ? group.ids.at(behind.cursor, behind.place) : null
    return group.format.beat(this.#context.now(), id)
  }

  /** Closes sockets that take too little, and keeps quiet ones that are not live awake. */
  #sweep(): void {
    const { clock, heartbeatMs } = this.#context
    const now = clock.now()
    for (const stream of this.#apart) {
      const { apart } = stream
      if (!apart) continue
      if (apart.full) {
        stream.body.poke(stream.group.format.beat(this.#context.now(), null))
        if (stream.isTooSlow(now)) stream.body.end()
      } else if (now - apart.lastWriteAt >= heartbeatMs) this.write(stream, this.#beatOf(stream))
    }
    this.#cancelSweep = this.#apart.size > 0 ? clock.after(SWEEP_MS, () => this.#sweep()) : null
  }
}

const NO_STREAMS: readonly FeedStream[] = []

/** FE98: the last block of a bounded stream, which has been shown all up to here. */
function boundBlock(
  { format, ids, bound }: StreamGroup,
  seq: number,
  place: RoomPlace | null,
): Uint8Array {
  const json = JSON.stringify({ reason: bound?.reason })
  return format.event({ type: 'bound', json }, ids.at(seq, place))
}

/** False once the stream has closed meanwhile. */
function isLoading(stream: FeedStream): boolean {
  return stream.state.kind === 'loading'
}
