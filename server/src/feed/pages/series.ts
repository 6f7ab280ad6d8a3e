import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import { lineJson } from '../../process/json-text.ts'
import { etagOf, sendTagged } from '../../http/etag.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'
import { PATCH } from '../../outbox/contract/store.ts'
import type { RoomEnd } from '../../outbox/contract/store.ts'
import { networkOf } from '../../transport/client-address.ts'
import type { FeedAccess } from '../audience/access.ts'
import type { ReaderLimits } from '../audience/reader-limits.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { FeedLog } from '../read/feed-log.ts'
import type { Places } from '../read/places.ts'
import type { ReadGate } from '../read/read-gate.ts'
import type { RoomSeeker } from '../read/room-seeker.ts'
import type { States } from '../read/states.ts'
import type { FeedTails } from '../read/tail.ts'
import type { Exchange } from './history.ts'
import { assertKept, beyondError, overError } from './over-room.ts'
import { parseSeriesAsk } from './series-ask.ts'
import type { SeriesAsk } from './series-ask.ts'
import { seriesCsv, seriesLines } from './series-text.ts'
import type { SeriesPoint } from './series-text.ts'
import { cacheControl, watchedRoom } from './watched-room.ts'

export interface SeriesContext {
  readonly log: FeedLog
  readonly access: FeedAccess
  readonly seeker: RoomSeeker
  readonly readers: ReaderLimits
  readonly tails: FeedTails
  readonly states: States
  readonly places: Places
  readonly gate: ReadGate
  /** So many series are made at once (FE153). */
  readonly desk: ReadGate
}

/** A part of a room's log: after < seq <= upTo. */
interface Stretch {
  readonly room: string
  readonly after: number
  readonly upTo: number
  readonly who: string
  /** What the room did while it was private is withheld (FE133). */
  readonly withholds: boolean
}

const READ = { limit: 250, maxBytes: 256 * 1024 }
/** One answer has no more points, no more values, and reads no more events (FE101). */
const MAX_POINTS = 10_000
const MAX_VALUES = 200_000
const MAX_EVENTS = 100_000
/** The text of one answer: a list may be long, and each point of an idle hour repeats it. */
const MAX_CHARACTERS = 16 * 1024 * 1024
/** Places of the state that are looked at for one answer, whether a path finds something there or not. */
const MAX_STEPS = 4_000_000
/** A value's quotes, colon and comma. */
const AROUND_CHARACTERS = 4
/** An array or object may have any number of keys; a path looks at so many at most. */
const MAX_COLUMNS = 1_000

/** Answers with the values of a room's public state over time, for plots. */
export class Series {
  readonly #context: SeriesContext

  constructor(context: SeriesContext) {
    this.#context = context
  }

  /**
   * Answers `GET /rooms/:id/series?path=players.*.score&every=1s`: what the paths had each `every`, from the room's first
   * event (or `from`) to the newest that may be seen (or `to`), and at the last event.
   * @throws RingsideError room_not_found, forbidden, bad_request, not_yet_visible, past_retention, too_many_requests.
   */
  async answer(id: string, { request, response }: Exchange): Promise<void> {
    const { readers, desk } = this.#context
    readers.checkRead(request.remoteAddress)
    const ask = parseSeriesAsk(request)
    const who = networkOf(request.remoteAddress)
    await desk.run(who, async () => {
      // Whoever waited may have gone.
      if (response.isOpen) await this.#make(ask, id, { request, response })
    })
  }

