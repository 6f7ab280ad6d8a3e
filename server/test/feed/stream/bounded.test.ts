import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/process/random.ts'
import { FeedRig, itemAt } from '../rig.ts'
import type { Reader, SeenEvent } from '../rig.ts'

const LINES = { accept: 'application/x-ndjson' }

function shown({ roomEvents }: Reader): SeenEvent[] {
  return roomEvents
}

/** Everything but what is left behind the position. */
function bare(events: readonly SeenEvent[]): SeenEvent[] {
  return events.map(({ type, id, data }) => ({ type, id: id?.replace(/~.*$/, '') ?? null, data }))
}

function isOver({ exchange }: Reader): boolean {
  return exchange.status === 204
}

async function started(limits: Parameters<typeof FeedRig.start>[0] = {}) {
  const rig = await FeedRig.start(limits)
  const room = await rig.room('a', { score: 0 })
  for (let step = 1; step < 10; step++) {
    await rig.advance(100)
    room.emit(step % 2 === 0 ? 'even' : 'odd', { step })
  }
  await rig.settle()
  return { rig, room }
}

/** Comes back as EventSource does until it is told 204. */
async function untilOver(rig: FeedRig, path: string, first: Reader): Promise<Reader[]> {
  const readers = [first]
  for (let round = 0; round < 50; round++) {
    const { lastEventId } = itemAt(readers, -1)
    const next = await rig.open(path, { 'last-event-id': lastEventId })
    readers.push(next)
    if (isOver(next)) return readers
  }
  throw new Error('Expected it to be over')
}

