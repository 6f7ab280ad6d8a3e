import { describe, expect, it, vi } from 'vitest'
import { MemoryStream } from '../../../src/transport/memory/http.ts'
import type { EventPage, RoomStateAnswer } from '@ringside/protocol'
import { TestServer } from '../../support/test-server.ts'
import { FeedRig } from '../rig.ts'
import type { Reader } from '../rig.ts'

describe('FE3 delay', () => {
  it('FE3 FE31 stream, state and pages stop at the first event that is too young', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 }, { delayMs: 5_000 })
    const early = await rig.open('/rooms/a/feed')
    expect(early.types).toEqual(['hello', 'caught-up'])
    expect(early.of('hello')[0]?.data).toMatchObject({ delayMs: 5_000 })
    for (const path of ['/rooms/a/state', '/rooms/a/state?at=1']) {
      const answer = await rig.open(path)
      expect([answer.exchange.status, answer.error]).toEqual([404, 'not_yet_visible'])
    }
    await rig.advance(3_000)
    room.patch({ score: 1 })
    await rig.settle()
    await rig.advance(1_999)
    expect(early.roomEvents).toEqual([])
    await rig.advance(1)
    expect(early.roomEvents.map(({ data }) => data.n)).toEqual([1])
    const state = await rig.json<RoomStateAnswer>('/rooms/a/state')
    expect(state).toMatchObject({ n: 1, state: { score: 0 } })
    const page = await rig.json<EventPage>('/rooms/a/events')
    expect(page).toMatchObject({ events: [{ data: { n: 1 } }], sealed: false })
    const late = await rig.open('/rooms/a/feed')
    expect(late.of('snapshot')[0]?.data).toMatchObject({ n: 1, state: { score: 0 } })
    const replay = await rig.open('/rooms/a/feed?from=start')
    expect(replay.roomEvents).toHaveLength(1)
    await rig.advance(3_000)
    for (const reader of [early, late, replay])
      expect(reader.roomEvents.at(-1)?.data).toMatchObject({ n: 2, data: { score: 1 } })
    expect(page.next).toBe(1)
  })

  it('FE3 FE55 a checkpoint that comes to be visible within 5 s is waited for, and nothing is shown early', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 }, { delayMs: 5_000 })
    await rig.advance(1_000)
    const reader = await rig.open('/rooms/a/feed?checkpoint=1')
    room.patch({ score: 1 })
    await rig.advance(3_999)
    expect(reader.types).toEqual(['hello'])
    await rig.advance(1)
    expect(reader.types).toEqual(['hello', 'caught-up'])
    await rig.advance(1_000)
    expect(reader.roomEvents.map(({ data }) => data.n)).toEqual([2])
  })

  it.each(['from', 'checkpoint', 'lastEventId', 'last_event_id', 'last-event-id'])(
    'FE3 FE34 FE55 %s does not tell whether a position exists that may not be seen yet',
    async (name) => {
      const rig = await FeedRig.start()
      const room = await rig.room('a', { score: 0 }, { delayMs: 20_000 })
      await rig.advance(20_000)
      for (let score = 1; score < 6; score++) room.patch({ score })
      await rig.settle()
      const isHeader = name === 'last-event-id'
      const numbers = [2, 6, 7, 1_000_002]
      const readers: Reader[] = []
      for (const n of numbers) {
        // The check of an event that is there is right.
        const id = !isHeader ? String(n) : n > 6 ? `${n}-abc` : await rig.idOf('a', n)
        const query = isHeader ? '' : `?${name}=${id}`
        readers.push(rig.get(`/rooms/a/feed${query}`, isHeader ? { [name]: id } : {}))
      }
      await rig.advance(4_999)
      for (const reader of readers) expect(reader.types).toEqual(['hello'])
      await rig.advance(1)
      const texts = readers.map((reader, index) => {
        expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
        const from = numbers[index]
        const reset = { reason: 'unknown-checkpoint', room: 'a', from, to: 1 }
        expect(reader.of('reset')[0]?.data).toEqual(reset)
        return reader.text.replace(`"from":${from}`, '').replace(/"stream(?:Id|Key)":"[^"]+"/g, '')
      })
      expect(new Set(texts).size).toBe(1)
      // What may be seen is no reason to start over.
      const known = await rig.open(`/rooms/a/feed`, { 'last-event-id': await rig.idOf('a', 1) })
      expect(known.types).toEqual(['hello', 'caught-up'])
    },
  )

  it('FE3 a stream of many rooms runs at the largest delay, also of one that comes later', async () => {
    const rig = await FeedRig.start()
    const quick = await rig.room('quick', { score: 0 })
    const reader = await rig.open('/feed?rooms=*')
    quick.patch({ score: 1 })
    await rig.settle()
    expect(reader.roomEvents).toHaveLength(1)
    await rig.room('slow', { score: 9 }, { delayMs: 2_000 })
    quick.patch({ score: 2 })
    await rig.settle()
    await rig.advance(1_000)
    expect(reader.roomEvents).toHaveLength(1)
    await rig.advance(1_000)
    const seen = reader.roomEvents.map(({ data }) => [data.room, data.n])
    expect(seen).toEqual([
      ['quick', 2],
      ['slow', 1],
      ['quick', 3],
    ])
  })
})

