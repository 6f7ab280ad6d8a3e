import { defineGame, num, schema } from '@ringside/protocol'
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { LoopWatch, createActivity } from '../../src/process/loop-watch.ts'
import { Loop } from '../../src/room/turn/loop.ts'
import { createServer } from '../../src/index.ts'

/** A clock that goes on by itself, as while a loop stands: its timers come late. */
class StandingClock extends ManualClock {
  #stoodMs = 0

  stand(ms: number): void {
    this.#stoodMs += ms
  }

  override now(): number {
    return super.now() + this.#stoodMs
  }
}

function watched() {
  const clock = new StandingClock(0)
  const lines: unknown[] = []
  const tell = (fields: object, text?: string): void =>
    void lines.push({ ...fields, message: text })
  const logger = { debug() {}, info: tell, warn: tell, error() {} }
  const activity = createActivity()
  const watch = new LoopWatch({ clock, logger, activity })
  watch.start()
  return { clock, lines, activity, watch }
}

const message = 'event loop was late'

test('ME2 a loop that stands is told of with what began last', () => {
  const { clock, lines, activity, watch } = watched()
  clock.advance(1_000)
  activity.entry = { name: 'dig' }
  clock.stand(3_000)
  clock.advance(100)
  expect(lines).toEqual([{ lateMs: 3_000, where: 'command dig', message }])

  clock.advance(2_000)
  activity.where = 'GET /slow'
  clock.stand(250)
  clock.advance(100)
  expect(lines.slice(1)).toEqual([{ lateMs: 250, where: 'GET /slow', message }])

  clock.advance(2_000)
  clock.stand(201)
  clock.advance(100)
  expect(lines.slice(2)).toEqual([{ lateMs: 201, message }])
  clock.stand(200)
  clock.advance(100)
  expect(lines).toHaveLength(3)
  watch.stop()
  expect(clock.pendingCount).toBe(0)
})

test('ME2 code of a room is told of where it runs, and not once more by the timer', () => {
  const { clock, lines, activity, watch } = watched()
  clock.advance(1_000)
  activity.where = 'onTick'
  activity.roomId = 'r1'
  const beganAt = clock.now()
  clock.stand(400)
  watch.ran('r1', 'onTick', beganAt)
  // A message that came meanwhile runs before the timer does.
  activity.entry = { name: 'innocent' }
  clock.advance(100)
  expect(lines).toEqual([{ lateMs: 400, roomId: 'r1', where: 'onTick', message }])
  watch.ran('r1', 'onTick', clock.now() - 200)
  expect(lines).toHaveLength(1)
  watch.stop()
})

test('ME2 a loop that is late all the time is told of once a second, with a count', () => {
  const { clock, lines, watch } = watched()
  for (let i = 0; i < 20; i++) watch.ran('r1', 'onTick', clock.now() - 300 - i)
  clock.advance(1_000)
  watch.ran('r1', 'onTick', clock.now() - 900)
  expect(lines).toEqual([
    { lateMs: 300, roomId: 'r1', where: 'onTick', message },
    { lateMs: 900, roomId: 'r1', where: 'onTick', more: 19, message },
  ])
  expect(watch.counters[0]?.read()).toBe(21)
  watch.stop()
})

test('ME3 steps that a stall has cost count as late', () => {
  const clock = new StandingClock(0)
  const late: number[] = []
  const loop = new Loop(clock, 1000 / 30, (_, lateMs) => late.push(lateMs))
  loop.start()
  clock.advance(10_000)
  expect(loop.lagP99Ms()).toBeLessThan(2)
  clock.stand(3_000)
  clock.advance(40)
  expect(loop.lagP99Ms()).toBeGreaterThan(2_800)
  expect(Math.max(...late)).toBeGreaterThan(2_900)
  clock.advance(11_000)
  expect(loop.lagP99Ms()).toBeLessThan(2)
  loop.stop()
})

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('ME2 ME3 a game that blocks shows in the log and in /metrics, whatever blocks', async () => {
  const lines: { lateMs: number; where?: string; roomId?: string }[] = []
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn(fields: object, text?: string) {
      const line = fields as (typeof lines)[number]
      // Whatever else the machine does meanwhile is late as well.
      if (text === message && line.lateMs > 300) lines.push(line)
    },
  }
  const game = defineGame({ rooms: { arena: { state: schema({ total: num(1) }) } } })
  const server = createServer(game, { isDevelopment: true, logger })
  let isDue = false
  server.room('arena', {
    tickHz: 20,
    emptyTimeoutMs: null,
    onCreate: () => ({ total: 0 }),
    onTick() {
      if (!isDue) return
      isDue = false
      block(450)
    },
  })
  server.route('GET', '/slow/:x', (_request, response) => {
    block(600)
    response.send(200, {}, 'slow')
  })
  const port = await server.listen({ port: 0, host: '127.0.0.1' })
  try {
    const roomId = await server.createRoom('arena')
    const ticked = (): boolean => {
      isDue = true
      return lines.some((line) => line.roomId === roomId && line.where === 'onTick')
    }
    await expect.poll(ticked, { timeout: 15_000, interval: 1_200 }).toBe(true)
    isDue = false
    // A line of a second before keeps one back.
    const fetched = async (): Promise<boolean> => {
      await fetch(`http://127.0.0.1:${port}/slow/1?secret=2`)
      return lines.some(({ where }) => where === 'GET /slow/:x')
    }
    await expect.poll(fetched, { timeout: 15_000, interval: 1_200 }).toBe(true)
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(text).toMatch(/^ringside_loop_late_total [2-9]/m)
    expect(Number(/^ringside_loop_delay_max_ms (\d+)/m.exec(text)?.[1])).toBeGreaterThan(300)
    expect(server.rooms.find((room) => room.id === roomId)?.tickLagP99Ms).toBeGreaterThan(200)
  } finally {
    await server.close()
  }
})
