import { describe, expect, test } from 'vitest'

import { Presses } from '../src/web/input/presses.ts'
import { quantizeInput, step } from '../src/shared/movement.ts'
import type { PlayerView } from '../src/web/view/arena-view.ts'
import { ranking, shotViews } from '../src/web/view/arena-view.ts'
import { FrameBuffer, turn } from '../src/web/view/frame-buffer.ts'
import { LiveEdge } from '../src/web/view/live-edge.ts'
import { PlaybackClock } from '../src/web/view/playback-clock.ts'
import { Predictor } from '../src/web/view/predictor.ts'
import { RoomTrack } from '../src/web/view/room-track.ts'
import type { LobbyRoom } from '../src/web/view/room-list.ts'
import { nextRoom } from '../src/web/view/room-list.ts'
import { SeekTarget } from '../src/web/view/seek-target.ts'
import { TimeIndex, thinOut } from '../src/web/view/time-index.ts'

const player = (id: string, part: Partial<PlayerView> = {}): PlayerView => ({
  id,
  name: id,
  x: 0,
  y: 0,
  angle: 0,
  health: 100,
  score: 0,
  deaths: 0,
  color: 0,
  alive: true,
  isBot: false,
  isConnected: true,
  respawnAt: 0,
  shieldUntil: 0,
  ...part,
})

const frame = (at: number, part: Partial<PlayerView>) => ({
  at,
  state: at,
  players: new Map([['a', player('a', part)]]),
})

describe('frames between patches', () => {
  test('[AR30] a player is drawn between two patches, in proportion to the time', () => {
    const buffer = new FrameBuffer<number>()
    buffer.push(frame(1_000, { x: 100, y: 0 }))
    buffer.push(frame(1_050, { x: 110, y: 20 }))
    const drawn = buffer.at(1_025)?.players.get('a')
    expect(drawn).toMatchObject({ x: 105, y: 10 })
  })

  test('[AR30] before the first and after the last patch nothing is invented', () => {
    const buffer = new FrameBuffer<number>()
    expect(buffer.at(1)).toBeNull()
    buffer.push(frame(1_000, { x: 100 }))
    buffer.push(frame(1_050, { x: 110 }))
    expect(buffer.at(900)?.players.get('a')?.x).toBe(100)
    expect(buffer.at(9_000)?.players.get('a')?.x).toBe(110)
  })

  test('[AR30] a respawn is no movement: the player appears and does not fly across the arena', () => {
    const buffer = new FrameBuffer<number>()
    buffer.push(frame(1_000, { x: 100 }))
    buffer.push(frame(1_050, { x: 900 }))
    expect(buffer.at(1_025)?.players.get('a')?.x).toBe(100)
    expect(buffer.at(1_050)?.players.get('a')?.x).toBe(900)
  })

  test('[AR30] the dead do not move towards where they come back', () => {
    const buffer = new FrameBuffer<number>()
    buffer.push(frame(1_000, { x: 100, alive: false }))
    buffer.push(frame(1_050, { x: 140 }))
    expect(buffer.at(1_040)?.players.get('a')?.x).toBe(100)
  })

  test('[AR31] the buffer is bounded and drops what is older than its newest', () => {
    const buffer = new FrameBuffer<number>(10)
    for (let at = 0; at < 100; at++) buffer.push(frame(at, { x: at }))
    expect(buffer.size).toBe(10)
    buffer.push(frame(50, { x: 0 }))
    expect(buffer.newest?.at).toBe(99)
  })

  test('[AR30] an angle turns the short way round', () => {
    expect(turn(3, -3, 0.5)).toBeCloseTo(Math.PI, 1)
    expect(turn(0, 1, 0.5)).toBeCloseTo(0.5)
    expect(Math.abs(turn(0.1, 0.1 + 20 * Math.PI, 0.5) - 0.1)).toBeLessThan(1e-9)
  })
})