describe('FE3 delay and a log that is cut', () => {
  it('FE3 FE33 a log that is cut before the delay is over shows nothing ahead of its time', async () => {
    const delayMs = 20_000
    const rig = await FeedRig.start({ retentionMs: 10_000, feedRingBytes: 65_536 })
    const room = await rig.room('a', { second: 0 }, { delayMs })
    const early = await rig.open('/rooms/a/feed')
    for (let second = 1; second < 60; second++) {
      room.patch({ second, text: 'x'.repeat(10_000) })
      room.snapshot()
      await rig.advance(1_000)
      const state = await rig.json<Partial<RoomStateAnswer>>('/rooms/a/state')
      const reader = await rig.open('/rooms/a/feed')
      const shown = [state.at, ...[...reader.events, ...early.events].map(({ data }) => data.at)]
      for (const at of shown)
        if (at !== undefined) expect(rig.clock.now() - at).toBeGreaterThanOrEqual(delayMs)
      reader.exchange.abort()
    }
    expect(rig.outbox.floor).toBeGreaterThan(rig.outbox.origin + 30)
  })

  it('FE1 a live stream is reset when the log was cut beyond where it stands', async () => {
    const delayMs = 5_000
    const rig = await FeedRig.start({ feedRingBytes: 65_536 })
    const room = await rig.room('a', { step: 0 }, { delayMs })
    await rig.advance(delayMs)
    const reader = await rig.open('/rooms/a/feed')
    expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up'])
    const cut = rig.outbox.sealed + 40
    await rig.store.marks.raiseFloor(cut)
    for (let step = 1; step <= 20; step++) {
      room.patch({ step, text: 'x'.repeat(10_000) })
      room.emit('kill', {})
    }
    room.snapshot()
    await rig.settle()
    // The floor takes the counter along (OB3): all of them are above it.
    const end = cut + 40
    expect(rig.outbox.sealed).toBe(end)
    await rig.advance(delayMs)
    room.patch({ step: 21 })
    await rig.settle()
    await rig.advance(delayMs)
    expect(reader.types.slice(3)).toEqual(['reset', 'snapshot', 'caught-up', 'patch'])
    expect(reader.of('reset')[0]?.data).toMatchObject({ reason: 'retention' })
    expect(reader.of('snapshot')[1]?.data).toMatchObject({ n: 41, state: { step: 20 } })
    expect(reader.of('patch')[0]?.data).toMatchObject({ n: 42, data: { step: 21 } })
  })
})

