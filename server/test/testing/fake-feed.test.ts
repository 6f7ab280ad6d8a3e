import { expect, test } from 'vitest'
import { createFeedState, openFeed } from '@ringside/client'
import type { FeedOptions } from '@ringside/client'
import { FakeFeed, TestStream } from '../../src/testing/index.ts'
import { testGame } from '../support/test-game.ts'
import { startArena } from './kit.ts'

const FIRST = { players: {}, ticks: 0, dice: 3, note: '' }

/** A fake feed, and a reader of the SDK that follows it and writes down what it is told. */
async function followed(options: FeedOptions = {}) {
  const fake = new FakeFeed(testGame, 'arena', { state: FIRST })
  const state = createFeedState()
  const told: string[] = []
  const feed = openFeed(
    { address: fake.address, room: fake.room },
    {
      ...fake.options,
      state,
      onSnapshot: ({ n }) => told.push(`snapshot ${n}`),
      onPatch: ({ n }) => told.push(`patch ${n}`),
      onReset: ({ reason }) => told.push(`reset ${reason}`),
      onEvent: (event) => {
        if (event.type === 'game') told.push(`${event.name} ${JSON.stringify(event.data.data)}`)
        else if (event.type !== 'hello' && event.type !== 'caught-up') told.push(event.type)
      },
      onStatus: (status) => told.push(status),
      ...options,
    },
  )
  await fake.settle()
  return { fake, feed, state, told }
}

test('TK14 what happens in the room reaches the reader, typed by the contract', async () => {
  const { fake, feed, state, told } = await followed()
  fake.joined('s1', 'Ada')
  fake.patch((room) => {
    room.players['s1'] = { name: 'Ada', score: 2, mines: [{ x: 1 }] }
  })
  fake.emit('kill', { by: 's1', whom: 'x' })
  fake.patch()
  await fake.settle()
  expect(told).toEqual([
    'connecting',
    'catching-up',
    'snapshot 1',
    'live',
    'joined',
    'patch 3',
    'kill {"by":"s1","whom":"x"}',
  ])
  // Hidden fields are in no feed.
  expect(state.get()?.state).toEqual({ ...FIRST, players: { s1: { name: 'Ada', score: 2 } } })
  expect(feed.checkpoint).toBe(fake.lastId)
  expect(() => fake.emit('boom' as 'kill', { by: '', whom: '' })).toThrow('boom')
  expect(() => fake.patch((room) => (room.ticks = 'x' as never))).toThrow('ticks')
})

test('TK14 its events are those that a server sends for the same room', async () => {
  await using kit = await startArena({}, [], { tickHz: 0 })
  const ada = await kit.join('arena', { name: 'Ada' })
  ada.send('hit', { target: 'x' })
  await kit.advance(1_000)
  ada.send('finish', {})
  const real = await kit.follow(`/rooms/${ada.seat.roomId}/feed?from=start`)
  await kit.until(() => real.has('end'))

  const { dice } = (await kit.stateOf(ada.seat.roomId)) as { dice: number }
  const id = ada.seat.sessionId
  const fake = new FakeFeed(testGame, 'arena', { state: { ...FIRST, dice } })
  const stream = new TestStream()
  const { body } = await fake.options.fetch(`${fake.address}/rooms/${fake.room}/feed?from=start`)
  const reader = body?.getReader()
  fake.state.players[id] = { name: 'Ada', score: 0, mines: [] }
  fake.joined(id, 'Ada')
  fake.patch(({ players }) => {
    const player = players[id]
    if (player) player.score = 1
  })
  fake.emit('kill', { by: id, whom: 'x' })
  delete fake.state.players[id]
  fake.left(id, 'Ada')
  fake.end()
  for (let part = await reader?.read(); part?.value; part = await reader?.read())
    stream.take(part.value)

  const shape = ({ events }: TestStream) =>
    events
      .filter(({ type }) => type !== 'hello' && type !== 'caught-up')
      .map(({ type, data }) => ({ type, ...(data as object), room: '', at: 0 }))
  expect(shape(real).length).toBeGreaterThan(5)
  expect(shape(stream)).toEqual(shape(real))
})

test('TK15 a cut, and the reader goes on after its last event', async () => {
  const { fake, feed, told } = await followed()
  fake.patch((room) => (room.ticks = 1))
  await fake.settle()
  const { lastId } = fake
  fake.cut()
  fake.patch((room) => (room.ticks = 2))
  await fake.until(() => feed.status === 'live')
  expect(fake.request.headers.get('last-event-id')).toBe(lastId)
  expect(fake.requests.map(({ isOpen }) => isOpen)).toEqual([false, true])
  expect(told.slice(4)).toEqual(['patch 2', 'reconnecting', 'catching-up', 'patch 3', 'live'])
})