describe('own movement', () => {
  const input = (sequence: number, moveX: number, moveY: number) =>
    quantizeInput({ sequence, moveX, moveY, angle: 0, buttons: 0 })

  test('[AR32] is shown at once, and a server that agrees changes nothing', () => {
    const predictor = new Predictor(step)
    let server = { x: 700, y: 350 }
    predictor.confirm(server, 0)
    for (let sequence = 1; sequence <= 6; sequence++) predictor.apply(input(sequence, 1, 0))
    const before = predictor.drawn(1)
    expect(before?.x).toBeGreaterThan(700)
    for (let sequence = 1; sequence <= 4; sequence++) server = step(server, input(sequence, 1, 0))
    predictor.confirm(server, 4)
    expect(predictor.pending).toBe(2)
    expect(predictor.drawn(1)).toEqual(before)
  })

  test('[AR32] ends, whatever was guessed, exactly where the server says', () => {
    const predictor = new Predictor(step)
    predictor.confirm({ x: 700, y: 350 }, 0)
    for (let sequence = 1; sequence <= 10; sequence++) predictor.apply(input(sequence, 1, 0))
    // The server has taken all of them and says that the player stands 15 units lower.
    predictor.confirm({ x: 720, y: 365 }, 10)
    for (let time = 0; time < 2_000; time += 16) predictor.fade(16)
    expect(predictor.pending).toBe(0)
    expect(predictor.drawn(1)?.x).toBeCloseTo(720, 6)
    expect(predictor.drawn(1)?.y).toBeCloseTo(365, 6)
  })

  test('[AR32] a small correction is faded in, never seen as a jump', () => {
    const predictor = new Predictor(step)
    predictor.confirm({ x: 700, y: 350 }, 0)
    predictor.apply(input(1, 1, 0))
    const before = predictor.drawn(1)
    predictor.confirm({ x: 700, y: 380 }, 1)
    const after = predictor.drawn(1)
    expect(Math.hypot((after?.x ?? 0) - (before?.x ?? 0), (after?.y ?? 0) - (before?.y ?? 0))).toBe(
      0,
    )
    predictor.fade(100)
    expect(predictor.drawn(1)?.y).toBeGreaterThan(370)
  })

  test('[AR32] a respawn is taken at once', () => {
    const predictor = new Predictor(step)
    predictor.confirm({ x: 700, y: 350 }, 0)
    predictor.confirm({ x: 90, y: 90 }, 0)
    expect(predictor.drawn(1)).toEqual({ x: 90, y: 90 })
  })

  test('[AR31] inputs that are never confirmed do not pile up', () => {
    const predictor = new Predictor(step)
    predictor.confirm({ x: 700, y: 350 }, 0)
    for (let sequence = 1; sequence <= 1_000; sequence++) predictor.apply(input(sequence, 0, 1))
    expect(predictor.pending).toBeLessThanOrEqual(120)
  })

  test('[AR32] without a word of the server there is nothing to draw', () => {
    const predictor = new Predictor(step)
    predictor.apply(input(1, 1, 0))
    expect(predictor.drawn(1)).toBeNull()
    predictor.confirm({ x: 1, y: 2 }, 0)
    predictor.reset()
    expect(predictor.drawn(1)).toBeNull()
  })
})

describe('clocks of the pages', () => {
  test('[AR33] the quickest message tells the time: a late one does not set it back', () => {
    const edge = new LiveEdge()
    expect(edge.isSet).toBe(false)
    edge.take(10_000, 100)
    edge.take(10_050, 400)
    expect(edge.now(400)).toBeCloseTo(10_300, 0)
    edge.take(10_400, 480)
    expect(edge.now(480)).toBeCloseTo(10_400, 0)
  })

  test('[AR33] playback keeps a little behind the newest state and never runs backwards', () => {
    const clock = new PlaybackClock()
    let newest = 50_000
    let last = clock.advance(16, newest)
    for (let count = 0; count < 2_000; count++) {
      // States arrive in bursts of 300 ms; frames are drawn each 16 ms.
      if (count % 19 === 0) newest += 304
      const time = clock.advance(16, newest)
      expect(time).toBeGreaterThanOrEqual(last)
      expect(time).toBeLessThanOrEqual(newest)
      last = time
    }
    expect(newest - last).toBeLessThan(1_000)
  })

  test('[AR33] playback at a speed runs at that speed', () => {
    const clock = new PlaybackClock()
    clock.speed = 4
    clock.jump(0)
    let time = 0
    for (let count = 1; count <= 250; count++) time = clock.advance(16, 880 + count * 64)
    expect(time).toBeGreaterThan(15_500)
    expect(time).toBeLessThan(16_500)
  })

  test('[AR33] far behind, playback jumps to the present', () => {
    const clock = new PlaybackClock()
    clock.jump(0)
    expect(clock.advance(16, 600_000)).toBeGreaterThan(599_000)
  })
})

