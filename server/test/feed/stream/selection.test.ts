import { describe, expect, it } from 'vitest'
import type { AskingRequest } from '../../../src/auth/asking-request.ts'
import type { Principal } from '../../../src/auth/principal.ts'
import { PrincipalWatch } from '../../../src/auth/watch.ts'
import type { FeedAuthenticator } from '../../../src/feed/audience/access.ts'
import { ManualClock } from '../../../src/process/clock.ts'
import type { MemoryExchange } from '../../../src/transport/memory/http.ts'
import { API_KEY, FeedRig, itemAt, knownBy, readerNamed } from '../rig.ts'
import type { Reader } from '../rig.ts'

const CLIENT = 'abcdefghijklmnop'

/** What a reader was shown, in short: `type room n` or `type topic`. */
function shown(reader: Reader): string[] {
  return reader.events.map(({ type, data }) => {
    if (data.topic !== undefined) return `${type} ${data.topic} ${JSON.stringify(data.data)}`
    if (type === 'room-unknown') return `${type} ${data.room}`
    return data.n === undefined ? type : `${type} ${data.room} ${data.n}`
  })
}

describe('FE72 topics and targets', () => {
  it('FE72 a server without rooms shows the public topics, and resumes them', async () => {
    const rig = await FeedRig.start()
    const reader = await rig.open('/feed?rooms=')
    await rig.publish('public', 'news', { a: 1 })
    await rig.publish('private', 'news', { a: 2 })
    await rig.publish('public', 'alert', { a: 3 })
    expect(shown(reader)).toEqual([
      'hello',
      'caught-up',
      'news public {"a":1}',
      'alert public {"a":3}',
    ])
    expect(reader.of('news')[0]?.data).toEqual({
      topic: 'public',
      messageId: 'm1',
      at: expect.any(Number),
      data: { a: 1 },
    })
    const { id } = itemAt(reader.of('news'), 0)
    const again = await rig.open('/feed?rooms=', { 'last-event-id': String(id) })
    expect(shown(again)).toEqual(['hello', 'alert public {"a":3}', 'caught-up'])
    const since = await rig.open('/feed?rooms=&from=start&types=alert')
    expect(shown(since)).toEqual(['hello', 'alert public {"a":3}', 'caught-up'])
  })

  it.each([
    ['topics=public', ['a']],
    ['topics=project.42.*', ['c']],
    ['topics=*', ['a', 'b', 'c']],
    ['topics=', []],
    ['topics=public,project.42.*,', ['a', 'c']],
    ['', ['a', 'b']],
  ])(
    'FE4 FE71 %s shows what is both asked for and allowed, live and replayed',
    async (query, expected) => {
      const rig = await FeedRig.start({
        publicTopics: ['public', 'news'],
        authenticator: knownBy(() =>
          readerNamed('user:ada', { mayReadTopic: (topic) => topic !== 'secret' }),
        ),
      })
      const live = await rig.open(`/feed?rooms=&${query}`)
      for (const [topic, type] of [
        ['public', 'a'],
        ['news', 'b'],
        ['project.42.x', 'c'],
        ['secret', 'd'],
      ])
        await rig.publish(topic ?? '', type ?? '', {})
      const replayed = await rig.open(`/feed?rooms=&from=start&${query}`)
      for (const reader of [live, replayed])
        expect(reader.roomEvents.map(({ type }) => type)).toEqual(expected)
    },
  )

  it('FE4 a right that is taken away holds for the next event, of a replay too', async () => {
    let mayRead = true
    const rig = await FeedRig.start({
      authenticator: knownBy(() => readerNamed('user:ada', { mayReadTopic: () => mayRead })),
    })
    const reader = await rig.open('/feed?rooms=')
    await rig.publish('public', 'news', { a: 1 })
    mayRead = false
    await rig.publish('public', 'news', { a: 2 })
    const replay = await rig.open('/feed?rooms=&from=start')
    expect([reader.roomEvents.length, replay.roomEvents.length]).toEqual([1, 0])
  })

  it('FE72 what is meant for a client reaches its streams alone, whatever their topics, and when it comes back', async () => {
    const rig = await FeedRig.start()
    const own = await rig.open(`/feed?rooms=&topics=&clientId=${CLIENT}`)
    const other = await rig.open(`/feed?rooms=&topics=*&clientId=${CLIENT}x`)
    const nobody = await rig.open('/feed?rooms=&topics=*')
    await rig.publish('public', 'hint', { a: 1 }, CLIENT)
    const { lastEventId } = own
    await rig.publish('public', 'hint', { a: 2 }, CLIENT)
    await rig.publish('public', 'news', { a: 3 })
    expect(shown(own)).toEqual(['hello', 'caught-up', 'hint public {"a":1}', 'hint public {"a":2}'])
    for (const reader of [other, nobody])
      expect(shown(reader)).toEqual(['hello', 'caught-up', 'news public {"a":3}'])
    const back = await rig.open(`/feed?rooms=&topics=&clientId=${CLIENT}`, {
      'last-event-id': lastEventId,
    })
    expect(shown(back)).toEqual(['hello', 'hint public {"a":2}', 'caught-up'])
    const replay = await rig.open('/feed?rooms=&topics=*&from=start')
    expect(replay.roomEvents.map(({ type }) => type)).toEqual(['news'])
  })

  it('FE3 a delayed room holds topics up only in a stream that follows it', async () => {
    const rig = await FeedRig.start()
    await rig.room('slow', {}, { delayMs: 5_000 })
    const free = await rig.open('/feed?rooms=')
    const held = await rig.open('/feed?rooms=slow')
    await rig.publish('public', 'news', {})
    expect([free.of('news').length, held.of('news').length]).toEqual([1, 0])
    await rig.advance(5_000)
    expect(held.of('news').length).toBe(1)
  })

  it('FE73 rooms= with empty parts is what is left of it', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    await rig.room('b', {})
    for (const [query, rooms] of [
      ['rooms=', []],
      ['rooms=,', []],
      ['rooms=a,', ['a']],
      ['rooms=,b,,a', ['a', 'b']],
      ['', ['*']],
    ] as const) {
      const reader = await rig.open(`/feed?${query}`)
      expect(reader.of('hello')[0]?.data).toMatchObject({ rooms, topics: ['public'] })
    }
  })
})

