import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/process/random.ts'
import type { RoomWho } from '../../../src/outbox/contract/room-who.ts'
import { FeedRig, itemAt } from '../rig.ts'
import type { Reader, ScriptedRoom } from '../rig.ts'

const OPEN: RoomWho = { delayMs: 0, isPrivate: false }
const PRIVATE: RoomWho = { delayMs: 0, isPrivate: true }
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

/** What the reader was told of the room, in order. */
function told(reader: Reader, room: string): unknown[] {
  return reader.events
    .filter(({ data }) => data.room === room)
    .map(({ type, data }) => [type, data.n])
}

async function status(rig: FeedRig, path: string): Promise<number> {
  return (await rig.open(path)).exchange.status
}

describe('OB129 the log decides who sees a room, where its owner is another server', () => {
  it('OB129 a room made private at n is shown to nobody from n on, on no surface', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 })
    const all = await rig.open('/feed')
    const one = await rig.open('/rooms/a/feed')
    room.patch({ score: 2 })
    await rig.settle()
    room.who(PRIVATE)
    room.patch({ score: 3, text: 'SECRET' })
    await rig.settle()
    expect(told(all, 'a')).toEqual([
      ['snapshot', 1],
      ['patch', 2],
    ])
    expect(one.body.isOpen).toBe(false)
    for (const path of ['feed', 'feed?from=start', 'events', 'state', 'state?at=2', 'state?at=4'])
      expect(await status(rig, `/rooms/a/${path}`), path).toBe(403)
    const late = await rig.open('/feed?from=start')
    expect(told(late, 'a')).toEqual([])
    for (const reader of [all, one, late]) expect(reader.text).not.toContain('SECRET')
  })

  it('OB129 FE40 FE133 a room that is public again begins with its snapshot there, for readers of every kind', async () => {
    const rig = await FeedRig.start()
    const other = await rig.saidRoom('b')
    const room = await rig.saidRoom('a', { score: 1 }, PRIVATE)
    const live = await rig.open('/feed')
    const away = await rig.open('/feed')
    const slow = await rig.open('/feed')
    other.patch({ step: 1 })
    await rig.settle()
    slow.body.setFull(true)
    const { lastEventId } = away
    away.exchange.abort()
    for (let score = 2; score < 5; score++) {
      room.patch({ score, text: 'SECRET' })
      await rig.settle()
    }
    room.patch({ text: null })
    room.who(OPEN)
    room.patch({ score: 5 })
    other.patch({ step: 2 })
    await rig.settle()
    slow.body.setFull(false)
    await rig.settle()
    const back = await rig.open('/feed', { 'last-event-id': lastEventId })
    const start = await rig.open('/feed?from=start')
    const single = await rig.open('/rooms/a/feed?from=start')
    for (const reader of [live, back, slow, start, single]) {
      const seen = told(reader, 'a').filter((_, index, all) => index >= all.length - 2)
      expect(seen).toEqual([
        ['snapshot', 6],
        ['patch', 7],
      ])
      const snapshot = reader.of('snapshot').findLast(({ data }) => data.room === 'a')
      expect(snapshot?.data.state).toEqual({ score: 4 })
      expect(snapshot?.id).toBeNull()
      expect(reader.text).not.toContain('SECRET')
      expect(reader.of('reset')).toEqual([])
    }
    for (const reader of [live, back, slow, start])
      expect(told(reader, 'b').at(-1)).toEqual(['patch', 3])
    // Who was shown it goes on.
    const again = await rig.open('/feed', { 'last-event-id': live.lastEventId })
    room.patch({ score: 6 })
    await rig.settle()
    expect(told(again, 'a')).toEqual([['patch', 8]])
  })

  it('FE133 what a room did while it was private stays so in pages and states, once it is public again', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 })
    room.who(PRIVATE)
    room.patch({ score: 2, text: 'SECRET' })
    room.emit('note', { text: 'SECRET' })
    room.patch({ text: null })
    room.who(OPEN)
    room.patch({ score: 3 })
    await rig.settle()
    const page = await rig.open('/rooms/a/events')
    expect(page.text).not.toContain('SECRET')
    const { events } = page.exchange.json() as {
      events: { type: string; data: { n: number; data: unknown } }[]
    }
    expect(events.map(({ type, data }) => [type, data.n, data.data])).toEqual([
      ['patch', 1, { score: 1 }],
      ['patch', 2, {}],
      ['patch', 3, {}],
      ['patch', 4, {}],
      ['patch', 5, {}],
      ['patch', 6, {}],
      ['patch', 7, { score: 3 }],
    ])
    for (const [at, expected] of [
      [1, 200],
      [2, 403],
      [4, 403],
      [5, 403],
      [6, 200],
      [7, 200],
    ])
      expect(await status(rig, `/rooms/a/state?at=${at}`), `at ${at}`).toBe(expected)
    expect((await rig.json<{ state: unknown }>('/rooms/a/state')).state).toEqual({ score: 3 })
  })

  it('FE133 a series has no points of the time while the room was private', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 })
    await rig.advance(3_000)
    room.who(PRIVATE)
    room.patch({ score: 666 })
    await rig.advance(3_000)
    room.patch({ score: 2 })
    room.who(OPEN)
    await rig.advance(2_000)
    room.patch({ score: 3 })
    await rig.settle()
    const { text } = await rig.open('/rooms/a/series?path=score&every=1s&format=csv')
    const scores = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',').at(-1)))
    expect(new Set(scores)).toEqual(new Set([1, 2, 3]))
    expect(scores.filter((score) => score === 2).length).toBeLessThanOrEqual(2)
  })

  it('FE133 who has a right of their own sees all of it, without a snapshot in between', async () => {
    const rig = await FeedRig.start({
      authorize: ({ query }, room) => !room.isPrivate || query.get('friend') === 'yes',
    })
    const room = await rig.saidRoom('a', { score: 1 })
    room.who(PRIVATE)
    room.patch({ score: 2 })
    room.who(OPEN)
    room.patch({ score: 3 })
    await rig.settle()
    const friend = await rig.open('/rooms/a/feed?from=start&friend=yes')
    expect(told(friend, 'a')).toEqual([1, 2, 3, 4, 5].map((n) => ['patch', n]))
    const page = await rig.json<{ events: { data: { data: unknown } }[] }>(
      '/rooms/a/events?friend=yes',
    )
    expect(page.events[2]?.data.data).toEqual({ score: 2 })
    expect(await status(rig, '/rooms/a/state?at=3&friend=yes')).toBe(200)
    expect(await status(rig, '/rooms/a/state?at=3')).toBe(403)
  })

  it('OB129 FE3 a longer delay counts from its event on, and what came before is shown by then', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 })
    const all = await rig.open('/feed')
    const one = await rig.open('/rooms/a/feed')
    room.who({ delayMs: 5_000, isPrivate: false })
    room.patch({ score: 2 })
    await rig.advance(4_900)
    for (const reader of [all, one]) expect(told(reader, 'a')).toEqual([['snapshot', 1]])
    expect((await rig.json<{ n?: number }>('/rooms/a/state')).n ?? 1).toBe(1)
    await rig.advance(200)
    for (const reader of [all, one]) expect(told(reader, 'a').at(-1)).toEqual(['patch', 3])
  })

  it('OB129 FE3 a shorter delay lets out nothing that was written under the longer one before its time', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 }, { delayMs: 5_000 })
    await rig.advance(6_000)
    room.patch({ score: 2 })
    await rig.advance(1_000)
    room.who(OPEN)
    room.patch({ score: 3 })
    await rig.advance(3_900)
    const newest = async (): Promise<number | undefined> => {
      const reader = await rig.open('/rooms/a/feed')
      const last = told(reader, 'a').at(-1) as [string, number] | undefined
      const page = await rig.json<{ events: unknown[] }>('/rooms/a/events')
      expect(page.events.length).toBe(last?.[1])
      return last?.[1]
    }
    expect(await newest()).toBe(1)
    await rig.advance(200)
    expect(await newest()).toBe(2)
    await rig.advance(1_200)
    room.patch({ score: 4 })
    await rig.settle()
    expect(await newest()).toBe(5)
  })

  it('OB129 a record of the room never loosens what the log says', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 }, { delayMs: 5_000, isPrivate: true })
    rig.directory.set('a', { isPrivate: false, delayMs: 0 })
    room.patch({ score: 2 })
    await rig.settle()
    const reader = await rig.open('/feed?from=start')
    expect(told(reader, 'a')).toEqual([])
    expect(await status(rig, '/rooms/a/feed')).toBe(403)
  })

  it('OB127 what a newer program writes of its own is an empty patch', async () => {
    const rig = await FeedRig.start()
    const room = await rig.saidRoom('a', { score: 1 })
    const reader = await rig.open('/rooms/a/feed')
    const seq = await rig.store.events.allocate(1)
    const event = { room: 'a', n: 2, epoch: 1, own: 'newer', at: 0, hidden: null, prev: 1 }
    const data = '{"text":"SECRET"}'
    await rig.store.events.insert([{ ...event, seq, type: '_later', data }])
    await rig.settle()
    expect(reader.of('patch').map(({ data: { n, data: shown } }) => [n, shown])).toEqual([[2, {}]])
    const page = await rig.open('/rooms/a/events')
    expect(page.text + reader.text).not.toContain('SECRET')
    expect(room.n).toBe(1)
  })
})