describe('FE4 who may see what', () => {
  it('FE4 hidden parts never reach a stream, a page or a state', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const live = await rig.open('/rooms/a/feed?from=start')
    room.patch({ score: 1 }, '{"mines":"SECRET"}')
    room.patch({}, '{"mines":"SECRET"}')
    room.snapshot()
    room.patch({ score: 2 })
    await rig.settle()
    const texts = [live.text]
    for (const path of [
      '/rooms/a/feed',
      '/rooms/a/feed?from=start',
      '/feed',
      '/rooms/a/events',
      '/rooms/a/state',
    ])
      texts.push((await rig.open(path)).text)
    for (const text of texts) {
      expect(text.length).toBeGreaterThan(40)
      expect(text).not.toContain('SECRET')
    }
  })

  it('FE4 a private room is refused, is no part of *, and a stream of it ends when it turns private', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const own = await rig.open('/rooms/a/feed')
    const wall = await rig.open('/feed')
    room.patch({ score: 1 })
    await rig.settle()
    rig.directory.set('a', { isPrivate: true })
    room.patch({ score: 2 })
    await rig.settle()
    expect(own.body.isOpen).toBe(false)
    for (const reader of [own, wall])
      expect(reader.of('patch').map(({ data }) => data.n)).toEqual([2])
    const replay = await rig.open('/feed?from=start')
    expect(replay.roomEvents).toEqual([])
    for (const path of ['/rooms/a/feed', '/feed?rooms=a', '/rooms/a/state', '/rooms/a/events']) {
      const answer = await rig.open(path)
      expect([path, answer.exchange.status, answer.error]).toEqual([path, 403, 'forbidden'])
    }
  })

  it('FE4 a check of its own is asked again for every event, live and replayed', async () => {
    let isAllowed = true
    const rig = await FeedRig.start({
      authorize: (request, room) => request.header('x-fan') === room.id && isAllowed,
    })
    const room = await rig.room('a', { score: 0 })
    await rig.room('b', {})
    const stranger = await rig.open('/rooms/a/feed')
    expect(stranger.exchange.status).toBe(403)
    const fan = await rig.open('/rooms/a/feed', { 'x-fan': 'a' })
    const wall = await rig.open('/feed?from=start', { 'x-fan': 'a' })
    expect(wall.roomEvents.map(({ data }) => data.room)).toEqual(['a'])
    room.patch({ score: 1 })
    await rig.settle()
    isAllowed = false
    room.patch({ score: 2 })
    await rig.settle()
    expect(fan.of('patch').map(({ data }) => data.n)).toEqual([2])
    expect(wall.of('patch').map(({ data }) => data.n)).toEqual([1, 2])
  })
})

describe('FE4 authorizeSpectator of a server', () => {
  const fan = { 'x-fan': 'yes' }

  it('FE4 FE35 it decides on streams, pages and states, and keeps them out of shared caches', async () => {
    await using test = await TestServer.start({
      authorizeSpectator: (request) => request.header('x-fan') === 'yes',
    })
    const { seat } = await test.join('Ada')
    await test.clock.advanceAsync(1_000, 25)
    const get = async (path: string, headers: Record<string, string>) => {
      const exchange = test.transport.request({ path: `/rooms/${seat.roomId}/${path}`, headers })
      await test.clock.advanceAsync(50, 5)
      return exchange
    }
    for (const path of ['feed', 'events?limit=1', 'state']) {
      expect([path, (await get(path, {})).status]).toEqual([path, 403])
      const allowed = await get(path, fan)
      expect([path, allowed.status]).toEqual([path, 200])
      expect(allowed.headers['cache-control']).not.toContain('public')
    }
    const page = await get('events', fan)
    expect(page.status).toBe(200)
    const again = await get('events?limit=1&after=1', fan)
    expect(again.headers['cache-control']).toContain('private, max-age')
  })

  it.each([
    ['a promise', () => Promise.resolve(true) as unknown as boolean],
    ['1', () => 1 as unknown as boolean],
    [
      'an error',
      () => {
        throw new Error('Expected a user')
      },
    ],
  ])('FE4 FE35 %s for an answer is a no', async (_, authorizeSpectator) => {
    await using test = await TestServer.start({ authorizeSpectator })
    const { seat } = await test.join('Ada')
    await test.clock.advanceAsync(1_000, 25)
    for (let time = 0; time < 3; time++)
      expect((await test.http('GET', `/rooms/${seat.roomId}/feed`)).status).toBe(403)
    const thrown = test.logged.filter(({ message }) => message === 'authorizeSpectator threw')
    expect(thrown.length).toBeLessThanOrEqual(1)
    expect((await test.http('GET', '/health/live')).status).toBe(200)
  })
})