describe('FE98 a bounded feed is the same stream, cut', () => {
  it.each([
    ['to=4', 'to', 4],
    ['limit=4', 'limit', 4],
    ['to=4&types=*', 'to', 4],
    ['limit=4&speed=100', 'limit', 4],
    ['to=4&speed=100', 'to', 4],
    ['limit=10', 'limit', 10],
    ['to=10', 'to', 10],
  ])('FE98 from=start&%s ends with bound', async (query, reason, count) => {
    const { rig } = await started()
    const whole = shown(await rig.open('/rooms/a/feed?from=start'))
    const cut = await rig.open(`/rooms/a/feed?from=start&${query}`)
    await rig.advance(1_000)
    expect(bare(shown(cut))).toEqual(whole.slice(0, count))
    expect(cut.events.at(-1)).toMatchObject({ type: 'bound', data: { reason } })
    expect(cut.exchange.isOpen).toBe(false)
    expect(rig.feed.streamCount).toBe(1)
  })

  it('FE98 in lines it ends alike', async () => {
    const { rig } = await started()
    const reader = await rig.open('/rooms/a/feed?from=start&limit=2', LINES)
    const id = async (n: number) => `${await rig.idOf('a', n)}~l${2 - n}`
    expect(reader.lines.slice(1)).toMatchObject([
      { type: 'patch', id: await id(1) },
      { type: 'odd', id: await id(2) },
      { type: 'bound', id: await id(2), data: { reason: 'limit' } },
    ])
    expect(reader.exchange.isOpen).toBe(false)
  })

  it.each([
    ['/rooms/a/feed?limit=3', 'limit'],
    ['/rooms/a/feed?to=13', 'to'],
    ['/feed?rooms=a&limit=3', 'limit'],
    ['/feed?limit=3', 'limit'],
  ])('FE98 %s live: hello, snapshot and caught-up do not count', async (path, reason) => {
    const { rig, room } = await started()
    const reader = await rig.open(path)
    expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up'])
    room.emit('x', 1)
    await rig.settle()
    room.emit('x', 2)
    room.emit('x', 3)
    room.emit('x', 4)
    await rig.settle()
    expect(shown(reader).map(({ data }) => data.n)).toEqual([11, 12, 13])
    expect(reader.events.at(-1)).toMatchObject({ type: 'bound', data: { reason } })
    expect(reader.exchange.isOpen).toBe(false)
    expect(rig.feed.streamCount).toBe(0)
  })

  it('FE98 to is met by an event that is filtered out, live and in a replay; limit counts what is shown', async () => {
    const { rig, room } = await started()
    const replay = await rig.open('/rooms/a/feed?from=start&to=6&types=even')
    expect(shown(replay).map(({ data }) => data.n)).toEqual([3, 5])
    expect(replay.events.at(-1)).toMatchObject({
      type: 'bound',
      id: `${await rig.idOf('a', 6)}~t0`,
    })
    const live = await rig.open('/rooms/a/feed?to=12&types=even')
    const counted = await rig.open('/rooms/a/feed?limit=1&types=even')
    room.emit('odd', 11)
    await rig.settle()
    expect(live.exchange.isOpen).toBe(true)
    room.emit('odd', 12)
    await rig.settle()
    expect(live.types).toEqual(['hello', 'snapshot', 'caught-up', 'bound'])
    expect(live.exchange.isOpen).toBe(false)
    expect(counted.exchange.isOpen).toBe(true)
    room.emit('even', 13)
    await rig.settle()
    expect(shown(counted).map(({ data }) => data.n)).toEqual([13])
    expect(counted.exchange.isOpen).toBe(false)
  })

  it('FE98 what may not be seen yet is waited for: a delay moves the cut with the events', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {}, { delayMs: 5_000 })
    const reader = await rig.open('/rooms/a/feed?from=start&to=3')
    for (let step = 2; step < 6; step++) room.emit('x', step)
    await rig.advance(4_000)
    expect(shown(reader)).toEqual([])
    await rig.advance(3_000)
    expect(shown(reader).map(({ data }) => data.n)).toEqual([1, 2, 3])
    expect(reader.types.at(-1)).toBe('bound')
  })

  it('FE98 many rooms and topics: limit counts all of them, and for cuts all', async () => {
    const rig = await FeedRig.start()
    const rooms = [await rig.room('a'), await rig.room('b')]
    const limited = await rig.open('/feed?from=start&limit=5')
    const timed = await rig.open('/feed?from=start&for=2')
    await rig.publish('public', 'news', 1)
    for (const room of rooms) room.emit('x', 1)
    await rig.publish('public', 'news', 2)
    await rig.settle()
    expect(limited.types.filter((type) => type === 'news')).toHaveLength(1)
    expect(shown(limited)).toHaveLength(5)
    expect(limited.types.at(-1)).toBe('bound')
    expect(timed.exchange.isOpen).toBe(true)
    await rig.advance(2_000)
    expect(shown(timed)).toHaveLength(6)
    expect(timed.events.at(-1)).toMatchObject({ type: 'bound', data: { reason: 'for' } })
    const back = await rig.open('/feed?for=2', { 'last-event-id': timed.lastEventId })
    expect(isOver(back)).toBe(true)
    // The position of a bound is the last event shown: nothing behind it is lost to who goes on without one.
    const rest = await rig.open('/feed', { 'last-event-id': limited.lastEventId })
    expect(rest.of('reset')).toEqual([])
    expect(shown(rest)).toEqual(bare(shown(timed)).slice(5))
  })

  it('FE98 a room that ends before its bound ends the feed as ever', async () => {
    const { rig, room } = await started()
    const reader = await rig.open('/rooms/a/feed?limit=50')
    const exact = await rig.open('/rooms/a/feed?to=11')
    room.end()
    rig.directory.set('a', { isLive: false })
    await rig.settle()
    expect(reader.types.slice(-1)).toEqual(['end'])
    expect(exact.types.slice(-2)).toEqual(['end', 'bound'])
    for (const { lastEventId } of [reader, exact]) {
      const back = await rig.open('/rooms/a/feed?limit=50', { 'last-event-id': lastEventId })
      expect(isOver(back)).toBe(true)
    }
  })

  it('FE98 from=live behind to, and from=<n> at to, show where it is and end', async () => {
    const { rig } = await started()
    const live = await rig.open('/rooms/a/feed?to=3')
    expect(live.types).toEqual(['hello', 'snapshot', 'caught-up', 'bound'])
    const at = await rig.open('/rooms/a/feed?from=3&to=3')
    expect(at.types).toEqual(['hello', 'snapshot', 'bound'])
    expect(at.of('snapshot')[0]?.data.n).toBe(3)
    for (const { lastEventId } of [live, at]) {
      const back = await rig.open('/rooms/a/feed?to=3', { 'last-event-id': lastEventId })
      expect(isOver(back)).toBe(true)
    }
  })

  it('FE98 a reset on the way shows a snapshot, and what is left is left', async () => {
    const { rig, room } = await started()
    const limited = await rig.open('/rooms/a/feed?limit=5', { 'last-event-id': '3-zzzzzz~l2' })
    expect(limited.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
    expect(limited.lastEventId).toBe(`${await rig.idOf('a', 10)}~l2`)
    room.emit('x', 1)
    room.emit('x', 2)
    room.emit('x', 3)
    await rig.settle()
    expect(limited.types.slice(4)).toEqual(['x', 'x', 'bound'])
    const passed = await rig.open('/rooms/a/feed?to=5', { 'last-event-id': '3-zzzzzz~t2' })
    expect(passed.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up', 'bound'])
  })
})

