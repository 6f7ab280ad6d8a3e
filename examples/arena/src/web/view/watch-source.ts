import { openFeed } from '@ringside/client/feed'
import type { Feed, FeedMessage, FeedStatus, FeedStatusInfo } from '@ringside/client/feed'
import type { Json } from '@ringside/protocol'
import { forget, recall, remember } from '../storage.ts'
import type { ArenaEvent, ArenaSource, ArenaView } from './arena-view.ts'
import { HttpError, fetchState } from './feed-api.ts'
import { LiveEdge } from './live-edge.ts'
import { PlaybackClock } from './playback-clock.ts'
import { RoomTrack } from './room-track.ts'

/** A spectator watches with the room, in its past, or at a standstill. */
export type WatchMode = 'live' | 'replay' | 'paused'

/** A message of the feed as others on the page want it too. */
export interface WatchListener {
  /** Any event of the room's log: its position, time and type. */
  onLog(entry: { n: number; at: number; type: string; data: Json }): void
  /** Is called when mode, speed, connection or delay changed. */
  onChange(): void
}

interface Saved {
  readonly mode: WatchMode
  readonly n: number
  readonly speed: number
}

/** A room that is not heard of for this long, in ms, does not move the clock on by itself. */
const COAST_MS = 4_000
/** The place is kept for a reload this often, in ms. */
const SAVE_MS = 1_000

/** The arena as its feed tells it, live or played back. One stream at a time. */
export class WatchSource implements ArenaSource {
  readonly #room: string
  readonly #listener: WatchListener
  readonly #clock = new PlaybackClock()
  readonly #edge = new LiveEdge()
  readonly #track = new RoomTrack()
  #feed: Feed | null = null
  #mode: WatchMode = 'live'
  #speed = 1
  #status: FeedStatus = 'connecting'
  #problem = ''
  #isGone = false
  /** True when a seek is under way and goes on playing when it is there. */
  #resumes = false
  #delayMs = 0
  #n = 0
  #lastFrame = Number.NaN
  #generation = 0
  #savedAt = 0

  constructor(room: string, listener: WatchListener) {
    this.#room = room
    this.#listener = listener
    const saved = this.#recall()
    if (!saved || saved.mode === 'live') this.#follow(saved?.n ?? 0)
    else {
      this.#speed = saved.speed
      void this.seek(saved.n, saved.mode === 'replay')
    }
  }

  get mode(): WatchMode {
    return this.#mode
  }
  /** Speed of the playback; while live, of the next replay. */
  get speed(): number {
    return this.#speed
  }
  /** True when it plays, or will as soon as a seek has arrived. */
  get isPlaying(): boolean {
    return this.#mode !== 'paused' || this.#resumes
  }
  /** True when the server knows no such room: it is over and forgotten. */
  get isGone(): boolean {
    return this.#isGone
  }
  get status(): FeedStatus {
    return this.#status
  }
  /** The trouble in plain words; empty when there is none. */
  get problem(): string {
    return this.#problem
  }
  get delayMs(): number {
    return this.#delayMs
  }
  /** Position in the log of the picture. */
  get n(): number {
    return this.#n
  }
  /** The room's time now as far as spectators may know it; NaN before the first live event. */
  get liveTime(): number {
    return this.#edge.now(performance.now())
  }