describe('FE5 bounds', () => {
  it('FE5 a socket that takes nothing for maxBehindMs is closed', async () => {
    const rig = await FeedRig.start({ maxBehindMs: 3_000 })
    const room = await rig.room('a', {})
    const reader = await rig.open('/rooms/a/feed')
    reader.body.setFull(true)
    room.patch({ score: 1 })
    await rig.settle()
    await rig.advance(2_900)
    expect(reader.body.isOpen).toBe(true)
    await rig.advance(1_200)
    expect(reader.body.isOpen).toBe(false)
    expect(rig.feed.streamCount).toBe(0)
  })

  it('FE5 a replay gives a socket at most a chunk at a time', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let step = 0; step < 40; step++) {
      for (let part = 0; part < 10; part++) room.emit('note', { text: 'y'.repeat(2_000) })
      await rig.settle()
    }
    const reader = rig.get('/rooms/a/feed?from=start')
    reader.body.setFull(true)
    await rig.settle()
    expect(reader.body.bufferedBytes).toBeLessThan(70_000)
    reader.body.setFull(false)
    await rig.settle()
    expect(reader.roomEvents).toHaveLength(401)
  })

  for (const path of ['/rooms/a/feed', '/rooms/a/feed?from=start', '/rooms/stream'])
    it.each([
      [3_000, true],
      [1_000, false],
    ])(`FE49 the first load of ${path} at %i bytes a second: served = %s`, async (rate, served) => {
      const rig = await FeedRig.start({ maxBehindMs: 3_000 })
      const room = await rig.room('a', {})
      for (let other = 0; other < 1_000; other++) rig.directory.set(`${other}`)
      room.patch({ note: 'z'.repeat(80_000) })
      await rig.settle()
      const reader = rig.get(path)
      reader.body.setRoom(0)
      await rig.settle()
      for (let step = 0; step < 400 && reader.body.isOpen; step++) {
        reader.body.grant(rate / 10, rate)
        await rig.advance(100)
      }
      expect(reader.body.isOpen).toBe(served)
      if (served) expect(reader.exchange.bytes().length).toBeGreaterThan(80_000)
    })

  it('FE50 readers that wait for the same snapshot or event share its bytes', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    room.patch({ note: 'z'.repeat(100_000) })
    await rig.settle()
    const written = vi.spyOn(MemoryStream.prototype, 'write')
    for (const query of ['', '', '?from=start', '?from=start']) {
      const reader = rig.get(`/rooms/a/feed${query}`)
      reader.body.setFull(true)
      await rig.settle()
      reader.body.setFull(false)
      await rig.settle()
    }
    const large = written.mock.calls.map(([bytes]) => bytes).filter(({ length }) => length > 90_000)
    vi.restoreAllMocks()
    expect(large).toHaveLength(4)
    expect(large[1]).toBe(large[0])
    expect(large[3]).toBe(large[2])
  })

  it('FE9 beyond maxStreams the answer is 200 with retry, and ends', async () => {
    const rig = await FeedRig.start({ maxStreams: 1 })
    await rig.room('a', {})
    const first = await rig.open('/rooms/a/feed')
    for (const path of ['/rooms/a/feed', '/rooms/stream']) {
      const second = await rig.open(path)
      expect(second.exchange.status).toBe(200)
      expect(second.text).toMatch(/^retry: \d+\n/)
      expect(second.exchange.isOpen).toBe(false)
    }
    first.exchange.abort()
    expect((await rig.open('/rooms/a/feed')).body.isOpen).toBe(true)
  })
})

describe('FE6 every n, filters and quiet streams', () => {
  it('FE6 FE38 an unfiltered stream shows every n; what is hidden is an empty patch, the marker is owner', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const reader = await rig.open('/rooms/a/feed?from=start')
    room.patch({}, '{"players":{"x":{"mines":[1]}}}')
    room.emit('joined', { sessionId: 's', name: 'Ann' })
    await rig.room('a', { score: 5 })
    expect(reader.roomEvents.map(({ type, data }) => [type, data.n])).toEqual([
      ['patch', 1],
      ['patch', 2],
      ['joined', 3],
      ['owner', 4],
      ['patch', 5],
    ])
    expect(reader.roomEvents[1]?.data).toMatchObject({ prev: 1, data: {} })
    expect(reader.roomEvents[2]?.data.data).toEqual({ sessionId: 's', name: 'Ann' })
    expect(reader.of('owner')[0]?.data).toEqual({
      room: 'a',
      n: 4,
      at: rig.clock.now(),
      epoch: 2,
    })
    expect(reader.roomEvents[4]?.data.prev).toBe(2)
  })

  it('FE6 types= filters live and replayed events alike, with wildcards', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const live = await rig.open('/rooms/a/feed?types=kill,end')
    const wild = await rig.open('/feed?types=ki*')
    room.emit('kill', { by: 'x' })
    room.emit('chat', { text: 'hi' })
    room.patch({ score: 1 })
    room.emit('kiss', {})
    await rig.settle()
    expect(live.roomEvents.map(({ type }) => type)).toEqual(['kill'])
    expect(wild.roomEvents.map(({ type }) => type)).toEqual(['kill', 'kiss'])
    const replay = await rig.open('/rooms/a/feed?from=start&types=chat')
    expect(replay.roomEvents.map(({ type }) => type)).toEqual(['chat'])
  })

  it('FE39 quiet streams of many rooms, and filtered ones, are led on by id-only blocks; comments have no id', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const busy = await rig.room('b', {})
    const whole = await rig.open('/rooms/a/feed')
    const filtered = await rig.open('/rooms/a/feed?types=kill')
    const many = await rig.open('/feed?rooms=a')
    const before = [whole, filtered, many].map(({ lastEventId }) => lastEventId)
    await rig.advance(15_000)
    for (const { text } of [whole, filtered, many]) expect(text.endsWith(': hb\n')).toBe(true)
    expect([whole, filtered].map(({ lastEventId }) => lastEventId)).toEqual(before.slice(0, 2))
    // Whether others' events have moved it or not: nobody learns that they did.
    expect(many.lastEventId).not.toBe(before[2])
    busy.patch({ score: 1 })
    room.emit('chat', {})
    await rig.settle()
    await rig.advance(15_000)
    expect(filtered.lastEventId).toBe(await rig.idOf('a', 2))
    expect(filtered.types).toEqual(['hello', 'snapshot', 'caught-up'])
    for (const [path, { lastEventId }] of [
      ['/rooms/a/feed', whole],
      ['/rooms/a/feed?types=kill', filtered],
      ['/feed?rooms=a', many],
    ] as const) {
      const resumed = await rig.open(path, { 'last-event-id': lastEventId })
      expect(resumed.types).toEqual(['hello', 'caught-up'])
    }
  })
})

