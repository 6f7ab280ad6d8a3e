import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/index.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions } from '../support/test-server.ts'
import { hookedStore } from '../../src/testing/store/hooked-store.ts'
import type { StoreHooks } from '../../src/testing/store/hooked-store.ts'

/** A server whose store fails while `state.isAway`, or only at inserts. */
async function start(options: TestOptions = {}) {
  const state = { isAway: false, takesWrites: true, patienceMs: 4_000, clock: new ManualClock() }
  const hooks: StoreHooks = {
    before: async (operation) => {
      if (!state.isAway && (operation !== 'insert' || state.takesWrites)) return
      // As a driver that waits for a primary.
      await new Promise<void>((resolve) => void state.clock.after(state.patienceMs, resolve))
      throw new Error('away')
    },
  }
  // The store's clock: only its age matters, and that of the server is moved by hand.
  const store = hookedStore(new MemoryStore({ clock: new ManualClock() }), hooks)
  const test = await TestServer.start({ store, ...options })
  state.clock = test.clock
  return { state, store, test }
}

function lines(test: TestServer, ...levels: string[]): string[] {
  return test.logged.filter(({ level }) => levels.includes(level)).map(({ message }) => message)
}

describe('OB18 requests while the log is known to be away', () => {
  it('OB18 OB87 FE97 reads and new rooms are refused at once; a room that is there still takes players', async () => {
    const { state, test } = await start()
    await using server = test
    await server.join('Ada')
    const [room] = server.server.rooms
    const id = room?.id ?? ''
    await server.clock.advanceAsync(1_000)
    state.isAway = true
    await server.clock.advanceAsync(7_000, 10)
    const begun = server.clock.now()
    for (const path of [`/rooms/${id}/state`, `/rooms/${id}/events`, '/feed']) {
      const answer = await server.http('GET', path)
      expect(answer.status, path).toBe(503)
      expect(answer.headers['retry-after'], path).toBe('1')
    }
    const created = await server.http('POST', '/matchmake/create/arena', {})
    expect(created).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(created.headers['retry-after']).toBe('1')
    for (const path of [`/rooms/${id}/feed`, '/feed']) {
      const headers = { accept: 'text/event-stream' }
      const stream = server.transport.request({ method: 'GET', path, headers })
      await server.during(stream.done)
      expect(stream.status, path).toBe(200)
      expect(stream.text(), path).toMatch(/^retry: \d+\n$/)
    }
    // FE97: no EventSource reads lines, so these readers are told by the status.
    for (const accept of [
      'application/x-ndjson',
      'application/x-ndjson, text/event-stream;q=0.5',
    ]) {
      const path = `/rooms/${id}/feed`
      const refused = server.transport.request({ method: 'GET', path, headers: { accept } })
      await server.during(refused.done)
      expect([refused.status, refused.headers['retry-after']], accept).toEqual([503, '1'])
    }
    expect((await server.http('GET', '/rooms')).status).toBe(200)
    await server.join('Bob')
    expect(server.clock.now() - begun).toBeLessThan(1_000)
    state.isAway = false
    await server.clock.advanceAsync(6_000, 10)
    expect((await server.http('GET', `/rooms/${id}/state`)).status).toBe(200)
    expect((await server.http('POST', '/matchmake/create/arena', {})).status).toBe(200)
    expect(lines(server, 'warn', 'error')).toEqual([
      'the log is away: events wait in memory',
      'the log is back',
    ])
  })

  it('OB18 a room that pauses is told of at warn, and so is that it goes on', async () => {
    const { state, test } = await start({ maxOutboxLagMs: 2_000 })
    await using server = test
    await server.join('Ada')
    state.isAway = true
    state.patienceMs = 100
    await server.clock.advanceAsync(5_000, 10)
    state.isAway = false
    await server.clock.advanceAsync(3_000, 10)
    expect(lines(server, 'warn', 'error')).toEqual([
      'the log is away: events wait in memory',
      'room paused: its log takes no more',
      'the log is back',
      'room goes on',
    ])
  })
})

