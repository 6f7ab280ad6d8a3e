import { describe, expect, it } from 'vitest'
import type { EventPage, RoomStateAnswer } from '@ringside/protocol'
import { FeedRig, itemAt } from '../rig.ts'

describe('bad requests', () => {
  it.each([
    '/rooms/a/feed?from=',
    '/rooms/a/feed?from=later',
    '/rooms/a/feed?from=-0s',
    '/rooms/a/feed?from=-30',
    '/rooms/a/feed?from=-99999s',
    '/rooms/a/feed?from=1e3',
    '/rooms/a/feed?from=live&from=start',
    '/rooms/a/feed?checkpoint=1&checkpoint=2',
    '/rooms/a/feed?lastEventId=1&lastEventId=2',
    '/feed?from=begin',
    '/rooms/a/feed?speed=0',
    '/rooms/a/feed?speed=-1',
    '/rooms/a/feed?speed=fast',
    '/rooms/a/feed?speed=1e2',
    '/rooms/a/feed?speed=101',
    '/rooms/a/feed?types=',
    '/rooms/a/feed?types=a,,b',
    '/rooms/a/feed?types=a%0Ab',
    '/rooms/a/feed?types=a*b*c*',
    `/rooms/a/feed?types=${Array.from({ length: 11 }, (_, index) => `t${index}`).join(',')}`,
    '/feed?rooms=@',
    '/feed?rooms=@Arena',
    '/feed?rooms=*,@arena',
    '/feed?topics=a*',
    '/feed?topics=a..b',
    `/feed?topics=${Array.from({ length: 21 }, (_, index) => `t${index}`).join(',')}`,
    '/feed?topics=a&topics=b',
    '/feed?types=a&filter=b',
    '/feed?clientId=a%20b',
    '/feed?clientId=short',
    `/feed?clientId=${'x'.repeat(65)}`,
    '/feed?feed=a-b',
    `/feed?feed=${'x'.repeat(65)}`,
    '/feed?wait=0',
    '/feed?wait=301',
    '/feed?wait=1.5',
    '/feed?heartbeat=yes',
    '/feed?rooms=a/b',
    '/feed?rooms=a,*',
    `/feed?rooms=${Array.from({ length: 101 }, (_, index) => `r${index}`).join(',')}`,
    '/rooms/a/events?limit=0',
    '/rooms/a/events?limit=1001',
    '/rooms/a/events?limit=ten',
    '/rooms/a/events?after=-1',
    '/rooms/a/events?after=1-',
    '/rooms/a/events?after=%C2%A01',
    '/rooms/a/state?at=now',
    '/rooms/a/state?at=1&at=2',
  ])('FE10 %s is answered 400 in JSON', async (path) => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const answer = await rig.open(path)
    expect([answer.exchange.status, answer.error]).toEqual([400, 'bad_request'])
    expect(rig.feed.streamCount).toBe(0)
  })

  it.each([
    '/rooms/nobody/feed',
    '/rooms/nobody/state',
    '/rooms/nobody/events',
    '/feed?rooms=x,y',
    '/rooms/__proto__/feed',
  ])('FE9 %s is answered 404', async (path) => {
    const rig = await FeedRig.start()
    const answer = await rig.open(path)
    expect([answer.exchange.status, answer.error]).toEqual([404, 'room_not_found'])
  })

  it('FE5 a stream that is left while it begins leaves nothing behind', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const reader = rig.get('/rooms/a/feed')
    expect(rig.parts.spectators.of('a')).toBe(1)
    reader.exchange.abort()
    await rig.settle()
    expect(rig.feed.stats).toMatchObject({ streams: 0, streamsApart: 0 })
    expect(rig.parts.spectators.of('a')).toBe(0)
  })
})