describe('FE99 the ids of a bounded feed', () => {
  it('FE99 each says what is left behind it; its streams stand alone, and others keep their ids', async () => {
    const { rig, room } = await started()
    const queries = ['limit=4', 'limit=4', 'to=14', 'for=60', 'heartbeat=comment']
    const readers: Reader[] = []
    for (const query of queries) readers.push(await rig.open(`/rooms/a/feed?${query}`))
    await rig.advance(1_500)
    room.emit('x', 1)
    await rig.settle()
    const id = await rig.idOf('a', 11)
    expect(readers.map(({ lastEventId }) => lastEventId)).toEqual([
      `${id}~l3`,
      `${id}~l3`,
      `${id}~t3`,
      `${id}~f59`,
      id,
    ])
  })

  it('FE99 an acknowledged id of a bounded feed is its position', async () => {
    const { rig } = await started()
    const clientId = 'client-of-sixteen-chars'
    const path = `/feed?rooms=a&from=start&clientId=${clientId}`
    const reader = await rig.open(`${path}&limit=4`)
    const { streamId, streamKey } = itemAt(reader.of('hello'), 0).data
    // Its stream has ended with its bound.
    const over = { streamId, streamKey, id: reader.lastEventId }
    expect((await rig.send('POST', '/feed/ack', over)).status).toBe(404)
    const open = await rig.open(`${path}&limit=50`)
    const hello = itemAt(open.of('hello'), 0).data
    const id = itemAt(shown(open), 3).id
    const body = { streamId: hello.streamId, streamKey: hello.streamKey, id }
    const headers = { 'content-type': 'application/json' }
    expect((await rig.send('POST', '/feed/ack', body, headers)).status).toBe(204)
    const back = await rig.open(`${path}&limit=2`)
    expect(shown(back).map(({ data }) => data.n)).toEqual([5, 6])
  })

  it('FE99 PATCH leaves the bound as it is', async () => {
    const { rig, room } = await started()
    const reader = await rig.open('/feed?rooms=a&limit=3')
    const { streamId, streamKey } = itemAt(reader.of('hello'), 0).data
    room.emit('odd', 1)
    await rig.settle()
    const headers = { 'content-type': 'application/json' }
    const path = `/feed/streams/${streamId}`
    const { status } = await rig.send('PATCH', path, { streamKey, types: 'even' }, headers)
    expect(status).toBe(200)
    for (const type of ['odd', 'even', 'odd', 'even', 'even']) room.emit(type, 2)
    await rig.settle()
    expect(shown(reader).map(({ type }) => type)).toEqual(['odd', 'even', 'even'])
    expect(reader.types.at(-1)).toBe('bound')
  })
})

