import { describe, expect, it } from 'vitest'
import { createFeedState } from '../src/feed/index.ts'
import type { FeedOptions } from '../src/feed/index.ts'
import { FeedRig } from './support/feed-rig.ts'

const SSE = { 'content-type': 'text/event-stream' }

async function opened(options: FeedOptions = {}, rig = new FeedRig()) {
  const feed = rig.open(options)
  await rig.fake.settle()
  return { rig, feed, fake: rig.fake }
}

describe('CN10: following', () => {
  it('hands out each event once, in order, and reports its state and position', async () => {
    const { rig, feed, fake } = await opened()
    rig.patch()
    fake.emit('kill', { by: 'a' })
    fake.write('id: 6-abc\n\n')
    await fake.settle()
    expect(rig.statuses).toEqual(['connecting', 'catching-up', 'live'])
    expect([rig.snapshots, rig.patches]).toEqual([[1], [2]])
    expect(rig.events.at(-1)).toMatchObject({ type: 'game', name: 'kill', id: fake.lastId })
    expect(feed.checkpoint).toBe('6-abc')
    expect(fake.request.url.href).toBe('http://feed.test/rooms/r/feed')
    expect(fake.request.headers.get('accept')).toBe('text/event-stream')
  })

  it('a broken stream goes on after its last event; doubles are dropped', async () => {
    const { rig, feed, fake } = await opened()
    rig.patch()
    const second = fake.lastId
    fake.write('id: 3-abc\nevent: patch\ndata: {"room":"r","n":3')
    fake.finish()
    await fake.advance(2_000)
    expect(fake.request.headers.get('last-event-id')).toBe(second)
    rig.send('patch', { room: 'r', n: 2, prev: 1, at: 2, data: {} }, second)
    rig.patch()
    await fake.settle()
    expect(rig.patches).toEqual([2, 3])
    expect(feed.checkpoint).toBe(fake.lastId)
    expect(rig.statuses.slice(3)).toEqual(['reconnecting', 'catching-up', 'live'])
  })

  it('reset is told, then the snapshot; lower positions are taken afterwards', async () => {
    const { rig, feed, fake } = await opened()
    rig.patch()
    fake.cut()
    await fake.advance(2_000)
    const reset = { reason: 'another-log', room: 'r', from: 2, to: 1 }
    rig.send('reset', reset)
    rig.send('snapshot', { room: 'r', n: 1, at: 1, state: {} })
    rig.send('caught-up', {}, '1-other')
    rig.send('patch', { room: 'r', n: 2, prev: 1, at: 2, data: {} }, '2-other')
    await fake.settle()
    expect(rig.resets).toEqual([reset])
    expect([rig.snapshots, rig.patches, feed.checkpoint]).toEqual([[1, 1], [2, 2], '2-other'])
  })

  it('nothing is called after close; the request is aborted, no timer stays', async () => {
    const { rig, feed, fake } = await opened()
    const calls = rig.statuses.length
    feed.close()
    feed.close()
    rig.patch()
    await fake.settle()
    expect(fake.request.isOpen).toBe(false)
    expect(rig.patches).toEqual([])
    expect([feed.status, rig.statuses.length, fake.clock.pendingCount]).toEqual(['ended', calls, 0])
  })
})

