import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { PLAYER_RADIUS } from '../src/shared/constants.ts'
import { step } from '../src/shared/movement.ts'
import { PACK_SPOTS, SPAWN_SPOTS, isFree } from '../src/shared/walls.ts'
import { BotBrain, FLEE_HEALTH } from '../src/server/bot-brain.ts'
import type { Intent } from '../src/server/bot-brain.ts'
import { canWalk, navigation } from '../src/server/navigation.ts'
import { FakeArena } from './fake-room.ts'

/** Bots in a room without server: each thinks every third tick and sends an input in each. */
class Squad {
  readonly arena: FakeArena
  readonly brains = new Map<string, BotBrain>()
  readonly intents = new Map<string, Intent>()
  #sequence = 0

  constructor(count: number, seed: number) {
    this.arena = new FakeArena({ seed })
    for (let index = 0; index < count; index++) {
      const id = `bot-${index}`
      this.arena.join(id)
      this.brains.set(id, new BotBrain(id, seed * 1_000 + index))
    }
  }

  tick(): void {
    this.#sequence += 1
    let index = 0
    for (const [id, brain] of this.brains) {
      const isDue = (this.#sequence + index) % 3 === 0 || !this.intents.has(id)
      const intent = isDue ? brain.decide(this.arena.state, this.arena.now) : this.intents.get(id)
      index += 1
      if (!intent) continue
      this.intents.set(id, intent)
      this.arena.input(id, { sequence: this.#sequence, ...intent })
    }
    this.arena.tick()
  }
}

describe('AR11 bots', () => {
  test('AR11 in ten rounds at least four different bots win, and none is ever still for 2 s', () => {
    const seed = 20_261
    const squad = new Squad(8, seed)
    const { arena } = squad
    const rest = new Map<string, { x: number; y: number; since: number }>()
    let longestMs = 0
    while (arena.state.round <= 10) {
      squad.tick()
      for (const [id, player] of Object.entries(arena.state.players)) {
        const last = rest.get(id)
        const hasMoved = !last || Math.hypot(player.x - last.x, player.y - last.y) > 10
        if (!player.alive || hasMoved) rest.set(id, { x: player.x, y: player.y, since: arena.now })
        else longestMs = Math.max(longestMs, arena.now - last.since)
      }
    }
    const winners = arena.named('roundOver').map(({ data }) => data['winner'])
    expect(winners).toHaveLength(10)
    expect(new Set(winners).size, `seed ${seed}: ${winners.join()}`).toBeGreaterThanOrEqual(4)
    expect(longestMs, `seed ${seed}`).toBeLessThan(2_000)
    const weapons = arena.named('kill').map(({ data }) => data['weapon'])
    expect(weapons.filter((weapon) => weapon === 'mine').length).toBeGreaterThan(20)
    expect(weapons.filter((weapon) => weapon === 'shot').length).toBeGreaterThan(200)
    expect(arena.named('pickup').length).toBeGreaterThan(100)
  }, 60_000)

  test('AR11 the same seed gives the same match, another seed another', () => {
    const play = (seed: number): string => {
      const squad = new Squad(6, seed)
      const hash = createHash('sha256')
      for (let tick = 0; tick < 1_800; tick++) {
        squad.tick()
        if (tick % 3 === 0) hash.update(JSON.stringify(squad.arena.state))
      }
      return hash.update(JSON.stringify(squad.arena.events)).digest('hex')
    }
    const first = play(5)
    expect(play(5)).toBe(first)
    expect(play(6)).not.toBe(first)
  })

  test('AR11 below 30 % health a bot runs to a pack, from every place, until it is well', () => {
    for (const spot of SPAWN_SPOTS) {
      const arena = new FakeArena()
      arena.join('bot')
      arena.join('enemy')
      arena.place('bot', spot.x, spot.y)
      arena.place('enemy', 800, 380)
      arena.player('bot').health = FLEE_HEALTH - 1
      const brain = new BotBrain('bot', 3)
      let taken = 0
      for (let tick = 1; tick < 240 && taken === 0; tick++) {
        const intent = brain.decide(arena.state, arena.now)
        if (tick === 1) expect(brain.isFleeing).toBe(true)
        arena.input('bot', { sequence: tick, ...intent })
        arena.tick()
        taken = arena.named('pickup').length
      }
      expect(taken, `from ${spot.x}, ${spot.y}`).toBe(1)
      brain.decide(arena.state, arena.now)
      expect(brain.isFleeing).toBe(false)
    }
  })

  test('AR11 without a pack a fleeing bot keeps away from its enemy, and keeps moving', () => {
    const arena = new FakeArena()
    arena.join('bot')
    arena.join('enemy')
    arena.place('bot', 700, 300)
    arena.place('enemy', 800, 300)
    for (const id in arena.state.packs)
      Object.assign(arena.state.packs[id] ?? {}, { active: false })
    arena.player('bot').health = 10
    const brain = new BotBrain('bot', 8)
    for (let tick = 1; tick < 60; tick++) {
      arena.input('bot', { sequence: tick, ...brain.decide(arena.state, arena.now) })
      arena.tick()
    }
    const { x, y } = arena.player('bot')
    expect(Math.hypot(x - 800, y - 300)).toBeGreaterThan(300)
  })

  test('AR11 its aim is never exact, and differs between bots', () => {
    const arena = new FakeArena()
    arena.join('bot')
    arena.join('enemy')
    arena.place('bot', 300, 60)
    arena.place('enemy', 500, 60)
    const errors = [1, 2, 3].map((seed) => {
      const brain = new BotBrain('bot', seed)
      let sum = 0
      for (let count = 0; count < 300; count++)
        sum += Math.abs(brain.decide(arena.state, arena.now + count * 100)?.angle ?? 0)
      return sum / 300
    })
    for (const error of errors) {
      expect(error).toBeGreaterThan(0.01)
      expect(error).toBeLessThan(0.5)
    }
    expect(new Set(errors).size).toBe(3)
  })

  test('AR11 a bot without a seat or a life wants nothing', () => {
    const arena = new FakeArena()
    arena.join('bot')
    expect(new BotBrain('stranger', 1).decide(arena.state, arena.now)).toBeNull()
    arena.player('bot').alive = false
    const intent = new BotBrain('bot', 1).decide(arena.state, arena.now)
    expect(intent).toMatchObject({ moveX: 0, moveY: 0, buttons: 0 })
  })
})

describe('AR12 ways', () => {
  test('AR12 lead from every open place to every pack and spawn, without getting stuck', () => {
    const goals = [...PACK_SPOTS, ...SPAWN_SPOTS]
    let walks = 0
    for (let x = 30; x < 1600; x += 110) {
      for (let y = 30; y < 1000; y += 110) {
        if (!isFree({ x, y }, PLAYER_RADIUS)) continue
        const goal = goals[walks % goals.length] ?? { x: 0, y: 0 }
        let at = { x, y }
        let steps = 0
        while (Math.hypot(at.x - goal.x, at.y - goal.y) > 20 && steps < 400) {
          const next = navigation().waypoint(at, goal)
          const length = Math.hypot(next.x - at.x, next.y - at.y) || 1
          at = step(at, { moveX: (next.x - at.x) / length, moveY: (next.y - at.y) / length })
          steps += 1
        }
        expect(steps, `from ${x}, ${y} to ${goal.x}, ${goal.y}`).toBeLessThan(400)
        walks += 1
      }
    }
    expect(walks).toBeGreaterThan(80)
  })

  test('AR12 a straight way is taken when nothing stands in it', () => {
    expect(canWalk({ x: 90, y: 60 }, { x: 1500, y: 60 })).toBe(true)
    expect(canWalk({ x: 300, y: 100 }, { x: 300, y: 300 })).toBe(false)
    const goal = { x: 1500, y: 60 }
    expect(navigation().waypoint({ x: 90, y: 60 }, goal)).toBe(goal)
  })
})
