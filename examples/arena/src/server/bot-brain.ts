import type { RoomStateOf } from '@ringside/client'
import { createRandom } from '@ringside/server'
import type { Random } from '@ringside/server'
import {
  BUTTON_FIRE,
  BUTTON_MINE,
  MAX_HEALTH,
  MAX_MINES,
  SHOT_RANGE,
  SHOT_SPEED,
} from '../shared/constants.ts'
import type { game } from '../shared/game.ts'
import { SPAWN_SPOTS } from '../shared/walls.ts'
import type { Point } from '../shared/walls.ts'
import { canSee, canWalk, navigation } from './navigation.ts'

type State = RoomStateOf<typeof game, 'arena'>
type PlayerView = State['players'][string]

/** A bot's intent until it decides again: an input without its sequence. */
export interface Intent {
  readonly moveX: number
  readonly moveY: number
  readonly angle: number
  readonly buttons: number
}

/** A bot with less health than this thinks of nothing but packs and distance. */
export const FLEE_HEALTH = 0.3 * MAX_HEALTH
/** A fleeing bot with this much health fights again. */
const BRAVE_HEALTH = 0.55 * MAX_HEALTH
/** A bot that came less far than this in STUCK_MS goes somewhere else for DETOUR_MS. */
const STUCK_UNITS = 25
const STUCK_MS = 600
const DETOUR_MS = 700

/** These make one bot different from another; they are drawn from its seed. */
interface Character {
  /** Standard deviation of the aim in radians. */
  readonly aimError: number
  /** Distance in units that it likes to fight at. */
  readonly reach: number
  /** Share of decisions in which it fires when it could. */
  readonly trigger: number
  /** Mean time between two mines in ms. */
  readonly mineEveryMs: number
}

interface Enemy {
  readonly id: string
  readonly player: PlayerView
  readonly distance: number
  readonly isVisible: boolean
}

/**
 * A bot's mind goes from a player's view (the replica of the state) to a player's intent. Everything random
 * comes from its seed, time from `now` (room clock in ms): the same views give the same intents. Call
 * it some 10 times a second.
 */
export class BotBrain {
  readonly #id: string
  readonly #random: Random
  #character: Character
  #round = -1
  #aimDrift = 0
  #strafeSign = 1
  #strafeUntil = 0
  #isFleeing = false
  #targetId = ''
  #goal: Point = { x: 0, y: 0 }
  #goalUntil = 0
  #nextMineAt = 0
  #detourUntil = 0
  #detour: Point = { x: 0, y: 0 }
  #anchor: Point = { x: -1e9, y: 0 }
  #anchorAt = 0
  /** The place where the target was seen last, to lead the aim. */
  #seen = { id: '', x: 0, y: 0, at: 0, vx: 0, vy: 0 }

  /** `id` is the session id of the bot, `seed` any whole number. */
  constructor(id: string, seed: number) {
    this.#id = id
    this.#random = createRandom(seed)
    this.#character = this.#drawCharacter()
  }

  /** True while its health made it run; it ends when it is well again. */
  get isFleeing(): boolean {
    return this.#isFleeing
  }

  decide(state: State, now: number): Intent | null {
    const me = state.players[this.#id]
    if (!me) return null
    if (state.round !== this.#round) {
      // Each has a form of the day, so that nobody is the best in every round.
      this.#round = state.round
      this.#character = this.#drawCharacter()
    }
    if (!me.alive) {
      this.#isFleeing = false
      this.#anchor = { x: -1e9, y: 0 }
      return { moveX: 0, moveY: 0, angle: me.angle, buttons: 0 }
    }
    this.#isFleeing = me.health < (this.#isFleeing ? BRAVE_HEALTH : FLEE_HEALTH)
    const enemy = this.#chooseEnemy(state, me)
    const angle = this.#aim(me, enemy, now)
    const goal = this.#detourFrom(me, now) ?? this.#chooseGoal(state, me, { enemy, now })
    const toward = navigation().waypoint(me, goal)
    const dx = toward.x - me.x
    const dy = toward.y - me.y
    const length = Math.hypot(dx, dy)
    return {
      moveX: length > 0 ? dx / length : 1,
      moveY: length > 0 ? dy / length : 0,
      angle,
      buttons: this.#fireButton(enemy) | this.#mineButton(me, enemy, now),
    }
  }

  #drawCharacter(): Character {
    const skill = this.#random.next()
    return {
      aimError: 0.32 - 0.2 * skill,
      reach: 180 + 200 * this.#random.next(),
      trigger: 0.6 + 0.4 * this.#random.next(),
      mineEveryMs: 14_000 + 14_000 * this.#random.next(),
    }
  }