describe('CN11: what ends a feed, and what does not', () => {
  it.each([400, 401, 403, 404, 410])('status %i is final', async (status) => {
    const rig = new FeedRig()
    rig.fake.refuse(status)
    const feed = rig.open()
    await rig.fake.advance(100_000)
    const { requests, clock } = rig.fake
    expect([feed.status, requests.length, clock.pendingCount]).toEqual(['failed', 1, 0])
  })

  it('204 and the end of the only room end it', async () => {
    const rig = new FeedRig()
    rig.fake.refuse(204)
    expect((await opened({}, rig)).feed.status).toBe('ended')
    const { feed, fake } = await opened()
    fake.end()
    await fake.settle()
    const { clock, lastId } = fake
    expect([feed.status, feed.checkpoint, clock.pendingCount]).toEqual(['ended', lastId, 0])
  })

  it('CN33: 5xx, 429, no network, a page instead of a stream, bad JSON are tried again, ever slower', async () => {
    const rig = new FeedRig()
    const { fake } = rig
    const page = new Response('<html>', { headers: { 'content-type': 'text/html' } })
    const bad = new Response('event: patch\ndata: {\n\n', { headers: SSE })
    rig.answers = [null, null, null, page, bad]
    fake.setDown(true)
    rig.open()
    await fake.settle()
    fake.setDown(false)
    fake.refuse(503)
    fake.refuse(429, 'too_many_requests', { 'retry-after': '7' })
    await fake.advance(60_000)
    expect(rig.retries).toEqual([2_000, 4_000, 7_000 + 2_000, 16_000, 30_000])
    await fake.advance(30_000)
    expect(rig.snapshots).toEqual([1])
    fake.finish()
    await fake.settle()
    expect(rig.retries.at(-1)).toBe(2_000)
  })

  it('a server that asks to come back at once, and always ends, does not make it spin', async () => {
    const rig = new FeedRig()
    rig.answers = Array.from({ length: 5_000 }, () => {
      const body = 'retry: 0\nid: 5\nevent: caught-up\ndata: {}\n\n'
      return new Response(body, { headers: SSE })
    })
    const feed = rig.open({ random: () => 0 })
    await rig.fake.advance(10_000)
    feed.close()
    expect(5_000 - rig.answers.length).toBeGreaterThan(10)
    expect(5_000 - rig.answers.length).toBeLessThan(100)
  })

  it("the server's retry and going-away are kept to", async () => {
    const { rig, fake } = await opened({}, new FeedRig(500))
    fake.finish()
    await fake.advance(500)
    fake.goingAway(4_000)
    fake.finish()
    await fake.settle()
    expect(rig.retries).toEqual([500, 4_000 + 500 / 4])
  })

  it('CN33: a stream without a byte for 37.5 s is dead; a comment is a byte', async () => {
    const { rig, fake } = await opened()
    await fake.advance(37_000)
    fake.heartbeat()
    await fake.advance(37_000)
    expect(fake.request.isOpen).toBe(true)
    await fake.advance(600)
    expect(fake.requests[0]?.isOpen).toBe(false)
    expect(rig.statuses).toContain('reconnecting')
  })
})

describe('CN12: gaps', () => {
  it('a missing n is noticed: reported, and read again with the state at the last good position', async () => {
    const { rig, feed, fake } = await opened()
    rig.patch()
    const second = fake.lastId
    rig.send('kill', { room: 'r', n: 4, at: 1, data: {} }, '4-abc')
    await fake.settle()
    expect(rig.resets).toEqual([{ reason: 'gap', from: 3, to: 3, room: 'r' }])
    expect(fake.requests[0]?.isOpen).toBe(false)
    expect(feed.checkpoint).toBe(second)
    rig.patch()
    fake.emit('kill', { by: 'a' })
    await fake.advance(2_000)
    expect(fake.request.url.searchParams.get('from')).toBe(second)
    expect(fake.request.headers.has('last-event-id')).toBe(false)
    expect([rig.snapshots, rig.patches, feed.checkpoint]).toEqual([[1, 2], [2, 3], fake.lastId])
  })

  it('the same gap again is jumped over, with the state behind it', async () => {
    const { rig, fake } = await opened()
    const first = fake.lastId
    fake.skip(2)
    rig.patch()
    const { lastId } = fake
    await fake.advance(4_000)
    await fake.advance(8_000)
    const asked = fake.requests.map(({ url }) => url.searchParams.get('from'))
    expect(asked).toEqual([null, first, lastId])
    expect(rig.snapshots).toEqual([1, 1, 4])
    expect(rig.statuses.at(-1)).toBe('live')
  })

  it('with a filter, only prev tells', async () => {
    const { rig, fake } = await opened({ types: ['patch', 'kill'] })
    fake.skip(3)
    fake.emit('kill', { by: 'a' })
    fake.skip(2)
    rig.patch()
    await fake.settle()
    expect([rig.resets, rig.patches]).toEqual([[], [8]])
    rig.send('patch', { room: 'r', n: 12, prev: 10, at: 1, data: {} }, '12-abc')
    await fake.settle()
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
    const { rig, feed, fake } = await opened({ storage: store })
    expect(store.entries.size).toBe(0)
    await fake.advance(1_000)
    expect([...store.entries]).toEqual([['ringside:/rooms/r/feed', fake.lastId]])
    rig.patch()
    await fake.settle()
    feed.close()
    const { lastId } = fake
    expect([...store.entries.values()]).toEqual([lastId])
    const { fake: next } = await opened({ storage: store })
    expect(next.request.url.searchParams.get('from')).toBe(lastId)
    const { fake: events } = await opened({ storage: store, resume: 'events' })
    expect(events.request.headers.get('last-event-id')).toBe(lastId)
  })

  it('an n that the application names is a position without a check', async () => {
    const { rig, fake } = await opened({ checkpoint: 1, resume: 'events' })
    expect(fake.request.headers.get('last-event-id')).toBe('1-0')
    expect([rig.snapshots, rig.statuses.at(-1)]).toEqual([[], 'live'])
  })

  it('a storage that throws or holds nonsense is as none', async () => {
    const broken = () => {
      throw new Error('denied')
    }
    const { rig, feed } = await opened({ storage: { getItem: broken, setItem: broken } })
    expect(rig.statuses.at(-1)).toBe('live')
    feed.close()
    const { fake } = await opened({ storage: storage({ k: '12<script>' }), storageKey: 'k' })
    expect(fake.request.url.search).toBe('')
  })
})

