import { describe, expect, test } from 'vitest'
import { BUTTON_FIRE, BUTTON_MINE, RESPAWN_MS, STEP_MS } from '../src/shared/constants.ts'
import { FakeArena } from './fake-room.ts'

const ticksOf = (ms: number): number => Math.ceil(ms / STEP_MS) + 1

function duel(): FakeArena {
  const arena = new FakeArena({ create: { roundMs: 10_000 } })
  arena.join('a', 'Ann')
  arena.join('b', 'Ben')
  arena.place('a', 300, 60)
  arena.place('b', 700, 60)
  return arena
}

describe('AR19 a pause', () => {
  test('AR19 takes nothing from the round, and the next one is as long as ever', () => {
    const arena = duel()
    arena.tick(ticksOf(4_000))
    const left = arena.state.endsAt - arena.now
    arena.pause(60_000)
    expect(arena.state.endsAt - arena.now).toBe(left)
    expect(arena.state.endsAt - arena.state.startedAt).toBe(10_000)
    arena.tick()
    expect(arena.state.phase).toBe('play')
    expect(arena.metadata).toMatchObject({ endsAt: arena.state.endsAt })
    arena.tick(ticksOf(left))
    expect(arena.state.phase).toBe('over')
    arena.pause(60_000)
    arena.tick()
    expect(arena.state.phase, 'the result is shown as long as ever').toBe('over')
  })

  test('AR19 a shot flies on from where it was', () => {
    const paused = duel()
    const other = duel()
    for (const arena of [paused, other]) {
      arena.input('a', { sequence: 1, angle: 0, buttons: BUTTON_FIRE })
      arena.tick(3)
    }
    paused.pause(30_000)
    const shots = Object.values(paused.state.shots)
    expect(shots).toHaveLength(1)
    expect(paused.now - (shots[0]?.firedAt ?? 0)).toBe(
      other.now - (Object.values(other.state.shots)[0]?.firedAt ?? 0),
    )
    // Somebody who steps into the way behind it is not hit by the time that passed.
    for (const arena of [paused, other]) {
      arena.tick(2)
      expect(arena.player('b').health).toBe(100)
      arena.tick(ticksOf(700))
    }
    expect(paused.player('b').health).toBe(other.player('b').health)
    expect(paused.player('b').health).toBeLessThan(100)
  })

  test('AR19 a mine that was not armed yet waits on', () => {
    const arena = duel()
    arena.input('a', { sequence: 1, buttons: BUTTON_MINE })
    arena.tick(2)
    const untilArmed = (): number => (arena.player('a').mines[0]?.armedAt ?? 0) - arena.now
    const before = untilArmed()
    expect(before).toBeGreaterThan(0)
    arena.pause(60_000)
    expect(untilArmed()).toBe(before)
    arena.place('b', 320, 60)
    arena.tick(2)
    expect(arena.named('blast')).toHaveLength(0)
    arena.tick(ticksOf(before))
    expect(arena.named('blast')).toHaveLength(1)
  })

  test('AR19 the dead wait as long as they had to, and what was over stays over', () => {
    const arena = duel()
    Object.assign(arena.player('b'), {
      alive: false,
      health: 0,
      respawnAt: arena.now + RESPAWN_MS,
    })
    const shield = arena.player('a').shieldUntil
    arena.tick(ticksOf(1_000))
    arena.pause(60_000)
    arena.tick(ticksOf(RESPAWN_MS - 1_500))
    expect(arena.player('b').alive).toBe(false)
    arena.tick(ticksOf(1_000))
    expect(arena.player('b').alive).toBe(true)
    expect(arena.player('a').shieldUntil).toBe(shield)
  })
})
