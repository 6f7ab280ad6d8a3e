import {
  defineGame,
  event,
  f32,
  int,
  list,
  map,
  object,
  quant,
  schema,
  str,
} from '@ringside/protocol'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createServer } from '../../server/src/index.ts'
import { startTestServer } from '../../server/src/testing/index.ts'
import { openFeed } from '../src/index.ts'
import type { SpectatorStateOf } from '../src/index.ts'

const Player = schema({
  name: str(1),
  x: quant(2, { step: 0.25 }),
  hand: list(3, str(), { audience: 'owner' }),
  tags: list(4, str()),
})
const game = defineGame({
  rooms: {
    arena: {
      state: schema({
        players: map(1, Player),
        wind: f32(2),
        deck: list(3, int(), { audience: 'nobody' }),
        home: object(
          4,
          schema({ y: quant(1, { step: 0.5 }), key: str(2, { audience: 'nobody' }) }),
        ),
      }),
      events: { hit: event({ at: quant(1, { step: 0.1 }), force: f32(2) }), over: event({}) },
    },
    lobby: { state: schema({ open: int(1) }) },
  },
})
type Arena = SpectatorStateOf<typeof game, 'arena'>

async function started() {
  const kit = await startTestServer(
    game,
    (options) => {
      const server = createServer(game, options)
      server.room('arena', {
        onCreate: () => ({ players: {}, wind: 0.1, deck: [1, 2], home: { y: 1.5, key: 'k' } }),
        onJoin(room, session) {
          room.state.players[session.id] = { name: session.name, x: 1.25, hand: ['ace'], tags: [] }
          room.emit('hit', { at: 0.3, force: 0.2 })
        },
      })
      return server
    },
    { seed: 5 },
  )
  const { fetch, timers, random } = kit.link().options
  return { kit, network: { fetch, timers, random } }
}

describe('a feed that is read by its contract', () => {
  it('CN73: states and events have the values that players see, and nothing hidden', async () => {
    const { kit, network } = await started()
    await using _ = kit
    const room = await kit.server.createRoom('arena')
    const states: Arena[] = []
    const events: unknown[] = []
    const feed = openFeed(
      game,
      { address: kit.address, room },
      {
        ...network,
        type: 'arena',
        from: 'start',
        onState: (state, id) => {
          expect(id).toBe(room)
          states.push(state)
        },
        onEvent: (message) => {
          if (message.type === 'game') events.push([message.name, message.data.data])
        },
      },
    )
    await kit.until(() => feed.status === 'live')
    const ada = await kit.joinById(room, { name: 'Ada' })
    await kit.until(() => events.length > 0 && Object.keys(states.at(-1)?.players ?? {}).length > 0)
    expect(JSON.parse(JSON.stringify(states.at(-1)))).toEqual({
      players: { [ada.seat.sessionId]: { name: 'Ada', x: 1.25, tags: [] } },
      wind: Math.fround(0.1),
      home: { y: 1.5 },
    })
    expect(events).toEqual([['hit', { at: 0.3, force: Math.fround(0.2) }]])
    expect(feed.get()?.state).toEqual(states.at(-1))
    expect(feed.get(room)?.hasEnded).toBe(false)
    expect(feed.get('another')).toBeNull()
    feed.close()
  })

  it('CN73: which rooms of the contract they are must be clear', () => {
    const target = { address: 'http://host:1', room: 'r' }
    expect(() => openFeed(game, target)).toThrow(/Expected a type of arena, lobby/)
    expect(() => openFeed(game, target, { type: 'toString' as never })).toThrow(TypeError)
    const only = defineGame({ rooms: { lobby: { state: schema({ open: int(1) }) } } })
    openFeed(only, target).close()
  })

  it('CN73: hidden fields are not in the type, and what is there is readonly', () => {
    expectTypeOf<keyof Arena>().toEqualTypeOf<'players' | 'wind' | 'home'>()
    expectTypeOf<keyof Arena['players'][string]>().toEqualTypeOf<'name' | 'x' | 'tags'>()
    expectTypeOf<Arena['home']>().toEqualTypeOf<{ readonly y: number }>()
    expectTypeOf<Arena['players'][string]['tags']>().toEqualTypeOf<readonly string[]>()
    const look = (): void => {
      openFeed(game, 'http://host:1/feed', {
        type: 'arena',
        onState(state) {
          // @ts-expect-error -- it is hidden
          void state.deck
          // @ts-expect-error -- it is the server's
          state.wind = 1
        },
        onEvent(message) {
          if (message.type !== 'game') return
          expectTypeOf(message.name).toEqualTypeOf<'hit' | 'over'>()
          if (message.name === 'hit') expectTypeOf(message.data.data.at).toEqualTypeOf<number>()
        },
      })
    }
    void look
  })
})
