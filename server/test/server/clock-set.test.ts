import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { TestServer } from '../support/test-server.ts'

const HOUR_MS = 3_600_000

interface Seen {
  readonly type: string
  readonly data: { readonly at: number; readonly data: unknown }
}

async function start() {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock })
  const rooms: { now: number; tick: number }[] = []
  const fired: string[] = []
  const test = await TestServer.start(
    { clock, store },
    {
      onCreate: (room) => {
        room.after(60_000, () => fired.push('a minute'))
        return { players: {}, ticks: 0, dice: 1, note: '' }
      },
      onTick: (room) => {
        rooms[0] = { now: room.now, tick: room.tick }
      },
    },
  )
  const ada = await test.join('Ada')
  const events = async (): Promise<Seen[]> => {
    const { body } = await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)
    return (body as { events: Seen[] }).events
  }
  let asked = 0
  const hit = async (): Promise<void> => {
    ada.ask(++asked, 'hit', { target: `t${asked}` })
    await clock.advanceAsync(600, 5)
  }
  return { test, clock, ada, events, hit, fired, roomNow: () => rooms[0]?.now ?? 0 }
}

test('RM72 RM73 RM74 events, rooms and PONG have the time of day of a clock that was set ahead', async () => {
  const { test, clock, ada, events, hit, fired, roomNow } = await start()
  await using _end = test
  await hit()
  clock.stepWall(HOUR_MS)
  await hit()
  await hit()
  const last = (await events()).at(-1)
  expect(clock.wallNow() - (last?.data.at ?? 0)).toBeLessThan(1_000)
  expect(clock.wallNow() - roomNow()).toBeLessThan(50)
  ada.sendSystem('ping', { clientTime: 1 })
  await clock.advanceAsync(2)
  const pong = ada.all('pong').at(-1)
  expect(clock.wallNow() - (pong?.serverTime ?? 0)).toBeLessThan(10)
  // An hour has not passed: nothing of a minute is due, the seat is held and the client is no laggard.
  expect(fired).toEqual([])
  expect(ada.isOpen).toBe(true)
  await clock.advanceAsync(60_000, 20)
  expect(fired).toEqual(['a minute'])
})

test('RM72 RM74 a clock that was set back leaves every room in order, and going', async () => {
  const { test, clock, ada, events, hit, roomNow } = await start()
  await using _end = test
  await hit()
  const before = roomNow()
  clock.stepWall(-HOUR_MS)
  await hit()
  await hit()
  expect(roomNow() - before).toBeGreaterThan(900)
  const times = (await events()).map(({ data }) => data.at)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(ada.isOpen).toBe(true)
  // A room that is new has the time of day.
  const bea = await test.join('Bea', 'create/arena')
  await clock.advanceAsync(600, 5)
  const { body } = await test.http('GET', `/rooms/${bea.seat.roomId}/events?limit=10`)
  const [first] = (body as { events: Seen[] }).events
  expect(Math.abs(clock.wallNow() - (first?.data.at ?? 0))).toBeLessThan(2_000)
})
