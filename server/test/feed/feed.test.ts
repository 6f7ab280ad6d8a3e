import { describe, expect, it } from 'vitest'
import type { EventPage, Json, RoomStateAnswer } from '@ringside/protocol'
import { applyMergePatch } from '@ringside/protocol'
import { FeedRig, itemAt } from './rig.ts'
import type { Reader, ScriptedRoom } from './rig.ts'

async function play(rig: FeedRig, room: ScriptedRoom, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    if (step % 3 === 2) room.emit('kill', { by: `p${step}`, whom: 'q' })
    else
      room.patch({ score: step, players: { [`p${step % 4}`]: step % 8 === 5 ? null : { step } } })
    await rig.settle()
    await rig.advance(100)
  }
}

function continuation(reader: Reader): unknown[] {
  return reader.roomEvents.map(({ type, id, data }) => [type, id, data])
}

describe('FE1 every event once and in order', () => {
  it('FE1 a live stream shows hello, a snapshot, caught-up with its id, then each event with its position', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const reader = await rig.open('/rooms/a/feed')
    expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up'])
    room.patch({ score: 1 })
    room.emit('kill', { by: 'x' })
    await rig.settle()
    expect(reader.types.slice(3)).toEqual(['patch', 'kill'])
    const [, snapshot, caughtUp, patch, kill] = reader.events
    expect(snapshot?.data).toEqual({
      room: 'a',
      n: 1,
      at: rig.clock.now(),
      state: { score: 0 },
    })
    expect(caughtUp).toMatchObject({ id: expect.stringMatching(/^1-[0-9a-z]+$/), data: {} })
    expect(patch).toMatchObject({ data: { room: 'a', n: 2, prev: 1, data: { score: 1 } } })
    expect(kill).toMatchObject({
      id: expect.stringMatching(/^3-[0-9a-z]+$/),
      data: { n: 3, data: { by: 'x' } },
    })
  })

  it('FE1 a stream cut at any event and resumed with Last-Event-ID continues identically', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const other = await rig.room('b', {})
    const whole = await rig.open('/rooms/a/feed?from=start')
    for (let round = 0; round < 10; round++) {
      await play(rig, room, 2)
      other.patch({ noise: round })
      await rig.settle()
    }
    const all = continuation(whole)
    expect(all).toHaveLength(21)
    for (let cut = 0; cut < all.length; cut++) {
      const id = String(whole.roomEvents[cut]?.id)
      const resumed = await rig.open('/rooms/a/feed', { 'last-event-id': id })
      expect(resumed.types[0]).toBe('hello')
      expect(resumed.of('snapshot')).toEqual([])
      expect(continuation(resumed)).toEqual(all.slice(cut + 1))
      expect(resumed.types.at(-1)).toBe('caught-up')
      const byQuery = await rig.open(`/rooms/a/feed?checkpoint=${id}`)
      expect(continuation(byQuery)).toEqual(all.slice(cut + 1))
    }
  })

  it('FE1 patches applied to the snapshot equal state?at for every n on the way', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0, players: {} })
    const reader = await rig.open('/rooms/a/feed')
    await play(rig, room, 30)
    let state: Json = itemAt(reader.of('snapshot'), 0).data.state
    for (const { type, id, data } of reader.roomEvents) {
      if (type === 'patch') state = applyMergePatch(state, data.data)
      const answer = await rig.json<RoomStateAnswer>(`/rooms/a/state?at=${id}`)
      expect(answer).toMatchObject({ room: 'a', n: data.n, at: data.at })
      const unchecked = await rig.json<RoomStateAnswer>(`/rooms/a/state?at=${data.n}`)
      expect(unchecked).toEqual(answer)
      expect(answer.state).toEqual(state)
    }
    expect(state).toEqual(room.state)
  })

  it('FE1 from=<n> begins with the snapshot at that n', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    await play(rig, room, 12)
    const page = await rig.json<EventPage>('/rooms/a/events')
    const reader = await rig.open('/rooms/a/feed?from=6')
    expect(reader.types.slice(0, 2)).toEqual(['hello', 'snapshot'])
    expect(reader.of('snapshot')[0]).toMatchObject({ id: null, data: { n: 6 } })
    expect(reader.roomEvents.map(({ id }) => id)).toEqual(
      page.events.slice(6).map((event) => event.id),
    )
    expect(reader.types.at(-1)).toBe('caught-up')
  })

  it('FE1 from=-30s goes back by time, with a snapshot', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    await play(rig, room, 20)
    const reader = await rig.open('/rooms/a/feed?from=-1s')
    const now = rig.clock.now()
    expect(reader.of('snapshot')).toHaveLength(1)
    expect(reader.of('snapshot')[0]?.data.at).toBeLessThanOrEqual(now - 1000)
    expect(reader.roomEvents.every(({ data }) => data.at > now - 1000)).toBe(true)
    expect(reader.roomEvents).toHaveLength(9)
  })

  it.each(['/rooms/a/feed', '/feed'])(
    'FE1 more than a live stream of %s takes in one turn comes in the next ones, without anything else happening',
    async (path) => {
      const rig = await FeedRig.start()
      const room = await rig.room('a', { score: 0 })
      const reader = await rig.open(path)
      for (let step = 0; step < 40; step++) room.emit('x', { text: 'x'.repeat(20_000) })
      await rig.settle()
      expect(reader.of('x').map(({ data }) => data.n)).toEqual(
        Array.from({ length: 40 }, (_, index) => 2 + index),
      )
    },
  )

  it('FE1 a slow socket that is full when the room ends has its end, and its body ends', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const reader = await rig.open('/rooms/a/feed')
    reader.body.setRoom(10)
    room.end()
    await rig.settle()
    reader.body.setRoom(Infinity)
    await rig.settle()
    expect(reader.types).toEqual(['hello', 'snapshot', 'caught-up', 'end'])
    expect(reader.exchange.isOpen).toBe(false)
  })

  it('FE1 a slow socket falls behind, gets nothing queued, and ends equal', async () => {
    const rig = await FeedRig.start({ feedRingBytes: 65_536 })
    const room = await rig.room('a', { score: 0 })
    const slow = await rig.open('/rooms/a/feed')
    const fast = await rig.open('/rooms/a/feed')
    slow.body.setFull(true)
    room.patch({ score: 1 })
    await rig.settle()
    const buffered = slow.body.bufferedBytes
    expect(buffered).toBeGreaterThan(0)
    for (let round = 0; round < 40; round++) {
      for (let step = 0; step < 20; step++) room.patch({ score: round, text: 'x'.repeat(200) })
      await rig.settle()
    }
    expect(slow.body.bufferedBytes).toBe(buffered)
    slow.body.setFull(false)
    await rig.settle()
    expect(continuation(slow)).toEqual(continuation(fast))
  })
})

