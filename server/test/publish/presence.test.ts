import { describe, expect, it } from 'vitest'
import { createParser } from 'eventsource-parser'
import type { MatchmakeAnswer } from '@ringside/protocol'
import type { MemoryExchange } from '../../src/transport/memory/http.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions, TestPlayer } from '../support/test-server.ts'
import type { ArenaHandlers } from '../support/test-game.ts'

const KEY = { 'x-api-key': 'a key for tests only' }
const FEED = '/feed?rooms=&topics=presence'

interface Told {
  readonly type: string
  readonly data: {
    readonly topic?: string
    readonly room?: string
    readonly data: {
      readonly room: string
      readonly name: string
      readonly sessionId: string
      readonly clients: number
      readonly joined?: number
    }
  }
}

const start = (options: TestOptions = {}, handlers: Partial<ArenaHandlers> = {}) =>
  TestServer.start({ presence: true, joinsPerSecondPerIp: 1e6, ...options }, handlers)

function open(test: TestServer, path: string, headers: Record<string, string> = KEY) {
  const exchange = test.transport.request({ path, headers })
  return { exchange, told: () => toldIn(exchange) }
}

/** What a feed has told of topics and rooms. */
function toldIn(exchange: MemoryExchange): Told[] {
  const told: Told[] = []
  createParser({
    onEvent: ({ event = '', data }) => void told.push({ type: event, data: JSON.parse(data) }),
  }).feed(exchange.text())
  return told
}

const presenceIn = (told: readonly Told[]): Told[] =>
  told.filter(({ data }) => data.topic?.startsWith('presence'))

const short = (told: readonly Told[]): unknown[] =>
  presenceIn(told).map(({ type, data: { data } }) => [type, data.name, data.clients])

async function back(test: TestServer, player: TestPlayer): Promise<void> {
  const token = player.all('joined')[0]?.reconnectToken
  const path = `/matchmake/reconnect/${player.seat.roomId}`
  const { body } = await test.http('POST', path, { token })
  const client = await test.dial()
  client.sendSystem('join', { ticket: (body as MatchmakeAnswer).ticket })
  await test.clock.advanceAsync(1)
}

