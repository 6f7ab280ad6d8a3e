import { command, defineGame, event, list, map, object, oneOf, schema } from '@ringside/protocol'
import type { StateOf } from '@ringside/protocol'
import { expect, expectTypeOf, it } from 'vitest'
import { connect, openFeed } from '../../../client/src/index.ts'
import { createServer } from '../../src/index.ts'
import { startTestServer } from '../../src/testing/index.ts'

const Card = schema({ suit: oneOf(1, 'clubs', 'hearts', 'spades') })
const game = defineGame({
  commands: {
    play: command(
      1,
      { suit: oneOf(1, 'clubs', 'hearts', 'spades') },
      { reply: { is: oneOf(1, 'no', 'yes') } },
    ),
  },
  rooms: {
    table: {
      state: schema({
        phase: oneOf(1, 'waiting', 'playing'),
        seats: map(2, schema({ suit: oneOf(1, 'clubs', 'hearts', 'spades') })),
        pile: list(3, Card),
        seen: list(4, oneOf('clubs', 'hearts', 'spades')),
        top: object(5, Card),
        secret: oneOf(6, ['odd', 'even'], { audience: 'nobody' }),
      }),
      events: { played: event({ suit: oneOf(1, 'clubs', 'hearts', 'spades') }) },
    },
  },
})

it('PR17: a oneOf is its name to the game, to players, to spectators and in JSON-RPC, also after a restart', async () => {
  expectTypeOf<StateOf<(typeof game)['rooms']['table']>['phase']>().toEqualTypeOf<
    'waiting' | 'playing'
  >()
  await using kit = await startTestServer(
    game,
    (options) => {
      const server = createServer(game, options)
      server.room('table', {
        emptyTimeoutMs: null,
        onCreate: () => ({
          phase: 'waiting',
          seats: {},
          pile: [],
          seen: [],
          top: { suit: 'hearts' },
          secret: 'even',
        }),
        onJoin(room, session) {
          room.state.seats[session.id] = { suit: 'clubs' }
        },
        commands: {
          play(room, session, { suit }) {
            const { state } = room
            expect(() => {
              state.phase = 'over' as never
            }).toThrow(/Expected .*one of waiting, playing/)
            expect(state.secret).toBe('even')
            state.phase = 'playing'
            state.top.suit = suit
            state.pile.push({ suit })
            state.seen.push(suit)
            const seat = state.seats[session.id]
            if (seat) seat.suit = suit
            room.emit('played', { suit })
            return { is: 'yes' }
          },
        },
      })
      return server
    },
    { seed: 4 },
  )
  const { options } = kit.link()
  const room = await kit.during(connect(game, kit.address, options).create('table'))
  const { fetch, timers, random } = options
  const played: string[] = []
  const feed = openFeed(
    game,
    { address: kit.address, room: room.id },
    {
      fetch,
      timers,
      random,
      onEvent: (message) => {
        if (message.type === 'game') played.push(message.data.data.suit)
      },
    },
  )
  await kit.until(() => feed.status === 'live')
  expect(room.state.top.suit).toBe('hearts')
  expect(await kit.during(room.request('play', { suit: 'spades' }))).toEqual({ is: 'yes' })
  expect(await kit.during(room.rpc('play', { suit: 'hearts' }))).toEqual({ is: 'yes' })
  expect(() => room.send('play', { suit: 'stars' as never })).toThrow(
    'play: suit: Expected one of clubs, hearts, spades, got "stars"',
  )
  await kit.advance(500)
  const shown = {
    phase: 'playing',
    seats: { [room.sessionId]: { suit: 'hearts' } },
    pile: [{ suit: 'spades' }, { suit: 'hearts' }],
    seen: ['spades', 'hearts'],
    top: { suit: 'hearts' },
  }
  expect(JSON.parse(JSON.stringify(room.state))).toEqual({ ...shown, secret: 'odd' })
  expect(await kit.stateOf(room.id)).toEqual(shown)
  expect(JSON.parse(JSON.stringify(feed.get()?.state))).toEqual(shown)
  expect(played).toEqual(['spades', 'hearts'])
  feed.close()
  await using again = await kit.restart()
  await again.until(() => room.status === 'reconnecting')
  await again.until(() => room.status === 'connected')
  expect(await again.during(room.request('play', { suit: 'clubs' }))).toEqual({ is: 'yes' })
  await again.advance(500)
  expect(await again.stateOf(room.id)).toMatchObject({ seen: ['spades', 'hearts', 'clubs'] })
})