  /** Orders enemies nearest first; one in sight counts as nearer, and so does the one it fights already. */
  #chooseEnemy(state: State, me: PlayerView): Enemy | null {
    let best: Enemy | null = null
    let bestCost = Infinity
    for (const id in state.players) {
      const player = state.players[id]
      if (!player?.alive || id === this.#id) continue
      const distance = Math.hypot(player.x - me.x, player.y - me.y)
      const floor = (id === this.#targetId ? 0.7 : 1) * distance
      if (floor >= bestCost) continue
      const isVisible = canSee(me, player)
      const cost = isVisible ? floor : floor * 2 + 150
      if (cost >= bestCost) continue
      best = { id, player, distance, isVisible }
      bestCost = cost
    }
    this.#targetId = best?.id ?? ''
    return best
  }

  #aim(me: PlayerView, enemy: Enemy | null, now: number): number {
    if (!enemy) return me.angle
    const { id, player, distance } = enemy
    const seen = this.#seen
    if (seen.id === id && now > seen.at) {
      // Half old, half new: patches come in steps, so a single difference is rough.
      const seconds = (now - seen.at) / 1000
      seen.vx += ((player.x - seen.x) / seconds - seen.vx) / 2
      seen.vy += ((player.y - seen.y) / seconds - seen.vy) / 2
    } else if (seen.id !== id) {
      seen.vx = 0
      seen.vy = 0
    }
    seen.id = id
    seen.x = player.x
    seen.y = player.y
    seen.at = now
    const flight = distance / SHOT_SPEED
    const x = player.x + seen.vx * flight
    const y = player.y + seen.vy * flight
    this.#aimDrift += (this.#bell() * this.#character.aimError * 1.6 - this.#aimDrift) * 0.35
    return Math.atan2(y - me.y, x - me.x) + this.#aimDrift
  }

