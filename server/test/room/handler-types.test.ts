import { command, defineGame, event, int, schema, str } from '@ringside/protocol'
import { describe, expectTypeOf, it } from 'vitest'
import { createServer } from '../../src/index.ts'

const game = defineGame({
  commands: {
    start: command(0x0100, {}),
    hit: command(0x0101, { target: str(1) }, { reply: { score: int(1) } }),
  },
  rooms: {
    arena: {
      state: schema({ round: int(1) }),
      events: { kill: event({ by: str(1) }), over: event({}) },
    },
  },
})

const onCreate = () => ({ round: 1 })

describe('the types of handlers', () => {
  it('PR15: the handler of a command without a reply returns nothing, now or later', () => {
    const server = createServer(game)
    server.command(game.commands.start, () => {})
    const later = createServer(game)
    later.command(game.commands.start, async () => {})
    // @ts-expect-error -- nobody gets it
    createServer(game).command(game.commands.start, () => ({ anything: 1 }))
    // @ts-expect-error -- nor this
    createServer(game).command(game.commands.start, () => 5)
    // @ts-expect-error -- nor later
    createServer(game).command(game.commands.start, async () => ({ anything: 1 }))
    createServer(game).room('arena', { onCreate, commands: { start: () => {} } })
    createServer(game).room('arena', { onCreate, commands: { start: async () => undefined } })
    createServer(game).room('arena', {
      onCreate,
      // @ts-expect-error -- it has no reply
      commands: { start: () => ({ anything: 1 }) },
    })
    createServer(game).room('arena', {
      onCreate,
      // @ts-expect-error -- it has no reply
      commands: { start: async () => ({ anything: 1 }) },
    })
  })

  it('PR15: the handler of a command with a reply returns that', () => {
    createServer(game).command(game.commands.hit, (_session, payload) => {
      expectTypeOf(payload).toEqualTypeOf<{ target: string }>()
      return { score: 1 }
    })
    // @ts-expect-error -- the reply is missing
    createServer(game).command(game.commands.hit, () => {})
    // @ts-expect-error -- it is of another type
    createServer(game).command(game.commands.hit, () => ({ score: 'one' }))
  })

  it('PR15: events have their names and data, to all and to one', () => {
    createServer(game).room('arena', {
      onCreate,
      onJoin(room, session) {
        room.emit('kill', { by: session.id })
        room.emit('kill', { by: '' }, { to: [session.id], atOnce: true })
        room.emit('over', {})
        session.emit('kill', { by: session.id })
        for (const other of room.sessions.values()) other.emit('over', {})
        const wrong = (): void => {
          // @ts-expect-error -- no such event
          session.emit('fall', {})
          // @ts-expect-error -- not its data
          session.emit('kill', { by: 1 })
          // @ts-expect-error -- it has no data
          session.emit('over', { by: 'x' })
          // @ts-expect-error -- not its data
          room.emit('kill', { whom: '' }, { to: [session.id] })
          // @ts-expect-error -- ids, not one id
          room.emit('kill', { by: '' }, { to: session.id })
        }
        void wrong
      },
    })
  })
})