test('TK15 resets, gaps, refusals, a network that is down, going-away, and the end', async () => {
  const { fake, feed, told } = await followed()
  told.length = 0
  fake.reset('slow')
  await fake.settle()
  expect(told.splice(0)).toEqual(['reset slow', 'reset', 'snapshot 1', 'live'])
  fake.skip()
  fake.patch((room) => (room.ticks = 5))
  await fake.until(() => told.includes('live'))
  expect(told.splice(0)).toContain('reset gap')
  fake.refuse(503)
  fake.refuse(429, 'too_many_requests', { 'retry-after': '7' })
  fake.goingAway(500)
  fake.finish()
  const before = fake.requests.length
  await fake.until(() => told.includes('live'), { what: 'the end of refusals' })
  expect(fake.requests.length).toBe(before + 3)
  fake.setDown(true)
  fake.cut()
  await fake.advance(60_000)
  expect(feed.status).toBe('reconnecting')
  fake.setDown(false)
  await fake.until(() => feed.status === 'live')
  fake.end()
  await fake.settle()
  expect(feed.status).toBe('ended')
  const late = openFeed({ address: fake.address, room: fake.room }, { ...fake.options })
  await fake.until(() => late.status === 'ended')
})

test('TK15 where a stream begins: live, start, a position, some time ago', async () => {
  const fake = new FakeFeed(testGame, 'arena', { state: FIRST })
  for (let ticks = 1; ticks <= 3; ticks++) {
    await fake.advance(1_000)
    fake.patch((room) => (room.ticks = ticks))
  }
  const first = async (from: string) => {
    const text: string[] = []
    const target = { address: fake.address, room: fake.room }
    const feed = openFeed(target, {
      ...fake.options,
      from,
      onSnapshot: ({ n, state }) => {
        text.push(`snapshot ${n} ${(state as { ticks: number }).ticks}`)
      },
      onPatch: ({ n }) => text.push(`patch ${n}`),
    })
    await fake.until(() => feed.status === 'live')
    feed.close()
    return text
  }
  expect(await first('live')).toEqual(['snapshot 4 3'])
  expect(await first('start')).toEqual(['patch 1', 'patch 2', 'patch 3', 'patch 4'])
  expect(await first('2')).toEqual(['snapshot 2 1', 'patch 3', 'patch 4'])
  expect((await first('-2s'))[0]).toBe('snapshot 2 1')
})

test('TK15 after a position come the events behind it and nothing else', async () => {
  const fake = new FakeFeed(testGame, 'arena', { state: FIRST })
  const ids: string[] = []
  for (let ticks = 1; ticks <= 3; ticks++) {
    fake.patch((room) => (room.ticks = ticks))
    ids.push(fake.lastId)
  }
  const response = await fake.options.fetch(`${fake.address}/rooms/${fake.room}/feed`, {
    headers: { 'last-event-id': ids[0] ?? '' },
  })
  const stream = new TestStream()
  fake.finish()
  stream.take(new Uint8Array(await response.arrayBuffer()))
  expect(stream.events.map(({ type, id }) => `${type} ${id}`)).toEqual([
    'hello ',
    `patch ${ids[1]}`,
    `patch ${ids[2]}`,
    `caught-up ${ids[2]}`,
  ])
})

test('TK15 malformed text, heartbeats, and other paths', async () => {
  const { fake, feed, told } = await followed()
  await fake.advance(30_000)
  fake.heartbeat()
  await fake.advance(30_000)
  expect(told).not.toContain('reconnecting')
  fake.write('event: patch\ndata: {\n\n')
  await fake.settle()
  expect(feed.status).toBe('reconnecting')
  fake.answer('/rooms', { rooms: [] })
  const { fetch } = fake.options
  expect(await (await fetch(`${fake.address}/rooms`)).json()).toEqual({ rooms: [] })
  expect((await fetch('/nowhere')).status).toBe(404)
  feed.close()
  await fake.settle()
  expect(fake.requests.at(-1)?.isOpen).toBe(false)
})