describe('CN14: the state of a feed', () => {
  async function followedState() {
    const state = createFeedState()
    return { state, ...(await opened({ state })) }
  }

  it('patches change the snapshot; doubles, other rooms and __proto__ do no harm', async () => {
    const state = createFeedState()
    const seen: number[] = []
    state.onChange((_, room) => seen.push(room.n))
    const { rig, fake } = await opened({ state })
    fake.patch(({ players }) => {
      players['a'] = { name: 'Ada', score: 1, x: 0, mines: [] }
      players['b'] = { name: 'Bob', score: 2, x: 0, mines: [] }
    })
    fake.patch(({ players }) => {
      const player = players['a']
      if (player) player.score = 5
      delete players['b']
    })
    fake.write(
      'id: 4-abc\nevent: patch\ndata: {"room":"r","n":4,"prev":3,"at":3,"data":{"__proto__":{"y":1}}}\n\n',
    )
    await fake.settle()
    expect(state.get()).toMatchObject({ n: 4, at: 3 })
    const ada = { name: 'Ada', score: 5, x: 0, mines: [] }
    expect(state.get('r')?.state).toHaveProperty('players', { a: ada })
    expect(({} as { y?: number }).y).toBeUndefined()
    expect([seen, rig.patches]).toEqual([
      [1, 2, 3, 4],
      [2, 3, 4],
    ])
    state.apply({
      type: 'patch',
      id: null,
      data: { room: 'r', n: 2, prev: 1, at: 0, data: { z: 1 } },
    })
    expect(state.get('r')?.n).toBe(4)
  })

  it('many rooms: one that begins is added, one that is gone after a reset is dropped', () => {
    const state = createFeedState()
    const patch = { room: 'a', n: 1, prev: 0, at: 1, data: { round: 1 } }
    state.apply({ type: 'patch', id: null, data: patch })
    state.apply({ type: 'patch', id: null, data: { ...patch, room: 'late', n: 7 } })
    expect([...state.rooms.keys()]).toEqual(['a'])
    state.apply({ type: 'reset', id: null, data: { reason: 'slow' } })
    state.apply({
      type: 'snapshot',
      id: null,
      data: { room: 'b', n: 1, at: 1, state: {} },
    })
    state.apply({ type: 'caught-up', id: 'x', data: {} })
    expect([...state.rooms.keys()]).toEqual(['b'])
  })

  it("an event of a topic is told by its name, whatever that is, and is no room's", async () => {
    const { rig, feed, state, fake } = await followedState()
    const data = { topic: 'public', messageId: 'm', at: 1, data: { n: 9 } }
    rig.send('end', data, 'token')
    await fake.settle()
    expect(rig.events.at(-1)).toEqual({ type: 'topic', name: 'end', id: 'token', data })
    expect([feed.status, feed.checkpoint, state.get()?.n]).toEqual(['live', 'token', 1])
  })

  it('ended rooms are kept to be looked at, but not more than 64', () => {
    const state = createFeedState()
    for (let i = 0; i < 100; i++) {
      const room = `r${i}`
      state.apply({ type: 'snapshot', id: null, data: { room, n: 1, at: 1, state: {} } })
      state.apply({ type: 'end', id: null, data: { room, n: 2, at: 1 } })
    }
    expect(state.rooms.size).toBe(64)
    expect(state.get('r99')?.hasEnded).toBe(true)
  })
})