describe('FE103 a reader that comes back goes on with what is left', () => {
  it.each([
    '/rooms/a/feed?from=start&limit=17',
    '/rooms/a/feed?from=start&to=23',
    '/rooms/a/feed?from=start&limit=9&types=even',
    '/rooms/a/feed?from=start&limit=12&speed=100',
    '/feed?from=start&limit=21',
    '/feed?rooms=a,b&from=start&types=x,even&limit=11',
  ])('FE103 %s, cut at random and resumed, is what one whole stream shows', async (path) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = createRandom(seed)
    const { rig, room } = await started({ feedRingBytes: 65_536 })
    const other = await rig.room('b', {})
    const play = async (): Promise<void> => {
      for (let step = 0; step < random.int(1, 8); step++) {
        const kind = random.int(0, 4)
        if (kind === 0) room.emit('even', { step })
        else if (kind === 1) room.patch({ step })
        else if (kind === 2) other.emit('x', { text: 'x'.repeat(random.int(1, 9_000)) })
        else if (kind === 3) await rig.publish('public', 'news', step)
        else await rig.advance(random.int(0, 500))
      }
      await rig.settle()
    }
    const whole = await rig.open(path.replace(/&?(limit|to)=\d+/, ''))
    const seen: SeenEvent[] = []
    let id = ''
    for (let round = 0; ; round++) {
      if (round > 300) throw new Error(`Expected it to be over, seed ${seed}`)
      const reader = await rig.open(path, id === '' ? {} : { 'last-event-id': id })
      if (isOver(reader)) break
      if (random.int(0, 3) === 0) reader.body.setRoom(random.int(0, 2_000))
      await play()
      if (reader.exchange.isOpen) await rig.advance(random.int(0, 200))
      // The connection is cut behind some event, or ends.
      const events = reader.events.filter((event) => event.id !== null)
      const kept = reader.exchange.isOpen ? events.slice(0, random.int(0, events.length)) : events
      reader.exchange.abort()
      id = kept.at(-1)?.id ?? id
      seen.push(...kept.filter(({ type }) => type !== 'caught-up' && type !== 'bound'))
    }
    await rig.advance(60_000)
    const to = Number(/to=(\d+)/.exec(path)?.[1] ?? 0)
    const limit = to || Number(/limit=(\d+)/.exec(path)?.[1])
    expect(bare(seen), `seed ${seed}`).toEqual(shown(whole).slice(0, limit))
  })

  it.each(['limit=3', 'to=3', 'for=1'])(
    'FE103 nothing left of %s is 204, in both formats',
    async (query) => {
      const { rig } = await started()
      const path = `/rooms/a/feed?from=start&${query}`
      const reader = await rig.open(path)
      await rig.advance(1_000)
      expect(reader.types.at(-1)).toBe('bound')
      const readers = await untilOver(rig, path, reader)
      expect(readers).toHaveLength(2)
      const lines = await rig.open(path, { ...LINES, 'last-event-id': reader.lastEventId })
      for (const { exchange } of [itemAt(readers, 1), lines]) {
        expect(exchange.status).toBe(204)
        expect(exchange.headers).toMatchObject({ 'ringside-feed': 'ended' })
      }
    },
  )

  it('FE103 FE106 for is the time that a stream is open: what is left when it is cut is left', async () => {
    const { rig, room } = await started()
    const path = '/rooms/a/feed?for=40'
    const first = await rig.open(path)
    await rig.advance(16_000)
    // A quiet stream tells by its heartbeats.
    expect(first.lastEventId).toBe(`${await rig.idOf('a', 10)}~f25`)
    first.exchange.abort()
    await rig.advance(100_000)
    const second = await rig.open(path, { 'last-event-id': first.lastEventId })
    await rig.advance(24_000)
    expect(second.exchange.isOpen).toBe(true)
    room.emit('x', 1)
    await rig.settle()
    await rig.advance(1_000)
    expect(second.exchange.isOpen).toBe(false)
    expect(second.events.slice(-2)).toMatchObject([
      { type: 'x', id: `${await rig.idOf('a', 11)}~f1` },
      { type: 'bound', id: `${await rig.idOf('a', 11)}~f0`, data: { reason: 'for' } },
    ])
  })

  it('FE103 FE106 for ends a stream wherever it stands: replaying slowly, waiting for its room, or with a full socket', async () => {
    const { rig, room } = await started()
    await rig.advance(600_000)
    room.emit('x', 'late')
    await rig.settle()
    const pausing = await rig.open('/rooms/a/feed?from=start&speed=1&for=20')
    const waiting = await rig.open('/rooms/none/feed?wait=300&for=20')
    const full = await rig.open('/rooms/a/feed?for=20')
    full.body.setRoom(0)
    await rig.advance(16_000)
    expect(pausing.lastEventId).toBe(`${await rig.idOf('a', 10)}~f4`)
    room.emit('x', 'live')
    await rig.advance(5_000)
    expect(shown(pausing)).toHaveLength(10)
    for (const reader of [pausing, waiting]) {
      expect(reader.types.at(-1)).toBe('bound')
      expect(reader.exchange.isOpen).toBe(false)
    }
    expect(waiting.types).toEqual(['hello', 'room-unknown', 'bound'])
    const again = '/rooms/none/feed?wait=300&for=20'
    expect(isOver(await rig.open(again, { 'last-event-id': waiting.lastEventId }))).toBe(true)
    full.body.setRoom(Infinity)
    await rig.advance(100)
    // It took nothing while its time lasted, and its position says so.
    expect(full.types).toEqual(['hello', 'snapshot', 'caught-up', 'bound'])
    expect(full.lastEventId).toBe(`${await rig.idOf('a', 11)}~f0`)
    expect(full.exchange.isOpen).toBe(false)
    expect(rig.feed.streamCount).toBe(0)
  })

  it('FE103 a stream that falls behind with its last event has its bound once, and ends', async () => {
    const { rig, room } = await started()
    const readers = [await rig.open('/rooms/a/feed?limit=1'), await rig.open('/rooms/a/feed?to=11')]
    for (const { body } of readers) body.setRoom(10)
    room.emit('x', 1)
    room.emit('x', 2)
    await rig.settle()
    for (const { body } of readers) body.setRoom(Infinity)
    await rig.settle()
    for (const reader of readers) {
      expect(reader.types.slice(3)).toEqual(['x', 'bound'])
      expect(reader.exchange.isOpen).toBe(false)
    }
  })

  it('FE103 more than a live stream takes in one turn is cut at the same event', async () => {
    const { rig, room } = await started()
    const paths = ['/rooms/a/feed?to=40', '/rooms/a/feed?limit=30', '/feed?limit=30']
    const readers: Reader[] = []
    for (const path of paths) readers.push(await rig.open(path))
    for (let step = 11; step < 60; step++) room.emit('x', { text: 'x'.repeat(20_000) })
    await rig.settle()
    for (const reader of readers) {
      expect(shown(reader).map(({ data }) => data.n)).toEqual(
        Array.from({ length: 30 }, (_, index) => 11 + index),
      )
      expect(reader.types.at(-1)).toBe('bound')
    }
  })
})

