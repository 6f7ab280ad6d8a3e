import { command, defineGame, event, int, map, schema, str } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../src/index.ts'
import type { TestServerSettings } from '../../src/testing/index.ts'
import { startTestServer } from '../../src/testing/index.ts'

const game = defineGame({
  commands: { deal: command(0x0100, { to: str(1), card: str(2) }) },
  rooms: {
    table: {
      state: schema({ players: map(1, schema({ cards: int(1) })) }),
      events: { card: event({ name: str(1) }), turn: event({ of: str(1) }) },
    },
  },
})

function make(options: TestServerSettings) {
  const server = createServer(game, options)
  server.room('table', {
    onCreate: () => ({ players: {} }),
    onJoin(room, session) {
      room.state.players[session.id] = { cards: 0 }
      session.emit('card', { name: 'welcome' })
    },
    commands: {
      deal(room, session, { to, card }) {
        const player = room.state.players[to]
        if (player) player.cards++
        room.emit('card', { name: card }, { to: [to] })
        session.emit('turn', { of: 'you' }, { atOnce: true })
        room.emit('turn', { of: 'all' })
      },
    },
  })
  return server
}

describe('events for one player', () => {
  it('SE44: only the players named get it, after the patch of its turn, and the log has it not', async () => {
    await using kit = await startTestServer(game, make, { seed: 1 })
    const [ada, bob] = [await kit.join('table'), await kit.join('table')]
    await kit.advance(200)
    const before = bob.frames.length
    ada.send('deal', { to: bob.seat.sessionId, card: 'ace' })
    await kit.advance(200)
    expect(bob.events('card')).toEqual([{ name: 'welcome' }, { name: 'ace' }])
    expect(ada.events('card')).toEqual([{ name: 'welcome' }])
    expect(ada.events('turn')).toEqual([{ of: 'you' }, { of: 'all' }])
    expect(bob.frames.slice(before).map(({ name }) => name)).toEqual(['patch', 'event', 'event'])
    const log = await kit.eventsOf(ada.seat.roomId)
    expect(log.map(({ type }) => type)).toContain('turn')
    expect(JSON.stringify(log)).not.toContain('ace')
    expect(log.map(({ type }) => type)).not.toContain('card')
  })

  it('SE44: what is sent from onJoin comes after JOINED and the state', async () => {
    await using kit = await startTestServer(game, make, { seed: 1 })
    const ada = await kit.join('table')
    await kit.advance(200)
    expect(ada.events('card')).toEqual([{ name: 'welcome' }])
    const names = ada.frames.map(({ name }) => name)
    expect(names.indexOf('event')).toBeGreaterThan(names.indexOf('state'))
  })
})
