import { describe, expect, test } from 'vitest'
import {
  BUTTON_FIRE,
  BUTTON_MINE,
  MAX_HEALTH,
  MAX_MINES,
  PACK_HEALTH,
  PACK_RESPAWN_MS,
  PLAYER_SPEED,
  RESPAWN_MS,
  RESULT_MS,
  SHIELD_MS,
  SHOT_DAMAGE,
  STEP_MS,
} from '../src/shared/constants.ts'
import { PACK_SPOTS } from '../src/shared/walls.ts'
import { arenaRoom } from '../src/server/arena-room.ts'
import { FakeArena } from './fake-room.ts'

const ticksOf = (ms: number): number => Math.ceil(ms / STEP_MS) + 1

/** Two players on a free line, `a` left of `b`. */
function duel(): FakeArena {
  const arena = new FakeArena()
  arena.join('a', 'Ann')
  arena.join('b', 'Ben')
  arena.place('a', 300, 60)
  arena.place('b', 500, 60)
  return arena
}

/** `a` fires at `b` until `b` is dead. */
function killB(arena: FakeArena): void {
  for (let sequence = 1; arena.player('b').alive && sequence < 400; sequence++) {
    arena.input('a', { sequence: sequence + 10_000, angle: 0, buttons: BUTTON_FIRE })
    arena.tick()
  }
  expect(arena.player('b').alive).toBe(false)
}

describe('AR5 inputs', () => {
  test('AR5 one input moves one step, at the next tick', () => {
    const arena = duel()
    arena.input('a', { sequence: 1, moveX: 1 })
    expect(arena.player('a').x).toBe(300)
    arena.tick()
    expect(arena.player('a').x).toBeCloseTo(300 + (PLAYER_SPEED * STEP_MS) / 1000, 0)
    expect(arena.player('a').lastInput).toBe(1)
    arena.tick()
    expect(arena.player('a').x).toBeCloseTo(300 + (PLAYER_SPEED * STEP_MS) / 1000, 0)
  })

  test('AR5 a flood of inputs is no faster than one a tick', () => {
    const arena = duel()
    arena.place('a', 100, 60)
    let sequence = 0
    for (let tick = 0; tick < 60; tick++) {
      for (let count = 0; count < 10; count++) arena.input('a', { sequence: ++sequence, moveX: 1 })
      arena.tick()
    }
    const fair = (PLAYER_SPEED * 60 * STEP_MS) / 1000
    const way = arena.player('a').x - 100
    expect(way).toBeGreaterThan(fair * 0.95)
    expect(way).toBeLessThan(fair * 1.1)
  })

  test('AR5 inputs that were held up are caught up with, but no saved time is hoarded', () => {
    const arena = duel()
    arena.tick(300)
    for (let sequence = 1; sequence <= 8; sequence++) arena.input('a', { sequence, moveX: 1 })
    arena.tick()
    expect(arena.player('a').lastInput).toBe(4)
    arena.tick()
    expect(arena.player('a').lastInput).toBe(5)
  })

  test('AR5 stale and doubled inputs do nothing', () => {
    const arena = duel()
    arena.input('a', { sequence: 5, moveX: 1 })
    arena.input('a', { sequence: 5, moveX: 1 })
    arena.input('a', { sequence: 4, moveX: 1 })
    arena.tick(5)
    expect(arena.player('a').x).toBeCloseTo(308.7, 1)
    expect(arena.player('a').lastInput).toBe(5)
  })

  test('AR5 hostile numbers keep the player finite, inside and no faster', () => {
    const arena = duel()
    const worst = 21_474_836.47
    arena.input('a', {
      sequence: 1,
      moveX: worst,
      moveY: -worst,
      angle: worst,
      buttons: 2 ** 32 - 1,
    })
    arena.tick()
    const { x, y, angle } = arena.player('a')
    expect(Math.hypot(x - 300, y - 60)).toBeLessThan(9)
    expect(Math.abs(angle)).toBeLessThanOrEqual(Math.PI)
  })

  test('AR5 the dead do not move, fire or lay mines', () => {
    const arena = duel()
    killB(arena)
    const { x, y } = arena.player('b')
    const shots = arena.named('hit').length
    arena.tick(10)
    for (let sequence = 1; sequence < 5; sequence++) {
      arena.input('b', { sequence, moveX: 1, buttons: BUTTON_FIRE | BUTTON_MINE, angle: Math.PI })
      arena.tick()
    }
    expect(arena.player('b')).toMatchObject({ x, y, mines: [] })
    expect(Object.keys(arena.state.shots)).toHaveLength(0)
    expect(arena.named('hit').length).toBe(shots)
  })

  test('AR5 input of somebody who has left is ignored', () => {
    const arena = duel()
    const session = arena.session('b')
    arena.leave('b')
    expect(() =>
      arena.handlers.commands?.input?.(arena.room, session, {
        sequence: 1,
        moveX: 1,
        moveY: 0,
        angle: 0,
        buttons: 3,
      }),
    ).not.toThrow()
    arena.tick()
    expect(Object.keys(arena.state.players)).toEqual(['a'])
  })
})