describe('FE104 what was left is what the reader says, and never more than it asks for', () => {
  it.each([
    ['limit=3', '~l9999999999999999', 3],
    ['limit=3', '~l4', 3],
    ['limit=3', '~l2', 2],
    ['limit=3', '~f1', 3],
    ['limit=3', '~t1', 3],
    ['limit=3', '', 3],
    ['to=6', '~t99', 4],
    ['to=6', '~t0', 4],
    ['to=6', '~l1', 4],
  ])('FE104 %s with an id that ends in "%s" shows %i', async (query, suffix, count) => {
    const { rig } = await started()
    const id = `${await rig.idOf('a', 2)}${suffix}`
    const byHeader = await rig.open(`/rooms/a/feed?${query}`, { 'last-event-id': id })
    const byQuery = await rig.open(`/rooms/a/feed?${query}&lastEventId=${id}`)
    for (const reader of [byHeader, byQuery]) {
      expect(reader.of('reset')).toEqual([])
      expect(shown(reader)).toHaveLength(count)
      expect(reader.types.at(-1)).toBe('bound')
    }
  })

  it('FE104 for: a second id of more is of what was asked for', async () => {
    const { rig } = await started()
    const id = `${await rig.idOf('a', 2)}~f86400`
    const reader = await rig.open('/rooms/a/feed?for=2', { 'last-event-id': id })
    await rig.advance(2_000)
    expect(reader.exchange.isOpen).toBe(false)
  })

  it.each(['~l3', '~t0', '~f0', '~l0'])(
    'FE104 without a bound in the address, %s says nothing: the position stands',
    async (suffix) => {
      const { rig } = await started()
      const id = `${await rig.idOf('a', 8)}${suffix}`
      const readers = [
        await rig.open('/rooms/a/feed', { 'last-event-id': id }),
        await rig.open(`/rooms/a/feed?checkpoint=${id}`),
      ]
      for (const reader of readers) {
        expect(shown(reader).map(({ data }) => data.n)).toEqual([9, 10])
        expect(reader.types.at(-1)).toBe('caught-up')
        expect(shown(reader)[0]?.id).not.toContain('~')
      }
      const from = await rig.open(`/rooms/a/feed?from=${id}`)
      expect(from.of('snapshot')[0]?.data.n).toBe(8)
      const page = await rig.json<{ events: { n: number }[] }>(`/rooms/a/events?after=${id}`)
      expect(page.events.map(({ n }) => n)).toEqual([9, 10])
      const many = await rig.open(`/feed?rooms=a&from=start&limit=3`)
      const token = many.lastEventId.replace(/~l0$/, suffix)
      const on = await rig.open('/feed?rooms=a', { 'last-event-id': token })
      expect(shown(on).map(({ data }) => data.n)).toEqual([4, 5, 6, 7, 8, 9, 10])
    },
  )

  it.each(['~', '~l', '~l01', '~l-1', '~x1', '~l1~l1', '~L1', '~l1 ', '~l99999999999999999'])(
    'FE104 FE10 an id that ends in %j is none of this feed: reset, with all that was asked for left',
    async (suffix) => {
      const { rig, room } = await started()
      const id = `${await rig.idOf('a', 8)}${suffix}`
      const reader = await rig.open('/rooms/a/feed?limit=2', { 'last-event-id': id })
      expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
      room.emit('x', 1)
      room.emit('x', 2)
      await rig.settle()
      // The last part of two is one, which is taken for what it says.
      expect(reader.types.slice(4)).toEqual(
        suffix === '~l1~l1' ? ['x', 'bound'] : ['x', 'x', 'bound'],
      )
    },
  )
})

