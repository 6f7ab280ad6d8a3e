import type { DeepReadonly } from '@ringside/client'
import type { EventsOf, Infer } from '@ringside/protocol'
import type { ArenaState, Player, game } from '../../shared/game.ts'
import { flightMs, shotAt } from '../../shared/shots.ts'

/** One player as drawn. Positions are in arena units, the angle in radians, times on the room's clock. */
export interface PlayerView {
  readonly id: string
  readonly name: string
  x: number
  y: number
  angle: number
  readonly health: number
  readonly score: number
  readonly deaths: number
  readonly color: number
  readonly alive: boolean
  readonly isBot: boolean
  readonly isConnected: boolean
  readonly respawnAt: number
  readonly shieldUntil: number
}

/** A shot where it is now, and the direction in which it flies. */
export interface ShotView {
  readonly id: string
  readonly owner: string
  readonly x: number
  readonly y: number
  readonly angle: number
}

export interface PackView {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly active: boolean
}

export interface MineView {
  readonly id: number
  readonly x: number
  readonly y: number
  /** Room clock in ms from which on it can go off. */
  readonly armedAt: number
}

export interface ChatView {
  readonly id: number
  readonly from: string
  readonly name: string
  readonly text: string
}

/**
 * The arena at one moment, as a picture needs it. Scene, HUD and boards know only this, and never whether
 * it was played live, watched live, or played back.
 */
export interface ArenaView {
  /** Room clock in ms that this view shows. */
  readonly time: number
  /** The player at this screen; null for a spectator. */
  readonly selfId: string | null
  readonly players: ReadonlyMap<string, PlayerView>
  readonly shots: readonly ShotView[]
  readonly packs: readonly PackView[]
  /** The viewer's own mines: nobody else's are ever known here. */
  readonly mines: readonly MineView[]
  readonly round: number
  readonly phase: string
  readonly endsAt: number
  readonly winner: string
  readonly winnerName: string
  readonly chat: readonly ChatView[]
}

/** An event older than this, in ms of the room's clock, is not shown, for the page was asleep. */
export const STALE_EVENT_MS = 2_000

type RoomEvents = EventsOf<(typeof game)['rooms']['arena']>

/** An event of the game, by type. */
export type ArenaEvent = {
  [K in keyof RoomEvents]: { readonly type: K; readonly at: number; readonly data: RoomEvents[K] }
}[keyof RoomEvents]

/** Views come from a source, which paces itself by the clock of `performance.now()`. */
export interface ArenaSource {
  /** The view for this frame, or null before the first state. */
  sample(nowMs: number): ArenaView | null
  /** Events that are due since the last call; the list is the caller's. */
  takeEvents(): ArenaEvent[]
}

export type StateValue = Infer<typeof ArenaState>
type PlayerValue = DeepReadonly<Infer<typeof Player>>

/** Copies one player out of a state. */
export function playerView(id: string, player: PlayerValue): PlayerView {
  return {
    id,
    name: player.name,
    x: player.x,
    y: player.y,
    angle: player.angle,
    health: player.health,
    score: player.score,
    deaths: player.deaths,
    color: player.color,
    alive: player.alive,
    isBot: player.isBot,
    isConnected: player.isConnected,
    respawnAt: player.respawnAt,
    shieldUntil: player.shieldUntil,
  }
}

/** The shots of a state where they are at `time`; those that have ended or not begun are left out. */
export function shotViews(shots: StateValue['shots'], time: number): ShotView[] {
  const views: ShotView[] = []
  for (const [id, shot] of Object.entries(shots)) {
    const endMs = flightMs(shot)
    if (time < shot.firedAt || time > shot.firedAt + endMs) continue
    const { x, y } = shotAt(shot, time, endMs)
    views.push({ id, owner: shot.owner, x, y, angle: Math.atan2(shot.vy, shot.vx) })
  }
  return views
}

/** Players by score, then fewer deaths, then name: the same order everywhere. */
export function ranking(players: Iterable<PlayerView>): PlayerView[] {
  return [...players].sort(
    (a, b) =>
      b.score - a.score ||
      a.deaths - b.deaths ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1),
  )
}