describe('AR6 shots and death', () => {
  test('AR6 a shot takes health from the first in its way, and from nobody behind', () => {
    const arena = duel()
    arena.join('c', 'Cid')
    arena.place('c', 600, 60)
    arena.input('a', { sequence: 1, angle: 0, buttons: BUTTON_FIRE })
    arena.tick(30)
    expect(arena.player('b').health).toBe(MAX_HEALTH - SHOT_DAMAGE)
    expect(arena.player('c').health).toBe(MAX_HEALTH)
    expect(arena.state.shots).toEqual({})
    expect(arena.named('hit')).toHaveLength(1)
    expect(arena.named('hit')[0]?.data).toMatchObject({ by: 'a', whom: 'b', damage: SHOT_DAMAGE })
  })

  test('AR6 nobody fires faster than the weapon cools down', () => {
    const arena = duel()
    arena.place('b', 1500, 900)
    for (let sequence = 1; sequence <= 30; sequence++) {
      arena.input('a', { sequence, angle: -1, buttons: BUTTON_FIRE })
      arena.tick()
    }
    expect(Object.keys(arena.state.shots).length).toBeLessThanOrEqual(4)
  })

  test('AR6 a wall stops a shot', () => {
    const arena = duel()
    arena.place('a', 300, 120)
    arena.place('b', 300, 260)
    arena.input('a', { sequence: 1, angle: Math.PI / 2, buttons: BUTTON_FIRE })
    arena.tick(40)
    expect(arena.player('b').health).toBe(MAX_HEALTH)
    expect(arena.state.shots).toEqual({})
  })

  test('AR6 health 0 is death: one kill, one death, back after the wait, whole and shielded', () => {
    const arena = duel()
    killB(arena)
    const died = arena.now
    expect(arena.player('a').score).toBe(1)
    expect(arena.player('b')).toMatchObject({ health: 0, deaths: 1, respawnAt: died + RESPAWN_MS })
    arena.tick(ticksOf(RESPAWN_MS) - 3)
    expect(arena.player('b').alive).toBe(false)
    arena.tick(3)
    expect(arena.player('b')).toMatchObject({ alive: true, health: MAX_HEALTH, respawnAt: 0 })
    expect(arena.player('b').shieldUntil).toBeGreaterThan(arena.now)
    expect(arena.named('kill')).toHaveLength(1)
  })

  test('AR6 a shield holds until its time is over or its owner fires', () => {
    const arena = duel()
    arena.player('b').shieldUntil = arena.now + SHIELD_MS
    arena.input('a', { sequence: 1, angle: 0, buttons: BUTTON_FIRE })
    arena.tick(15)
    expect(arena.player('b').health).toBe(MAX_HEALTH)
    arena.input('b', { sequence: 1, angle: 1, buttons: BUTTON_FIRE })
    arena.input('a', { sequence: 2, angle: 0, buttons: BUTTON_FIRE })
    arena.tick(15)
    expect(arena.player('b').health).toBe(MAX_HEALTH - SHOT_DAMAGE)
  })

  test('AR6 a shot of somebody who has left still hits and credits nobody', () => {
    const arena = duel()
    arena.player('b').health = 1
    arena.input('a', { sequence: 1, angle: 0, buttons: BUTTON_FIRE })
    arena.tick()
    arena.leave('a')
    arena.tick(20)
    expect(arena.player('b')).toMatchObject({ alive: false, deaths: 1, score: 0 })
  })
})