describe('OB14 a log that is given up', () => {
  it('OB14 calls onDead once, and what is lost stays to be seen', async () => {
    const causes: Error[] = []
    const { state, test } = await start({
      retentionMs: 10_000,
      isDevelopment: true,
      onDead: (cause) => causes.push(cause),
    })
    await test.join('Ada')
    await test.clock.advanceAsync(1_000)
    state.takesWrites = false
    state.patienceMs = 100
    await test.clock.advanceAsync(8_000, 10)
    expect(causes.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The log is given up: [1-9]\d* events of 1 rooms are lost$/),
    ])
    expect((await test.http('GET', '/health/live')).status).toBe(503)
    const metrics = test.transport.request({ method: 'GET', path: '/metrics' })
    await test.during(metrics.done)
    expect(metrics.text()).toMatch(/^ringside_outbox_lost_events [1-9]/m)
    expect(metrics.text()).toMatch(/^ringside_outbox_lag_ms 0$/m)
    await expect(test.during(test.server.close())).rejects.toMatchObject({
      code: 'outbox_unreachable',
    })
    expect(causes).toHaveLength(1)
  })
})

describe('OB18 a second server on one log', () => {
  it('OB18 OB88 the first says of each room that it was taken, and counts them', async () => {
    const { store, test } = await start({ isDevelopment: true })
    await using first = test
    await first.join('Ada')
    const [room] = first.server.rooms
    await first.clock.advanceAsync(1_000)
    expect(lines(first, 'info')).toContain('room opened')
    await using second = await TestServer.start({ store, idPrefix: 'b' })
    await first.clock.advanceAsync(2_000, 10)
    const told = first.logged.filter(({ level }) => level === 'warn')
    expect(told).toEqual([
      {
        level: 'warn',
        message: 'another server has taken this room: is a second server running on this log?',
        fields: { roomId: room?.id },
      },
    ])
    const metrics = first.transport.request({ method: 'GET', path: '/metrics' })
    await first.during(metrics.done)
    expect(metrics.text()).toContain('ringside_rooms_fenced_total 1')
    expect(lines(second, 'info').filter((message) => message.startsWith('room'))).toEqual([
      'room restored',
    ])
    expect(lines(first, 'info')).toContain('room stopped, not ended')
  })
})

it('OB7 RM12 no room is made while all rooms together hold too much: whoever asks may come again', async () => {
  const waiting: (() => void)[] = []
  let isSlow = false
  const store = hookedStore(new MemoryStore(), {
    insert: async (events, apply) => {
      if (isSlow) await new Promise<void>((resolve) => void waiting.push(resolve))
      return apply(events)
    },
  })
  const limits = { maxPendingTotalBytes: 65_536, maxEventBytes: 16_384 }
  await using test = await TestServer.start({ store, ...limits })
  const ada = await test.join('Ada')
  await test.clock.advanceAsync(500, 5)
  isSlow = true
  for (let step = 0; step < 12; step++) {
    ada.ask(step, 'hit', { target: 'x'.repeat(9_000) })
    await test.clock.advanceAsync(20, 5)
  }
  const refused = await test.http('POST', '/matchmake/joinOrCreate/arena', {})
  expect(refused).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
  isSlow = false
  for (const resolve of waiting) resolve()
  await test.clock.advanceAsync(1_000, 5)
  expect((await test.http('POST', '/matchmake/joinOrCreate/arena', {})).status).toBe(200)
})

describe('OB18 a log that was given up', () => {
  it('OB18 a player of it is told that the seat is gone, and not to try again here for ever', async () => {
    const { state, test } = await start({ maxOutboxLagMs: 1_000, retentionMs: 30_000 })
    const server = test
    const ada = await server.join('Ada')
    await server.clock.advanceAsync(500, 10)
    state.takesWrites = false
    await server.clock.advanceAsync(30_000, 50)
    expect(ada.closed).toMatchObject({ code: 4003 })
    const token = ada.all('joined').at(-1)?.reconnectToken
    const answer = await server.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
    expect(answer.body).toMatchObject({ error: { code: 'reconnect_refused' } })
    const closed = server.during(server.server.close())
    await expect(closed).rejects.toMatchObject({ code: 'outbox_unreachable' })
  })
})