describe('headers and opening', () => {
  it('FE2 a stream says at once that it is one, with retry and a comment', async () => {
    const rig = await FeedRig.start({ retryMs: 1_234 })
    await rig.room('a', {})
    const reader = await rig.open('/rooms/a/feed')
    expect(reader.exchange.status).toBe(200)
    expect(reader.exchange.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    expect(reader.text).toMatch(/^retry: 1234\n: [a-z]+\nevent: hello\n/)
    expect(reader.of('hello')[0]?.data).toMatchObject({
      rooms: ['a'],
      delayMs: 0,
      retryMs: 1_234,
      protocol: 'ringside.feed.1',
    })
  })

  it('FE10 Last-Event-ID beats lastEventId beats last_event_id beats checkpoint beats from', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let step = 0; step < 5; step++) room.emit('step', { step })
    await rig.settle()
    const path = '/rooms/a/feed?from=start&checkpoint=2'
    const query = await rig.open(path)
    expect(query.roomEvents[0]?.data.n).toBe(3)
    const header = await rig.open(path, { 'last-event-id': await rig.idOf('a', 4) })
    expect(header.roomEvents[0]?.data.n).toBe(5)
    const named = await rig.open(`${path}&last_event_id=3`)
    expect(named.roomEvents[0]?.data.n).toBe(4)
    const both = await rig.open(`${path}&last_event_id=3&lastEventId=4`)
    expect(both.roomEvents[0]?.data.n).toBe(5)
  })
})

describe('many rooms', () => {
  it('FE11 * shows all public rooms and those made later, whose first patch is their whole state', async () => {
    const rig = await FeedRig.start()
    const one = await rig.room('one', { score: 1 })
    const reader = await rig.open('/feed?rooms=*')
    expect(reader.of('snapshot').map(({ data }) => data.room)).toEqual(['one'])
    await rig.room('hidden', { score: 9 }, { isPrivate: true })
    const two = await rig.room('two', { score: 2 })
    one.patch({ score: 3 })
    two.patch({ score: 4 })
    await rig.settle()
    expect(reader.roomEvents.map(({ data }) => [data.room, data.n, data.data])).toEqual([
      ['two', 1, { score: 2 }],
      ['one', 2, { score: 3 }],
      ['two', 2, { score: 4 }],
    ])
  })

  it('FE2 FE30 rooms=a,b shows these, snapshots first, none of them with an id', async () => {
    const rig = await FeedRig.start()
    const [a, b, c] = [await rig.room('a', {}), await rig.room('b', {}), await rig.room('c', {})]
    const reader = await rig.open('/feed?rooms=b,a,gone')
    expect(reader.of('hello')[0]?.data.rooms).toEqual(['a', 'b'])
    for (const room of [a, b, c]) room.patch({ score: 1 })
    await rig.settle()
    expect(reader.of('room-unknown').map(({ data }) => data)).toEqual([{ room: 'gone', waitMs: 0 }])
    const then = ['snapshot', 'snapshot', 'caught-up', 'patch', 'patch']
    expect(reader.types).toEqual(['hello', 'room-unknown', ...then])
    expect(reader.of('snapshot').every(({ id }) => id === null)).toBe(true)
    const resumed = await rig.open('/feed?rooms=a,b', {
      'last-event-id': String(reader.roomEvents[0]?.id),
    })
    expect(resumed.roomEvents).toEqual(reader.roomEvents.slice(1))
    expect([rig.parts.spectators.of('a'), rig.parts.spectators.of('c')]).toEqual([2, 0])
  })
})

describe('replay at a speed', () => {
  it('FE1 speed=4 shows events at a quarter of their distances, then goes live', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let step = 0; step < 4; step++) {
      await rig.advance(1_000)
      room.emit('step', { step })
      await rig.settle()
    }
    const reader = await rig.open('/rooms/a/feed?from=start&speed=4')
    expect(reader.roomEvents).toHaveLength(1)
    await rig.advance(249)
    expect(reader.roomEvents).toHaveLength(1)
    await rig.advance(1)
    expect(reader.roomEvents).toHaveLength(2)
    await rig.advance(500)
    expect(reader.roomEvents).toHaveLength(4)
    expect(reader.types).not.toContain('caught-up')
    await rig.advance(250)
    expect(reader.types.at(-1)).toBe('caught-up')
    room.emit('step', { step: 9 })
    await rig.settle()
    expect(reader.roomEvents).toHaveLength(6)
  })
})

