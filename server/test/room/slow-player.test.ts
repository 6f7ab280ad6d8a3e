import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/index.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import { Reader } from './reader.ts'
import type { ArenaState } from './reader.ts'

/** A room whose state changes by 20,000 characters a tick, until it is told to stand still. */
function restlessRoom(): { handlers: Partial<ArenaHandlers>; still: boolean; state: ArenaState } {
  const state: ArenaState = { players: {}, ticks: 0, dice: 0, note: '' }
  const room = {
    still: false,
    state,
    handlers: {
      onTick: ({ state, tick, random }: Parameters<NonNullable<ArenaHandlers['onTick']>>[0]) => {
        room.state = state
        if (room.still) return
        state.ticks++
        state.note = 'x'.repeat(20_000) + tick
        for (const player of Object.values(state.players)) {
          player.score = random.int(0, 9)
          if (random.int(0, 3) === 0) player.mines = [{ x: tick }]
        }
      },
    },
  }
  return room
}

describe('SL3 after any stall', () => {
  for (let seed = 1; seed <= 4; seed++)
    it(`SL3 a client's state equals the server's, whenever and however long it stalled (seed ${seed})`, async () => {
      const random = createRandom(seed)
      const room = restlessRoom()
      await using test = await TestServer.start(
        { maxBehindMs: 60_000, maxQueuedBytes: 4 * 1024 * 1024 },
        room.handlers,
      )
      const readers = [new Reader(await test.join('Ada')), new Reader(await test.join('Bob'))]
      for (let round = 0; round < 12; round++) {
        for (const { player } of readers) if (random.int(0, 2) > 0) player.link.stall()
        await test.clock.advanceAsync(random.int(1, 900), 5)
        for (const { player } of readers) player.link.resume()
        // A patch may come before the full state that is due, but never in the place of it.
        await test.clock.advanceAsync(random.int(1, 200), 5)
        room.still = true
        await test.clock.advanceAsync(150, 5)
        for (const reader of readers) reader.expectEqual(room.state)
        room.still = false
      }
      // Else nobody was ever behind, and the test says nothing.
      for (const reader of readers) expect(reader.fullStates).toBeGreaterThan(1)
      for (const { player } of readers) expect(player.closed).toBeNull()
    })

  it('SL3 a client that cannot be brought up to date is told to start over: 4002, which may redial', async () => {
    const room = restlessRoom()
    await using test = await TestServer.start({ maxBehindMs: 2_000 }, room.handlers)
    const ada = new Reader(await test.join('Ada'))
    ada.player.link.stall()
    await test.clock.advanceAsync(4_500, 50)
    ada.player.link.resume()
    await test.clock.advanceAsync(500, 50)
    expect(ada.player.closed?.code).toBe(4002)
    const frames = ada.player.frames.length
    const { seat } = ada.player
    const token = ada.player.all('joined')[0]?.reconnectToken
    const answer = await test.http('POST', `/matchmake/reconnect/${seat.roomId}`, { token })
    expect(answer.status).toBe(200)
    expect(ada.player.frames).toHaveLength(frames)
  })
})
