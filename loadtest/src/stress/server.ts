import { createServer } from '@ringside/server'
import type { Server } from '@ringside/server'
import { loadGame } from './game.ts'

/** Players of one room of the load. */
export const ROOM_PLAYERS = 50

/** Limits by address and by client, for a load that comes from one machine. All others are the defaults. */
const RAISED = {
  maxConnections: 40_000,
  maxConnectionsPerIp: 40_000,
  connectionsPerSecondPerIp: 1e6,
  joinsPerSecondPerIp: 1e6,
  maxUnclaimedPerIp: 40_000,
  maxSilentPerIp: 40_000,
  maxBodiesPerIp: 40_000,
  maxBodies: 40_000,
  firstMessageMs: 60_000,
  maxRoomsPerIp: 10_000,
  maxRooms: 10_000,
  ratePerSecond: 1e6,
  rateBurst: 1e6,
  ticketTtlMs: 60_000,
} as const

/** The server that `npm run stress` loads: rooms of 50, the log in memory. */
export function createLoadServer(): Server<typeof loadGame> {
  const server = createServer(loadGame, { ...RAISED, isDevelopment: true })
  server.room('load', {
    maxClients: ROOM_PLAYERS,
    tickHz: 0,
    onCreate: () => ({ players: {}, said: 0 }),
    onJoin(room, session) {
      room.state.players[session.id] = { name: session.name }
    },
    onLeave(room, session) {
      delete room.state.players[session.id]
    },
    commands: {
      echo: (_room, _session, { n }) => ({ n }),
      say(room, session, { at, text }) {
        room.emit('said', { by: session.id, at, text })
        return { n: ++room.state.said }
      },
    },
  })
  return server
}
