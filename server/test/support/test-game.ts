import {
  command,
  defineGame,
  event,
  int,
  list,
  map,
  num,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import { reject } from '../../src/index.ts'
import type { RoomHandlersOf } from '../../src/index.ts'

const Mine = schema({ x: num(1) })
const Player = schema({
  name: str(1),
  score: int(2),
  mines: list(3, Mine, { audience: 'owner' }),
})

const Scout = schema({
  name: str(1),
  plan: str(2, { audience: 'team' }),
  finds: map(3, schema({ what: str(1) }), { audience: 'team' }),
})

/** A small game that uses every part of a room. */
export const testGame = defineGame({
  commands: {
    hit: command(0x0100, { target: str(1) }, { reply: { score: int(1) } }),
    mine: command(0x0101, { x: num(1) }),
    refuse: command(0x0102, {}),
    fail: command(0x0103, {}),
    later: command(0x0104, { value: int(1) }, { reply: { value: int(1) } }),
    finish: command(0x0105, {}),
    free: command(0x0106, { text: str(1, { max: 10 }) }, { reply: { text: str(1) } }),
  },
  rooms: {
    arena: {
      state: schema({ players: map(1, Player), ticks: uint(2), dice: uint(3), note: str(4) }),
      events: { kill: event({ by: str(1), whom: str(2) }) },
    },
    quiet: { state: schema({ players: map(1, Player) }) },
    camp: { state: schema({ scouts: map(1, Scout), ticks: uint(2) }) },
  },
})

export type ArenaHandlers = RoomHandlersOf<typeof testGame, 'arena'>

/** What the hooks of {@link arenaHandlers} were called with, in order. */
export type HookLog = string[]

export function arenaHandlers(
  log: HookLog = [],
  changes: Partial<ArenaHandlers> = {},
): ArenaHandlers {
  return {
    maxClients: 4,
    onCreate(room, options) {
      log.push(`create ${JSON.stringify(options)}`)
      return { players: {}, ticks: 0, dice: room.random.int(1, 6), note: '' }
    },
    onJoin(room, session) {
      log.push(`join ${session.name}`)
      room.state.players[session.id] = { name: session.name, score: 0, mines: [] }
    },
    onDrop: (_room, session) => void log.push(`drop ${session.name}`),
    onReconnect: (_room, session) => void log.push(`reconnect ${session.name}`),
    onLeave(room, session, reason) {
      log.push(`leave ${session.name} ${reason}`)
      delete room.state.players[session.id]
    },
    onTick(room) {
      room.state.ticks++
      room.state.dice = room.random.int(1, 6)
    },
    onDispose: () => void log.push('dispose'),
    onDrain: (room) => {
      log.push('drain')
      room.state.note = 'drained'
    },
    commands: {
      hit(room, session, { target }) {
        room.emit('kill', { by: session.id, whom: target })
        const player = room.state.players[session.id]
        if (!player) throw reject('not_playing')
        return { score: ++player.score }
      },
      mine(room, session, { x }) {
        room.state.players[session.id]?.mines.push({ x })
      },
      refuse() {
        throw reject('too_far', 'Too far away')
      },
      fail() {
        throw new Error('secret detail')
      },
      async later(_room, _session, { value }) {
        await Promise.resolve()
        return { value: value + 1 }
      },
      finish(room) {
        room.end()
      },
    },
    ...changes,
  }
}
