import { describe, expect, it, vi } from 'vitest'
import type { Json } from '@ringside/protocol'
import { createRandom } from '../../../src/process/random.ts'
import { MemoryStream } from '../../../src/transport/memory/http.ts'
import { FeedRig, itemAt } from '../rig.ts'
import type { Reader, SeenEvent } from '../rig.ts'

const LINES = { accept: 'application/x-ndjson' }

/** What both formats must tell alike: a stream's own names and positions that are never told twice are not compared. */
function told(events: readonly SeenEvent[]): Json[] {
  return events
    .filter(({ type }) => type !== 'heartbeat')
    .map(({ type, id, data }) => {
      if (type === 'hello') return [type, Object.keys(data)]
      return type === 'caught-up' ? [type, id !== null] : [type, id, { ...data }]
    }) as Json[]
}

/** Opens the same feed in both formats. */
async function both(rig: FeedRig, path: string, headers: Record<string, string> = {}) {
  const sse = await rig.open(path, headers)
  const lines = await rig.open(path, { ...headers, ...LINES })
  return { sse, lines }
}

function expectSame({ sse, lines }: { sse: Reader; lines: Reader }): void {
  expect(told(lines.lines)).toEqual(told(sse.events))
}

describe('a feed in lines of JSON', () => {
  it('FE96 tells hello, snapshot, caught-up and each event with its position, one line each', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const pair = await both(rig, '/rooms/a/feed')
    room.patch({ score: 1 })
    room.emit('chat', { text: 'line\nend \u2028 "quoted" \u0085 😀 }' })
    await rig.settle()
    const { lines } = pair
    expect(lines.exchange.headers).toMatchObject({ 'content-type': 'application/x-ndjson' })
    expect(lines.lines.map(({ type }) => type)).toEqual([
      'hello',
      'snapshot',
      'caught-up',
      'patch',
      'chat',
    ])
    expect(lines.lines.at(-1)).toEqual({
      type: 'chat',
      id: await rig.idOf('a', 3),
      data: {
        room: 'a',
        n: 3,
        at: rig.clock.now(),
        data: { text: 'line\nend \u2028 "quoted" \u0085 😀 }' },
      },
    })
    expect(lines.text).not.toMatch(/[\r\u0085\u2028\u2029]/)
    expectSame(pair)
  })

  it.each(['text/event-stream', '*/*', 'text/event-stream, application/x-ndjson'])(
    'FE96 Accept: %s is an event stream',
    async (accept) => {
      const rig = await FeedRig.start()
      await rig.room('a')
      const reader = await rig.open('/rooms/a/feed', { accept })
      expect(reader.exchange.headers).toMatchObject({ 'content-type': 'text/event-stream' })
      expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up'])
    },
  )

  it.each([
    '/rooms/a/feed',
    '/rooms/a/feed?from=start',
    '/rooms/a/feed?from=start&types=chat',
    '/rooms/a/feed?from=7&speed=100',
    '/rooms/a/feed?from=start&heartbeat=event',
    '/rooms/late/feed?from=start',
    '/rooms/later/feed?wait=30',
    '/feed',
    '/feed?from=start',
    '/feed?from=start&rooms=a,nowhere&topics=',
    '/feed?rooms=&topics=public,closed.*',
    '/feed?rooms=a,late&types=patch&from=-5s',
  ])('FE96 %s tells the same in both formats, in the same order', async (path) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = createRandom(seed)
    const rig = await FeedRig.start({ feedRingBytes: 65_536 })
    const rooms = [await rig.room('a', { score: 0 }), await rig.room('b', { score: 0 })]
    rooms.push(await rig.room('late', { score: 0 }, { delayMs: 3_000 }))
    const play = async (): Promise<void> => {
      for (let step = 0; step < 30; step++) {
        const room = itemAt(rooms, random.int(0, rooms.length - 1))
        const kind = random.int(0, 5)
        if (kind === 0) room.patch({ score: step })
        else if (kind === 1) room.emit('chat', { text: 'x'.repeat(random.int(1, 3_000)) })
        else if (kind === 2) await rig.publish('public', 'news', { step })
        else if (kind === 3) room.patch({}, '{"secret":1}')
        else if (kind === 4) await rig.advance(random.int(0, 900))
        else await rig.settle()
      }
      await rig.settle()
    }
    await play()
    const pair = await both(rig, path)
    await play()
    rooms.push(await rig.room('later', { score: 5 }))
    await play()
    // Neither takes anything for a while, and both come back from it.
    for (const { body } of [pair.sse, pair.lines]) body.setFull(true)
    await play()
    for (const { body } of [pair.sse, pair.lines]) body.setFull(false)
    await rig.advance(20_000)
    await play()
    await rig.advance(20_000)
    expect(told(pair.sse.events).length, `seed ${seed}`).toBeGreaterThan(2)
    expect(told(pair.lines.lines), `seed ${seed}`).toEqual(told(pair.sse.events))
  })

  it('FE96 a reader goes on with the id of any line, in either format', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    for (let step = 0; step < 6; step++) room.emit('step', { step })
    await rig.settle()
    for (const path of ['/rooms/a/feed', '/feed?rooms=a']) {
      const whole = await rig.open(`${path}${path.includes('?') ? '&' : '?'}from=start`, LINES)
      const steps = whole.lines.filter(({ type }) => type === 'step')
      expect(steps).toHaveLength(6)
      for (const [index, { id }] of steps.entries()) {
        const headers = { 'last-event-id': id ?? '' }
        const pair = await both(rig, path, headers)
        expectSame(pair)
        const rest = pair.lines.lines.filter(({ type }) => type === 'step')
        expect(rest).toEqual(steps.slice(index + 1))
      }
    }
  })

  it('FE96 an event larger than a chunk is a line too, live and behind', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const live = await both(rig, '/rooms/a/feed')
    const text = 'y'.repeat(300_000)
    room.emit('small', { n: 1 })
    room.emit('large', { text })
    room.emit('small', { n: 2 })
    room.patch({ text })
    await rig.settle()
    expectSame(live)
    const behind = await both(rig, '/rooms/a/feed?from=start')
    expectSame(behind)
    expectSame(await both(rig, '/feed?from=start'))
    // A snapshot that is large, too.
    expectSame(await both(rig, '/rooms/a/feed'))
    expectSame(await both(rig, '/feed'))
    expect(behind.lines.lines.map(({ type }) => type)).toEqual([
      'hello',
      'patch',
      'small',
      'large',
      'small',
      'patch',
      'caught-up',
    ])
  })

  it('FE50 readers of lines that wait for a large event or snapshot share its bytes, whatever else they follow', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    room.patch({ text: 'y'.repeat(300_000) })
    await rig.settle()
    for (const path of ['/rooms/a/feed?', '/rooms/a/feed?from=start&', '/feed?from=start&']) {
      const written = vi.spyOn(MemoryStream.prototype, 'write')
      for (const types of ['', 'types=*', 'types=patch,end']) {
        rig.get(`${path}${types}`, LINES)
        await rig.settle()
      }
      const large = written.mock.calls
        .map(([bytes]) => bytes)
        .filter(({ length }) => length > 300_000)
      vi.restoreAllMocks()
      expect(large).toHaveLength(3)
      for (const bytes of large) expect(bytes.buffer).toBe(large[0]?.buffer)
    }
  })

  it('FE96 a quiet feed has lines of heartbeats; where others move the position they have its id', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const one = await rig.open('/rooms/a/feed', LINES)
    const many = await rig.open('/feed', LINES)
    const filtered = await rig.open('/rooms/a/feed?types=chat', LINES)
    room.patch({ score: 1 })
    await rig.advance(16_000)
    const beats = (reader: Reader): SeenEvent[] =>
      reader.lines.filter(({ type }) => type === 'heartbeat')
    expect(beats(one)).toEqual([{ type: 'heartbeat', id: null, data: { at: expect.any(Number) } }])
    expect(beats(filtered)).toEqual([
      { type: 'heartbeat', id: await rig.idOf('a', 2), data: { at: expect.any(Number) } },
    ])
    const [beat] = beats(many)
    const back = await rig.open('/feed', { ...LINES, 'last-event-id': beat?.id ?? '' })
    expect(back.lines.map(({ type }) => type)).toEqual(['hello', 'caught-up'])
  })

  it('FE96 the room that is over is its end, then 204', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a')
    const pair = await both(rig, '/rooms/a/feed')
    room.end()
    rig.directory.set('a', { isLive: false })
    await rig.settle()
    expectSame(pair)
    expect(pair.lines.exchange.isOpen).toBe(false)
    const id = pair.lines.lines.at(-1)?.id ?? ''
    const back = await rig.open('/rooms/a/feed', { ...LINES, 'last-event-id': id })
    expect(back.exchange.status).toBe(204)
    expect(back.exchange.headers).toMatchObject({ 'ringside-feed': 'ended' })
  })

  it('FE96 a room that becomes public shows its snapshot, and a position behind it', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', { score: 0 })
    const hidden = await rig.saidRoom('b', { score: 7 }, { isPrivate: true })
    const pair = await both(rig, '/feed')
    hidden.patch({ score: 8 })
    hidden.who({ delayMs: 0, isPrivate: false })
    await rig.settle()
    hidden.patch({ score: 9 })
    await rig.settle()
    expectSame(pair)
    expect(pair.lines.lines.filter(({ type }) => type === 'snapshot')).toHaveLength(2)
  })

  it('FE96 bad input is answered as ever', async () => {
    const rig = await FeedRig.start()
    await rig.room('a')
    for (const [path, status] of [
      ['/rooms/none/feed', 404],
      ['/rooms/a/feed?speed=0', 400],
      ['/rooms/a/feed?from=never', 400],
    ] as const) {
      const { exchange } = await rig.open(path, LINES)
      expect([path, exchange.status]).toEqual([path, status])
    }
    const { exchange, lines } = await rig.open('/rooms/a/feed', { ...LINES, 'last-event-id': 'é' })
    expect(exchange.status).toBe(200)
    expect(lines.map(({ type }) => type)).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
  })
})