describe('the end of a room and of the server', () => {
  it('FE9 a stream of one room ends with the room; coming back at the end is answered 204', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const reader = await rig.open('/rooms/a/feed')
    const wall = await rig.open('/feed?rooms=a')
    room.patch({ score: 1 })
    room.end()
    rig.directory.set('a', { isLive: false })
    await rig.settle()
    expect(reader.types.slice(-2)).toEqual(['patch', 'end'])
    expect(reader.exchange.isOpen).toBe(false)
    expect(wall.types.at(-1)).toBe('end')
    expect(wall.body.isOpen).toBe(true)
    const again = await rig.open('/rooms/a/feed', { 'last-event-id': reader.lastEventId })
    expect([again.exchange.status, again.text]).toEqual([204, ''])
    // A reader of the SDK takes a 204 of somebody else for none.
    expect(again.exchange.headers['ringside-feed']).toBe('ended')
    const before = await rig.idOf('a', 2)
    const almost = await rig.open('/rooms/a/feed', { 'last-event-id': before })
    expect(almost.types).toEqual(['hello', 'end'])
    expect(almost.exchange.isOpen).toBe(false)
  })

  it('FE9 a newcomer to an ended room sees its last state and the end', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    room.patch({ score: 3 })
    room.end()
    room.snapshot()
    rig.directory.set('a', { isLive: false })
    await rig.settle()
    await rig.advance(6_000)
    for (const query of ['', '?from=-5s', '?from=3']) {
      const reader = await rig.open(`/rooms/a/feed${query}`)
      expect(reader.of('snapshot')[0]?.data.state).toEqual({ score: 3 })
      expect(reader.types.at(-1)).toBe('end')
      expect(reader.exchange.isOpen).toBe(false)
    }
    const replay = await rig.open('/rooms/a/feed?from=start')
    expect(replay.roomEvents.map(({ type }) => type)).toEqual(['patch', 'patch', 'end'])
    const page = await rig.json<EventPage>('/rooms/a/events')
    expect(page.sealed).toBe(true)
  })

  it('FE9 drain tells every stream when to come back, spread over the window, and turns newcomers away', async () => {
    let draw = 0
    const rig = await FeedRig.start({ random: () => (draw += 0.25) % 1, retryMs: 1_000 })
    await rig.room('a', {})
    const readers = [await rig.open('/rooms/a/feed'), await rig.open('/rooms/a/feed')]
    rig.feed.drain(8_000)
    const told = readers.map((reader) => reader.of('going-away')[0]?.data.retryMs)
    expect(told).toEqual([3_000, 5_000])
    expect(readers.every((reader) => !reader.exchange.isOpen)).toBe(true)
    const late = await rig.open('/rooms/a/feed')
    expect([late.exchange.status, late.exchange.isOpen]).toEqual([200, false])
    expect(late.text).toMatch(/^retry: \d+\n/)
  })
})