describe('the timeline', () => {
  /** A log of one event each 100 ms whose numbers begin late. */
  const log = Array.from({ length: 6_000 }, (_, index) => ({
    n: 1_000 + index,
    at: 5_000 + index * 100,
  }))
  const ask = (asked: number[]) => (after: number) => {
    asked.push(after)
    return Promise.resolve(log.find(({ n }) => n > after) ?? null)
  }

  test('[AR34] finds the position of any time by a few questions', async () => {
    for (const at of [5_000, 5_001, 77_777, 300_000, 604_900]) {
      const index = new TimeIndex()
      index.add(log[0] ?? { n: 0, at: 0 })
      index.add(log.at(-1) ?? { n: 0, at: 0 })
      const asked: number[] = []
      const found = await index.find(at, ask(asked))
      expect(asked.length).toBeLessThanOrEqual(12)
      expect(found?.at).toBeLessThanOrEqual(at)
      expect(at - (found?.at ?? 0)).toBeLessThanOrEqual(700)
      expect(log).toContainEqual(found)
    }
  })

  test('[AR34] what lies before the log is its beginning, what lies after it its end', async () => {
    const index = new TimeIndex()
    expect(await index.find(1, ask([]))).toBeNull()
    index.add({ n: 10, at: 1_000 })
    index.add({ n: 20, at: 9_000 })
    expect(await index.find(1, ask([]))).toEqual({ n: 10, at: 1_000 })
    expect(await index.find(99_999, ask([]))).toEqual({ n: 20, at: 9_000 })
  })

  test('[AR34] the end moves on with every event that passes; the marks are bounded', () => {
    const index = new TimeIndex()
    for (let n = 0; n < 200_000; n++) index.add({ n, at: n * 500 })
    expect(index.first).toEqual({ n: 0, at: 0 })
    expect(index.last?.n).toBeGreaterThan(199_000)
    index.add({ n: 300_000, at: 99_999_600 })
    expect(index.last?.n).toBe(300_000)
  })

  test('[AR34] a kill is marked once, however often it is read', () => {
    const index = new TimeIndex()
    const kill = { n: 5, at: 100, kind: 'kill' as const, text: 'a takes out b' }
    index.highlight(kill)
    index.highlight(kill)
    expect(index.highlights).toEqual([kill])
  })
})