  sample(nowMs: number): ArenaView | null {
    const elapsed = Number.isNaN(this.#lastFrame) ? 0 : Math.min(500, nowMs - this.#lastFrame)
    this.#lastFrame = nowMs
    if (!this.#track.hasState) return null
    if (this.#mode !== 'paused') this.#clock.advance(elapsed, this.#newest(nowMs))
    const sample = this.#track.sample(this.#clock.time)
    if (!sample) return null
    this.#n = sample.n
    if (nowMs - this.#savedAt > SAVE_MS) this.#save()
    return sample.view
  }

  takeEvents(): ArenaEvent[] {
    return this.#mode === 'paused' ? [] : this.#track.takeEvents(this.#clock.time)
  }

  /** Follows the room as it plays, from now on. */
  live(): void {
    this.#follow(0)
  }

  /** Follows live, but first what has happened since `checkpoint`, where that is not 0. */
  #follow(checkpoint: number): void {
    this.#begin('live', 1)
    const handlers = this.#handlers()
    this.#feed = openFeed(
      { address: './', room: this.#room },
      checkpoint > 0 ? { ...handlers, checkpoint } : handlers,
    )
  }

  /** Goes to a position of the log, and on from there when `isPlaying`. */
  async seek(n: number, isPlaying: boolean): Promise<void> {
    this.#begin('paused', this.#speed)
    const generation = this.#generation
    this.#resumes = isPlaying
    this.#n = n
    this.#save()
    try {
      const { at, state, n: found } = await fetchState(this.#room, n)
      if (generation !== this.#generation) return
      this.#track.snapshot(at, state, { n: found, isJump: true })
      this.#clock.jump(at)
      this.#n = found
    } catch (error) {
      if (generation !== this.#generation) return
      const code = error instanceof HttpError ? error.code : ''
      const isPast = code === 'past_retention' || code === 'not_yet_visible'
      this.#resumes = false
      this.#isGone = code === 'room_not_found'
      if (isPast) this.#problem = 'That moment is no longer kept.'
      else if (!this.#isGone) this.#problem = 'The server is away. Press play to try again.'
      // A position of a log that is gone leads nowhere, so the next visit begins live.
      if (isPast || this.#isGone) this.#forget()
      this.#listener.onChange()
      return
    }
    if (this.#resumes) this.play(this.#speed)
    else this.#listener.onChange()
  }

  /** Plays on from where it stands, at a speed. */
  play(speed: number): void {
    const from = this.#n
    this.#begin('replay', speed)
    this.#feed = openFeed({ address: './', room: this.#room }, { ...this.#handlers(), from, speed })
  }

  /** Plays back at another speed; while live it is kept for the next replay. */
  chooseSpeed(speed: number): void {
    if (this.#mode !== 'live') return this.play(speed)
    this.#speed = speed
    this.#save()
    this.#listener.onChange()
  }

  pause(): void {
    if (this.#mode === 'paused') {
      this.#resumes = false
      this.#listener.onChange()
      return
    }
    this.#begin('paused', this.#speed)
    this.#listener.onChange()
  }

  /** Tells that the server knows no such room any more, as another question has shown. */
  lose(): void {
    this.#begin('paused', this.#speed)
    this.#isGone = true
    this.#forget()
    this.#listener.onChange()
  }

  close(): void {
    this.#save()
    this.#generation += 1
    this.#feed?.close()
    this.#feed = null
  }

  #begin(mode: WatchMode, speed: number): void {
    this.#generation += 1
    this.#feed?.close()
    this.#feed = null
    this.#mode = mode
    this.#speed = speed
    this.#clock.speed = mode === 'live' ? 1 : speed
    this.#problem = ''
    this.#isGone = false
    this.#resumes = false
    if (mode !== 'paused' || this.#status === 'failed') this.#status = 'connecting'
    this.#save()
    this.#listener.onChange()
  }

  #newest(nowMs: number): number {
    const known = this.#track.newestAt
    if (this.#mode !== 'live' || this.#status !== 'live') return known
    // A room in which nothing moves says nothing, but its time goes on.
    return Math.max(known, Math.min(this.#edge.now(nowMs), known + COAST_MS))
  }

  #handlers() {
    const generation = this.#generation
    const isMine = (): boolean => generation === this.#generation
    let isFirst = this.#mode === 'replay'
    return {
      onSnapshot: (data: { at: number; state: Json; n: number }): void => {
        if (!isMine()) return
        this.#track.snapshot(data.at, data.state, { n: data.n, isJump: isFirst })
        if (isFirst) this.#clock.jump(data.at)
        isFirst = false
      },
      onPatch: (data: { n: number; at: number; data: Json }): void => {
        if (!isMine()) return
        this.#track.patch(data.at, data.data, data.n)
        this.#log({ n: data.n, at: data.at, type: 'patch', data: null })
      },
      onEvent: (message: FeedMessage): void => {
        if (isMine()) this.#event(message)
      },
      onStatus: (status: FeedStatus, info: FeedStatusInfo): void => {
        if (!isMine()) return
        this.#status = status
        this.#isGone = status === 'failed' && info.httpStatus === 404
        if (status === 'failed') {
          if (!this.#isGone) this.#problem = 'That moment is no longer kept. Live goes on.'
          this.#forget()
        }
        this.#listener.onChange()
      },
    }
  }

  #event(message: FeedMessage): void {
    switch (message.type) {
      case 'hello':
        this.#delayMs = message.data.delayMs
        this.#listener.onChange()
        return
      case 'caught-up':
        // The past has ended, and the present follows at its own pace.
        if (this.#mode === 'replay') {
          this.#mode = 'live'
          this.#speed = 1
          this.#clock.speed = 1
          this.#save()
          this.#listener.onChange()
        }
        return
      case 'game': {
        const { name, data } = message
        this.#track.event(name, data.at, data.data)
        this.#log({ n: data.n, at: data.at, type: name, data: data.data })
        return
      }
      case 'joined':
      case 'left':
      case 'end':
      case 'owner':
        this.#log({ n: message.data.n, at: message.data.at, type: message.type, data: null })
        return
      case 'snapshot':
      case 'patch':
      case 'reset':
      case 'room-unknown':
      case 'room-alias':
      case 'heartbeat':
      case 'bound':
      case 'going-away':
      case 'topic':
        return
    }
  }

  #log({ n, at, type, data }: { n: number; at: number; type: string; data: Json }) {
    if (this.#mode === 'live' && this.#status === 'live') this.#edge.take(at, performance.now())
    this.#listener.onLog({ n, at, type, data })
  }

  #forget(): void {
    forget(`watch.${this.#room}.position`, 'session')
  }

  /** Keeps the place for a reload. */
  #save(): void {
    this.#savedAt = performance.now()
    if (this.#status === 'failed' || this.#isGone) return
    const saved: Saved = { mode: this.#mode, n: this.#n, speed: this.#speed }
    remember(`watch.${this.#room}.position`, JSON.stringify(saved), 'session')
  }

  #recall(): Saved | null {
    const text = recall(`watch.${this.#room}.position`, 'session')
    if (text === null) return null
    try {
      const { mode, n, speed } = JSON.parse(text) as Partial<Saved>
      if (mode !== 'live' && mode !== 'replay' && mode !== 'paused') return null
      if (!Number.isSafeInteger(n) || typeof speed !== 'number' || !(speed > 0)) return null
      return { mode, n: n ?? 0, speed }
    } catch {
      return null
    }
  }
}
