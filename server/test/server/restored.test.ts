import { expect, it } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { RestorableLog } from '../outbox/history/backup.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

const SECRET = 'a seed for tests, 32 characters long'
const LINE = /^the log was restored under this process/

/** Draws once a tick, so that players and spectators see each draw. */
function drawing(draws: number[]): Partial<ArenaHandlers> {
  return {
    onCreate: () => ({ players: {}, ticks: 0, dice: 0, note: '' }),
    onTick(room) {
      draws.push((room.state.dice = room.random.int(0, 1e9)))
    },
  }
}

it('OB105 OB14 a server whose log is restored under it stops its rooms, is not live, and says what to do', async () => {
  const clock = new ManualClock()
  const log = new RestorableLog(clock)
  const causes: Error[] = []
  const options = { isDevelopment: true, onDead: (cause: Error) => void causes.push(cause) }
  const test = await TestServer.start({ clock, store: log.store, ...options }, drawing([]))
  const ada = await test.join('Ada')
  const { roomId } = ada.seat
  await clock.advanceAsync(2_000, 5)
  const backup = await log.backUp()
  await clock.advanceAsync(2_000, 5)
  await log.putBack(backup)
  await clock.advanceAsync(3_000, 5)
  expect(causes).toMatchObject([{ code: 'log_restored' }])
  const lines = test.logged.filter(({ message }) => LINE.test(message))
  expect(lines).toMatchObject([{ level: 'error' }])
  expect(lines[0]?.message).toContain('npx --no-install ringside-log restored')
  expect(test.server.rooms).toEqual([])
  expect((await test.http('GET', '/health/live')).status).toBe(503)
  expect((await test.http('GET', '/health/ready')).status).toBe(503)
  expect((await test.http('GET', `/rooms/${roomId}/state`)).status).toBe(503)
  expect((await test.http('POST', '/matchmake/joinOrCreate/arena', {})).status).toBe(503)
  const written = (await log.backUp()).events.map(({ n }) => n)
  expect(written).toEqual(backup.events.map(({ n }) => n))
  const closing = test.server.close().catch(() => {})
  const before = clock.now()
  await test.during(closing)
  expect(clock.now() - before).toBeLessThan(15_000)
  expect(causes).toHaveLength(1)
})

it('OB106 OB20 after a restore a room repeats none of the draws that were seen, nor after a second one', async () => {
  const clock = new ManualClock()
  const log = new RestorableLog(clock)
  const all: number[][] = []
  const play = async (idPrefix: string, during: () => Promise<void>): Promise<number[]> => {
    const draws: number[] = []
    all.push(draws)
    const options = { clock, store: log.store, seed: SECRET, idPrefix }
    const test = await TestServer.start(options, drawing(draws))
    if (idPrefix === 'a') await test.join('Ada')
    await during()
    await clock.advanceAsync(2_000, 5)
    expect(test.server.rooms).toHaveLength(1)
    await test.crash()
    return draws
  }
  let backup: Awaited<ReturnType<typeof log.backUp>> | null = null
  await play('a', async () => {
    await clock.advanceAsync(2_000, 5)
    backup = await log.backUp()
  })
  // Two owners of the history that is lost.
  await play('b', async () => {})
  for (const idPrefix of ['c', 'd']) {
    if (backup) await log.putBack(backup)
    await log.restored()
    await play(idPrefix, async () => {})
  }
  const flat = all.flat()
  expect(all.map(({ length }) => length > 20)).toEqual([true, true, true, true])
  expect(new Set(flat).size).toBe(flat.length)
})
