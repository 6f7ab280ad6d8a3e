import { describe, expect, it } from 'vitest'
import type { EventPage } from '@ringside/protocol'
import { PageCache } from '../../../src/feed/pages/event-pages.ts'
import { FeedRig } from '../rig.ts'

describe('FE16 pages', () => {
  it('FE16 a page holds at most 256 KiB, and next goes on after it without a gap', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let index = 1; index < 1_600; index++) {
      room.emit('note', { text: 'é'.repeat(250) })
      if (index % 50 === 0) await rig.settle()
    }
    await rig.settle()
    const seen: number[] = []
    let pages = 0
    for (let after = 0; ; pages++) {
      const reader = await rig.open(`/rooms/a/events?limit=1000&after=${after}`)
      expect(Buffer.byteLength(reader.text)).toBeLessThanOrEqual(256 * 1024)
      const { events, next, sealed } = reader.exchange.json() as EventPage
      seen.push(...events.map(({ data }) => (data as { n: number }).n))
      if (!sealed) break
      // Where the log begins moves on with retention.
      const isFinal = after > 0 ? 'public, max-age=31536000, immutable' : 'no-cache'
      expect(reader.exchange.headers['cache-control']).toBe(isFinal)
      expect(next).toBe(events.at(-1)?.n)
      after = next
    }
    expect(pages).toBeGreaterThan(2)
    expect(seen).toEqual(Array.from({ length: 1_600 }, (_, index) => index + 1))
  })

  it('FE16 a single event may be larger than a page', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    room.emit('note', { text: 'x'.repeat(400_000) })
    room.emit('note', { text: 'y' })
    await rig.settle()
    const first = await rig.json<EventPage>('/rooms/a/events?after=0')
    expect(first.events).toHaveLength(1)
    const second = await rig.json<EventPage>(`/rooms/a/events?after=${first.next}`)
    expect(second).toMatchObject({ sealed: true, events: [{ data: { n: 2 } }] })
    const third = await rig.json<EventPage>(`/rooms/a/events?after=${second.next}`)
    expect(third).toMatchObject({ sealed: false, events: [{ data: { n: 3 } }] })
  })

  it('FE16 FE47 a sealed page is made once; one that may still grow is made anew', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    for (let index = 0; index < 10; index++) room.emit('note', { index })
    await rig.settle()
    let reads = 0
    const read = rig.outbox.read.bind(rig.outbox)
    rig.outbox.read = (query) => {
      reads++
      return read(query)
    }
    const full = '/rooms/a/events?limit=5&after=1'
    const once = await rig.open(full)
    expect(reads).toBe(1)
    const again = await rig.open(full)
    expect([again.text, reads]).toEqual([once.text, 1])
    expect(again.exchange.headers).toEqual(once.exchange.headers)
    const growing = '/rooms/a/events?limit=50&after=1'
    const before = await rig.json<EventPage>(growing)
    room.emit('note', {})
    await rig.settle()
    const after = await rig.json<EventPage>(growing)
    expect(after.events).toHaveLength(before.events.length + 1)
  })

  it('FE16 a page that is kept is still refused to those who may not watch', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    room.emit('note', {})
    await rig.settle()
    const path = '/rooms/a/events?limit=1&after=1'
    expect((await rig.open(path)).exchange.status).toBe(200)
    rig.directory.set('a', { isPrivate: true })
    expect((await rig.open(path)).exchange.status).toBe(403)
  })

  it('FE16 FE47 pages are kept up to a number of bytes, the one unused for longest out first', () => {
    const cache = new PageCache()
    const page = { body: new Uint8Array(1024 * 1024), etag: '"x"', isSealed: true }
    for (let index = 0; index < 15; index++) cache.put(String(index), page)
    expect(cache.get('0')).toBe(page)
    cache.put('15', page)
    expect([cache.get('0'), cache.get('1')]).toEqual([page, null])
    expect(cache.bytes).toBeLessThanOrEqual(16 * 1024 * 1024)
    cache.put('open', { body: new Uint8Array(1), etag: '"x"', isSealed: false })
    expect(cache.get('open')).toBeNull()
  })
})