describe('FE76 a room that is not there', () => {
  it('FE76 is said in band, and the rest goes on', async () => {
    const rig = await FeedRig.start()
    const a = await rig.room('a', {})
    await rig.room('mine', {}, { isPrivate: true })
    const reader = await rig.open('/feed?rooms=a,b,mine')
    a.patch({ x: 1 })
    await rig.settle()
    expect(shown(reader)).toEqual([
      'hello',
      'room-unknown b',
      'room-unknown mine',
      'snapshot a 1',
      'caught-up',
      'patch a 2',
    ])
    expect((await rig.open('/feed?rooms=b&topics=public')).types).toContain('room-unknown')
  })

  it('FE76 is waited for, and begins with its snapshot when it comes', async () => {
    const rig = await FeedRig.start()
    const a = await rig.room('a', {})
    const reader = await rig.open('/feed?rooms=a,b&wait=30')
    expect(reader.of('room-unknown')[0]?.data).toEqual({ room: 'b', waitMs: 30_000 })
    a.patch({ x: 1 })
    await rig.settle()
    const b = await rig.room('b', { y: 1 })
    b.patch({ y: 2 })
    a.patch({ x: 2 })
    await rig.settle()
    expect(shown(reader).slice(2)).toEqual([
      'snapshot a 1',
      'caught-up',
      'patch a 2',
      'snapshot b 1',
      'patch b 2',
      'patch a 3',
    ])
    expect([rig.parts.spectators.of('a'), rig.parts.spectators.of('b')]).toEqual([1, 1])
    reader.exchange.abort()
    await rig.settle()
    expect([rig.parts.spectators.of('a'), rig.parts.spectators.of('b')]).toEqual([0, 0])
    await rig.advance(60_000)
  })

  it('FE76 is given up in band when the time is over', async () => {
    const rig = await FeedRig.start()
    const reader = await rig.open('/feed?rooms=b&wait=2')
    await rig.advance(2_000)
    expect(reader.of('room-unknown').map(({ data }) => data)).toEqual([
      { room: 'b', waitMs: 2_000 },
      { room: 'b', waitMs: 0 },
    ])
    await rig.room('b', {})
    await rig.publish('public', 'news', {})
    expect(shown(reader).slice(-1)).toEqual(['news public {}'])
    expect(reader.of('snapshot')).toEqual([])
    const nothing = await rig.open('/feed?rooms=c&topics=&wait=2')
    await rig.advance(2_000)
    expect(nothing.exchange.isOpen).toBe(false)
  })

  it('FE76 the feed of one room waits with wait, and is 404 without', async () => {
    const rig = await FeedRig.start()
    expect((await rig.open('/rooms/b/feed')).exchange.status).toBe(404)
    const reader = await rig.open('/rooms/b/feed?wait=30')
    expect(shown(reader)).toEqual(['hello', 'room-unknown b'])
    await rig.advance(20_000)
    expect(reader.text).toContain(': hb')
    const b = await rig.room('b', { y: 1 })
    b.patch({ y: 2 })
    b.end()
    await rig.settle()
    expect(shown(reader).slice(2)).toEqual(['snapshot b 1', 'caught-up', 'patch b 2', 'end b 3'])
    expect(reader.exchange.isOpen).toBe(false)
    const late = await rig.open('/rooms/c/feed?wait=5')
    await rig.advance(5_000)
    expect(late.exchange.isOpen).toBe(false)
    expect(rig.feed.stats).toMatchObject({ streams: 0, streamsApart: 0 })
  })

  it('FE3 FE76 a delayed room that comes is shown no earlier than its delay', async () => {
    const rig = await FeedRig.start()
    const a = await rig.room('a', {})
    const reader = await rig.open('/feed?rooms=a,b&wait=30')
    await rig.room('b', { y: 1 }, { delayMs: 5_000 })
    a.patch({ x: 1 })
    await rig.settle()
    expect(shown(reader).slice(-1)).toEqual(['caught-up'])
    await rig.advance(4_999)
    expect(shown(reader).slice(-1)).toEqual(['caught-up'])
    await rig.advance(1)
    expect(shown(reader).slice(-2)).toEqual(['snapshot b 1', 'patch a 2'])
  })

  it('FE76 a private room that becomes public has come', async () => {
    const rig = await FeedRig.start()
    const b = await rig.room('b', { y: 1 }, { isPrivate: true })
    const reader = await rig.open('/feed?rooms=b&wait=30')
    b.patch({ y: 2 })
    await rig.settle()
    expect(shown(reader)).toEqual(['hello', 'room-unknown b', 'caught-up'])
    rig.directory.set('b', { isPrivate: false })
    await rig.settle()
    expect(shown(reader).slice(-1)).toEqual(['snapshot b 2'])
  })
})

