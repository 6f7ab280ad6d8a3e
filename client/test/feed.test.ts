import { describe, expect, it } from 'vitest'
import { createFeedState } from '../src/feed/index.ts'
import type { FeedOptions, FeedTarget } from '../src/feed/index.ts'
import { FeedRig } from './support/fake-feed.ts'
import { settle } from './support/test-timers.ts'

async function opened(options: FeedOptions = {}, target?: FeedTarget) {
  const rig = new FeedRig()
  const feed = rig.open(options, target)
  await settle()
  return { rig, feed }
}

const error = (status: number, headers: Record<string, string> = {}) =>
  Response.json({ error: { code: 'x', message: 'No' } }, { status, headers })

describe('CN10: following', () => {
  it('hands out each event once, in order, and reports its state and position', async () => {
    const { rig, feed } = await opened()
    await rig.snapshot(3, 30)
    await rig.patch(4, 40)
    await rig.stream.event('kill', { room: 'r', n: 5, at: 2, data: { by: 'a' } }, 50)
    await rig.stream.write('id: 60\n\n')
    expect(rig.statuses).toEqual(['connecting', 'catching-up', 'live'])
    expect([rig.snapshots, rig.patches]).toEqual([[3], [4]])
    expect(rig.events.at(-1)).toMatchObject({ type: 'game', name: 'kill', seq: 50 })
    expect(feed.checkpoint).toBe(60)
    expect(rig.stream.url.href).toBe('http://h/rooms/r/feed')
    expect(rig.stream.headers.get('accept')).toBe('text/event-stream')
  })

  it('a broken stream goes on after its last event; doubles are dropped', async () => {
    const { rig, feed } = await opened()
    await rig.snapshot(1, 10)
    await rig.patch(2, 20)
    await rig.stream.write('id: 30\nevent: patch\ndata: {"room":"r","n":3')
    await rig.stream.end()
    await rig.timers.advance(2_000)
    expect(rig.stream.headers.get('last-event-id')).toBe('20')
    await rig.patch(2, 20)
    await rig.patch(3, 30)
    expect(rig.patches).toEqual([2, 3])
    expect(feed.checkpoint).toBe(30)
    expect(rig.statuses.slice(3)).toEqual(['reconnecting', 'catching-up'])
  })

  it('reset is told, then the snapshot; lower positions are taken afterwards', async () => {
    const { rig, feed } = await opened()
    await rig.snapshot(5, 5_000)
    await rig.stream.end()
    await rig.timers.advance(2_000)
    await rig.stream.event('reset', { reason: 'another-log', from: 5_000, to: 80 })
    await rig.snapshot(1, 80)
    await rig.patch(2, 90)
    expect(rig.resets).toEqual([{ reason: 'another-log', from: 5_000, to: 80 }])
    expect([rig.snapshots, rig.patches, feed.checkpoint]).toEqual([[5, 1], [2], 90])
  })

  it('nothing is called after close; the request is aborted, no timer stays', async () => {
    const { rig, feed } = await opened()
    await rig.snapshot(1, 10)
    const calls = rig.statuses.length
    feed.close()
    feed.close()
    await settle()
    expect(rig.stream.isAborted).toBe(true)
    expect([feed.status, rig.statuses.length, rig.timers.pending]).toEqual(['ended', calls, 0])
  })
})

