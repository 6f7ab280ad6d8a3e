import type { Json } from '@ringside/protocol'
import { reject } from '@ringside/server'
import type { RoomHandlersOf } from '@ringside/server'
import { MAX_HEALTH, MAX_PLAYERS, TICK_HZ } from '../shared/constants.ts'
import type { game } from '../shared/game.ts'
import { freeName, rename, say } from './chat.ts'
import { flyShots, respawnDead, spawn } from './combat.ts'
import { applyInputs, queueInput } from './inputs.ts'
import { addFighter, createMatch, wholeMs } from './match.ts'
import type { ArenaRoom, Fighter, Match, NewArenaRoom, PlayerState } from './match.ts'
import { checkMines, clearMines } from './mines.ts'
import { checkPacks, createPacks } from './packs.ts'
import { putOff } from './put-off.ts'
import { makeTitle, member, parseRoomOptions } from './room-options.ts'
import type { ArenaOptions } from './room-options.ts'
import { checkRound, leader } from './rounds.ts'

export interface ArenaRoomOptions {
  /** Joins that carry it as `botKey` in their options are shown as bots. Without it nobody is. */
  readonly botKey?: string
  /**
   * A room goes on after a restart, with these bots' seats: whoever drives bots takes them again within the
   * room's grace. Default: they are taken out, for nobody comes back for them.
   */
  readonly onBotsLeft?: (roomId: string, seats: readonly BotSeat[]) => void
  /** Spectators see everything this much later, in ms, 0-3,600,000. Default 0. */
  readonly delayMs?: number
}

/** A bot's seat that nobody drives. */
export interface BotSeat {
  readonly sessionId: string
  readonly name: string
  /** Sequence of the newest input that the room took from it: only higher ones count. */
  readonly lastInput: number
}

/** The lobby hears of a changed leader at most this often, in ms. */
const METADATA_MS = 1_000

/** Hooks and commands of the arena's rooms. One result serves one server. */
export function arenaRoom({
  botKey,
  delayMs = 0,
  onBotsLeft,
}: ArenaRoomOptions = {}): RoomHandlersOf<typeof game, 'arena'> {
  // Matches stand here by room id, from onCreate or onRestore to onDispose.
  const created = new Map<string, ArenaOptions>()
  const matches = new Map<string, Match>()

  function matchOf(room: ArenaRoom): Match {
    const known = matches.get(room.id)
    if (known) return known
    const options = created.get(room.id) ?? optionsOf(room)
    const match = createMatch(room, options)
    matches.set(room.id, match)
    return match
  }

  function fighterOf(match: Match, sessionId: string): Fighter {
    const fighter = match.fighters.get(sessionId)
    if (!fighter) throw reject('not_playing', 'The player is not in the match')
    return fighter
  }

  return {
    maxClients: MAX_PLAYERS,
    tickHz: TICK_HZ,
    patchHz: 20,
    logHz: 10,
    delayMs,

    onCreate(room, given) {
      const asked = parseRoomOptions(given)
      const title = asked.title ?? makeTitle((count) => room.random.int(0, count - 1))
      const options = { ...asked, title }
      created.set(room.id, options)
      room.setMetadata({ title })
      return firstState(room, options)
    },

    onAuth(_room, request) {
      return { isBot: botKey !== undefined && member(request.options, 'botKey') === botKey }
    },

    onJoin(room, session) {
      const match = matchOf(room)
      const name = freeName(match, session.name, session.id)
      room.state.players[session.id] = newPlayer(name, freeColor(match), isBot(session.auth))
      const player = room.state.players[session.id]
      if (player) spawn(match, addFighter(match, session.id, player))
      tellLobby(match)
    },

    onDrop(room, session) {
      const fighter = matchOf(room).fighters.get(session.id)
      if (!fighter) return
      fighter.player.isConnected = false
      fighter.inputs.length = 0
    },

    onReconnect(room, session) {
      const fighter = matchOf(room).fighters.get(session.id)
      if (fighter) fighter.player.isConnected = true
    },

    onLeave(room, session) {
      const match = matchOf(room)
      clearMines(match, session.id)
      match.fighters.delete(session.id)
      delete room.state.players[session.id]
      tellLobby(match)
    },

    onTick(room) {
      const match = matchOf(room)
      applyInputs(match)
      flyShots(match)
      checkMines(match)
      checkPacks(match)
      respawnDead(match)
      checkRound(match)
      if (room.now - match.toldAt >= METADATA_MS) tellLobby(match)
    },

    onResume(room, pausedMs) {
      const match = matchOf(room)
      putOff(match, pausedMs)
      tellLobby(match)
    },

    onRestore(room) {
      // The bots' connections ended with the process that ran them.
      const seats: BotSeat[] = []
      for (const session of room.sessions.values()) {
        const { id, name } = session
        const player = room.state.players[id]
        if (!player?.isBot) continue
        if (onBotsLeft) seats.push({ sessionId: id, name, lastInput: player.lastInput })
        else session.kick()
      }
      if (seats.length > 0) onBotsLeft?.(room.id, seats)
      // A crash takes back the last changes of what the lobby shows.
      tellLobby(matchOf(room))
    },

    onDispose(room) {
      matches.delete(room.id)
      created.delete(room.id)
    },

    commands: {
      input(room, session, input) {
        const fighter = matchOf(room).fighters.get(session.id)
        if (fighter) queueInput(fighter, input)
      },
      chat(room, session, { text }) {
        const match = matchOf(room)
        return { id: say(match, fighterOf(match, session.id), text) }
      },
      rename(room, session, { name }) {
        const match = matchOf(room)
        return { name: rename(match, fighterOf(match, session.id), name) }
      },
    },
  }
}