describe('a room as its feed tells it', () => {
  const state = (x: number) => ({
    players: { a: { name: 'Ada', x, y: 1_000, health: 100, alive: true, isConnected: true } },
    phase: 'play',
    round: 2,
  })

  test('[AR35] positions are read in units, not in steps, and between two patches', () => {
    const track = new RoomTrack()
    track.snapshot(1_000, state(2_000), { n: 7, isJump: true })
    track.patch(1_100, { players: { a: { x: 2_200 } } }, 9)
    const sample = track.sample(1_050)
    expect(sample?.n).toBe(7)
    expect(sample?.view.players.get('a')).toMatchObject({ name: 'Ada', x: 210, y: 100 })
    expect(track.sample(1_100)?.n).toBe(9)
  })

  test('[AR35] a merge patch removes players; nobody has mines here', () => {
    const track = new RoomTrack()
    track.snapshot(1_000, state(2_000), { n: 1, isJump: true })
    track.patch(1_100, { players: { a: null, b: { name: 'Bo', x: 1, y: 1 } } }, 2)
    const view = track.sample(1_100)?.view
    expect([...(view?.players.keys() ?? [])]).toEqual(['b'])
    expect(view?.mines).toEqual([])
    expect(view?.selfId).toBeNull()
  })

  test('[AR35] events are handed out when their time has come, each once', () => {
    const track = new RoomTrack()
    track.snapshot(1_000, state(0), { n: 1, isJump: true })
    track.event('kill', 1_200, { by: 'a', whom: 'b', weapon: 'shot', x: 1, y: 2 })
    track.event('no-such-event', 1_100, {})
    expect(track.takeEvents(1_100)).toEqual([])
    expect(track.takeEvents(1_200)).toHaveLength(1)
    expect(track.takeEvents(9_999)).toEqual([])
    track.event('kill', 10_000, {})
    // The page slept for an hour: an old death is no news.
    expect(track.takeEvents(3_600_000)).toEqual([])
  })

  test('[AR35] a jump to the past forgets what came after it', () => {
    const track = new RoomTrack()
    track.snapshot(9_000, state(500), { n: 90, isJump: true })
    track.event('kill', 9_100, {})
    track.snapshot(1_000, state(0), { n: 1, isJump: false })
    expect(track.newestAt).toBe(1_000)
    expect(track.sample(1_000)?.view.players.get('a')?.x).toBe(0)
    expect(track.takeEvents(99_999)).toEqual([])
  })

  test('[AR31] events that nobody takes are bounded, and a patch before a snapshot is ignored', () => {
    const track = new RoomTrack()
    track.patch(1, { round: 1 }, 1)
    expect(track.hasState).toBe(false)
    for (let n = 0; n < 5_000; n++) track.event('kill', n, {})
    expect(track.takeEvents(4_999)).toHaveLength(400)
  })

  test('[AR35] hostile state is no reason to fail: what does not fit becomes a default', () => {
    const track = new RoomTrack()
    const odd = { players: { a: 5, __proto__: { x: 1 }, constructor: { x: 'no' } }, shots: 'x' }
    track.snapshot(1, odd, { n: 1, isJump: true })
    expect(track.sample(1)?.view.players.get('constructor')?.x).toBe(0)
  })
})

describe('views', () => {
  test('[AR36] players are ranked by kills, then fewer deaths, then name', () => {
    const order = ranking([
      player('c', { score: 1, deaths: 1 }),
      player('b', { score: 1, deaths: 1 }),
      player('a', { score: 1, deaths: 4 }),
      player('d', { score: 3 }),
    ])
    expect(order.map(({ id }) => id)).toEqual(['d', 'b', 'c', 'a'])
  })

  test('[AR36] a shot flies from where it began and ends at a wall', () => {
    const shot = { owner: 'a', x: 100, y: 100, vx: 720, vy: 0, firedAt: 1_000 }
    expect(shotViews({ s: shot }, 999)).toEqual([])
    expect(shotViews({ s: shot }, 1_100)[0]).toMatchObject({ x: 172, y: 100, angle: 0 })
    expect(shotViews({ s: shot }, 60_000)).toEqual([])
  })
})

describe('short presses', () => {
  test('[AR50] a click or tap that ends before a step has read it still counts, once', () => {
    const presses = new Presses()
    presses.press('mouse 1', 'fire')
    presses.lift('mouse 1')
    expect(presses.isOn('fire')).toBe(true)
    expect(presses.isOn('mine')).toBe(false)
    presses.markRead()
    expect(presses.isOn('fire')).toBe(false)
  })

  test('[AR50] what is held counts in every step until it is lifted', () => {
    const presses = new Presses()
    presses.press('KeyE', 'mine')
    for (let step = 0; step < 3; step++) {
      expect(presses.isOn('mine')).toBe(true)
      presses.markRead()
    }
    // A key that repeats by itself begins nothing anew.
    presses.press('KeyE', 'mine')
    presses.lift('KeyE')
    expect(presses.isOn('mine')).toBe(false)
  })

  test('[AR50] two keys for the same are lifted each by itself, and a page left behind holds nothing', () => {
    const presses = new Presses()
    presses.press('KeyA', 'left')
    presses.press('ArrowLeft', 'left')
    presses.markRead()
    presses.lift('KeyA')
    expect(presses.isOn('left')).toBe(true)
    presses.press('Space', 'fire')
    presses.release()
    expect([presses.isOn('left'), presses.isOn('fire')]).toEqual([false, false])
  })
})