describe('CN11: what ends a feed, and what does not', () => {
  it.each([400, 401, 403, 404, 410])('status %i is final', async (status) => {
    const rig = new FeedRig()
    rig.answers = [error(status)]
    const feed = rig.open()
    await rig.timers.advance(100_000)
    expect([feed.status, rig.streams.length, rig.timers.pending]).toEqual(['failed', 1, 0])
  })

  it('204 and the end of the only room end it', async () => {
    const rig = new FeedRig()
    rig.answers = [new Response(null, { status: 204 })]
    expect([rig.open(), await settle()][0]).toMatchObject({ status: 'ended' })
    const { rig: other, feed } = await opened()
    await other.snapshot(1, 10)
    await other.stream.event('end', { room: 'r', n: 2, at: 3 }, 20)
    expect([feed.status, feed.checkpoint, other.timers.pending]).toEqual(['ended', 20, 0])
  })

  it('CN33: 5xx, 429, no network, a page instead of a stream, bad JSON are tried again, ever slower', async () => {
    const rig = new FeedRig()
    const page = new Response('<html>', { headers: { 'content-type': 'text/html' } })
    rig.answers = ['down', error(503), error(429, { 'retry-after': '7' }), page]
    rig.open()
    await rig.timers.advance(60_000)
    await rig.stream.write('event: patch\ndata: {\n\n')
    expect(rig.retries).toEqual([2_000, 4_000, 7_000 + 2_000, 16_000, 30_000])
    await rig.timers.advance(30_000)
    await rig.snapshot(1, 10)
    await rig.stream.end()
    expect(rig.retries.at(-1)).toBe(2_000)
  })

  it('a server that asks to come back at once, and always ends, does not make it spin', async () => {
    const rig = new FeedRig()
    rig.answers = Array.from({ length: 5_000 }, () => {
      const body = 'retry: 0\nid: 5\nevent: caught-up\ndata: {}\n\n'
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const feed = rig.open({ random: () => 0 })
    await rig.timers.advance(10_000)
    feed.close()
    expect(5_000 - rig.answers.length).toBeGreaterThan(10)
    expect(5_000 - rig.answers.length).toBeLessThan(100)
  })

  it("the server's retry and going-away are kept to", async () => {
    const { rig } = await opened()
    await rig.stream.write('retry: 500\n\n')
    await rig.stream.end()
    await rig.timers.advance(500)
    await rig.stream.event('going-away', { retryMs: 4_000 })
    await rig.stream.end()
    expect(rig.retries).toEqual([500, 4_000 + 1_000 / 4])
  })

  it('CN33: a stream without a byte for 37.5 s is dead; a comment is a byte', async () => {
    const { rig } = await opened()
    await rig.timers.advance(37_000)
    await rig.stream.write(': hb\n\n')
    await rig.timers.advance(37_000)
    expect(rig.stream.isAborted).toBe(false)
    await rig.timers.advance(600)
    expect(rig.streams[0]?.isAborted).toBe(true)
    expect(rig.statuses).toContain('reconnecting')
  })
})

describe('CN12: gaps', () => {
  it('a missing n is noticed: reported, and read again with the state at the last good position', async () => {
    const { rig, feed } = await opened()
    await rig.snapshot(1, 10)
    await rig.patch(2, 20)
    await rig.stream.event('kill', { room: 'r', n: 4, at: 1, data: {} }, 40)
    expect(rig.resets).toEqual([{ reason: 'gap', from: 3, to: 3, room: 'r' }])
    expect(rig.streams[0]?.isAborted).toBe(true)
    expect(feed.checkpoint).toBe(20)
    await rig.timers.advance(2_000)
    expect(rig.stream.url.searchParams.get('from')).toBe('20')
    expect(rig.stream.headers.has('last-event-id')).toBe(false)
    await rig.stream.event('snapshot', { room: 'r', n: 2, seq: 20, at: 1, state: {} })
    await rig.patch(3, 30)
    await rig.stream.event('kill', { room: 'r', n: 4, at: 1, data: {} }, 40)
    expect([rig.patches, feed.checkpoint]).toEqual([[2, 3], 40])
  })

  it('the same gap again is jumped over, with the state behind it', async () => {
    const { rig } = await opened()
    await rig.snapshot(1, 10)
    await rig.patch(4, 40)
    await rig.timers.advance(4_000)
    await rig.snapshot(1, 10)
    await rig.patch(4, 40)
    await rig.timers.advance(8_000)
    expect(rig.stream.url.searchParams.get('from')).toBe('40')
  })

  it('with a filter, only prev tells', async () => {
    const { rig } = await opened({ types: ['patch', 'kill'] })
    await rig.snapshot(1, 10)
    await rig.stream.event('kill', { room: 'r', n: 5, at: 1, data: {} }, 50)
    await rig.stream.event('patch', { room: 'r', n: 8, prev: 1, at: 1, data: {} }, 80)
    expect([rig.resets, rig.patches]).toEqual([[], [8]])
    await rig.stream.event('patch', { room: 'r', n: 12, prev: 10, at: 1, data: {} }, 120)
    expect(rig.resets).toMatchObject([{ reason: 'gap', from: 9, to: 11 }])
  })
})

describe('CN34: checkpoints between page loads', () => {
  function storage(content: Record<string, string> = {}) {
    const entries = new Map(Object.entries(content))
    const getItem = (key: string) => entries.get(key) ?? null
    return {
      entries,
      getItem,
      setItem: (key: string, value: string) => void entries.set(key, value),
    }
  }

  it('is stored throttled and at close, and begins the next load with the state there', async () => {
    const store = storage()
    const { rig, feed } = await opened({ storage: store })
    await rig.snapshot(1, 10)
    expect(store.entries.size).toBe(0)
    await rig.timers.advance(1_000)
    expect([...store.entries]).toEqual([['ringside:/rooms/r/feed', '10']])
    await rig.patch(2, 20)
    feed.close()
    expect([...store.entries.values()]).toEqual(['20'])
    const { rig: next } = await opened({ storage: store })
    expect(next.stream.url.searchParams.get('from')).toBe('20')
    const { rig: events } = await opened({ storage: store, resume: 'events' })
    expect(events.stream.headers.get('last-event-id')).toBe('20')
  })

  it('a storage that throws or holds nonsense is as none', async () => {
    const broken = () => {
      throw new Error('denied')
    }
    const { rig, feed } = await opened({ storage: { getItem: broken, setItem: broken } })
    await rig.snapshot(1, 10)
    feed.close()
    const { rig: next } = await opened({ storage: storage({ k: '12<script>' }), storageKey: 'k' })
    expect(next.stream.url.search).toBe('')
  })
})

describe('CN14: the state of a feed', () => {
  it('patches change the snapshot; doubles, other rooms and __proto__ do no harm', async () => {
    const state = createFeedState()
    const seen: number[] = []
    state.onChange((_, room) => seen.push(room.n))
    const { rig } = await opened({ state })
    await rig.snapshot(1, 10, { players: { a: { x: 1 }, b: { x: 2 } } })
    await rig.patch(2, 20, { players: { a: { x: 5 }, b: null } })
    await rig.stream.write(
      'id: 30\nevent: patch\ndata: {"room":"r","n":3,"prev":2,"at":3,"data":{"__proto__":{"y":1}}}\n\n',
    )
    expect(state.get()).toMatchObject({ n: 3, seq: 30, at: 3 })
    expect(state.get('r')?.state).toMatchObject({ players: { a: { x: 5 } } })
    expect(({} as { y?: number }).y).toBeUndefined()
    expect(seen).toEqual([1, 2, 3])
    state.apply({
      type: 'patch',
      seq: 20,
      data: { room: 'r', n: 2, prev: 1, at: 0, data: { z: 1 } },
    })
    expect(state.get('r')?.n).toBe(3)
  })

  it('many rooms: one that begins is added, one that is gone after a reset is dropped', () => {
    const state = createFeedState()
    const patch = { room: 'a', n: 1, prev: 0, at: 1, data: { round: 1 } }
    state.apply({ type: 'patch', seq: 1, data: patch })
    state.apply({ type: 'patch', seq: 2, data: { ...patch, room: 'late', n: 7 } })
    expect([...state.rooms.keys()]).toEqual(['a'])
    state.apply({ type: 'reset', seq: null, data: { reason: 'slow', from: 1, to: 9 } })
    state.apply({
      type: 'snapshot',
      seq: null,
      data: { room: 'b', n: 1, seq: 9, at: 1, state: {} },
    })
    state.apply({ type: 'caught-up', seq: 9, data: { seq: 9 } })
    expect([...state.rooms.keys()]).toEqual(['b'])
  })

  it('ended rooms are kept to be looked at, but not more than 64', () => {
    const state = createFeedState()
    for (let i = 0; i < 100; i++) {
      const room = `r${i}`
      state.apply({ type: 'snapshot', seq: null, data: { room, n: 1, seq: 1, at: 1, state: {} } })
      state.apply({ type: 'end', seq: i, data: { room, n: 2, at: 1 } })
    }
    expect(state.rooms.size).toBe(64)
    expect(state.get('r99')?.hasEnded).toBe(true)
  })
})
