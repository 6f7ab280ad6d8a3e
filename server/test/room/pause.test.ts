import { closeCodes } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { TestServer } from '../support/test-server.ts'
import { hookedStore } from '../../src/testing/index.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'

describe('a room whose log is away', () => {
  it('RM10 OB7 OB15 pauses past maxOutboxLagMs, refuses input, and loses nothing when it returns', async () => {
    await using test = await TestServer.start({ maxOutboxLagMs: 1_000 })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    test.faults.isReadOnly = true
    for (let step = 0; step < 10; step++) {
      ada.ask(step, 'hit', { target: `t${step}` })
      await test.clock.advanceAsync(50, 5)
    }
    await test.clock.advanceAsync(2_000, 5)
    ada.ask(100, 'hit', { target: 'refused' })
    await test.clock.advanceAsync(5)
    expect(ada.all('error').at(-1)).toMatchObject({ correlation: 100, code: 'room_paused' })
    const refused = await test.http('POST', `/matchmake/joinById/${ada.seat.roomId}`, {})
    expect(refused.body).toMatchObject({ error: { code: 'room_paused' } })
    expect((await test.http('GET', '/health/ready')).status).toBe(503)
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(5_000, 5)
    ada.ask(101, 'hit', { target: 'again' })
    await test.clock.advanceAsync(500, 5)
    expect(ada.reply(101, 'hit')).toEqual({ score: 11 })
    expect((await test.http('GET', '/health/ready')).status).toBe(200)
    const { body } = await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)
    const { events } = body as { events: { type: string; data: { n: number; data: unknown } }[] }
    const kills = events.filter((event) => event.type === 'kill')
    expect(kills.map((event) => (event.data.data as { whom: string }).whom)).toEqual([
      ...Array.from({ length: 10 }, (_, step) => `t${step}`),
      'again',
    ])
    expect(events.map((event) => event.data.n)).toEqual(events.map((_, index) => index + 1))
  })

  it('RM10 durable() resolves only when the log has it', async () => {
    const order: string[] = []
    await using test = await TestServer.start(
      {},
      {
        commands: {
          hit: async (room) => {
            room.state.note = 'bought'
            await room.durable()
            order.push('durable')
            return { score: 0 }
          },
        },
      },
    )
    const ada = await test.join('Ada')
    test.faults.isReadOnly = true
    ada.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(300, 5)
    expect(order).toEqual([])
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(5_000, 5)
    expect(order).toEqual(['durable'])
  })

  it('RM10 RM31 with close the room ends past maxOutboxLagMs, and what it did is in the log when it returns', async () => {
    await using test = await TestServer.start({
      maxOutboxLagMs: 1_000,
      whenLogIsFull: 'close',
    })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    test.faults.isReadOnly = true
    ada.ask(1, 'hit', { target: 'last' })
    await test.clock.advanceAsync(2_000, 5)
    expect(test.server.rooms).toEqual([])
    expect(ada.closed?.reason).toBe(closeCodes.room_ended.reason)
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(5_000, 5)
    const { body } = await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)
    const types = (body as { events: { type: string }[] }).events.map(({ type }) => type)
    expect(types).toContain('kill')
    expect(types.at(-1)).toBe('end')
  })

  it('RM10 whenLogIsFull is checked', async () => {
    const wrong = { whenLogIsFull: 'panic' as never }
    await expect(TestServer.start(wrong)).rejects.toMatchObject({ code: 'option_invalid' })
  })

  it('OB6 a log that is given up: not live, not ready, the room is no ended one and goes on elsewhere', async () => {
    let isAway = false
    // What has got its numbers and nobody knows the fate of: only that is ever given up.
    const store = hookedStore(new MemoryStore(), {
      insert: async (events, apply) =>
        isAway ? { kind: 'unknown', cause: new Error('away') } : apply(events),
    })
    const test = await TestServer.start({ store, maxOutboxLagMs: 1_000, retentionMs: 10_000 })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    expect((await test.http('GET', '/health/live')).status).toBe(200)
    isAway = true
    await test.clock.advanceAsync(8_000, 5)
    isAway = false
    await test.clock.advanceAsync(2_000, 5)
    expect((await test.http('GET', '/health/live')).status).toBe(503)
    expect((await test.http('GET', '/health/ready')).status).toBe(503)
    expect(ada.closed?.reason).toBe(closeCodes.rejoin.reason)
    // What was accepted and is lost is not passed over.
    await expect(test[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'outbox_unreachable' })
    await using next = await TestServer.start({ store, idPrefix: 'b' })
    expect(next.server.rooms.map(({ id }) => id)).toEqual([ada.seat.roomId])
  })
})
