import { describe, expect, it } from 'vitest'
import { FeedRig } from '../rig.ts'
import type { Reader } from '../rig.ts'

/** What the reader was told of the room, in order. */
function told(reader: Reader, room: string): unknown[] {
  return reader.events
    .filter(({ data }) => data.room === room)
    .map(({ type, data }) => [type, data.n])
}

describe('FE11 a private room becomes public', () => {
  it('FE11 FE40 streams of all rooms get its snapshot where they stand, then its patches', async () => {
    const rig = await FeedRig.start()
    const other = await rig.room('b', {})
    const room = await rig.room('a', { score: 1 }, { isPrivate: true })
    const reader = await rig.open('/feed')
    const named = await rig.open('/feed?rooms=b')
    const replay = await rig.open('/feed?from=start')
    room.patch({ score: 2 })
    other.patch({ step: 1 })
    await rig.settle()
    expect(told(reader, 'a')).toEqual([])
    rig.directory.set('a', { isPrivate: false })
    room.patch({ score: 3 })
    await rig.settle()
    other.patch({ step: 2 })
    await rig.settle()
    for (const stream of [reader, replay]) {
      expect(told(stream, 'a')).toEqual([
        ['snapshot', 2],
        ['patch', 3],
      ])
      expect(stream.of('snapshot').at(-1)?.data.state).toEqual({ score: 2 })
      expect(stream.of('snapshot').at(-1)?.id).toBeNull()
      expect(stream.of('reset')).toEqual([])
      expect(told(stream, 'b').slice(-2)).toEqual([
        ['patch', 2],
        ['patch', 3],
      ])
    }
    expect(told(named, 'a')).toEqual([])
  })

  it('FE11 a live stream is not shown what happened while the room was private', async () => {
    const rig = await FeedRig.start()
    const reader = await rig.open('/feed')
    const room = await rig.room('a', { score: 1 }, { isPrivate: true })
    for (let score = 2; score < 6; score++) {
      room.patch({ score })
      await rig.settle()
    }
    rig.directory.set('a', { isPrivate: false })
    room.patch({ score: 6 })
    await rig.settle()
    expect(told(reader, 'a')).toEqual([
      ['snapshot', 5],
      ['patch', 6],
    ])
  })

  it('FE11 FE40 a stream whose socket is full, and a reader that was away, get the snapshot too', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 1 }, { isPrivate: true })
    const other = await rig.room('b', {})
    const slow = await rig.open('/feed')
    const away = await rig.open('/feed')
    slow.body.setFull(true)
    other.patch({ step: 1 })
    await rig.settle()
    const { lastEventId } = away
    away.exchange.abort()
    room.patch({ score: 2 })
    await rig.settle()
    rig.directory.set('a', { isPrivate: false })
    room.patch({ score: 3 })
    await rig.settle()
    slow.body.setFull(false)
    await rig.settle()
    const back = await rig.open('/feed', { 'last-event-id': lastEventId })
    for (const stream of [slow, back]) {
      const [first, ...rest] = told(stream, 'a') as [string, number][]
      expect(first?.[0]).toBe('snapshot')
      const next = (first?.[1] ?? 0) + 1
      expect(rest).toEqual([2, 3].filter((n) => n >= next).map((n) => ['patch', n]))
    }
    // Who has seen it is not told again.
    const again = await rig.open('/feed', { 'last-event-id': back.lastEventId })
    room.patch({ score: 4 })
    await rig.settle()
    expect(told(again, 'a').at(-1)).toEqual(['patch', 4])
  })

  it('FE3 a room that is revealed with a delay shows its snapshot no earlier than that', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 1 }, { isPrivate: true, delayMs: 5_000 })
    const reader = await rig.open('/feed')
    room.patch({ score: 2 })
    await rig.settle()
    rig.directory.set('a', { isPrivate: false })
    room.patch({ score: 3 })
    await rig.settle()
    await rig.advance(4_900)
    expect(told(reader, 'a')).toEqual([])
    await rig.advance(200)
    room.patch({ score: 4 })
    await rig.settle()
    await rig.advance(5_000)
    expect(told(reader, 'a')).toEqual([
      ['snapshot', 1],
      ['patch', 2],
      ['patch', 3],
      ['patch', 4],
    ])
  })

  it('FE11 a room that was private before the feed began is revealed likewise', async () => {
    const first = await FeedRig.start()
    const room = await first.room('a', { score: 1 }, { isPrivate: true })
    const { store, clock, directory } = first
    const rig = await FeedRig.start({ store, clock, directory })
    const position = rig.outbox.sealed
    directory.set('a', { isPrivate: false })
    room.patch({ score: 2 })
    await rig.settle()
    const reader = await rig.open(`/feed?checkpoint=${rig.tokenAt(position)}`)
    expect(told(reader, 'a')).toEqual([
      ['snapshot', 1],
      ['patch', 2],
    ])
  })

  it('FE11 a room that is hidden and shown again goes on from a new snapshot', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 1 })
    const reader = await rig.open('/feed')
    rig.directory.set('a', { isPrivate: true })
    room.patch({ score: 2 })
    await rig.settle()
    rig.directory.set('a', { isPrivate: false })
    room.patch({ score: 3 })
    await rig.settle()
    const all = told(reader, 'a') as [string, number][]
    const last = all.findLastIndex(([type]) => type === 'snapshot')
    expect(last).toBeGreaterThan(0)
    const numbers = all.slice(last).map(([, n]) => n)
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
    expect(numbers.at(-1)).toBe(3)
  })
})