describe('FE105 what a bound may be', () => {
  it.each([
    'to=0',
    'to=-1',
    'to=x',
    'to=1.5',
    'to=1e3',
    'to=99999999999999999',
    'to=',
    'to=3&to=4',
    'limit=0',
    'limit=100001',
    'limit=x',
    'limit=',
    'limit=1&limit=1',
    'for=0',
    'for=86401',
    'for=1s',
    'for=0.5',
    'for=1&for=2',
    'to=3&limit=3',
    'limit=3&for=3',
    'from=4&to=3',
  ])('FE105 %s is a bad request', async (query) => {
    const { rig } = await started()
    const reader = await rig.open(`/rooms/a/feed?${query}`)
    expect([reader.exchange.status, reader.error]).toEqual([400, 'bad_request'])
  })

  it.each(['limit=1', 'limit=100000', 'for=1', 'for=86400', 'to=1', 'to=9007199254740991'])(
    'FE105 %s is taken',
    async (query) => {
      const { rig } = await started()
      expect((await rig.open(`/rooms/a/feed?${query}`)).exchange.status).toBe(200)
    },
  )

  it('FE105 to is for one room', async () => {
    const { rig } = await started()
    expect((await rig.open('/feed?to=3')).exchange.status).toBe(400)
    expect((await rig.open('/feed?rooms=a&to=3')).exchange.status).toBe(400)
    const id = await rig.idOf('a', 3)
    const reader = await rig.open(`/rooms/a/feed?from=start&to=${id}`)
    expect(shown(reader)).toHaveLength(3)
  })

  it('FE105 a room that may not be seen is what it always is', async () => {
    const { rig } = await started()
    const { exchange } = await rig.open('/rooms/none/feed?limit=1', { 'last-event-id': '1-a~l0' })
    expect(exchange.status).toBe(404)
  })
})
