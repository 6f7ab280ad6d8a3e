import { describe, expect, it } from 'vitest'
import { PrometheusMetrics } from '../../../src/process/metrics.ts'
import type { StreamReadings } from '../../../src/feed/stream/stream-readings.ts'
import { TestServer } from '../../support/test-server.ts'
import { API_KEY, FeedRig } from '../rig.ts'

const operator = { 'x-api-key': API_KEY }
const stats = (rig: FeedRig): Promise<StreamReadings> => rig.json('/feed/stats', operator)

describe('ME5 what streams do, counted', () => {
  it('ME5 by state, kind and format, the same in /feed/stats as in /metrics', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let count = 0; count < 5; count++) {
      room.emit('note', { count })
      await rig.settle()
      await rig.advance(10_000)
    }
    const live = await rig.open('/rooms/a/feed')
    await rig.open('/feed', { accept: 'application/x-ndjson' })
    await rig.open('/feed?rooms=')
    await rig.open('/rooms/stream')
    await rig.open('/rooms/later/feed?wait=30')
    await rig.open('/rooms/a/feed?from=start&speed=0.1')
    const slow = await rig.open('/rooms/a/feed')
    slow.body.setFull(true)
    room.patch({ score: 1 })
    await rig.settle()
    const told = await stats(rig)
    expect(told).toMatchObject({
      streams: 6,
      states: { live: 3, starting: 0, 'catching-up': 1, loading: 0, pausing: 1, waiting: 1 },
      kinds: { room: 4, feed: 2, lobby: 1 },
      formats: { sse: 5, ndjson: 1 },
    })
    expect(told.bufferedBytes).toBe(slow.body.bufferedBytes)
    expect(told.bufferedBytes).toBeGreaterThan(0)
    expect(live.text).toContain('"score":1')
    const metrics = new PrometheusMetrics()
    metrics.show(rig.parts.readings)
    const text = await metrics.text()
    const shown = (name: string): number | undefined => {
      const line = text.split('\n').find((each) => each.startsWith(`ringside_${name} `))
      return line === undefined ? undefined : Number(line.split(' ')[1])
    }
    for (const [state, count] of Object.entries(told.states))
      expect([state, shown(`feed_streams_by_state{state="${state}"}`)]).toEqual([state, count])
    for (const [kind, count] of Object.entries(told.kinds))
      expect(shown(`feed_streams_by_kind{kind="${kind}"}`)).toBe(count)
    for (const [format, count] of Object.entries(told.formats))
      expect(shown(`feed_streams_by_format{format="${format}"}`)).toBe(count)
    expect([
      shown('feed_bytes_total'),
      shown('feed_buffered_bytes'),
      shown('feed_lag_max_ms'),
      shown('feed_lag_p95_ms'),
    ]).toEqual([told.bytes, told.bufferedBytes, told.lagMaxMs, told.lagP95Ms])
  })

  it('ME5 bytes are those of every stream, also once it is over', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const readers = [await rig.open('/rooms/a/feed'), await rig.open('/feed')]
    room.patch({ score: 1 })
    await rig.settle()
    const written = (): number =>
      readers.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
    expect((await stats(rig)).bytes).toBe(written())
    readers[0]?.exchange.abort()
    await rig.settle()
    room.patch({ score: 2 })
    await rig.settle()
    expect((await stats(rig)).bytes).toBe(written())
  })

  it('ME6 the lag is how long ago the oldest event happened that a stream has not got', async () => {
    const rig = await FeedRig.start({ maxBehindMs: 60_000 })
    const room = await rig.room('a', {})
    const readers = []
    for (let count = 0; count < 40; count++) readers.push(await rig.open('/rooms/a/feed'))
    expect(await stats(rig)).toMatchObject({ lagMaxMs: 0, lagP95Ms: 0 })
    for (const { body } of readers.slice(0, 2)) body.setFull(true)
    room.patch({ score: 1 })
    await rig.settle()
    room.patch({ score: 2 })
    await rig.settle()
    await rig.advance(3_000)
    const few = await stats(rig)
    // The first patch was on its way when their sockets were full.
    expect(few.lagMaxMs).toBeGreaterThanOrEqual(3_000)
    expect(few.lagP95Ms, 'two of forty are five in a hundred').toBe(0)
    for (const { body } of readers.slice(2, 4)) body.setFull(true)
    room.patch({ score: 3 })
    await rig.settle()
    room.patch({ score: 4 })
    await rig.settle()
    await rig.advance(1_000)
    const more = await stats(rig)
    expect(more.lagMaxMs).toBeGreaterThanOrEqual(4_000)
    expect(more.lagP95Ms).toBeGreaterThanOrEqual(1_000)
    for (const { body } of readers) body.setFull(false)
    await rig.advance(100)
    expect(await stats(rig)).toMatchObject({ lagMaxMs: 0, lagP95Ms: 0, bufferedBytes: 0 })
  })

  it('ME5 no label has a value from outside, however odd what readers ask for', async () => {
    await using test = await TestServer.start({ isDevelopment: true })
    const { seat } = await test.join('Ada')
    const linesOf = async (): Promise<string[]> => {
      const exchange = test.transport.request({ path: '/metrics' })
      await test.during(exchange.done)
      return exchange.text().split('\n')
    }
    const before = (await linesOf()).filter((line) => line.includes('{')).length
    for (const query of ['types=zzz', 'clientId=zzzzzzzzzzzzzzzzzz&feed=zzz', 'topics=zzz'])
      test.transport.request({ path: `/feed?${query}` })
    test.transport.request({ path: `/rooms/${seat.roomId}/feed?filter=zzz` })
    await test.clock.advanceAsync(200, 10)
    const after = await linesOf()
    expect(after.filter((line) => line.includes('{')).length).toBe(before)
    expect(after.join('\n')).not.toContain('zzz')
    expect(after.join('\n')).not.toContain(seat.roomId)
  })
})