  async #make(ask: SeriesAsk, id: string, { request, response }: Exchange): Promise<void> {
    const { log, access, tails } = this.#context
    const seen = await watchedRoom(id, request, this.#context)
    const { room, seesPrivate, isShared } = seen
    const who = networkOf(request.remoteAddress)
    const visible = await tails.visiblePosition(room.delayMs)
    const end = access.endBy(id, visible)
    assertKept(log, id, end)
    const find = (place: RoomPlace): Promise<number> =>
      this.#seqOf(id, place, { visible, who, end })
    const upTo = ask.to ? await find(ask.to) : visible
    const after = ask.from ? await find(ask.from) : log.firstOf(id)
    if (after > upTo) throw new RingsideError('bad_request', 'Expected from to come before to')
    const points = await this.#points(ask, { room: id, after, upTo, who, withholds: !seesPrivate })
    seen.assertStill()
    if (points.length === 0) throw end ? overError() : new RingsideError('not_yet_visible')
    // Nothing is added to it: it has a beginning and an end that stay.
    const isFinal = ask.to !== null && ask.from !== null
    const body = ask.format === 'csv' ? seriesCsv(points) : lineJson(seriesLines(points))
    sendTagged(request, response, {
      body,
      etag: etagOf(body),
      headers: {
        'content-type':
          ask.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
        'cache-control': cacheControl(isFinal, isShared),
        vary: 'Accept, Origin',
      },
    })
  }

  async #seqOf(
    room: string,
    place: RoomPlace,
    {
      visible,
      who,
      end,
    }: { readonly visible: number; readonly who: string; readonly end: RoomEnd | null },
  ): Promise<number> {
    const found = await this.#context.places.find({ room, place, visible, who })
    if (found.kind === 'beyond') throw beyondError(end)
    if (found.kind === 'lost') throw new RingsideError('past_retention')
    return found.seq
  }

  async #points(ask: SeriesAsk, stretch: Stretch): Promise<SeriesPoint[]> {
    const { log, gate, states } = this.#context
    const { room, after, upTo, who, withholds } = stretch
    const isHidden = (said: RoomWho | null | undefined): boolean =>
      withholds && said?.isPrivate === true
    const newest = ask.agoMs === null ? null : await states.at(room, upTo, who)
    const sampler = new Sampler(ask, newest && ask.agoMs !== null ? newest.at - ask.agoMs : null)
    const view = await states.at(room, after, who)
    if (view) sampler.begin(view, JSON.parse(view.state) as Json, isHidden(view.who))
    let eventCount = 0
    for (let next = after; next < upTo;) {
      const from = next
      const page = await gate.run(who, () => log.read({ after: from, upTo, ...READ, room }))
      for (const { type, data, n, at, who: said } of page.events) {
        const patch = type === PATCH && data !== '' ? (JSON.parse(data) as Json) : null
        sampler.take({ n, at, isHidden: isHidden(said) }, patch)
      }
      eventCount += page.events.length
      if (eventCount > MAX_EVENTS)
        throw new RingsideError(
          'bad_request',
          `Expected at most ${MAX_EVENTS} events: ask for a shorter part by from and to`,
        )
      if (page.next <= next) break
      next = page.next
    }
    return sampler.end()
  }
}

/** Follows a state through its events, and looks at it each `every`. */
class Sampler {
  readonly #ask: SeriesAsk
  readonly #since: number
  readonly #points: SeriesPoint[] = []
  readonly #columns = new Set<string>()
  #state: Json = {}
  /** The last event that the state has; null before the first. */
  #last: { readonly n: number; readonly at: number } | null = null
  /** The room was private there, and who asks has no right to that: such a time has no points (FE133). */
  #isHidden = false
  #nextAt = 0
  #valueCount = 0
  #characters = 0
  #stepCount = 0
  /** What the paths have now: until the state changes each point has the same. */
  #now: { readonly values: ReadonlyMap<string, Json>; readonly characters: number } | null = null
  /** Of lists, which are replaced whole. */
  readonly #sizes = new WeakMap<object, number>()

  /** Points before `since` (log time in ms) are not wanted, and not counted; null: all are. */
  constructor(ask: SeriesAsk, since: number | null) {
    this.#ask = ask
    this.#since = since ?? -Infinity
  }

