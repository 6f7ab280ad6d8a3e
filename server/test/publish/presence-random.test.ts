import { createParser } from 'eventsource-parser'
import type { MatchmakeAnswer } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/process/random.ts'
import type { MemoryExchange } from '../../src/transport/memory/http.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestPlayer } from '../support/test-server.ts'

/** Repeat one by PRESENCE_SEED=<seed>. */
const GIVEN = process.env['PRESENCE_SEED']
const SEEDS = GIVEN === undefined ? Array.from({ length: 12 }, (_, seed) => seed) : [Number(GIVEN)]
const STEPS = 120
const KEY = { 'x-api-key': 'a key for tests only' }

interface Told {
  readonly type: string
  readonly data: {
    readonly topic?: string
    readonly data: { readonly sessionId: string; readonly name: string; readonly clients: number }
  }
}

function toldIn(exchange: MemoryExchange): Told[] {
  const told: Told[] = []
  createParser({
    onEvent: ({ event = '', data }) => void told.push({ type: event, data: JSON.parse(data) }),
  }).feed(exchange.text())
  return told
}

/** What the presence of a session may be after what. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  '': ['joined'],
  joined: ['dropped', 'left'],
  dropped: ['reconnected', 'left'],
  reconnected: ['dropped', 'left'],
  left: [],
}

describe('PU10 PU11 under random comings and goings', () => {
  it.each(SEEDS)('PU10 PU11 seed %i', async (seed) => {
    const random = createRandom(`presence ${seed}`)
    const pick = (among: readonly number[]): number => among[random.int(0, among.length - 1)] ?? 0
    const delayMs = pick([0, 0, 1_500, 4_000])
    let isPrivate = random.next() < 0.2
    await using test = await TestServer.start(
      {
        presence: true,
        publicTopics: ['public', 'presence'],
        presencePerSecond: 1e6,
        retentionMs: 600_000,
        joinsPerSecondPerIp: 1e6,
        connectionsPerSecondPerIp: 1e6,
        maxUnclaimedPerIp: 1_000,
        readsPerSecondPerIp: 1e6,
      },
      {
        delayMs,
        maxClients: 30,
        reconnectGraceMs: 2_500,
        onCreate: (room) => {
          room.setPrivate(isPrivate)
          return { players: {}, ticks: 0, dice: 0, note: '' }
        },
        onTick: (room) => {
          room.setPrivate(isPrivate)
        },
      },
    )
    const first = await test.join('First', 'create/arena')
    const { roomId } = first.seat
    const open = (path: string, headers: Record<string, string> = KEY): MemoryExchange =>
      test.transport.request({ path, headers })
    const all = open('/feed?rooms=&topics=presence,presence.private&from=start')
    const anybody = open('/feed?rooms=&topics=presence&from=start', {})
    const room = open(`/rooms/${roomId}/feed?from=start`)
    const here: TestPlayer[] = []
    const away: TestPlayer[] = []
    /** Joined while the room was private, or gone so: nobody without the scope may hear of it. */
    const hidden = new Set<string>()

    const act = async (): Promise<void> => {
      const dice = random.next()
      if (dice < 0.35 && here.length + away.length < 25) {
        const player = await test.join(`p${here.length}`, `joinById/${roomId}`)
        if (isPrivate) hidden.add(player.seat.sessionId)
        here.push(player)
      } else if (dice < 0.5 && here.length > 0) {
        const [player] = here.splice(random.int(0, here.length - 1), 1)
        player?.sendSystem('leave', {})
      } else if (dice < 0.65 && here.length > 0) {
        const [player] = here.splice(random.int(0, here.length - 1), 1)
        player?.socket.close(3000, 'away')
        if (player) away.push(player)
      } else if (dice < 0.75 && away.length > 0) {
        const [player] = away.splice(random.int(0, away.length - 1), 1) as [TestPlayer]
        const token = player.all('joined').at(-1)?.reconnectToken
        const path = `/matchmake/reconnect/${roomId}`
        const { status, body } = await test.http('POST', path, { token })
        if (status !== 200) return
        const client = await test.dial()
        client.sendSystem('join', { ticket: (body as MatchmakeAnswer).ticket })
        here.push(Object.assign(client, { seat: player.seat }))
      } else if (dice < 0.8) {
        isPrivate = !isPrivate
        await test.clock.advanceAsync(100, 10)
      }
    }

    const check = (): void => {
      const shown = toldIn(room)
      const said = toldIn(all).filter(({ data }) => data.topic !== undefined)
      for (const type of ['joined', 'left']) {
        const inRoom = new Set(
          shown.filter((each) => each.type === type).map(({ data }) => data.data.sessionId),
        )
        for (const each of said)
          if (each.type === `player.${type}`)
            expect([type, each.data.data.name, inRoom.has(each.data.data.sessionId)]).toEqual([
              type,
              each.data.data.name,
              true,
            ])
      }
      for (const { type, data } of toldIn(anybody))
        if (type === 'player.joined') expect(hidden.has(data.data.sessionId)).toBe(false)
    }

    for (let step = 0; step < STEPS; step++) {
      await act()
      await test.clock.advanceAsync(pick([5, 20, 100, 400]), 10)
      if (step % 5 === 0) check()
    }
    await test.clock.advanceAsync(delayMs + 6_000, 25)
    check()
    const said = toldIn(all).filter(({ type }) => type.startsWith('player.'))
    const state = new Map<string, string>()
    for (const { type, data } of said) {
      const { sessionId, name } = data.data
      const kind = type.replace('player.', '')
      const before = state.get(sessionId) ?? ''
      expect([name, before, NEXT[before]?.includes(kind)]).toEqual([name, before, true])
      state.set(sessionId, kind)
    }
    const live = [...state.values()].filter((kind) => kind !== 'left').length
    expect(said.at(-1)?.data.data.clients).toBe(live)
    expect(live).toBe(here.length + 1)
  })
})