describe('FE1 reset', () => {
  it.each([
    ['unknown-checkpoint', '101-abc'],
    ['another-log', '1-abc'],
  ])('FE1 a position of %s is told in band, with a snapshot', async (reason, position) => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 7 })
    const reader = await rig.open('/rooms/a/feed', { 'last-event-id': position })
    expect(reader.exchange.status).toBe(200)
    await rig.advance(5_000)
    expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
    const from = Number.parseInt(position, 10)
    expect(reader.of('reset')[0]?.data).toEqual({ reason, room: 'a', from, to: 1 })
    expect(reader.events.slice(0, 3).every(({ id }) => id === null)).toBe(true)
    room.patch({ score: 8 })
    await rig.settle()
    expect(reader.types.at(-1)).toBe('patch')
  })

  it('FE10 an id that is no number is told in band too, for EventSource would give up on a 400', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const reader = await rig.open('/rooms/a/feed', { 'last-event-id': 'urn:uuid:1' })
    const data = { reason: 'unknown-checkpoint', room: 'a', to: 1 }
    expect(reader.of('reset')[0]?.data).toEqual(data)
  })

  it('FE1 a position below the floor is reset with retention, and pages and states answer 410', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { score: 0 })
    const { id: first } = (await rig.json<EventPage>('/rooms/a/events')).events[0] ?? { id: '' }
    await play(rig, room, 9)
    room.snapshot()
    room.patch({ score: 100 })
    await rig.settle()
    Object.defineProperty(rig.outbox, 'floor', { get: () => rig.outbox.sealed - 1 })
    await rig.store.marks.raiseFloor(rig.outbox.sealed - 1)
    const reader = await rig.open('/rooms/a/feed', { 'last-event-id': first })
    expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
    expect(reader.of('reset')[0]?.data).toEqual({ reason: 'retention', room: 'a', from: 1, to: 11 })
    expect(reader.of('snapshot')[0]?.data.state).toEqual(room.state)
    const state = await rig.open(`/rooms/a/state?at=${first}`)
    expect([state.exchange.status, state.error]).toEqual([410, 'past_retention'])
    const page = await rig.open(`/rooms/a/events?after=${first}`)
    expect([page.exchange.status, page.error]).toEqual([410, 'past_retention'])
  })
})

describe('FE7 one encoding, one write', () => {
  it('FE7 all that is due in a turn is one write of the same bytes to every stream, in the turn that seals it and not in the one that emits', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const readers = [await rig.open('/rooms/a/feed'), await rig.open('/rooms/a/feed')]
    const writes: Uint8Array[][] = [[], []]
    for (const [index, reader] of readers.entries()) {
      const write = reader.body.write.bind(reader.body)
      reader.body.write = (bytes) => {
        writes[index]?.push(bytes)
        return write(bytes)
      }
    }
    const atSeals: number[] = []
    rig.outbox.onSealed(() => atSeals.push(writes.flat().length))
    for (let step = 0; step < 5; step++) room.emit('step', { step })
    expect(writes.flat()).toEqual([])
    await rig.settle()
    expect(atSeals).toEqual([2])
    expect(writes.map((list) => list.length)).toEqual([1, 1])
    expect(writes[0]?.[0]).toBe(writes[1]?.[0])
    expect(readers.map((reader) => reader.of('step').length)).toEqual([5, 5])
  })
})