/** The options of a room that goes on after a restart, as far as its state tells them. */
function optionsOf(room: ArenaRoom): ArenaOptions {
  const { phase, startedAt, endsAt } = room.state
  const title = member(room.metadata, 'title')
  const known = { ...parseRoomOptions(null), ...(typeof title === 'string' ? { title } : {}) }
  return phase === 'play' ? { ...known, roundMs: endsAt - startedAt } : known
}

function isBot(auth: unknown): boolean {
  return typeof auth === 'object' && auth !== null && 'isBot' in auth && auth.isBot === true
}

function firstState(room: NewArenaRoom, options: ArenaOptions): ArenaRoom['state'] {
  return {
    players: {},
    shots: {},
    packs: createPacks(),
    round: 1,
    phase: 'play',
    startedAt: wholeMs(room),
    endsAt: wholeMs(room) + options.roundMs,
    winner: '',
    winnerName: '',
    chat: {},
  }
}

function newPlayer(name: string, color: number, isBot: boolean): PlayerState {
  return {
    name,
    x: 0,
    y: 0,
    angle: 0,
    health: MAX_HEALTH,
    score: 0,
    deaths: 0,
    color,
    alive: false,
    isBot,
    respawnAt: 0,
    shieldUntil: 0,
    lastInput: 0,
    mines: [],
    isConnected: true,
  }
}

function freeColor(match: Match): number {
  const used = new Set([...match.fighters.values()].map(({ player }) => player.color))
  let color = 0
  while (used.has(color)) color += 1
  return color
}

/** Keeps the metadata of `GET /rooms` up to date and tells changes only. */
function tellLobby(match: Match): void {
  const { room, options } = match
  match.toldAt = room.now
  const first = leader(match)
  let bots = 0
  for (const { player } of match.fighters.values()) if (player.isBot) bots += 1
  const metadata: Json = {
    title: options.title,
    round: room.state.round,
    phase: room.state.phase,
    endsAt: room.state.endsAt,
    bots,
    leader: first?.player.name ?? null,
    leaderScore: first?.player.score ?? 0,
  }
  if (JSON.stringify(metadata) === JSON.stringify(match.told)) return
  match.told = metadata
  room.setMetadata(metadata)
}
