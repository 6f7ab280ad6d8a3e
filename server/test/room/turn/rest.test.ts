import { defineGame, event, int, map, schema } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../../src/index.ts'
import type { RoomOf, ServerOptions } from '../../../src/index.ts'
import { ManualClock } from '../../../src/process/clock.ts'
import { Loop } from '../../../src/room/turn/loop.ts'
import { startTestServer } from '../../../src/testing/index.ts'

const game = defineGame({
  commands: {},
  rooms: {
    quiet: {
      state: schema({ score: int(1), things: map(2, schema({ at: int(1) })) }),
      events: { mark: event({ at: int(1) }) },
    },
  },
})

const API_KEY = 'the key of a test'

/** A room of a type without a tick, 10 s after anything has happened in it. */
async function resting(emptyTimeoutMs: number | null = null) {
  const rooms: RoomOf<typeof game, 'quiet'>[] = []
  const make = (options: ServerOptions) => {
    const server = createServer(game, options)
    server.room('quiet', {
      tickHz: 0,
      emptyTimeoutMs,
      onCreate(room) {
        // Its state is there once this has returned.
        rooms.push(room as RoomOf<typeof game, 'quiet'>)
        return { score: 0, things: { old: { at: 1 } } }
      },
    })
    return server
  }
  const test = await startTestServer(game, make, { apiKey: API_KEY })
  const id = await test.server.createRoom('quiet')
  await test.advance(10_000)
  const [room] = rooms
  if (!room) throw new Error('no room')
  const steps = async (): Promise<number> => {
    const { text } = await test.get('/metrics', { headers: { 'x-api-key': API_KEY } })
    return Number(/^ringside_tick_lag_ms_count (\d+)/m.exec(text)?.[1])
  }
  const events = async () => (await test.eventsOf(id)).map(({ type, data }) => ({ type, data }))
  return { test, id, room, steps, events }
}

describe('a loop that rests', () => {
  it('LT9 leaves out steps until the time that is known, and keeps to the rate when it goes on', () => {
    const clock = new ManualClock(0)
    const due: number[] = []
    let until = Number.POSITIVE_INFINITY
    const loop = new Loop(clock, 50, (at) => due.push(at))
    loop.quietUntil = () => until
    loop.start()
    clock.advance(60_000)
    expect([due.length, loop.isResting, clock.pendingCount]).toEqual([40, true, 0])
    until = 61_010
    loop.wake()
    clock.advance(3_000)
    expect(due.slice(40)).toEqual([
      ...Array.from({ length: 40 }, (_, k) => 60_050 + k * 50),
      ...rest(62_050, 63_000),
    ])
    loop.stop()
    until = 100_010
    loop.start()
    const count = due.length
    clock.advance(36_000)
    expect(due.length - count).toBe(40)
    clock.advance(2_000)
    expect(due.at(count + 40)).toBe(100_050)
    loop.stop()
    expect([loop.isResting, clock.pendingCount]).toEqual([false, 0])
  })
})

function rest(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / 50 + 1 }, (_, k) => from + k * 50)
}

describe('a room without a tick in which nothing happens', () => {
  it('LT9 takes no steps', async () => {
    const { test, steps } = await resting()
    await using _ = test
    const before = await steps()
    expect(before).toBeGreaterThan(0)
    await test.advance(600_000)
    expect(await steps()).toBe(before)
  })

  it('LT9 a write outside of all turns, to a state that was kept, is in the log as soon as ever', async () => {
    const { test, room, events } = await resting()
    await using _ = test
    const { state } = room
    const writes: (() => void)[] = [
      () => (state.score = 7),
      () => (state.things['new'] = { at: 2 }),
      () => delete state.things['old'],
      () => room.emit('mark', { at: 3 }),
    ]
    for (const write of writes) {
      await test.advance(600_000)
      const { length } = await events()
      write()
      await test.advance(150)
      expect((await events()).length).toBe(length + 1)
    }
    expect((await events()).slice(-4).map(({ data }) => (data as { data: unknown }).data)).toEqual([
      { score: 7 },
      { things: { new: { at: 2 } } },
      { things: { old: null } },
      { at: 3 },
    ])
  })

  it('LT9 its time goes on: a timer waits from when it was made, and no longer than asked for', async () => {
    const { test, room } = await resting()
    await using _ = test
    await test.advance(600_000)
    const madeAt = test.clock.now()
    expect(madeAt - room.now).toBeLessThanOrEqual(50)
    let firedAt = 0
    room.after(30_000, () => (firedAt = test.clock.now()))
    await test.advance(29_900)
    expect(firedAt).toBe(0)
    await test.advance(200)
    expect(firedAt - madeAt).toBeGreaterThanOrEqual(30_000)
    expect(firedAt - madeAt).toBeLessThanOrEqual(30_100)
  })

  it('LT9 one that is empty ends when its time is over, and one that was told to end does', async () => {
    const { test } = await resting(60_000)
    await using _ = test
    await test.advance(49_800)
    expect(test.server.rooms.length).toBe(1)
    await test.advance(300)
    expect(test.server.rooms.length).toBe(0)
    const other = await resting()
    await using _other = other.test
    await other.test.advance(600_000)
    other.room.end()
    await other.test.advance(100)
    expect(other.test.server.rooms.length).toBe(0)
  })
})
