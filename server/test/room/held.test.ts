import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import type { RoomOf } from '../../src/index.ts'
import { hookedStore } from '../../src/testing/index.ts'
import { testGame } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestClient } from '../support/test-server.ts'
import { eventsOf } from './log-fold.ts'

type ArenaRoom = RoomOf<typeof testGame, 'arena'>
const FRAME_ID = testGame.commands.free.id

/** A room with a player; patches are a second apart. */
async function roomOf(options: object = {}) {
  let live: ArenaRoom | null = null
  const test = await TestServer.start(options, {
    patchHz: 1,
    logHz: 1,
    onJoin: (room) => void (live = room),
    onTick: () => {},
  })
  const ada = await test.join('Ada')
  await test.clock.advanceAsync(1_000, 10)
  if (live === null) throw new Error('Expected a room')
  ada.frames.length = 0
  return { test, ada, room: live as ArenaRoom }
}

/** The frames of `id` and the names of the system's others, in order. */
function orderOf(client: TestClient): (number | string)[] {
  return client.frames.map(({ id, name, bytes }) =>
    id === FRAME_ID ? (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8) : (name ?? ''),
  )
}

function numbered(n: number, bytes = 2): Uint8Array {
  const payload = new Uint8Array(bytes)
  payload[0] = n & 255
  payload[1] = n >> 8
  return payload
}

describe('what a room holds back for its patch', () => {
  it.each([
    ['1,000 frames', 1_500, 2, 1_000],
    ['1 MiB', 30, 50_000, 20],
  ])(
    'RM35 goes ahead of it beyond %s: nothing throws, nothing is lost, and events stay behind the patch',
    async (_name, count, bytes, ahead) => {
      const { test, ada, room } = await roomOf()
      await using _test = test
      room.state.note = 'changed'
      room.emit('kill', { by: 'a', whom: 'b' })
      for (let n = 0; n < count; n++)
        room.broadcast(FRAME_ID, numbered(n, bytes), { afterPatch: true })
      await test.clock.advanceAsync(1)
      expect(orderOf(ada)).toEqual(Array.from({ length: ahead }, (_, n) => n))
      await test.clock.advanceAsync(1_200, 10)
      const rest = Array.from({ length: count - ahead }, (_, n) => n + ahead)
      expect(orderOf(ada).slice(ahead, ahead + 2 + rest.length)).toEqual([
        'patch',
        'event',
        ...rest,
      ])
    },
  )

  it('RM35 bounds the characters of events that wait, and takes who leaves all the same', async () => {
    let isStalled = false
    const store = hookedStore(new MemoryStore(), {
      insert: async (events, apply) =>
        isStalled ? { kind: 'unknown', cause: new Error('away') } : apply(events),
    })
    const { test, ada, room } = await roomOf({ store, maxOutboxLagMs: 1_000 })
    await using _test = test
    isStalled = true
    room.state.note = 'unsaid'
    await test.clock.advanceAsync(4_000, 10)
    expect(ada.all('paused')).toHaveLength(1)
    let taken = 0
    const whom = 'x'.repeat(65_000)
    expect(() => {
      for (; taken < 1_000; taken++) room.emit('kill', { by: 'a', whom })
    }).toThrow(expect.objectContaining({ code: 'room_paused' }))
    expect(taken).toBe(Math.floor((16 * 1024 * 1024) / JSON.stringify({ by: 'a', whom }).length))
    room.sessions.get(ada.seat.sessionId)?.kick()
    isStalled = false
    await test.clock.advanceAsync(6_000, 10)
    const types = (await eventsOf(store, ada.seat.roomId)).map(({ type }) => type)
    expect(types.filter((type) => type === 'kill')).toHaveLength(taken)
    expect(types.filter((type) => type === 'left')).toHaveLength(1)
  })
})