describe('a feed in lines that cannot be had now', () => {
  it('FE97 a drain tells open ones, and answers 503 with Retry-After', async () => {
    const rig = await FeedRig.start()
    await rig.room('a')
    const open = await rig.open('/rooms/a/feed', LINES)
    rig.feed.drain(1_000)
    expect(open.lines.at(-1)).toEqual({
      type: 'going-away',
      id: null,
      data: { retryMs: expect.any(Number) },
    })
    expect(open.exchange.isOpen).toBe(false)
    const late = await rig.open('/rooms/a/feed', LINES)
    expect([late.exchange.status, late.error]).toEqual([503, 'draining'])
    expect(late.exchange.headers).toMatchObject({ 'retry-after': '1' })
    expect((await rig.open('/rooms/a/feed')).exchange.status).toBe(200)
  })

  it('FE97 a process that is full answers 503, an address that has all its streams 429', async () => {
    const full = await FeedRig.start({ maxStreams: 1 })
    await full.room('a')
    await full.open('/rooms/a/feed', LINES)
    const second = await full.open('/rooms/a/feed', LINES)
    expect([second.exchange.status, second.error]).toEqual([503, 'unavailable'])
    expect(second.exchange.headers).toMatchObject({ 'retry-after': '1' })

    const own = await FeedRig.start({ maxStreamsPerIp: 1 })
    await own.room('a')
    const get = (address: string) =>
      own.transport.request({ path: '/rooms/a/feed', headers: LINES, remoteAddress: address })
    get('10.0.0.1')
    await own.settle()
    const refused = get('10.0.0.1')
    const other = get('10.0.0.2')
    await own.settle()
    expect([refused.status, other.status]).toEqual([429, 200])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('FE97 an address that asks too often is 429 with Retry-After', async () => {
    const rig = await FeedRig.start({ readsPerSecondPerIp: 2 })
    await rig.room('a')
    const statuses: number[] = []
    for (let round = 0; round < 4; round++)
      statuses.push((await rig.open('/rooms/a/feed', LINES)).exchange.status)
    expect(statuses).toEqual([200, 200, 429, 429])
  })
})