  begin(
    { n, at }: { readonly n: number; readonly at: number },
    state: Json,
    isHidden: boolean,
  ): void {
    this.#isHidden = isHidden
    this.#state = state
    this.#now = null
    this.#last = { n, at }
    this.#nextAt = at
  }

  take(
    event: { readonly n: number; readonly at: number; readonly isHidden: boolean },
    patch: Json | null,
  ): void {
    const { everyMs } = this.#ask
    if (this.#last === null) this.#nextAt = event.at
    else if (event.at > this.#nextAt) {
      // Of an idle time in between each point is the same: it costs what it says, and so it counts.
      const first = this.#isHidden ? event.at : Math.min(this.#since, event.at)
      if (first > this.#nextAt)
        this.#nextAt += Math.ceil((first - this.#nextAt) / everyMs) * everyMs
      for (; this.#nextAt < event.at; this.#nextAt += everyMs) this.#look(this.#nextAt)
    }
    if (patch !== null) {
      this.#state = applyMergePatch(this.#state, patch)
      this.#now = null
    }
    this.#last = event
    this.#isHidden = event.isHidden
  }

  /** Adds the point of the last event. */
  end(): SeriesPoint[] {
    if (this.#last !== null) this.#look(this.#last.at)
    const { agoMs } = this.#ask
    if (agoMs === null || this.#last === null) return this.#points
    const since = this.#last.at - agoMs
    return this.#points.filter(({ at }) => at >= since)
  }

  #look(at: number): void {
    if (this.#last === null || this.#isHidden) return
    this.#now ??= this.#valuesNow()
    const { values, characters } = this.#now
    this.#valueCount += values.size
    this.#characters += characters
    if (this.#characters > MAX_CHARACTERS) throw tooLarge(`${MAX_CHARACTERS} characters of values`)
    if (this.#points.length >= MAX_POINTS || this.#valueCount > MAX_VALUES)
      throw tooLarge(`${MAX_POINTS} points with ${MAX_VALUES} values`)
    this.#points.push({ at, n: this.#last.n, values })
  }

  #valuesNow(): { readonly values: ReadonlyMap<string, Json>; readonly characters: number } {
    const values = new Map<string, Json>()
    for (const path of this.#ask.paths) this.#collect(values, path)
    let characters = 0
    for (const [name, value] of values)
      characters += name.length + this.#sizeOf(value) + AROUND_CHARACTERS
    return { values, characters }
  }

  #sizeOf(value: Json): number {
    if (typeof value === 'string') return value.length
    if (typeof value !== 'object' || value === null) return String(value).length
    let size = this.#sizes.get(value)
    if (size === undefined) {
      size = JSON.stringify(value).length
      this.#sizes.set(value, size)
    }
    return size
  }

  #collect(values: Map<string, Json>, path: readonly string[]): void {
    const walk = (value: Json | undefined, depth: number, name: string): void => {
      if (value === undefined) return
      if (++this.#stepCount > MAX_STEPS) throw tooLarge(`${MAX_STEPS} places of the state`)
      if (depth === path.length) {
        // A map changes in place, so that it has no value of its own at a time: what is inside has.
        if (isMap(value)) return
        if (!this.#columns.has(name) && this.#columns.size >= MAX_COLUMNS)
          throw new RingsideError(
            'bad_request',
            `Expected paths of at most ${MAX_COLUMNS} values, got more`,
          )
        this.#columns.add(name)
        values.set(name, value)
        return
      }
      if (typeof value !== 'object' || value === null) return
      const word = path[depth] as string
      const children = value as { readonly [key: string]: Json }
      const keys =
        word === '*' ? Object.keys(children) : Object.hasOwn(children, word) ? [word] : []
      for (const key of keys) walk(children[key], depth + 1, name === '' ? key : `${name}.${key}`)
    }
    walk(this.#state, 0, '')
  }
}

function tooLarge(what: string): RingsideError {
  return new RingsideError(
    'bad_request',
    `Expected at most ${what}: ask for a greater every, a shorter part, or paths that name less`,
  )
}

function isMap(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