test('TK18 more rooms: a stream shows those it asks for, in the order of one log, with snapshots first', async () => {
  const fake = new FakeFeed(testGame, 'arena', { state: FIRST })
  const quiet = fake.addRoom('quiet', { room: 'quiet-1', state: { players: {} } })
  const follow = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fake.options.fetch(`${fake.address}${path}`, { headers })
    const stream = new TestStream()
    const reader = response.body?.getReader()
    const pump = async (): Promise<void> => {
      for (let part = await reader?.read(); part?.value; part = await reader?.read())
        stream.take(part.value)
      stream.isOver = true
    }
    void pump()
    await fake.settle()
    return { stream, status: response.status }
  }
  const brief = ({ events }: TestStream): string[] =>
    events.map(({ type, data }) => {
      const { room, n } = data as { room?: string; n?: number }
      return room === undefined ? type : `${type} ${room} ${n}`
    })
  const { stream: all } = await follow('/feed')
  const { stream: both } = await follow('/feed?rooms=quiet-1,room-1')
  const { stream: one } = await follow('/rooms/quiet-1/feed')
  quiet.joined('s1', 'Ada')
  fake.patch((room) => (room.ticks = 1))
  fake.addRoom('quiet', { room: 'late', state: { players: {} } })
  quiet.end()
  await fake.settle()
  const began = ['hello', 'snapshot room-1 1', 'snapshot quiet-1 1', 'caught-up']
  const then = ['joined quiet-1 2', 'patch room-1 2', 'patch late 1', 'end quiet-1 3']
  expect(brief(all)).toEqual([...began, ...then])
  expect(brief(both)).toEqual([...began, ...then.filter((text) => !text.includes('late'))])
  expect(brief(one)).toEqual([
    'hello',
    'snapshot quiet-1 1',
    'caught-up',
    'joined quiet-1 2',
    'end quiet-1 3',
  ])
  expect([all.isOver, both.isOver, one.isOver]).toEqual([false, false, true])
  // One log: a position is of all rooms.
  const ids = all.events.map(({ id }) => id).filter((id) => id)
  expect(new Set(ids).size).toBe(5)
  const { stream: later } = await follow('/feed', { 'last-event-id': ids[2] ?? '' })
  expect(brief(later)).toEqual(['hello', 'patch late 1', 'caught-up'])
  expect((await follow('/rooms/nobody/feed')).status).toBe(404)
  expect((await follow('/feed?rooms=room-1,nobody')).status).toBe(404)
  expect((await follow('/feed?rooms=../x')).status).toBe(400)
  expect((await follow('/rooms/quiet-1/feed', { 'last-event-id': quiet.lastId })).status).toBe(204)
})

test('TK18 a filter shows its types and moves the position past the others, as the server does', async () => {
  const { fake, feed, told } = await followed({ types: ['kill', 'jo*'] })
  told.length = 0
  fake.joined('s1', 'Ada')
  fake.patch((room) => (room.ticks = 1))
  fake.emit('kill', { by: 's1', whom: 'x' })
  fake.left('s1', 'Ada')
  await fake.settle()
  expect(told).toEqual(['joined', 'kill {"by":"s1","whom":"x"}'])
  expect(feed.checkpoint).toBe(fake.lastId)
  const { fetch } = fake.options
  expect((await fetch(`${fake.address}/feed?types=${'x'.repeat(65)}`)).status).toBe(400)
})

test('TK15 a position that the log never had is answered with reset and snapshots', async () => {
  const { fake, told } = await followed()
  const stream = new TestStream()
  const response = await fake.options.fetch(`${fake.address}/rooms/room-1/feed`, {
    headers: { 'last-event-id': '7-abc' },
  })
  fake.finish()
  stream.take(new Uint8Array(await response.arrayBuffer()))
  expect(stream.events.map(({ type }) => type)).toEqual(['hello', 'reset', 'snapshot', 'caught-up'])
  expect(stream.all('reset')).toEqual([
    { reason: 'unknown-checkpoint', room: 'room-1', from: 7, to: 1 },
  ])
  expect(told).toContain('live')
})

test('TK15 FE117 a room that is over and has left the log: the reader is told so, fresh, resumed and on return', async () => {
  const fake = new FakeFeed(testGame, 'arena', { state: FIRST })
  const quiet = fake.addRoom('quiet', { room: 'quiet-1', state: { players: {} } })
  expect(() => fake.expire()).toThrow('to have ended')
  const { lastId } = fake
  const read = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fake.options.fetch(fake.address + path, { headers })
    const stream = new TestStream()
    if (response.status === 200)
      void response.body?.pipeTo(new WritableStream({ write: (bytes) => stream.take(bytes) }))
    await fake.settle()
    return { status: response.status, types: stream.events.map(({ type }) => type), stream }
  }
  fake.end()
  expect((await read('/rooms/room-1/feed')).types).toEqual([
    'hello',
    'snapshot',
    'caught-up',
    'end',
  ])
  fake.expire()
  const told: string[] = []
  const feed = openFeed(
    { address: fake.address, room: fake.room },
    { ...fake.options, onStatus: (status) => told.push(status) },
  )
  await fake.until(() => feed.status === 'ended')
  expect(told).toEqual(['connecting', 'catching-up', 'ended'])
  expect((await read('/rooms/room-1/feed')).types).toEqual(['hello', 'end'])
  const resumed = await read('/rooms/room-1/feed', { 'last-event-id': lastId })
  expect(resumed.types).toEqual(['hello', 'reset', 'end'])
  const id = resumed.stream.events.at(-1)?.id ?? ''
  expect((await read('/rooms/room-1/feed', { 'last-event-id': id })).status).toBe(204)
  const many = await read('/feed?rooms=room-1,quiet-1')
  expect(many.types).toEqual(['hello', 'end', 'snapshot', 'caught-up'])
  quiet.end()
})