  #fireButton(enemy: Enemy | null): number {
    if (!enemy?.isVisible || enemy.distance > SHOT_RANGE * 0.85) return 0
    return this.#random.next() < this.#character.trigger ? BUTTON_FIRE : 0
  }

  #mineButton(me: PlayerView, enemy: Enemy | null, now: number): number {
    if (this.#nextMineAt === 0) this.#nextMineAt = now + this.#pause(this.#character.mineEveryMs)
    if (me.mines.length >= MAX_MINES) return 0
    // The hunter of a fleeing bot runs over the mines that it leaves behind.
    const isHunted = this.#isFleeing && enemy !== null && enemy.distance < 320
    if (now < this.#nextMineAt - (isHunted ? this.#character.mineEveryMs / 2 : 0)) return 0
    this.#nextMineAt = now + this.#pause(this.#character.mineEveryMs)
    return BUTTON_MINE
  }

  #chooseGoal(state: State, me: PlayerView, around: { enemy: Enemy | null; now: number }): Point {
    const { enemy, now } = around
    if (this.#isFleeing) return this.#refuge(state, me, enemy)
    if (me.health < 0.75 * MAX_HEALTH) {
      const pack = nearestPack(state, me, null)
      if (pack && Math.hypot(pack.x - me.x, pack.y - me.y) < 260) return pack
    }
    if (!enemy) return this.#wander(me, now)
    if (!enemy.isVisible || enemy.distance > this.#character.reach * 1.7) return enemy.player
    return this.#dance(me, enemy, now)
  }

  /** Finds the pack that is best to reach with that enemy about; without one, the spot farthest from the enemy. */
  #refuge(state: State, me: PlayerView, enemy: Enemy | null): Point {
    const pack = nearestPack(state, me, enemy?.player ?? null)
    if (pack) return pack
    if (!enemy) return this.#goal
    let best: Point = me
    let bestWorth = -Infinity
    for (const spot of SPAWN_SPOTS) {
      const mine = Math.hypot(spot.x - me.x, spot.y - me.y)
      // The place where it stands already is no way out, for it must keep moving.
      if (mine < 60) continue
      const theirs = Math.hypot(spot.x - enemy.player.x, spot.y - enemy.player.y)
      if (theirs - mine * 0.6 <= bestWorth) continue
      best = spot
      bestWorth = theirs - mine * 0.6
    }
    return best
  }

  /** Circles around the enemy at the distance it likes, changing sides at random and at walls. */
  #dance(me: PlayerView, enemy: Enemy, now: number): Point {
    const { player, distance } = enemy
    if (now >= this.#strafeUntil) {
      this.#strafeSign = this.#random.next() < 0.5 ? -1 : 1
      this.#strafeUntil = now + 500 + this.#random.next() * 1_100
    }
    const away =
      distance > 0 ? { x: (me.x - player.x) / distance, y: (me.y - player.y) / distance } : me
    const radial = Math.max(-0.8, Math.min(0.8, (this.#character.reach - distance) / 120))
    for (let attempt = 0; attempt < 2; attempt++) {
      const goal = {
        x: me.x + (away.x * radial - away.y * this.#strafeSign) * 80,
        y: me.y + (away.y * radial + away.x * this.#strafeSign) * 80,
      }
      if (canWalk(me, goal)) return goal
      this.#strafeSign = -this.#strafeSign
    }
    return this.#wander(me, now)
  }

  #wander(me: PlayerView, now: number): Point {
    const isThere = Math.hypot(this.#goal.x - me.x, this.#goal.y - me.y) < 50
    if (now >= this.#goalUntil || isThere) {
      this.#goal = this.#anySpot(me)
      this.#goalUntil = now + 3_000
    }
    return this.#goal
  }

  /** Gives a place to go to instead when it has hardly moved for a while; null when all is well. */
  #detourFrom(me: PlayerView, now: number): Point | null {
    if (Math.hypot(me.x - this.#anchor.x, me.y - this.#anchor.y) > STUCK_UNITS) {
      this.#anchor = { x: me.x, y: me.y }
      this.#anchorAt = now
    } else if (now - this.#anchorAt > STUCK_MS) {
      this.#detour = this.#anySpot(me)
      this.#detourUntil = now + DETOUR_MS
      this.#anchorAt = now
    }
    return now < this.#detourUntil ? this.#detour : null
  }

  #anySpot(me: Point): Point {
    const first = this.#random.int(0, SPAWN_SPOTS.length - 1)
    for (let index = 0; index < SPAWN_SPOTS.length; index++) {
      const spot = SPAWN_SPOTS[(first + index) % SPAWN_SPOTS.length]
      if (spot && Math.hypot(spot.x - me.x, spot.y - me.y) > 150) return spot
    }
    return { x: 800, y: 100 }
  }

  #pause(meanMs: number): number {
    return meanMs * (0.5 + this.#random.next())
  }

  /** Roughly normal, mean 0, standard deviation 1 (sum of three). */
  #bell(): number {
    return (this.#random.next() + this.#random.next() + this.#random.next() - 1.5) * 2
  }
}

/** The active pack with the shortest way; one that `hunter` reaches first counts as farther. */
function nearestPack(state: State, me: Point, hunter: Point | null): Point | null {
  let best: Point | null = null
  let bestCost = Infinity
  for (const id in state.packs) {
    const pack = state.packs[id]
    if (!pack?.active) continue
    const mine = Math.hypot(pack.x - me.x, pack.y - me.y)
    const theirs = hunter ? Math.hypot(pack.x - hunter.x, pack.y - hunter.y) : Infinity
    const cost = theirs < mine ? mine + 300 : mine
    if (cost >= bestCost) continue
    best = pack
    bestCost = cost
  }
  return best
}
