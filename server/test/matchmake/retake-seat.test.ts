import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import { TestServer } from '../support/test-server.ts'

describe('a seat that code of the server takes again', () => {
  it('MM6 the seat of before a restart is taken with its id alone, and the player is the same', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store })
    const ada = await first.join('Ada')
    ada.ask(1, 'hit', { target: 'x' })
    await first.clock.advanceAsync(500, 5)
    await first[Symbol.asyncDispose]()
    await using next = await TestServer.start({ store, idPrefix: 'b' })
    const { roomId, sessionId } = ada.seat
    const seat = next.server.retakeSeat(roomId, sessionId)
    expect(seat.sessionId).toBe(sessionId)
    const again = Object.assign(await next.dial(), { seat })
    again.sendSystem('join', { ticket: seat.ticket })
    await next.clock.advanceAsync(100, 5)
    expect(again.all('joined')).toMatchObject([{ sessionId, name: 'Ada', epoch: 2 }])
    again.ask(2, 'hit', { target: 'x' })
    await next.clock.advanceAsync(100, 5)
    expect(again.reply(2, 'hit'), 'the score is kept').toEqual({ score: 2 })
    expect(next.hookLog).toContain('reconnect Ada')
  })

  it('MM6 a seat that is not taken is refused, and so is a room that is not there', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const reserved = await test.server.reserveSeat(ada.seat.roomId, { name: 'Bob' })
    const codeOf = (roomId: string, sessionId: string): unknown => {
      try {
        return test.server.retakeSeat(roomId, sessionId)
      } catch (error) {
        return (error as { code?: string }).code
      }
    }
    expect(codeOf(ada.seat.roomId, reserved.sessionId)).toBe('reconnect_refused')
    expect(codeOf(ada.seat.roomId, 'nobody')).toBe('reconnect_refused')
    expect(codeOf('nowhere', ada.seat.sessionId)).toBe('room_not_found')
  })
})