describe('AR7 mines', () => {
  test('AR7 at most three lie at once, with a pause between them', () => {
    const arena = duel()
    for (let sequence = 1; sequence <= 300; sequence++) {
      arena.input('a', { sequence, moveX: 1, buttons: BUTTON_MINE })
      arena.tick()
      if (sequence === 5) expect(arena.player('a').mines).toHaveLength(1)
    }
    expect(arena.player('a').mines).toHaveLength(MAX_MINES)
  })

  test('AR7 a mine spares its owner, and goes off under another once it is armed', () => {
    const arena = duel()
    arena.input('a', { sequence: 1, buttons: BUTTON_MINE })
    arena.tick(2)
    arena.place('b', 320, 60)
    arena.tick(20)
    expect(arena.named('blast')).toHaveLength(0)
    arena.tick(15)
    expect(arena.named('blast')).toHaveLength(1)
    expect(arena.player('b').health).toBeLessThan(50)
    expect(arena.player('a')).toMatchObject({ health: MAX_HEALTH, mines: [] })
  })

  test('AR7 a blast hurts all around it and credits its owner', () => {
    const arena = duel()
    arena.join('c')
    arena.input('a', { sequence: 1, buttons: BUTTON_MINE })
    arena.tick(40)
    arena.place('c', 390, 60)
    arena.player('c').health = 10
    arena.place('b', 330, 60)
    arena.tick()
    expect(arena.player('c').alive).toBe(false)
    expect(arena.player('b').health).toBeLessThan(50)
    expect(arena.player('a').score).toBe(1)
    expect(arena.named('kill')[0]?.data).toMatchObject({ by: 'a', whom: 'c', weapon: 'mine' })
  })

  test('AR7 no public id, and none of another player, tells by a gap that a mine was laid', () => {
    const arena = duel()
    arena.place('b', 500, 90)
    let sequence = 0
    const act = (who: string, buttons: number): void => {
      arena.input(who, { sequence: ++sequence, buttons, angle: -1 })
      arena.tick(60)
    }
    act('a', BUTTON_MINE)
    act('b', BUTTON_MINE)
    arena.say('a', 'one')
    act('a', BUTTON_MINE)
    // Another process takes the room up.
    arena.handlers = arenaRoom()
    arena.say('a', 'two')
    act('b', BUTTON_MINE)
    arena.say('a', 'three')
    expect(Object.keys(arena.state.chat)).toEqual(['1', '2', '3'])
    for (const who of ['a', 'b'])
      expect(arena.player(who).mines.map(({ id }) => id)).toEqual([1, 2])
  })

  test('AR7 the mines of a player who leaves go too', () => {
    const arena = duel()
    arena.input('a', { sequence: 1, buttons: BUTTON_MINE })
    arena.input('b', { sequence: 1, buttons: BUTTON_MINE })
    arena.tick(60)
    arena.leave('a')
    arena.place('b', 300, 60)
    arena.tick(10)
    expect(arena.named('blast')).toHaveLength(0)
    expect(arena.player('b').mines).toHaveLength(1)
  })
})

describe('AR8 health packs', () => {
  const spot = PACK_SPOTS[0] ?? { x: 0, y: 0 }

  test('AR8 heal the hurt up to full health, then are gone for a while', () => {
    const arena = duel()
    arena.place('a', spot.x, spot.y)
    arena.player('a').health = MAX_HEALTH - PACK_HEALTH - 20
    arena.tick()
    expect(arena.player('a').health).toBe(MAX_HEALTH - 20)
    arena.tick(30)
    expect(arena.player('a').health).toBe(MAX_HEALTH - 20)
    expect(arena.state.packs['p1']?.active).toBe(false)
    arena.tick(ticksOf(PACK_RESPAWN_MS))
    expect(arena.player('a').health).toBe(MAX_HEALTH)
    expect(arena.named('pickup')).toHaveLength(2)
  })

  test('AR8 stay for those who are whole', () => {
    const arena = duel()
    arena.place('a', spot.x, spot.y)
    arena.tick(30)
    expect(arena.state.packs['p1']?.active).toBe(true)
  })
})