describe('pages and states', () => {
  it('FE12 pages follow each other without gap; full ones after an n are immutable', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let step = 0; step < 24; step++) room.emit('step', { step })
    await rig.settle()
    const seen: unknown[] = []
    let next = 0
    for (let page = 0; page < 3; page++) {
      const reader = await rig.open(`/rooms/a/events?after=${next}&limit=10`)
      const body = reader.exchange.json() as EventPage
      expect(body.sealed).toBe(page < 2)
      expect(reader.exchange.headers['cache-control']).toContain(page === 1 ? 'immutable' : 'no-')
      seen.push(...body.events.map(({ data }) => (data as { n: number }).n))
      next = body.next
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
    expect(next).toBe(25)
    const beyond = await rig.json<EventPage>(`/rooms/a/events?after=${next + 50}`)
    expect(beyond).toEqual({ events: [], next: next + 50, sealed: false })
  })

  it('FE3 state before the room began is 404, beyond what may be seen not_yet_visible', async () => {
    const rig = await FeedRig.start()
    await rig.room('b', {})
    const room = await rig.room('a', { score: 1 })
    const early = await rig.open('/rooms/a/state?at=0')
    expect([early.exchange.status, early.error]).toEqual([404, 'not_found'])
    const late = await rig.open('/rooms/a/state?at=1000')
    expect([late.exchange.status, late.error]).toEqual([404, 'not_yet_visible'])
    const now = await rig.json<RoomStateAnswer>('/rooms/a/state')
    expect(now.state).toEqual(room.state)
  })
})

describe('lobby', () => {
  it('FE13 GET /rooms lists, /rooms/stream lists first and then tells changes at most twice a second', async () => {
    const rig = await FeedRig.start()
    rig.directory.set('a')
    rig.directory.set('secret', { isPrivate: true })
    const list = await rig.json<{ rooms: { roomId: string }[] }>('/rooms')
    expect(list.rooms.map(({ roomId }) => roomId)).toEqual(['a'])
    const reader = await rig.open('/rooms/stream')
    expect(reader.types).toEqual(['rooms'])
    for (let change = 0; change < 20; change++) {
      rig.directory.set('a', { type: `arena-${change}` })
      await rig.advance(50)
    }
    expect(reader.types).toEqual(['rooms', 'room', 'room'])
    // What the listing does not show is no change.
    rig.directory.set('a')
    await rig.advance(1_000)
    expect(reader.types).toEqual(['rooms', 'room', 'room'])
    rig.directory.forget('a')
    rig.directory.set('secret')
    await rig.advance(500)
    expect(reader.events.at(-1)).toMatchObject({ type: 'room-removed', data: { roomId: 'a' } })
    expect(reader.lastEventId).toBe('')
    expect(reader.text).not.toContain('secret')
    await rig.advance(16_000)
    expect(reader.text.endsWith(': hb\n')).toBe(true)
  })

  it('FE13 a lobby stream that was full gets the whole list again', async () => {
    const rig = await FeedRig.start()
    rig.directory.set('a')
    const reader = await rig.open('/rooms/stream')
    reader.body.setFull(true)
    for (const id of ['b', 'c', 'd']) {
      rig.directory.set(id)
      await rig.advance(500)
    }
    reader.body.setFull(false)
    await rig.settle()
    const { rooms } = itemAt(reader.of('rooms'), -1).data as unknown as {
      rooms: { roomId: string }[]
    }
    expect(rooms.map(({ roomId }) => roomId)).toEqual(['a', 'b', 'c', 'd'])
  })
})