describe('ways through the past', () => {
  test('[AR51] three skips in a row are three skips, though the first is not there yet', () => {
    const target = new SeekTarget()
    let shown = 100_000
    const done: ((nowMs: number) => void)[] = []
    for (let click = 0; click < 3; click++) done.push(target.begin(target.from(shown) - 10_000))
    expect(target.from(shown)).toBe(70_000)
    // Older answers come late, and the picture still stands elsewhere.
    done[0]?.(500)
    done[1]?.(600)
    target.shown(90_000, 5_000)
    expect(target.from(shown)).toBe(70_000)
    done[2]?.(5_000)
    target.shown(shown, 5_100)
    expect(target.from(shown)).toBe(70_000)
    shown = 70_400
    target.shown(shown, 5_200)
    expect(target.from(shown)).toBe(70_400)
  })

  test('[AR51] a seek that led nowhere, or that something else replaced, is forgotten', () => {
    const target = new SeekTarget()
    target.begin(5_000)(0)
    target.shown(90_000, 900)
    expect(target.from(90_000)).toBe(5_000)
    target.shown(90_000, 1_100)
    expect(target.from(90_000)).toBe(90_000)
    const done = target.begin(5_000)
    target.clear()
    done(2_000)
    expect(target.from(90_000)).toBe(90_000)
  })

  test('[AR51] too many marks are thinned out evenly, and the ends of rounds stay', () => {
    const kills = Array.from({ length: 600 }, (_, n) => ({
      n,
      at: n * 1_000,
      kind: n % 180 === 179 ? ('round' as const) : ('kill' as const),
      text: '',
    }))
    const span = { from: 0, to: 599_000, max: 240 }
    const thin = thinOut(kills, span)
    expect(thin.length).toBeLessThanOrEqual(241)
    expect(thin.length).toBeGreaterThan(120)
    expect(thin.filter(({ kind }) => kind === 'round')).toHaveLength(3)
    const gaps = thin.slice(1).map(({ at }, index) => at - (thin[index]?.at ?? 0))
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000)
    expect(thin[0]?.at).toBe(0)
    // The end moves on: what was chosen stays chosen.
    const later = new Set(thinOut(kills, { ...span, to: 605_000 }).map(({ n }) => n))
    expect(thin.every(({ n }) => later.has(n))).toBe(true)
    expect(thinOut(kills.slice(0, 5), span)).toHaveLength(5)
  })

  test('[AR52] from a room that is gone one goes to that of its name, else to the fullest', () => {
    const room = (id: string, title: string, players: number, isLocked = false): LobbyRoom => ({
      id,
      title,
      players,
      bots: 0,
      seats: 16,
      spectators: 0,
      isLocked,
      round: 1,
      phase: 'play',
      endsAt: 0,
      leader: '',
      leaderScore: 0,
      delayMs: 0,
    })
    const rooms = [
      room('a', 'Side', 3),
      room('b', 'Main', 2),
      room('c', 'Full', 16),
      room('d', 'Main', 9, true),
    ]
    const lost = { id: 'x', title: 'Main', needsSeat: true }
    expect(nextRoom(rooms, lost)?.id).toBe('b')
    expect(nextRoom(rooms, { ...lost, needsSeat: false })?.id).toBe('d')
    expect(nextRoom(rooms, { ...lost, title: '' })?.id).toBe('a')
    expect(nextRoom(rooms, { id: 'b', title: 'Main', needsSeat: true })?.id).toBe('a')
    expect(nextRoom([], lost)).toBeNull()
  })
})
