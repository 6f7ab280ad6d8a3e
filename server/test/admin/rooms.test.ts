import { describe, expect, it } from 'vitest'
import type { RoomListing } from '@ringside/protocol'
import type { Room } from '../../src/index.ts'
import { codeOf, startHall } from './rig.ts'
import type { Hall } from './rig.ts'
import type { TestServer } from '../../src/testing/index.ts'

async function listed(test: TestServer<Hall>): Promise<RoomListing[]> {
  return ((await test.get('/rooms')).json as { rooms: RoomListing[] }).rooms
}

describe('seats of one room', () => {
  it('RM63 onCreate lowers the seats: lists, matchmaking and a restart know it', async () => {
    const handlers = {
      onCreate: (room: { maxClients: number }) => {
        expect(room.maxClients).toBe(8)
        room.maxClients = 2
        return { said: {} }
      },
      emptyTimeoutMs: null,
    }
    const first = await startHall({ handlers })
    const ada = await first.create('hall')
    const { roomId } = ada.seat
    await first.joinById(roomId)
    expect(await codeOf(() => first.joinById(roomId))).toBe('room_full')
    expect((await first.join('hall')).seat.roomId).not.toBe(roomId)
    await first.advance(1_000)
    const mine = (rooms: readonly { maxClients: number }[]): number[] =>
      rooms.map(({ maxClients }) => maxClients)
    expect(mine(await listed(first))).toEqual([2, 2])
    expect(mine(first.server.rooms)).toEqual([2, 2])
    await first.crash()
    await using next = await first.restart()
    expect(mine(next.server.rooms)).toEqual([2, 2])
    expect(await codeOf(() => next.joinById(roomId))).toBe('room_full')
  })

  it('RM63 it may be set later, puts nobody out, and is never above the type', async () => {
    const kept: { room?: Room } = {}
    const handlers = { onJoin: (room: Room) => void (kept.room = room) }
    await using test = await startHall({ handlers })
    const ada = await test.create('hall')
    const bob = await test.joinById(ada.seat.roomId)
    const room = kept.room as Room
    for (const bad of [0, 9, -1, 1.5, Number.NaN, '2', null, undefined] as number[])
      expect(() => (room.maxClients = bad), String(bad)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      )
    room.maxClients = 1
    await test.advance(100)
    expect([ada.closed, bob.closed]).toEqual([null, null])
    expect(await codeOf(() => test.joinById(ada.seat.roomId))).toBe('room_full')
    room.maxClients = 8
    expect(await codeOf(() => test.joinById(ada.seat.roomId))).toBe('ok')
    test.server.closeRoom(ada.seat.roomId)
    expect(() => (room.maxClients = 2)).toThrow(expect.objectContaining({ code: 'room_released' }))
  })
})

describe('the budget of a room', () => {
  it('RM64 all players of a room together have so many commands a second; others are not touched', async () => {
    await using test = await startHall({ handlers: { maxMessagesPerSecond: 5 } })
    const ada = await test.create('hall')
    const bob = await test.joinById(ada.seat.roomId)
    const cleo = await test.create('hall')
    const codes: string[] = []
    for (let count = 0; count < 4; count++)
      for (const player of [ada, bob]) codes.push(await codeOf(() => player.request('step', {})))
    expect(codes.filter((code) => code === 'ok')).toHaveLength(5)
    expect(codes.slice(5)).toEqual(['rate_limited', 'rate_limited', 'rate_limited'])
    expect(await codeOf(() => cleo.request('step', {}))).toBe('ok')
    expect(await codeOf(() => ada.request('shout', { text: 'x' })), 'not of the room').toBe('ok')
    await test.advance(400)
    expect(await codeOf(() => bob.request('step', {}))).toBe('ok')
    const metrics = await test.get('/metrics', { headers: { 'x-api-key': 'the key of a test' } })
    expect(metrics.text).toMatch(/^ringside_messages_over_budget_total 3$/m)
    expect([ada.closed, bob.closed]).toEqual([null, null])
  })

  it.each([0, -1, 1e7, Number.NaN, 'x'] as number[])(
    'RM64 a budget of %s is refused',
    async (maxMessagesPerSecond) => {
      const started = startHall({ handlers: { maxMessagesPerSecond } })
      await expect(started).rejects.toMatchObject({ code: 'option_invalid' })
    },
  )
})