/** One reader over many connections: what it was shown of each room, and what it makes of it. */
class Spectator {
  reader: Reader | null = null
  lastEventId = ''
  seen = 0
  readonly rooms = new Map<string, { n: number; state: Record<string, unknown> }>()
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

async function run(seed: number): Promise<number> {
  const random = createRandom(seed)
  const rig = await FeedRig.start({ feedRingBytes: 65_536 })
  const names = ['r0', 'r1', 'r2']
  const rooms: ScriptedRoom[] = []
  const now = new Map<string, RoomWho>()
  /** Each value that was ever written is of one event: this says which may be shown to nobody, and when. */
  const secrets = new Set<string>()
  const writtenAt = new Map<string, { at: number; delayMs: number }>()
  let values = 0
  for (const name of names) {
    rooms.push(await rig.saidRoom(name, { v: 'first' }))
    now.set(name, OPEN)
  }
  const spectators = [
    '/feed',
    '/feed?from=start',
    '/rooms/r0/feed',
    '/rooms/r1/feed?from=start',
    '/feed?rooms=r1,r2',
  ].map((path) => new Spectator(path))
  let shownCount = 0
  const check = (text: string, where: string): void => {
    for (const [value] of text.matchAll(/value-\d+/g)) {
      shownCount++
      expect(secrets.has(value), `${value} in ${where}`).toBe(false)
      const { at, delayMs } = writtenAt.get(value) ?? { at: 0, delayMs: 0 }
      expect(rig.clock.now() - at, `${value} in ${where}`).toBeGreaterThanOrEqual(delayMs)
    }
  }
  for (let step = 0; step < 120; step++) {
    const room = itemAt(rooms, random.int(0, 2))
    const who = now.get(room.id) ?? OPEN
    if (random.int(0, 5) === 0) {
      const next = {
        isPrivate: random.int(0, 1) === 0,
        delayMs: itemAt([0, 0, 300, 2_000], random.int(0, 3)),
      }
      if (who.isPrivate !== next.isPrivate || who.delayMs !== next.delayMs) {
        // Nothing private is left in the state that is shown from here on.
        if (who.isPrivate) room.patch({ v: 'open' })
        room.who(next)
        now.set(room.id, next)
      }
    } else {
      const value = `value-${values++}`
      const { delayMs, isPrivate } = now.get(room.id) ?? OPEN
      if (isPrivate) secrets.add(value)
      writtenAt.set(value, { at: rig.clock.now(), delayMs })
      if (random.int(0, 3) === 0) room.emit('note', { text: value })
      else room.patch({ v: value })
    }
    if (random.int(0, 9) === 0) room.snapshot()
    await rig.settle()
    const spectator = itemAt(spectators, random.int(0, spectators.length - 1))
    const action = random.int(0, 9)
    if (!spectator.reader?.exchange.isOpen) {
      const headers: Record<string, string> = spectator.lastEventId
        ? { 'last-event-id': spectator.lastEventId }
        : {}
      if (!spectator.lastEventId) spectator.rooms.clear()
      spectator.reader = await rig.open(spectator.path, headers)
      spectator.seen = 0
    } else if (action < 2) spectator.reader.exchange.abort()
    else if (action < 4) spectator.reader.exchange.openBody?.setFull(true)
    else spectator.reader.exchange.openBody?.setFull(false)
    if (random.int(0, 1) === 0) await rig.advance(random.int(1, 900))
    for (const each of spectators) take(each, check)
    if (random.int(0, 4) > 0) continue
    const name = itemAt(names, random.int(0, 2))
    const at = random.int(1, room.n)
    for (const path of ['events?limit=1000', `events?after=${at}`, 'state', `state?at=${at}`])
      check((await rig.open(`/rooms/${name}/${path}`)).text, `${name}/${path}`)
  }
  // In the end all is public, and everybody has the state of the rooms.
  for (const room of rooms) {
    const who = now.get(room.id) ?? OPEN
    if (who.isPrivate) room.patch({ v: 'open' })
    if (who.isPrivate || who.delayMs > 0) room.who(OPEN)
    room.patch({ end: 1 })
    await rig.settle()
  }
  await rig.advance(3_000)
  for (const spectator of spectators) {
    spectator.reader?.exchange.openBody?.setFull(false)
    if (!spectator.reader?.exchange.isOpen) {
      const headers: Record<string, string> = spectator.lastEventId
        ? { 'last-event-id': spectator.lastEventId }
        : {}
      if (!spectator.lastEventId) spectator.rooms.clear()
      spectator.reader = await rig.open(spectator.path, headers)
      spectator.seen = 0
    }
  }
  await rig.advance(3_000)
  for (const spectator of spectators) {
    take(spectator, check)
    // One that was private when the stream was opened is no part of it.
    const follows = (spectator.reader?.of('hello')[0]?.data.rooms ?? []) as string[]
    for (const room of rooms) {
      const kept = spectator.rooms.get(room.id)
      if (kept && (follows.includes('*') || follows.includes(room.id)))
        expect(kept.state, `${spectator.path} ${room.id}`).toEqual(room.state)
    }
  }
  return shownCount
}

function take(spectator: Spectator, check: (text: string, where: string) => void): void {
  const { reader, rooms, path } = spectator
  if (!reader || reader.exchange.status !== 200) return
  const { events } = reader
  for (; spectator.seen < events.length; spectator.seen++) {
    const { type, data } = itemAt(events, spectator.seen)
    check(JSON.stringify(data), `${type} of ${path}`)
    if (type === 'reset') rooms.clear()
    if (data.room === undefined || data.n === undefined) continue
    if (type === 'snapshot')
      rooms.set(data.room, { n: data.n, state: structuredClone(data.state) as never })
    else {
      const kept = rooms.get(data.room) ?? { n: 0, state: {} }
      // FE1: without a gap, but for what a snapshot stands for.
      expect([path, data.room, data.n]).toEqual([path, data.room, kept.n + 1])
      if (type === 'patch') Object.assign(kept.state, data.data)
      kept.n = data.n
      rooms.set(data.room, kept)
    }
  }
  spectator.lastEventId = reader.lastEventId || spectator.lastEventId
}

describe(`OB129 FE133 rooms that open and close at random (SEED=${SEED})`, () => {
  it('OB129 FE133 FE1 FE40 nobody is shown what was private, or too young, and everybody ends equal', async () => {
    for (let seed = SEED; seed < SEED + 6; seed++)
      expect(await run(seed), `SEED=${seed}`).toBeGreaterThan(20)
  }, 60_000)
})
