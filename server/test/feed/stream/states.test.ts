import { describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { createRandom } from '../../../src/process/random.ts'
import { Selection } from '../../../src/feed/audience/selection.ts'
import { NO_TOPICS } from '../../../src/feed/audience/topic-filter.ts'
import { formatOf } from '../../../src/feed/stream/format.ts'
import { FeedGroup } from '../../../src/feed/stream/group.ts'
import { ROOM_IDS } from '../../../src/feed/position/stream-ids.ts'
import { Pace } from '../../../src/feed/stream/pace.ts'
import { FeedStream } from '../../../src/feed/stream/stream.ts'
import type { StreamGroup, StreamKind } from '../../../src/feed/stream/stream.ts'
import type { FeedTail } from '../../../src/feed/read/tail.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import type { LogStore } from '../../../src/outbox/contract/store.ts'
import { MemoryStream } from '../../../src/transport/memory/http.ts'
import { overrideStore } from '../../outbox/support.ts'
import { FeedRig, readerNamed } from '../rig.ts'
import type { Reader, ScriptedRoom } from '../rig.ts'

const PLACE = { cursor: 7, place: null, announces: true }
const KINDS: readonly StreamKind[] = [
  'starting',
  'catching-up',
  'loading',
  'pausing',
  'live',
  'closed',
]

const WISH = { rooms: null, aliases: [], topics: null, types: null }
const ASKING = { request: null, principal: readerNamed('anonymous') }

function groupOf(key = 'a'): StreamGroup {
  const tail = { position: 5, delayMs: 0 } as FeedTail
  const selection = new Selection({ ...WISH, topics: NO_TOPICS, clientId: null, isSingle: false })
  const rights = { allowsRoom: () => true, allowsTopic: () => true }
  return new FeedGroup<FeedStream>(
    key,
    { selection, rights, tail, ids: ROOM_IDS, format: formatOf('', false), bound: null },
    { onDirty: () => {}, onRevealing: () => {} },
  )
}

interface Made {
  readonly stream: FeedStream
  readonly group: StreamGroup
  readonly body: MemoryStream
  /** How often the timer of a pause was cancelled. */
  readonly cancelled: () => number
}

function make(kind: StreamKind = 'starting', group = groupOf(), pace: Pace | null = null): Made {
  const body = new MemoryStream(
    () => {},
    () => {},
  )
  let cancelled = 0
  const who = { key: 'k', asking: ASKING, wish: WISH, client: null, address: '10.0.0.1' }
  const owner = { group, number: 1, ...who, pace, now: 1_000 }
  const stream = new FeedStream('s', body, owner)
  if (kind !== 'starting' && kind !== 'closed') stream.toCatchingUp(PLACE)
  if (kind === 'loading') stream.load()
  if (kind === 'pausing') stream.pause(() => cancelled++)
  if (kind === 'live') stream.toLive()
  if (kind === 'closed') stream.close()
  expect(stream.state.kind).toBe(kind)
  return { stream, group, body, cancelled: () => cancelled }
}

const TRANSITIONS = {
  restart: (stream: FeedStream) => stream.restart(),
  toCatchingUp: (stream: FeedStream) => stream.toCatchingUp(PLACE),
  load: (stream: FeedStream) => stream.load(),
  pause: (stream: FeedStream) => stream.pause(() => {}),
  goOn: (stream: FeedStream) => stream.goOn(),
  toLive: (stream: FeedStream) => stream.toLive(),
  close: (stream: FeedStream) => stream.close(),
}
type Transition = keyof typeof TRANSITIONS

/** Where each transition leads, from every state in which it is legal. */
const LEGAL: Record<Transition, Partial<Record<StreamKind, StreamKind>>> = {
  restart: { starting: 'starting', 'catching-up': 'starting', loading: 'starting' },
  toCatchingUp: { starting: 'catching-up', live: 'catching-up' },
  load: { 'catching-up': 'loading' },
  pause: { 'catching-up': 'pausing' },
  goOn: { loading: 'catching-up', pausing: 'catching-up' },
  toLive: { 'catching-up': 'live' },
  close: {
    starting: 'closed',
    'catching-up': 'closed',
    loading: 'closed',
    pausing: 'closed',
    live: 'closed',
  },
}

const APART = ['full', 'lastWriteAt', 'pace', 'revealed', 'wasSlow']
const BEHIND = [...APART, 'announces', 'cursor', 'place'].sort()
/** The fields that exist in a state, and no others. */
const FIELDS: Record<StreamKind, { own: string[]; apart: string[] | null }> = {
  starting: { own: ['apart', 'kind'], apart: APART },
  'catching-up': { own: ['apart', 'kind'], apart: BEHIND },
  loading: { own: ['apart', 'kind'], apart: BEHIND },
  pausing: { own: ['apart', 'cancel', 'kind'], apart: BEHIND },
  live: { own: ['index', 'kind'], apart: null },
  closed: { own: ['kind'], apart: null },
}

const ALL = (Object.keys(TRANSITIONS) as Transition[]).flatMap((transition) =>
  KINDS.map((from) => ({ transition, from, to: LEGAL[transition][from] ?? null })),
)

describe("FE5 a stream's states", () => {
  it.each(ALL.filter(({ to }) => to !== null))(
    'FE5 $transition leads from $from to $to, with the fields of that state alone',
    ({ transition, from, to }) => {
      const { stream, group, cancelled } = make(from)
      TRANSITIONS[transition](stream)
      const { state } = stream
      expect(state.kind).toBe(to)
      const { own, apart } = FIELDS[state.kind]
      expect(Object.keys(state).sort()).toEqual(own)
      expect(stream.apart && Object.keys(stream.apart).sort()).toEqual(apart)
      expect(group.live).toEqual(to === 'live' ? [stream] : [])
      expect(group.bodies).toEqual(to === 'live' ? [stream.body] : [])
      expect(cancelled()).toBe(from === 'pausing' ? 1 : 0)
    },
  )

  it.each(ALL.filter(({ to }) => to === null))(
    'FE5 $transition is refused by a stream that is $from, and changes nothing',
    ({ transition, from }) => {
      const { stream, group, cancelled } = make(from)
      const { state } = stream
      expect(() => TRANSITIONS[transition](stream)).toThrow(transition)
      expect(stream.state).toBe(state)
      expect(group.live).toEqual(from === 'live' ? [stream] : [])
      expect(cancelled()).toBe(0)
    },
  )

  it('FE5 a cursor exists only while a stream reads by itself', () => {
    for (const kind of KINDS) {
      const { stream } = make(kind)
      const move = (): void => stream.moveTo({ cursor: 9, place: null, announces: false })
      if (kind === 'starting' || kind === 'live' || kind === 'closed') expect(move).toThrow(kind)
      else {
        move()
        expect(stream.apart).toMatchObject({ cursor: 9, announces: false })
      }
    }
  })

  it('FE1 the place outlives reads and pauses; a new start has none', () => {
    const { stream } = make('loading')
    stream.goOn()
    expect(stream.apart).toMatchObject(PLACE)
    stream.pause(() => {})
    stream.goOn()
    expect(stream.apart).toMatchObject(PLACE)
    stream.load()
    stream.restart()
    expect(stream.apart).not.toHaveProperty('cursor')
    stream.toCatchingUp({ cursor: 8, place: null, announces: false })
    expect(stream.apart).toMatchObject({ cursor: 8, announces: false })
  })

  it('FE5 the pace lasts until the stream is live, also over a new start', () => {
    const pace = new Pace(2)
    const { stream, group } = make('loading', groupOf(), pace)
    stream.restart()
    expect(stream.apart?.pace).toBe(pace)
    stream.toCatchingUp(PLACE)
    stream.toLive()
    group.lastWriteAt = 5_000
    stream.toCatchingUp({ cursor: 12, place: null, announces: false })
    expect(stream.apart).toMatchObject({ pace: null, cursor: 12, lastWriteAt: 5_000 })
  })

  it('FE11 rooms revealed on the way are handed over once; a live stream must leave its group first', () => {
    for (const kind of KINDS) {
      const { stream } = make(kind)
      const reveal = (): void => stream.reveal('b')
      if (kind === 'live' || kind === 'closed') {
        expect(reveal).toThrow(kind)
        expect(() => stream.takeRevealed()).toThrow(kind)
        continue
      }
      reveal()
      stream.reveal('c')
      expect([...stream.takeRevealed()]).toEqual(['b', 'c'])
      expect([...stream.takeRevealed()]).toEqual([])
    }
  })

  it('FE3 a stream changes its group only while it is apart', () => {
    for (const kind of KINDS) {
      const { stream, group } = make(kind)
      const other = groupOf('b')
      if (kind === 'live' || kind === 'closed') {
        expect(() => stream.follow(other)).toThrow(kind)
        expect(stream.group).toBe(group)
      } else {
        stream.follow(other)
        expect(stream.group).toBe(other)
      }
    }
  })

  it('FE5 a group and its live streams agree on every place, whoever comes and goes', () => {
    const seed = Number(process.env['FEED_SEED'] ?? 11)
    const random = createRandom(seed)
    const group = groupOf()
    let all: FeedStream[] = []
    for (let step = 0; step < 1_000; step++) {
      const stream = all[random.int(0, Math.max(0, all.length - 1))]
      if (!stream || random.int(0, 4) === 0) all.push(make('catching-up', group).stream)
      else if (stream.state.kind === 'catching-up') stream.toLive()
      else if (stream.state.kind === 'live')
        if (random.int(0, 1) === 0) stream.close()
        else stream.toCatchingUp(PLACE)
      all = all.filter(({ state }) => state.kind !== 'closed')
      const live = all.filter(({ state }) => state.kind === 'live')
      const isInPlace = (one: FeedStream, index: number): boolean =>
        one.state.kind === 'live' && one.state.index === index && group.bodies[index] === one.body
      const hasAll = live.length === group.live.length && live.length === group.bodies.length
      expect(hasAll && group.live.every(isInPlace), `FEED_SEED=${seed}, step ${step}`).toBe(true)
    }
    expect(group.live.length).toBeGreaterThan(0)
  })
})

const SLOW = { maxBehindMs: 2_000, minBytesPerSecond: 100 }

describe('FE5 a full socket', () => {
  it('FE5 wakes who waits for it when it drains, and when the stream closes', async () => {
    for (const end of ['drain', 'close'] as const) {
      const { stream } = make('starting')
      stream.fill(1_000, SLOW)
      let isWoken = false
      const waiting = stream.writable().then(() => (isWoken = true))
      await Promise.resolve()
      expect(isWoken).toBe(false)
      stream[end]()
      await waiting
      expect(isWoken).toBe(true)
    }
  })

  it('FE5 keeps nobody waiting when it takes bytes, or when the stream is live or closed', async () => {
    for (const kind of KINDS) await make(kind).stream.writable()
  })

  it('FE49 is too slow once it takes nothing for maxBehindMs, or less than the floor', () => {
    const { stream, body } = make('catching-up')
    body.setFull(true)
    body.write(new Uint8Array(10_000))
    stream.fill(1_000, SLOW)
    expect(stream.isTooSlow(2_999)).toBe(false)
    // The floor for a second and a half.
    body.setRoom(150)
    expect(stream.isTooSlow(3_000)).toBe(false)
    expect(stream.isTooSlow(4_499)).toBe(false)
    expect(stream.isTooSlow(4_500)).toBe(true)
    stream.drain()
    expect(stream.isTooSlow(9_000)).toBe(false)
    expect(stream.apart?.wasSlow).toBe(true)
  })
})

/** Reads of one room's log are counted, and wait while `isHeld`. */
class HeldReads {
  isHeld = false
  reads = 0
  readonly #waiting: (() => void)[] = []

  /** The store whose reads they are. */
  of(store: LogStore): LogStore {
    return overrideStore(store, {
      events: {
        range: async (query) => {
          if (query.room === undefined) return store.events.range(query)
          this.reads++
          if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve))
          return store.events.range(query)
        },
      },
    })
  }

  letGo(): void {
    this.isHeld = false
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

interface Scene {
  readonly rig: FeedRig
  readonly store: HeldReads
  readonly room: ScriptedRoom
}

async function play({ rig, room }: Scene): Promise<void> {
  for (let index = 0; index < 40; index++) {
    room.emit('shot', { index, text: 'x'.repeat(4_000) })
    await rig.advance(100)
  }
}

/** Brings a reader of the room into a state of its stream. */
const SCENES: Record<Exclude<StreamKind, 'closed'>, (scene: Scene) => Promise<Reader>> = {
  async starting({ rig, store }) {
    store.isHeld = true
    return rig.open('/rooms/a/feed?from=5')
  },
  async 'catching-up'({ rig }) {
    const reader = rig.get('/rooms/a/feed?from=start')
    rig.clock.advance(0)
    for (let step = 0; step < 20 && !reader.exchange.openBody; step++) await Promise.resolve()
    reader.body.setFull(true)
    await rig.settle()
    return reader
  },
  async loading({ rig, store }) {
    const reader = rig.get('/rooms/a/feed?checkpoint=5')
    store.isHeld = true
    await rig.settle()
    return reader
  },
  async pausing({ rig }) {
    return rig.open('/rooms/a/feed?checkpoint=5&speed=0.5')
  },
  async live({ rig }) {
    return rig.open('/rooms/a/feed')
  },
}

describe('FE5 a reader that goes away', () => {
  it.each(Object.entries(SCENES))(
    'FE5 while its stream is %s leaves nothing behind, and harms nobody',
    async (kind, enter) => {
      const clock = new ManualClock()
      const store = new HeldReads()
      const rig = await FeedRig.start({
        clock,
        store: store.of(new MemoryStore({ clock })),
        feedRingBytes: 65_536,
      })
      const scene = { rig, store, room: await rig.room('a', {}) }
      await play(scene)
      const other = await rig.open('/rooms/a/feed')
      const reader = await enter(scene)
      expect(reader.body.isOpen).toBe(true)
      expect(rig.feed.stats).toMatchObject({ streams: 2, streamsApart: kind === 'live' ? 0 : 1 })
      const closedIn: StreamKind[] = []
      const { close } = FeedStream.prototype
      vi.spyOn(FeedStream.prototype, 'close').mockImplementation(function (this: FeedStream) {
        closedIn.push(this.state.kind)
        close.call(this)
      })
      reader.exchange.abort()
      vi.restoreAllMocks()
      expect(closedIn).toEqual([kind])
      expect(rig.feed.stats).toMatchObject({ streams: 1, streamsApart: 0 })
      store.letGo()
      await rig.settle()
      const { reads } = store
      const seen = other.roomEvents.length
      scene.room.emit('shot', {})
      await rig.advance(30_000)
      expect(other.roomEvents).toHaveLength(seen + 1)
      expect(store.reads).toBe(reads)
      expect(rig.parts.gate.underway).toBe(0)
      expect(rig.parts.spectators.of('a')).toBe(1)
      other.exchange.abort()
      expect(rig.feed.stats).toMatchObject({ streams: 0, streamsApart: 0 })
      expect(rig.parts.spectators.of('a')).toBe(0)
    },
  )
})
