import { describe, expect, it } from 'vitest'
import type { EventPage } from '@ringside/protocol'
import { FeedRig } from '../rig.ts'
import type { Reader } from '../rig.ts'

const numbers = ({ roomEvents }: Reader): number[] => roomEvents.map(({ data }) => data.n)

/** Rooms `a` (quiet, three events) and `b`, which goes on until retention has cut most of it. */
async function startCut() {
  const rig = await FeedRig.start({ feedRingBytes: 65_536 })
  const quiet = await rig.room('a', { step: 0 })
  const busy = await rig.room('b', { step: 0 })
  for (let step = 1; step < 3; step++) quiet.patch({ step })
  await rig.settle()
  const ids = await Promise.all([1, 2, 3].map((n) => rig.idOf('a', n)))
  const token = rig.tokenAt(rig.outbox.sealed)
  for (let step = 1; step < 40; step++) {
    busy.patch({ step, text: 'x'.repeat(10_000) })
    await rig.settle()
  }
  quiet.snapshot()
  busy.snapshot()
  await rig.settle()
  return { rig, quiet, ids, token }
}

async function cut(rig: FeedRig, at: number): Promise<void> {
  Object.defineProperty(rig.outbox, 'floor', { get: () => at })
  await rig.store.marks.raiseFloor(at)
  await rig.store.events.deleteThrough(at)
}

describe('FE54 places that retention has overtaken', () => {
  it('FE54 FE6 a reader of a quiet room goes on without a reset, though its event is gone', async () => {
    const { rig, quiet, ids } = await startCut()
    await cut(rig, rig.outbox.sealed - 2)
    const path = '/rooms/a/feed'
    const reader = await rig.open(path, { 'last-event-id': ids[2] ?? '' })
    expect(reader.types).toEqual(['hello', 'caught-up'])
    quiet.patch({ step: 9 })
    await rig.settle()
    expect(numbers(reader)).toEqual([4])
    // And after the next event too, which follows what is gone.
    const later = await rig.open(`${path}?checkpoint=3`)
    expect([later.of('reset'), numbers(later)]).toEqual([[], [4]])
    const page = await rig.json<EventPage>('/rooms/a/events?after=3')
    expect(page).toMatchObject({ events: [{ n: 4 }], next: 4 })
    const state = await rig.json('/rooms/a/state?at=3')
    expect(state).toMatchObject({ n: 3, state: { step: 2 } })
  })

  it('FE54 FE1 a reader that misses events that are gone is reset, whatever its check', async () => {
    const { rig, ids } = await startCut()
    await cut(rig, rig.outbox.sealed - 2)
    for (const id of [ids[1], '2-abc', '0-0']) {
      const reader = await rig.open('/rooms/a/feed', { 'last-event-id': id ?? '' })
      expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
      const from = Number.parseInt(id ?? '', 10)
      expect(reader.of('reset')[0]?.data).toEqual({ reason: 'retention', room: 'a', from, to: 3 })
    }
    for (const path of ['/rooms/a/events?after=2', '/rooms/a/state?at=2'])
      expect((await rig.open(path)).error).toBe('past_retention')
  })

  it('FE57 a reader of many rooms is told the reason and nothing else', async () => {
    const { rig, token } = await startCut()
    await cut(rig, rig.outbox.sealed - 2)
    const reader = await rig.open('/feed', { 'last-event-id': token })
    expect(reader.of('reset')[0]?.data).toEqual({ reason: 'retention' })
    expect(reader.of('caught-up')[0]?.data).toEqual({})
    for (const { data } of reader.of('snapshot'))
      expect(Object.keys(data)).toEqual(['room', 'n', 'at', 'state'])
  })
})

describe('FE10 positions of another feed', () => {
  const FOREIGN = ['17', 'urn:uuid:1', 'é5', '5é', '\u00a05', '1,2', '1 ', '0', 'x'.repeat(59)]

  it.each(FOREIGN)('FE10 %j is reset in band, wherever a reader sends it', async (text) => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    for (const path of ['/rooms/a/feed', '/feed'])
      for (const name of ['last-event-id', 'lastEventId', 'last_event_id', 'checkpoint']) {
        const isHeader = name === 'last-event-id'
        const isNumber = /^\d+$/.test(text)
        // A query may name an n.
        if (path !== '/feed' && !isHeader && isNumber) continue
        const query = isHeader ? '' : `?${name}=${encodeURIComponent(text)}`
        const reader = await rig.open(path + query, isHeader ? { [name]: text } : {})
        expect([path, name, reader.exchange.status]).toEqual([path, name, 200])
        expect(reader.of('reset')[0]?.data).toMatchObject({ reason: 'unknown-checkpoint' })
        expect(reader.types.at(-1)).toBe('caught-up')
      }
  })

  it('FE10 FE52 the position of one room is none of many, nor the other way round', async () => {
    const rig = await FeedRig.start()
    await rig.room('a', {})
    const id = await rig.idOf('a', 1)
    const token = rig.tokenAt(rig.outbox.sealed)
    const many = await rig.open('/feed', { 'last-event-id': id })
    expect(many.of('reset')[0]?.data).toEqual({ reason: 'unknown-checkpoint' })
    const one = await rig.open('/rooms/a/feed', { 'last-event-id': token })
    expect(one.of('reset')[0]?.data).toEqual({ reason: 'unknown-checkpoint', room: 'a', to: 1 })
    for (const from of [id, '17', '1700000000000001', 'y'.repeat(59)])
      expect((await rig.open(`/feed?from=${from}`)).types).toContain('reset')
  })
})