describe('the topic presence', () => {
  it('PU10 tells in order who comes and goes, with how many are in, and of rooms', async () => {
    await using test = await start()
    const reader = open(test, FEED)
    await test.clock.advanceAsync(50, 5)
    const ada = await test.join('Ada')
    const bob = await test.join('Bob')
    await test.clock.advanceAsync(500, 20)
    ada.socket.close(3000, 'away')
    await test.clock.advanceAsync(2_000, 20)
    await back(test, ada)
    await test.clock.advanceAsync(2_000, 20)
    bob.sendSystem('leave', {})
    await test.clock.advanceAsync(500, 20)
    test.server.closeRoom(ada.seat.roomId)
    await test.clock.advanceAsync(500, 20)
    expect(short(reader.told())).toEqual([
      ['room.opened', undefined, 0],
      ['player.joined', 'Ada', 1],
      ['player.joined', 'Bob', 2],
      ['player.dropped', 'Ada', 2],
      ['player.reconnected', 'Ada', 2],
      ['player.left', 'Bob', 1],
      ['player.left', 'Ada', 0],
      ['room.ended', undefined, 0],
    ])
    const { roomId: room, sessionId } = ada.seat
    expect(presenceIn(reader.told())[1]).toMatchObject({
      type: 'player.joined',
      data: {
        topic: 'presence',
        messageId: expect.any(String),
        data: { room, type: 'arena', sessionId, name: 'Ada', clients: 1 },
      },
    })
  })

  it('PU10 is in the log after what it tells of, and is read again from the start', async () => {
    await using test = await start()
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(1_000, 20)
    const events = await test.kit.store.events.range({ after: 0, upTo: Infinity, limit: 1_000 })
    const seqOf = (type: string): number => events.find((event) => event.type === type)?.seq ?? 0
    expect(seqOf('joined')).toBeGreaterThan(0)
    expect(seqOf('player.joined')).toBeGreaterThan(seqOf('joined'))
    expect(seqOf('room.opened')).toBeGreaterThan(0)
    const late = open(test, `${FEED}&from=start`)
    await test.clock.advanceAsync(100, 5)
    expect(short(late.told())).toEqual([
      ['room.opened', undefined, 0],
      ['player.joined', 'Ada', 1],
    ])
    const byType = open(test, `${FEED}&from=start&types=player.*`)
    await test.clock.advanceAsync(100, 5)
    expect(short(byType.told())).toEqual([['player.joined', 'Ada', 1]])
    expect(ada.closed).toBe(null)
  })

  it('PU10 is off by default', async () => {
    await using test = await start({ presence: false })
    await test.join('Ada')
    await test.clock.advanceAsync(2_000, 20)
    const events = await test.kit.store.events.range({ after: 0, upTo: Infinity, limit: 1_000 })
    expect(events.filter(({ message }) => message !== undefined)).toEqual([])
  })

  it('PU10 somebody who is back at once has not dropped', async () => {
    await using test = await start()
    const reader = open(test, FEED)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(2_000, 20)
    ada.socket.close(3000, 'away')
    await test.clock.advanceAsync(300, 20)
    await back(test, ada)
    await test.clock.advanceAsync(3_000, 20)
    expect(short(reader.told()).slice(2)).toEqual([])
  })

  it('PU11 is read by its scope and admin, by nobody else, and by all where publicTopics says so', async () => {
    await using test = await start()
    const made = async (scopes: string[]): Promise<Record<string, string>> => {
      const exchange = test.transport.request({
        method: 'POST',
        path: '/admin/keys',
        headers: { ...KEY, 'content-type': 'application/json' },
        body: JSON.stringify({ scopes }),
      })
      await test.during(exchange.done)
      return { 'x-api-key': (exchange.json() as { key: string }).key }
    }
    const readers = [
      open(test, FEED, await made(['read:topic:presence'])),
      open(test, FEED),
      open(test, FEED, {}),
      open(test, FEED, await made(['read:topic:*', 'read:room:*'])),
      open(test, '/feed?rooms=&topics=*'),
    ]
    await test.join('Ada')
    await test.clock.advanceAsync(1_000, 20)
    expect(readers.map(({ told }) => presenceIn(told()).length)).toEqual([2, 2, 0, 0, 0])
    for (const topic of ['presence', 'presence.private', 'presence.x'])
      await expect(test.server.publish({ topic, type: 'x', data: 1 })).rejects.toMatchObject({
        code: 'forbidden',
      })
    await using all = await start({ publicTopics: ['public', 'presence'] })
    const anybody = open(all, '/feed?rooms=', {})
    await all.join('Ada')
    await all.clock.advanceAsync(1_000, 20)
    expect(presenceIn(anybody.told())).toHaveLength(2)
    for (const topic of ['presence.private', 'presence.*', 'audit'])
      expect(() => TestServer.make({ publicTopics: [topic] })).toThrow('publicTopics')
  })

  it('PU11 of a private room only presence.private tells, and of what was private then also later', async () => {
    let isShown = false
    await using test = await start(
      { publicTopics: ['public', 'presence'] },
      {
        onCreate: (room) => {
          room.setPrivate(true)
          return { players: {}, ticks: 0, dice: 0, note: '' }
        },
        onTick: (room) => {
          if (isShown) room.setPrivate(false)
        },
      },
    )
    const anybody = open(test, FEED, {})
    const operator = open(test, '/feed?rooms=&topics=presence,presence.private')
    const curious = open(test, '/feed?rooms=&topics=presence.private', {})
    const ada = await test.join('Ada', 'create/arena')
    await test.clock.advanceAsync(1_000, 20)
    isShown = true
    await test.clock.advanceAsync(200, 20)
    await test.join('Bob', `joinById/${ada.seat.roomId}`)
    await test.clock.advanceAsync(1_000, 20)
    expect(short(anybody.told())).toEqual([['player.joined', 'Bob', 2]])
    expect(presenceIn(operator.told()).map(({ type, data }) => [type, data.topic])).toEqual([
      ['room.opened', 'presence.private'],
      ['player.joined', 'presence.private'],
      ['player.joined', 'presence'],
    ])
    expect(presenceIn(curious.told())).toEqual([])
    const fromStart = open(test, `${FEED}&from=start`, {})
    await test.clock.advanceAsync(100, 5)
    expect(short(fromStart.told())).toEqual([['player.joined', 'Bob', 2]])
  })

  it.each([
    ['was private when it happened and is not when it is told', true],
    ['was made private before it is told', false],
  ])('PU11 a room that %s is told of in presence.private alone', async (_, isPrivateFirst) => {
    let isPrivate = isPrivateFirst
    await using test = await start(
      { publicTopics: ['public', 'presence'], retentionMs: 60_000 },
      {
        delayMs: 3_000,
        onCreate: (room) => {
          room.setPrivate(isPrivate)
          return { players: {}, ticks: 0, dice: 0, note: '' }
        },
        onTick: (room) => {
          room.setPrivate(isPrivate)
        },
      },
    )
    const anybody = open(test, FEED, {})
    const operator = open(test, '/feed?rooms=&topics=presence.private')
    await test.join('Ada', 'create/arena')
    await test.clock.advanceAsync(1_500, 20)
    isPrivate = !isPrivateFirst
    await test.clock.advanceAsync(5_000, 20)
    expect(presenceIn(anybody.told())).toEqual([])
    expect(short(operator.told())).toEqual([
      ['room.opened', undefined, 0],
      ['player.joined', 'Ada', 1],
    ])
  })

  it('PU10 of a room with a delay nothing is told before its feed tells it, drops neither', async () => {
    const delayMs = 5_000
    await using test = await start(
      { retentionMs: 60_000 },
      {
        delayMs,
        onDrop: (room) => void (room.state.note = 'dropped'),
      },
    )
    const ada = await test.join('Ada')
    const presence = open(test, FEED)
    const room = open(test, `/rooms/${ada.seat.roomId}/feed?from=start`)
    const firstAt = { joined: 0, presence: 0, note: 0, dropped: 0 }
    let left = 0
    const look = (): void => {
      const now = test.clock.now()
      const shown = room.told()
      const said = presenceIn(presence.told())
      if (shown.some(({ type }) => type === 'joined')) firstAt.joined ||= now
      if (JSON.stringify(shown).includes('"note":"dropped"')) firstAt.note ||= now
      if (said.some(({ type }) => type === 'player.joined')) firstAt.presence ||= now
      if (said.some(({ type }) => type === 'player.dropped')) firstAt.dropped ||= now
    }
    const beganAt = test.clock.now()
    for (let step = 0; step < 900; step++) {
      await test.clock.advanceAsync(10)
      if (step === 50) {
        left = test.clock.now()
        ada.socket.close(3000, 'away')
      }
      look()
    }
    expect(firstAt.joined).toBeGreaterThanOrEqual(beganAt + delayMs - 1_000)
    expect(firstAt.presence).toBeGreaterThanOrEqual(firstAt.joined)
    expect(firstAt.presence).toBeLessThan(firstAt.joined + 500)
    expect(firstAt.note).toBeGreaterThanOrEqual(left + delayMs)
    expect(firstAt.dropped).toBeGreaterThanOrEqual(firstAt.note)
    expect(firstAt.dropped).toBeLessThan(firstAt.note + 2_500)
  })

  it('PU10 a drop is not told before what it has changed, in a room that writes seldom', async () => {
    await using test = await start(
      {},
      { logHz: 0.2, onTick: () => {}, onDrop: (room) => void (room.state.note = 'dropped') },
    )
    const ada = await test.join('Ada')
    const presence = open(test, FEED)
    const room = open(test, `/rooms/${ada.seat.roomId}/feed`)
    await test.clock.advanceAsync(6_000, 20)
    ada.socket.close(3000, 'away')
    let isNoted = false
    for (let step = 0; step < 400; step++) {
      await test.clock.advanceAsync(20)
      isNoted ||= JSON.stringify(room.told()).includes('"note":"dropped"')
      if (short(presence.told()).some((told) => JSON.stringify(told).includes('dropped'))) break
    }
    expect(isNoted).toBe(true)
    expect(JSON.stringify(short(presence.told()))).toContain('player.dropped')
  })

  it('PU12 a join storm is told at a stated rate: the rest in sums, with the right count at the end', async () => {
    await using test = await start(
      {
        presencePerSecond: 10,
        maxUnclaimedPerIp: 1_000,
        connectionsPerSecondPerIp: 1e6,
        maxSilentPerIp: 1e6,
        maxBodiesPerIp: 1e6,
      },
      { maxClients: 200 },
    )
    const reader = open(test, FEED)
    const first = await test.join('First')
    const joining: Promise<TestPlayer>[] = []
    for (let count = 0; count < 99; count++)
      joining.push(test.join(`p${count}`, `joinById/${first.seat.roomId}`))
    const players = await Promise.all(joining)
    await test.clock.advanceAsync(500, 20)
    const early = presenceIn(reader.told())
    expect(early.length).toBeLessThanOrEqual(20)
    await test.clock.advanceAsync(4_000, 20)
    const told = presenceIn(reader.told())
    expect(told.length).toBeLessThanOrEqual(30)
    expect(told.at(-1)?.data.data.clients).toBe(100)
    const sums = told.filter(({ type }) => type === 'room.changed')
    const joined = sums.reduce((sum, { data }) => sum + (data.data.joined ?? 0), 0)
    const single = told.filter(({ type }) => type === 'player.joined').length
    expect(joined + single).toBe(100)
    expect(sums.length).toBeGreaterThan(0)
    players[0]?.sendSystem('leave', {})
    await test.clock.advanceAsync(1_000, 20)
    expect(short(reader.told()).at(-1)).toEqual(['player.left', 'p0', 99])
  })

  it('PU12 what waits for the delay of its room is bounded, and nothing of it is told early', async () => {
    const delayMs = 20_000
    await using test = await start(
      { retentionMs: 60_000, maxUnclaimedPerIp: 1_000, presencePerSecond: 1_000 },
      { maxClients: 10, delayMs, reconnectGraceMs: 0 },
    )
    const reader = open(test, FEED)
    const first = await test.join('First')
    for (let count = 0; count < 200; count++) {
      const player = await test.join(`p${count}`, `joinById/${first.seat.roomId}`)
      player.sendSystem('leave', {})
      await test.clock.advanceAsync(20, 5)
    }
    expect(presenceIn(reader.told())).toEqual([])
    const endAt = test.clock.now()
    while (test.clock.now() < endAt + delayMs - 500) {
      await test.clock.advanceAsync(500, 20)
      for (const { type } of presenceIn(reader.told())) expect(type).not.toBe('room.changed')
    }
    await test.clock.advanceAsync(2_000, 20)
    const told = presenceIn(reader.told())
    expect(told.length).toBeLessThanOrEqual(257)
    expect(told.at(-1)).toMatchObject({ type: 'room.changed', data: { data: { clients: 1 } } })
  })

  it('PU10 a restart tells of the room anew, and of who has left', async () => {
    const test = await start({}, { reconnectGraceMs: 1_000 })
    const { store, clock } = test.kit
    await test.join('Ada')
    await test.clock.advanceAsync(1_000, 20)
    await test[Symbol.asyncDispose]()
    await using next = await start({ store, clock, idPrefix: 'b' }, { reconnectGraceMs: 1_000 })
    const reader = open(next, `${FEED}&from=start`)
    await next.clock.advanceAsync(35_000, 100)
    expect(short(reader.told()).slice(2, 4)).toEqual([
      ['room.restored', undefined, 1],
      ['player.left', 'Ada', 0],
    ])
  })
})
