import type { Infer, Json } from '@ringside/protocol'
import type { RoomOf } from '@ringside/server'
import type { game, Player } from '../shared/game.ts'
import type { Input } from '../shared/movement.ts'
import { flightMs } from '../shared/shots.ts'
import type { ArenaOptions } from './room-options.ts'

export type ArenaRoom = RoomOf<typeof game, 'arena'>
/** The room as `onCreate` sees it: without its state. */
export type NewArenaRoom = Omit<ArenaRoom, 'state' | 'emit' | 'durable'>
export type PlayerState = Infer<typeof Player>

/** The room keeps this of a player beside the state; nothing here is sent or logged. */
export interface Fighter {
  readonly id: string
  /** The player's part of the state: writing to it is recorded. */
  readonly player: PlayerState
  /** Inputs not yet applied, oldest first; bounded by MAX_QUEUED_INPUTS. */
  readonly inputs: Input[]
  /** Sequence of the newest input taken into the queue. */
  newestInput: number
  /** Steps the player may still move now: one more per tick, so that a flood of inputs is no faster. */
  credit: number
  /** Room time in ms from which the player may fire and lay mines again. */
  mayFireAt: number
  mayLayAt: number
  /** Counts the player's own mines alone: one count for all, or for shots too, would tell others of them by its gaps. */
  newestMine: number
  /** Room time of the player's last kill: the one who got there first wins a tie. */
  lastKillAt: number
}

export interface ShotInFlight {
  readonly id: string
  readonly owner: string
  readonly x: number
  readonly y: number
  readonly vx: number
  readonly vy: number
  readonly firedAt: number
  /** Ms of flight until a wall or the end of its range. */
  readonly endMs: number
  /** Room time up to which its way has been checked. */
  checkedAt: number
}

export interface LaidMine {
  /** An id that is unique among its owner's mines. */
  readonly id: number
  readonly owner: string
  readonly x: number
  readonly y: number
  readonly armedAt: number
}

/** One room's game: the room and what is kept beside its state. */
export interface Match {
  readonly room: ArenaRoom
  readonly options: ArenaOptions
  readonly fighters: Map<string, Fighter>
  shots: ShotInFlight[]
  mines: LaidMine[]
  /** Room time at which each taken pack is back, by pack. */
  readonly packsBackAt: Map<string, number>
  /** Counts shots and lines of chat, which everybody sees. */
  nextId: number
  /** The metadata last told to the lobby, and when. */
  told: Json
  toldAt: number
}

/** Room time in whole ms: what is written to the state, where fractions would cost digits in every event. */
export function wholeMs(room: { readonly now: number }): number {
  return Math.floor(room.now)
}

/** A match around a room that has its state: empty, or one that goes on after a restart. */
export function createMatch(room: ArenaRoom, options: ArenaOptions): Match {
  const match: Match = {
    room,
    options,
    fighters: new Map(),
    shots: [],
    mines: [],
    packsBackAt: new Map(),
    nextId: 1,
    told: null,
    toldAt: 0,
  }
  takeUp(match)
  return match
}

export function addFighter(match: Match, id: string, player: PlayerState): Fighter {
  const fighter: Fighter = {
    id,
    player,
    inputs: [],
    newestInput: player.lastInput,
    credit: 1,
    mayFireAt: 0,
    mayLayAt: 0,
    newestMine: 0,
    lastKillAt: 0,
  }
  match.fighters.set(id, fighter)
  return fighter
}

/** Rebuilds from the state what is kept beside it; cooldowns start anew. */
function takeUp(match: Match): void {
  const { players, shots, packs, chat } = match.room.state
  const { now } = match.room
  let newest = 0
  for (const id of Object.keys(players)) {
    const player = players[id]
    if (!player) continue
    const fighter = addFighter(match, id, player)
    for (const { id: mine, x, y, armedAt } of player.mines) {
      match.mines.push({ id: mine, owner: id, x, y, armedAt })
      fighter.newestMine = Math.max(fighter.newestMine, mine)
    }
  }
  for (const id of Object.keys(shots)) {
    const shot = shots[id]
    if (!shot) continue
    const { owner, x, y, vx, vy, firedAt } = shot
    const endMs = flightMs({ x, y, vx, vy, firedAt })
    match.shots.push({ id, owner, x, y, vx, vy, firedAt, endMs, checkedAt: now })
    newest = Math.max(newest, Number(id) || 0)
  }
  for (const id of Object.keys(packs)) if (!packs[id]?.active) match.packsBackAt.set(id, now)
  for (const id of Object.keys(chat)) newest = Math.max(newest, Number(id) || 0)
  match.nextId = newest + 1
}
