import { expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import type { LogStore } from '../../src/outbox/contract/store.ts'
import { Reader } from '../feed/rig.ts'
import { overrideStore } from '../outbox/support.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

type Room = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

interface Seen {
  readonly isListed: boolean
  readonly isLocked: boolean
  readonly metadata: unknown
  readonly stateStatus: number
}

/** What is seen of a room after the process that ran `act` on it has died. */
async function afterCrash(
  act: (room: Room, test: TestServer) => Promise<void>,
  wrap: (store: MemoryStore) => LogStore = (store) => store,
): Promise<Seen> {
  const store = new MemoryStore()
  let room: Room | null = null
  const handlers = { onTick: (ticked: Room) => void (room = ticked) }
  const first = await TestServer.start({ store: wrap(store) }, handlers)
  const { roomId } = (await first.join('Ada')).seat
  await first.clock.advanceAsync(2_000, 5)
  await act(ticked(room), first)
  await first.crash()
  room = null
  await using second = await TestServer.start({ store, idPrefix: 'b' }, handlers)
  await second.clock.advanceAsync(500, 5)
  const { isLocked, metadata } = ticked(room)
  const { rooms } = (await second.http('GET', '/rooms')).body as { rooms: { roomId: string }[] }
  const isListed = rooms.some((listed) => listed.roomId === roomId)
  const { status } = await second.http('GET', `/rooms/${roomId}/state`)
  return { isListed, isLocked, metadata, stateStatus: status }
}

function ticked(room: Room | null): Room {
  if (!room) throw new Error('Expected a room that ticks')
  return room
}

const SHUT = { isListed: false, isLocked: true, stateStatus: 403 }
const OPEN = { isListed: true, isLocked: false, stateStatus: 200 }

it('CL3 CL23 a room that was made private and locked is so after a crash', async () => {
  const seen = await afterCrash(async (room, test) => {
    room.setPrivate(true)
    room.lock()
    await test.clock.advanceAsync(500, 5)
  })
  expect(seen).toMatchObject(SHUT)
})

it('CL3 a room that was opened again is open after a crash', async () => {
  const seen = await afterCrash(async (room, test) => {
    room.setPrivate(true)
    room.lock()
    // Long enough for a snapshot that has it so.
    await test.clock.advanceAsync(31_000, 50)
    room.setPrivate(false)
    room.unlock()
    await test.clock.advanceAsync(500, 5)
  })
  expect(seen).toMatchObject(OPEN)
})

it('CL3 where no record could be written the snapshot that each change asks for says so', async () => {
  const seen = await afterCrash(
    async (room, test) => {
      room.setPrivate(true)
      room.lock()
      await test.clock.advanceAsync(31_000, 50)
    },
    (store) =>
      overrideStore(store, {
        rooms: {
          save: async (record) => {
            if (record.isPrivate) throw new Error('away')
            await store.rooms.save(record)
          },
        },
      }),
  )
  expect(seen).toMatchObject(SHUT)
})

it('CL3 CL24 metadata is as it was 30 s before a crash, and costs one snapshot in that time', async () => {
  let snapshots = 0
  const count = (store: MemoryStore): LogStore =>
    overrideStore(store, {
      snapshots: {
        saveAll: async (some) => {
          snapshots += some.length
          await store.snapshots.saveAll(some)
        },
        save: async (one) => {
          snapshots++
          await store.snapshots.save(one)
        },
      },
    })
  const seen = await afterCrash(async (room, test) => {
    snapshots = 0
    for (let value = 0; value < 60; value++) {
      room.setMetadata({ value })
      await test.clock.advanceAsync(1_000, 50)
    }
  }, count)
  expect(snapshots).toBeLessThanOrEqual(3)
  expect((seen.metadata as { value: number }).value).toBeGreaterThanOrEqual(29)
})

it('FE11 FE40 a reader that was away gets the snapshot of a room that an earlier process revealed', async () => {
  const store = new MemoryStore()
  let room: Room | null = null
  const handlers = { onTick: (state: Room) => void (room = state) }
  const first = await TestServer.start({ store }, handlers)
  const read = async (test: TestServer, lastEventId: string): Promise<Reader> => {
    const headers = lastEventId === '' ? {} : { 'last-event-id': lastEventId }
    const request = { method: 'GET', path: '/feed', remoteAddress: '127.0.0.1', headers }
    const reader = new Reader(test.transport.request(request))
    await test.clock.advanceAsync(500, 5)
    return reader
  }
  const change = async (isPrivate: boolean): Promise<void> => {
    ticked(room).setPrivate(isPrivate)
    ticked(room).emit('kill', { by: 'a', whom: 'b' })
    await first.clock.advanceAsync(500, 5)
  }
  await first.join('Ada')
  await first.clock.advanceAsync(500, 5)
  await change(true)
  const away = await read(first, '')
  expect(away.of('snapshot')).toEqual([])
  await change(false)
  const there = await read(first, '')
  await first.crash()
  await using second = await TestServer.start({ store, idPrefix: 'b' }, handlers)
  await second.clock.advanceAsync(500, 5)
  const back = await read(second, String(away.of('caught-up')[0]?.id))
  const numbers = back.events.flatMap(({ data }) => (data.n ? [data.n] : []))
  expect(back.of('snapshot')).toHaveLength(1)
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
  const known = await read(second, there.lastEventId)
  expect(known.of('snapshot'), 'who has it already is not told again').toEqual([])
})