describe('FE75 aliases', () => {
  it('FE75 @type follows from match to match, and says so in band', async () => {
    const rig = await FeedRig.start()
    const one = await rig.room('one', { m: 1 })
    const reader = await rig.open('/feed?rooms=@arena')
    expect(reader.of('hello')[0]?.data).toMatchObject({
      rooms: ['one'],
      aliases: { '@arena': 'one' },
    })
    const two = await rig.room('two', { m: 2 })
    await rig.advance(100)
    two.patch({ x: 1 })
    one.patch({ x: 1 })
    await rig.settle()
    expect(shown(reader)).toEqual(['hello', 'snapshot one 1', 'caught-up', 'patch one 2'])
    one.end()
    rig.directory.set('one', { isLive: false })
    await rig.advance(100)
    expect(reader.of('room-alias').map(({ data }) => data)).toEqual([
      { alias: '@arena', room: 'two' },
    ])
    expect(shown(reader).slice(4)).toEqual(['end one 3', 'room-alias', 'snapshot two 2'])
    two.end()
    rig.directory.set('two', { isLive: false })
    await rig.advance(100)
    await rig.room('three', { m: 3 })
    await rig.advance(100)
    expect(reader.of('room-alias').map(({ data }) => data.room)).toEqual(['two', null, 'three'])
    expect(shown(reader).slice(-2)).toEqual(['room-alias', 'snapshot three 1'])
    expect(reader.exchange.isOpen).toBe(true)
  })

  it('FE75 an alias of which there is no room yet waits for one', async () => {
    const rig = await FeedRig.start()
    const reader = await rig.open('/feed?rooms=@arena&topics=')
    expect(reader.of('hello')[0]?.data).toMatchObject({ rooms: [], aliases: { '@arena': null } })
    await rig.room('other', {}, { type: 'chat' })
    await rig.room('one', { m: 1 })
    await rig.advance(100)
    expect(shown(reader)).toEqual(['hello', 'caught-up', 'room-alias', 'snapshot one 1'])
  })
})