describe('FE56 positions of another selection', () => {
  it('FE56 FE1 each room begins with its snapshot there, without a reset, and nothing is missing', async () => {
    const rig = await FeedRig.start()
    const [a, b] = [await rig.room('a', { x: 1 }), await rig.room('b', { x: 1 })]
    const first = await rig.open('/feed?rooms=a&types=kill,patch')
    a.patch({ x: 2 })
    await rig.settle()
    b.patch({ x: 2 })
    a.patch({ x: 3 })
    await rig.settle()
    const position = first.of('patch')[0]?.id ?? ''
    for (const path of ['/feed?rooms=a,b', '/feed?rooms=a', '/feed', '/feed?rooms=b&types=patch']) {
      const reader = await rig.open(path, { 'last-event-id': position })
      expect(reader.of('reset')).toEqual([])
      const has = (room: string): boolean => path.includes(room) || path === '/feed'
      const shown = (type: string): unknown[] =>
        reader.of(type).map(({ data }) => [data.room, data.n])
      const wanted = (all: [string, number][]): unknown[] =>
        all.filter(([room]) => has(`=${room}`) || has(`,${room}`))
      expect(shown('snapshot')).toEqual(
        wanted([
          ['a', 2],
          ['b', 1],
        ]),
      )
      expect(shown('patch')).toEqual(
        wanted([
          ['b', 2],
          ['a', 3],
        ]),
      )
    }
    const same = await rig.open('/feed?rooms=a&types=patch,kill', { 'last-event-id': position })
    expect([same.of('snapshot'), numbers(same)]).toEqual([[], [3]])
  })
})

describe('FE55 positions that this process has not reached', () => {
  it('FE55 a sealed one is waited for, however long, and nothing is shown twice', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { x: 0 })
    await rig.settle()
    // Another process was three events ahead when it told it.
    const ahead = rig.tokenAt(rig.outbox.sealed + 3)
    const reader = await rig.open('/feed', { 'last-event-id': ahead })
    await rig.advance(60_000)
    expect(reader.types).toEqual(['hello', 'caught-up'])
    for (let x = 1; x < 6; x++) room.patch({ x })
    await rig.settle()
    expect([reader.of('reset'), numbers(reader)]).toEqual([[], [5, 6]])
  })

  it('FE55 an n of one room is waited for 5 s, and goes on once it is there', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', { x: 0 })
    const waiting = await rig.open('/rooms/a/feed?checkpoint=3')
    const late = await rig.open('/rooms/a/feed?checkpoint=4')
    await rig.advance(4_900)
    for (let x = 1; x < 3; x++) room.patch({ x })
    await rig.settle()
    expect(waiting.types).toEqual(['hello', 'caught-up'])
    await rig.advance(100)
    expect(late.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
    room.patch({ x: 3 })
    await rig.settle()
    for (const reader of [waiting, late]) expect(numbers(reader)).toEqual([4])
  })
})

describe('FE52 positions of another log', () => {
  it('FE52 FE1 a sealed one of another log with the same secret is another-log, wherever it lies', async () => {
    const [one, other] = [await FeedRig.start(), await FeedRig.start()]
    for (const rig of [one, other]) {
      const room = await rig.room('a', { x: 1 })
      room.patch({ x: 2 })
      await rig.settle()
    }
    expect(one.outbox.historyId).not.toBe(other.outbox.historyId)
    const told = await one.open('/feed?from=start')
    const tokens = told.events.flatMap(({ id }) => id ?? [])
    expect(tokens).toHaveLength(3)
    for (const token of [...tokens, one.tokenAt(one.outbox.sealed + 1_000)]) {
      const reader = await other.open('/feed', { 'last-event-id': token })
      expect(reader.of('reset')[0]?.data).toEqual({ reason: 'another-log' })
      expect(reader.types).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
    }
  })
})