describe('AR9 rounds', () => {
  test('AR9 the best player wins, the result stands, then all begin anew', () => {
    const arena = new FakeArena({ create: { roundMs: 10_000 } })
    arena.join('a', 'Ann')
    arena.join('b', 'Ben')
    arena.place('a', 300, 60)
    arena.place('b', 500, 60)
    killB(arena)
    while (arena.state.phase === 'play') arena.tick()
    expect(arena.state).toMatchObject({ round: 1, winner: 'a', winnerName: 'Ann', shots: {} })
    expect(arena.state.endsAt).toBe(arena.now + RESULT_MS)
    expect(arena.named('roundOver')[0]?.data).toMatchObject({ winner: 'a', score: 1 })
    arena.input('a', { sequence: 20_000, buttons: BUTTON_FIRE | BUTTON_MINE })
    arena.tick(5)
    expect(arena.state.shots).toEqual({})
    expect(arena.player('a').mines).toEqual([])
    arena.tick(ticksOf(RESULT_MS))
    expect(arena.state).toMatchObject({ round: 2, phase: 'play', winner: '', winnerName: '' })
    expect(arena.player('a')).toMatchObject({ score: 0, deaths: 0, health: 100, alive: true })
    expect(arena.state.endsAt - arena.state.startedAt).toBe(10_000)
  })

  test('AR9 a round without a kill has no winner', () => {
    const arena = new FakeArena({ create: { roundMs: 5_000 } })
    arena.join('a')
    arena.tick(ticksOf(5_000))
    expect(arena.state).toMatchObject({ phase: 'over', winner: '', winnerName: '' })
  })

  test('AR9 at the same score fewer deaths win, then the earlier kill', () => {
    const arena = new FakeArena({ create: { roundMs: 5_000 } })
    for (const id of ['a', 'b', 'c']) arena.join(id)
    Object.assign(arena.player('a'), { score: 2, deaths: 2 })
    Object.assign(arena.player('b'), { score: 2, deaths: 1 })
    Object.assign(arena.player('c'), { score: 1, deaths: 0 })
    arena.tick(ticksOf(5_000))
    expect(arena.state.winner).toBe('b')
  })

  test('AR9 a player who comes late plays at once; one who drops keeps the place', () => {
    const arena = duel()
    arena.tick(100)
    arena.join('c')
    expect(arena.player('c')).toMatchObject({ alive: true, isConnected: true })
    arena.handlers.onDrop?.(arena.room, arena.session('c'))
    expect(arena.player('c').isConnected).toBe(false)
    arena.handlers.onReconnect?.(arena.room, arena.session('c'))
    expect(arena.player('c').isConnected).toBe(true)
  })

  test.each([
    [{ roundMs: 1 }],
    [{ roundMs: 1e9 }],
    [{ roundMs: '5000' }],
    [{ roundMs: NaN }],
    [{ title: '' }],
    [{ title: '\u0000' }],
    [{ title: { a: 1 } }],
  ])('AR9 a room is not made with %j', (create) => {
    expect(() => new FakeArena({ create })).toThrow(/Expected/)
  })

  test('AR9 options that are no object, or of unknown members, make a usual room', () => {
    for (const create of [null, 5, 'x', [1], { color: 3 }, { title: null }]) {
      const arena = new FakeArena({ create })
      expect(arena.state.endsAt - arena.state.startedAt).toBe(180_000)
      expect(arena.metadata).toMatchObject({ title: expect.stringMatching(/^\w+ \w+$/) })
    }
  })
})

