import { describe, expect, it } from 'vitest'
import { TestServer } from '../support/test-server.ts'
import type { TestClient } from '../support/test-server.ts'

/** Rooms pause after a second without their log. */
const LIMITS = { maxOutboxLagMs: 1_000 }

const paused = (client: TestClient): boolean[] =>
  client.all('paused').map(({ paused: isPaused }) => isPaused)

describe('a paused room and its players', () => {
  it('RM10 RM30 players are told of the pause once, and of its end after what onResume changed', async () => {
    const pauses: { at: number; pausedMs: number; ticks: number }[] = []
    await using test = await TestServer.start(LIMITS, {
      onResume(room, pausedMs) {
        pauses.push({ at: room.now, pausedMs, ticks: room.state.ticks })
        room.state.note = `later by ${pausedMs}`
      },
    })
    const [ada, bob] = [await test.join('Ada'), await test.join('Bob')]
    await test.clock.advanceAsync(500, 5)
    test.faults.isReadOnly = true
    await test.clock.advanceAsync(1_500, 5)
    expect([paused(ada), paused(bob)]).toEqual([[true], [true]])
    const stoodAt = test.clock.now()
    const seen = ada.frames.length
    await test.clock.advanceAsync(3_000, 5)
    expect(ada.frames.length, 'nothing is sent while it stands still').toBe(seen)
    test.faults.isReadOnly = false
    for (let step = 0; pauses.length === 0 && step < 1_000; step++) await test.clock.advanceAsync(5)
    expect([paused(ada), paused(bob)]).toEqual([
      [true, false],
      [true, false],
    ])
    expect(pauses).toHaveLength(1)
    const [{ at, pausedMs }] = pauses as [(typeof pauses)[0]]
    expect(Number.isInteger(pausedMs)).toBe(true)
    // It paused within the second after the stall, and room time went on all the while.
    expect(pausedMs).toBeGreaterThanOrEqual(3_000)
    expect(at - pausedMs).toBeLessThanOrEqual(stoodAt)
    const names = ada.frames.map(({ name }) => name)
    expect(names[names.lastIndexOf('paused') - 1], 'what onResume changed comes first').toBe(
      'patch',
    )
    await test.clock.advanceAsync(500, 5)
    expect(names.filter((name) => name === 'paused')).toHaveLength(2)
  })

  it('RM2 RM10 a match with a pause gives the same log when the same happens again', async () => {
    const play = async (): Promise<unknown> => {
      await using test = await TestServer.start(LIMITS, {
        onResume(room, pausedMs) {
          room.state.note = `${pausedMs} ${room.random.int(1, 1_000)}`
        },
      })
      const ada = await test.join('Ada')
      await test.clock.advanceAsync(300, 5)
      test.faults.isReadOnly = true
      await test.clock.advanceAsync(4_000, 5)
      test.faults.isReadOnly = false
      await test.clock.advanceAsync(4_000, 5)
      const log = await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)
      const { events } = log.body as { events: { type: string; data: { data: unknown } }[] }
      // Without `at`: that is the store's clock.
      return events.map(({ type, data }) => ({ type, data: data.data }))
    }
    const first = await play()
    expect(JSON.stringify(first)).toMatch(/"note":"\d+ \d+"/)
    expect(await play()).toEqual(first)
  })

  it('RM8 RM10 a seat whose player could not come back for the pause is kept a whole grace more', async () => {
    await using test = await TestServer.start(LIMITS, { reconnectGraceMs: 1_000 })
    const ada = await test.join('Ada')
    await test.join('Bob')
    await test.clock.advanceAsync(300, 5)
    test.faults.isReadOnly = true
    await test.clock.advanceAsync(2_000, 5)
    ada.socket.close()
    await test.clock.advanceAsync(5_000, 5)
    expect(test.hookLog).not.toContain('leave Ada dropped')
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(500, 5)
    const token = ada.all('joined').at(-1)?.reconnectToken
    const back = await test.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
    expect(back.status).toBe(200)
    await test.clock.advanceAsync(6_000, 5)
    expect(test.hookLog).toContain('leave Ada dropped')
  })
})
