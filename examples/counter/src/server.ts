import { createServer, reject } from '@ringside/server'
import type { Server, ServerOptions } from '@ringside/server'
import { game } from './game.ts'

/** A counter that everybody in the room adds to. */
export function createCounter(options: ServerOptions = {}): Server<typeof game> {
  const server = createServer(game, options)
  // A raw command needs no room: bytes in, bytes to everybody.
  server.command(0x0001, (session, bytes) => session.broadcast(0x0001, bytes))
  // A method of JSON-RPC needs neither: sockets reach it, and so does POST /rpc.
  server.rpc('counters', () => server.rooms.map(({ id, clients }) => ({ id, clients })))
  server.room('counter', {
    maxClients: 100,
    tickHz: 0,
    onCreate: () => ({ players: {}, total: 0 }),
    onJoin(room, session) {
      room.state.players[session.id] = { name: session.name, added: 0 }
    },
    onLeave(room, session) {
      delete room.state.players[session.id]
    },
    commands: {
      add(room, session, { by }) {
        if (by < 1 || by > 10) throw reject('too_much', 'Expected 1 to 10')
        const { state } = room
        const player = state.players[session.id]
        if (player) player.added += by
        state.total += by
        if (state.total % 10 < by) room.emit('round', { by: session.name, total: state.total })
        return { total: state.total }
      },
    },
  })
  return server
}