describe('AR14 a room that goes on from its state', () => {
  test('AR14 keeps players, mines, shots and the round, and gives no id twice', () => {
    const arena = new FakeArena({ create: { roundMs: 20_000 } })
    arena.join('a', 'Ann')
    arena.join('b', 'Ben')
    arena.place('a', 300, 60)
    arena.place('b', 1_000, 60)
    arena.say('a', 'hello')
    arena.input('a', { sequence: 7, buttons: BUTTON_MINE | BUTTON_FIRE })
    arena.tick(2)
    const used = [...Object.keys(arena.state.shots), ...Object.keys(arena.state.chat)]
    const usedMine = arena.player('a').mines[0]?.id ?? 0
    // Another process takes the room up: other handlers, the same state.
    arena.handlers = arenaRoom()
    arena.tick(45)
    arena.input('a', { sequence: 7, moveX: 1 })
    arena.input('a', { sequence: 8, moveX: 1, angle: 3, buttons: BUTTON_FIRE })
    arena.tick()
    expect(arena.player('a')).toMatchObject({ lastInput: 8, name: 'Ann' })
    expect(arena.player('a').x).toBeCloseTo(308.7, 1)
    expect(used).not.toContain(Object.keys(arena.state.shots).at(-1))
    arena.input('a', { sequence: 9, buttons: BUTTON_MINE })
    arena.tick()
    expect(arena.player('a').mines.map(({ id }) => id)).toEqual([usedMine, usedMine + 1])
    arena.place('b', 300, 60)
    arena.tick()
    expect(arena.named('blast')).toHaveLength(1)
    while (arena.state.round === 1) arena.tick()
    expect(arena.state.endsAt - arena.state.startedAt).toBe(20_000)
  })
})

describe('AR10 chat, names and colours', () => {
  test('AR10 the chat keeps the last 50 lines, as clean text', () => {
    const arena = duel()
    for (let line = 1; line <= 60; line++) arena.say('a', ` line\u0000${line} `)
    const lines = Object.values(arena.state.chat)
    expect(lines).toHaveLength(50)
    expect(lines[0]?.text).toBe('line11')
    expect(lines.at(-1)).toMatchObject({ text: 'line60', from: 'a', name: 'Ann' })
    expect(arena.named('chat')).toHaveLength(60)
    arena.say('a', '<b>\u202Ehi</b>'.padEnd(400, 'x'))
    const last = Object.values(arena.state.chat).at(-1)?.text ?? ''
    expect(last.startsWith('<b>hi</b>')).toBe(true)
    expect(last).toHaveLength(200)
  })

  test('AR10 empty text and empty names are refused', () => {
    const arena = duel()
    expect(() => arena.say('a', ' \n\u0007 ')).toThrow('Expected some text')
    expect(() => arena.rename('a', '\u200B')).toThrow('Expected a name')
    expect(arena.player('a').name).toBe('Ann')
  })

  test('AR10 two players never have the same name', () => {
    const arena = duel()
    arena.join('c', 'ANN')
    expect(arena.player('c').name).toBe('ANN 2')
    expect(arena.rename('b', ' ann ')).toEqual({ name: 'ann 3' })
    expect(arena.rename('a', 'Ann')).toEqual({ name: 'Ann' })
  })

  test('AR10 sixteen players have sixteen colours, and a freed one is used again', () => {
    const arena = new FakeArena()
    for (let index = 0; index < 16; index++) arena.join(`p${index}`)
    const colors = Object.values(arena.state.players).map(({ color }) => color)
    expect(new Set(colors).size).toBe(16)
    expect(Math.max(...colors)).toBe(15)
    arena.leave('p3')
    arena.join('q')
    expect(arena.player('q').color).toBe(3)
  })

  test('AR10 only who knows the key is shown as a bot', () => {
    const arena = new FakeArena({ botKey: 'secret' })
    arena.join('a', 'a', { botKey: 'secret' })
    arena.join('b', 'b', { botKey: 'guess', isBot: true })
    arena.join('c', 'c', null)
    expect(Object.values(arena.state.players).map(({ isBot }) => isBot)).toEqual([
      true,
      false,
      false,
    ])
    const open = new FakeArena()
    open.join('a', 'a', {})
    expect(open.player('a').isBot).toBe(false)
    expect(arena.metadata).toMatchObject({ bots: 1 })
  })
})