describe('FE74 PATCH /feed/streams/:id', () => {
  const keyOf = (reader: Reader): { streamId: string; streamKey: string } => {
    const { streamId, streamKey } = itemAt(reader.of('hello'), 0).data
    return { streamId, streamKey }
  }
  const patch = (
    rig: FeedRig,
    reader: Reader,
    change: Record<string, string | string[] | null>,
  ) => {
    const { streamId, streamKey } = keyOf(reader)
    return rig.send('PATCH', `/feed/streams/${streamId}`, { streamKey, ...change })
  }

  it('FE74 a room that is added begins with its snapshot; what stays goes on, what goes is silent', async () => {
    const rig = await FeedRig.start()
    const [a, b, c] = [await rig.room('a', {}), await rig.room('b', {}), await rig.room('c', {})]
    const reader = await rig.open('/feed?rooms=a,b')
    const answer = await patch(rig, reader, { rooms: 'b,c,d' })
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        streamId: keyOf(reader).streamId,
        rooms: ['b', 'c'],
        topics: ['public'],
        types: null,
        aliases: {},
        unknown: ['d'],
        delayMs: 0,
      },
    ])
    for (const room of [a, b, c]) room.patch({ x: 1 })
    await rig.settle()
    expect(shown(reader).slice(4)).toEqual([
      'room-unknown d',
      'snapshot c 1',
      'patch b 2',
      'patch c 2',
    ])
    expect(['a', 'b', 'c'].map((id) => rig.parts.spectators.of(id))).toEqual([0, 1, 1])
  })

  it('FE74 topics and types change in place; types that bring patches bring snapshots', async () => {
    const rig = await FeedRig.start()
    const a = await rig.room('a', { x: 0 })
    const reader = await rig.open('/feed?rooms=a&types=kill')
    a.patch({ x: 1 })
    await rig.publish('public', 'kill', {})
    await patch(rig, reader, { topics: ['x.*'], types: null })
    a.patch({ x: 2 })
    await rig.settle()
    expect(shown(reader).slice(-3)).toEqual(['kill public {}', 'snapshot a 2', 'patch a 3'])
    expect(itemAt(reader.of('snapshot'), -1).data.state).toEqual({ x: 1 })
  })

  it('FE74 a stream that is behind loses nothing and doubles nothing', async () => {
    const rig = await FeedRig.start()
    const [a, b] = [await rig.room('a', {}), await rig.room('b', {})]
    const reader = await rig.open('/feed?rooms=a')
    reader.body.setFull(true)
    for (let x = 1; x <= 3; x++) {
      a.patch({ x })
      b.patch({ x })
      await rig.settle()
    }
    await patch(rig, reader, { rooms: ['a', 'b'] })
    a.patch({ x: 4 })
    await rig.settle()
    reader.body.setFull(false)
    await rig.advance(1_000)
    const seen = shown(reader)
    expect(seen.filter((text) => text.startsWith('patch a'))).toEqual(
      [2, 3, 4, 5].map((n) => `patch a ${n}`),
    )
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toContain('patch b 4')
  })

  it('FE3 FE74 a delayed room that is added in a quiet time shows itself after its delay', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    await rig.room('slow', {}, { delayMs: 5_000 })
    await rig.advance(60_000)
    const reader = await rig.open('/feed?rooms=a')
    const answer = await patch(rig, reader, { rooms: 'a,slow' })
    expect(answer.json()).toMatchObject({ delayMs: 5_000 })
    await rig.advance(6_000)
    expect(shown(reader).slice(-1)).toEqual(['snapshot slow 1'])
  })

  it('FE79 without the key there is no such stream', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const reader = await rig.open('/feed?rooms=a')
    const { streamId, streamKey } = keyOf(reader)
    expect(streamKey.length).toBeGreaterThanOrEqual(22)
    expect(streamKey).not.toBe(streamId)
    const other = keyOf(await rig.open('/feed?rooms=a'))
    const answers = [
      await rig.send('PATCH', `/feed/streams/${streamId}`, { rooms: '' }),
      await rig.send('PATCH', `/feed/streams/${streamId}`, {
        streamKey: other.streamKey,
        rooms: '',
      }),
      await rig.send('PATCH', `/feed/streams/${streamId}`, { streamKey: [streamKey], rooms: '' }),
      await rig.send('PATCH', '/feed/streams/nobody', { streamKey, rooms: '' }),
      await rig.send('POST', '/feed/ack', { streamId, streamKey: other.streamKey, id: '1' }),
    ]
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text()}`)).size).toBe(1)
    expect(itemAt(answers, 0).status).toBe(404)
    const header = await rig.send(
      'PATCH',
      `/feed/streams/${streamId}`,
      { rooms: '' },
      { 'stream-key': streamKey },
    )
    expect(header.json()).toMatchObject({ rooms: [] })
  })

  it('FE74 changes are checked, and bounded in a while', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const reader = await rig.open('/feed?rooms=a')
    for (const change of [{ rooms: 'a/b' }, { topics: 'a*' }, { types: '' }, { room: 'a' }])
      expect((await patch(rig, reader, change)).status).toBe(400)
    const single = await rig.open('/rooms/a/feed')
    expect((await patch(rig, single, { rooms: 'b' })).status).toBe(400)
    expect((await patch(rig, single, { types: 'kill' })).status).toBe(200)
    const statuses = []
    for (let count = 0; count < 12; count++)
      statuses.push((await patch(rig, reader, { rooms: count % 2 ? 'a' : '' })).status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(2)
    await rig.advance(10_000)
    expect((await patch(rig, reader, { rooms: null })).json()).toMatchObject({ rooms: ['*'] })
  })
})

describe('FE80 what operators see of streams', () => {
  it('FE80 lists streams in pages without a secret, counts them, and closes one', async () => {
    const rig = await FeedRig.start()
    const operator = { 'x-api-key': API_KEY }
    const a = await rig.room('a', {})
    const readers = []
    for (const query of ['rooms=a', `rooms=&clientId=${CLIENT}&feed=board`, 'topics=x.*&types=k*'])
      readers.push(await rig.open(`/feed?${query}`))
    a.patch({ x: 1 })
    await rig.settle()
    type Page = { streams: { streamId: string; bytes: number }[]; next: number | null }
    const first = await rig.json<Page>('/feed/streams?limit=2', operator)
    const second = await rig.json<Page>(`/feed/streams?limit=2&after=${first.next}`, operator)
    expect([first.streams.length, second.streams.length, second.next]).toEqual([2, 1, null])
    expect(first.streams[0]).toMatchObject({
      principal: 'anonymous',
      clientId: null,
      state: 'live',
      rooms: ['a'],
      topics: ['public'],
      lagMs: 0,
      bytes: readers[0]?.text.length,
    })
    expect(first.streams[1]).toMatchObject({
      clientId: expect.stringMatching(/^anonymous:/),
      feed: 'board',
    })
    expect(second.streams[0]).toMatchObject({ rooms: ['*'], topics: ['x.*'], types: ['k*'] })
    const text = JSON.stringify([first, second])
    for (const reader of readers)
      expect(text).not.toContain(itemAt(reader.of('hello'), 0).data.streamKey)
    expect(text).not.toContain(CLIENT)
    expect(await rig.json('/feed/stats', operator)).toMatchObject({ streams: 3, streamsApart: 0 })
    const { streamId } = itemAt(first.streams, 0)
    for (const [method, path] of [
      ['GET', '/feed/streams'],
      ['GET', '/feed/stats'],
      ['DELETE', `/feed/streams/${streamId}`],
    ] as const)
      expect((await rig.send(method, path)).status).toBe(401)
    expect((await rig.send('DELETE', `/feed/streams/${streamId}`, null, operator)).status).toBe(204)
    expect(readers[0]?.exchange.isOpen).toBe(false)
    expect(readers[0]?.types).not.toContain('going-away')
    expect((await rig.send('DELETE', `/feed/streams/${streamId}`, null, operator)).status).toBe(404)
  })
})

describe('FE77 whose a client is', () => {
  it('FE77 an id belongs to the principal that first used it, over a restart too', async () => {
    const authenticator = knownBy((request) => {
      const name = request.header('authorization')
      return readerNamed(name === '' ? 'anonymous' : `user:${name}`)
    })
    const rig = await FeedRig.start({ authenticator })
    const open = async (one: FeedRig, name: string, clientId: string) =>
      (await one.open(`/feed?rooms=&clientId=${clientId}`, name ? { authorization: name } : {}))
        .exchange.status
    expect(await open(rig, 'ada', 'a')).toBe(200)
    expect(await open(rig, 'ada', 'a')).toBe(200)
    expect(await open(rig, 'bob', 'a')).toBe(403)
    expect(await open(rig, 'bob', CLIENT)).toBe(200)
    expect(await open(rig, '', CLIENT)).toBe(403)
    expect(await open(rig, '', `${CLIENT}x`)).toBe(200)
    expect(await open(rig, '', 'short')).toBe(400)
    const next = await FeedRig.start({ authenticator, store: rig.store, clock: rig.clock })
    expect(await open(next, 'bob', 'a')).toBe(403)
    expect(await open(next, 'ada', 'a')).toBe(200)
  })
})

describe('FE81 a principal that ends', () => {
  it('FE81 ends its streams at once, and nobody else goes on with them', async () => {
    const clock = new ManualClock()
    const now = (): number => clock.now()
    const principals = new PrincipalWatch({ clock, now })
    const watch: FeedAuthenticator['watch'] = (principal, listener) =>
      principals.watch(principal, listener)
    // `Authorization: ada 5` is a token of Ada that ends in 5 s.
    const authenticate = (request: AskingRequest): Principal => {
      const [name = '', seconds = ''] = request.header('authorization').split(' ')
      if (name === '') return readerNamed('anonymous')
      const expiresAt = now() + Number(seconds) * 1_000
      const principal = readerNamed(`user:${name}`, {
        expiresAt,
        mayReadTopic: () => now() < expiresAt,
      })
      Object.defineProperty(principal, 'isValid', { get: () => now() < expiresAt })
      return principal
    }
    const rig = await FeedRig.start({ clock, authenticator: { authenticate, watch } })
    const open = (token: string): Promise<Reader> =>
      rig.open('/feed?rooms=', { authorization: token })
    const [short, kept, bob] = [await open('ada 5'), await open('ada 5'), await open('bob 60')]
    const { streamId, streamKey } = itemAt(kept.of('hello'), 0).data
    const patch = (token: string): Promise<MemoryExchange> =>
      rig.send('PATCH', `/feed/streams/${streamId}`, { streamKey }, { authorization: token })
    expect((await patch('bob 60')).status).toBe(403)
    expect((await patch('ada 60')).status).toBe(200)
    await rig.publish('public', 'news', { a: 1 })
    await rig.advance(5_000)
    await rig.publish('public', 'news', { a: 2 })
    expect([short, kept, bob].map(({ exchange }) => exchange.isOpen)).toEqual([false, true, true])
    expect([short, kept].map((reader) => reader.of('news').length)).toEqual([1, 2])
    for (const reader of [kept, bob]) reader.exchange.abort()
    await rig.settle()
    expect(principals.size).toBe(0)
  })
})
