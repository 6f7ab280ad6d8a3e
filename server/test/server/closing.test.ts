import { describe, expect, it } from 'vitest'
import { startParts, takeDownParts } from '../../src/process/part.ts'
import { MemoryStore } from '../../src/index.ts'
import type { LogStore } from '../../src/index.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { overrideStore } from '../outbox/support.ts'
import { TestServer } from '../support/test-server.ts'
import { fateOf } from '../support/fate.ts'

const never = (): Promise<never> => new Promise(() => {})

/** A store whose log has one living room, and its id. */
async function withRoom(): Promise<{ store: MemoryStore; roomId: string }> {
  const store = new MemoryStore()
  const first = await TestServer.start({ store })
  const roomId = await first.during(first.server.createRoom('arena'))
  await first.clock.advanceAsync(200, 5)
  await first.crash()
  return { store, roomId }
}

/** Listens on `store`, closes 500 ms later, and tells how both went by 15 s after that. */
async function closedWhileStarting(
  store: LogStore,
): Promise<{ test: TestServer; listening: string; closing: string }> {
  const test = TestServer.make({ store, idPrefix: 'b' })
  const listening = fateOf(test.server.listen({ port: 0 }))
  await test.clock.advanceAsync(500, 5)
  expect(listening.now).toBe('pending')
  const closing = fateOf(test.server.close())
  await test.clock.advanceAsync(15_000, 50)
  return { test, listening: listening.now, closing: closing.now }
}

describe('FE9 a reader that asks during a start', () => {
  it('FE9 of a page of an allowed origin may read that it is to come again', async () => {
    const store = overrideStore(new MemoryStore(), { open: never })
    const origin = 'https://ok.example'
    const test = TestServer.make({ store, allowedOrigins: [origin] })
    fateOf(test.server.listen({ port: 0 }))
    await test.clock.advanceAsync(100, 5)
    const headers = { accept: 'text/event-stream', origin }
    const stream = test.transport.request({ method: 'GET', path: '/feed', headers })
    expect(stream.text()).toMatch(/^retry: \d+\n$/)
    // Without it EventSource takes the answer for a failure, and Chrome never tries again.
    expect(stream.headers['access-control-allow-origin']).toBe(origin)
    const closing = test.server.close()
    await test.clock.advanceAsync(15_000, 50)
    await closing
  })
})

describe('OB17 close during a start', () => {
  it('OB17 ends a start that waits for the store to open', async () => {
    const store = overrideStore(new MemoryStore(), { open: never })
    const { test, listening, closing } = await closedWhileStarting(store)
    expect([listening, closing]).toEqual(['draining', 'resolved'])
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
    expect(() => test.transport.dial()).toThrow(/listens/)
  })

  it('OB17 a store that opens after the close is closed again, and nothing runs', async () => {
    let open = (): void => {}
    let closedCount = 0
    const store = overrideStore(new MemoryStore(), {
      open: () => new Promise<void>((resolve) => (open = resolve)),
      close: async () => void closedCount++,
    })
    const { test } = await closedWhileStarting(store)
    open()
    await test.clock.advanceAsync(1_000, 50)
    expect(closedCount).toBe(2)
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
  })

  it('OB17 ends a restore that waits for its marker to be written, and gives no room up', async () => {
    const { store, roomId } = await withRoom()
    const away = overrideStore(store, {
      events: { allocate: () => Promise.reject(new Error('away')) },
    })
    const { test, listening, closing } = await closedWhileStarting(away)
    expect([listening, closing]).toEqual(['draining', 'resolved'])
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
    await using next = await TestServer.start({ store, idPrefix: 'c' })
    expect(next.server.rooms.map(({ id }) => id)).toEqual([roomId])
  })

  it('OB17 ends a restore that waits for its log to be read', async () => {
    const { store, roomId } = await withRoom()
    const away = overrideStore(store, {
      events: {
        range: (query) => (query.room === roomId ? never() : store.events.range(query)),
      },
    })
    const { test, listening, closing } = await closedWhileStarting(away)
    expect([listening, closing]).toEqual(['draining', 'resolved'])
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
    await using next = await TestServer.start({ store, idPrefix: 'c' })
    expect(next.server.rooms.map(({ id }) => id)).toEqual([roomId])
  })
})

describe('OB17 close', () => {
  it('OB17 OB85 rejects with the counts when accepted events were not written, and leaves nothing open', async () => {
    const store = new MemoryStore()
    let isAway = false
    let isClosed = false
    const away = overrideStore(store, {
      events: {
        insert: (events) => (isAway ? never() : store.events.insert(events)),
      },
      close: async () => void (isClosed = true),
    })
    const test = await TestServer.start({ store: away })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    isAway = true
    await test.clock.advanceAsync(500, 5)
    const closing = test.server.close()
    expect(test.server.close()).toBe(closing)
    await expect(test.during(closing)).rejects.toMatchObject({
      code: 'outbox_unreachable',
      message: expect.stringMatching(/got \d+ of 1 rooms that are not/) as string,
    })
    expect(ada.closed?.code).toBe(1001)
    expect(() => test.transport.dial()).toThrow(/listens/)
    expect(isClosed).toBe(true)
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
    const line = test.logged.find(({ message }) => message.includes('accepted events unwritten'))
    expect(line).toMatchObject({ level: 'error', fields: { rooms: 1 } })
    expect(line?.fields['events']).toBeGreaterThan(2)
  })

  it('OB17 ends although the store never closes', async () => {
    const store = overrideStore(new MemoryStore(), { close: never })
    const test = await TestServer.start({ store })
    const closing = fateOf(test.server.close())
    await test.clock.advanceAsync(5_000, 50)
    expect(closing.now).toBe('resolved')
  })

  it('OB17 OB84 a store or a transport that fails to close keeps no step from being taken', async () => {
    const store = overrideStore(new MemoryStore(), {
      close: () => Promise.reject(new Error('stuck')),
    })
    const test = await TestServer.start({ store })
    const { transport } = test
    const close = transport.close.bind(transport)
    transport.close = async () => {
      await close()
      throw new Error('no socket')
    }
    await expect(test.during(test.server.close())).rejects.toThrow('no socket')
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
    expect(test.logged.map(({ message }) => message)).toContain('a step of closing failed')
  })

  it('OB17 before listen it closes for good; twice and after a failed listen it resolves', async () => {
    const fresh = TestServer.make()
    await fresh.server.close()
    await fresh.server.close()
    expect(() => fresh.server.listen({ port: 0 })).toThrow(/before listen/)

    const store = overrideStore(new MemoryStore(), {
      open: () => Promise.reject(new Error('away')),
    })
    const failed = TestServer.make({ store })
    const listening = failed.server.listen({ port: 0 })
    await expect(failed.during(listening)).rejects.toMatchObject({ code: 'outbox_unreachable' })
    await failed.during(failed.server.close())
    expect(failed.clock.pendingCount).toBe(0)
  })

  it('OB17 waits for the records of rooms that ended just before', async () => {
    const store = new MemoryStore()
    const test = await TestServer.start({
      store: overrideStore(store, {
        rooms: {
          save: async (record) => {
            await new Promise<void>((resolve) => void test.clock.after(300, resolve))
            await store.rooms.save(record)
          },
        },
      }),
    })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(5, 5)
    await test.during(test.server.close())
    await using next = await TestServer.start({ store, idPrefix: 'b' })
    expect(next.logged.map(({ message }) => message)).not.toContain('room cannot go on')
    expect(next.server.rooms).toEqual([])
  })

  it('OB17 OB84 every part is drained in order and stopped in reverse, and the first failure is told', async () => {
    const taken: string[] = []
    const part = (name: string, fails: string) => ({
      name,
      drain: () => note(`drain ${name}`, fails),
      stop: async () => note(`stop ${name}`, fails),
    })
    const note = (step: string, fails: string): void => {
      taken.push(step)
      if (step === fails) throw new Error(step)
    }
    const parts = [part('a', 'drain a'), { name: 'idle' }, part('b', 'stop b'), part('c', '')]
    await expect(takeDownParts(parts, silentLogger)).rejects.toThrow('drain a')
    expect(taken).toEqual(['drain a', 'drain b', 'drain c', 'stop c', 'stop b', 'stop a'])
  })

  it('OB17 parts start one after the other, and none after one that failed', async () => {
    const taken: string[] = []
    const part = (name: string, start: () => Promise<void>) => ({
      name,
      start: async () => {
        await start()
        taken.push(`start ${name}`)
      },
    })
    const parts = [
      part('a', () => Promise.resolve()),
      { name: 'idle' },
      part('b', () => Promise.reject(new Error('b'))),
      part('c', () => Promise.resolve()),
    ]
    const started = startParts(parts, ({ name }) => void taken.push(`started ${name}`))
    await expect(started).rejects.toThrow('b')
    expect(taken).toEqual(['start a', 'started a', 'started idle'])
  })
})

describe('OB17 a start that failed', () => {
  it('OB17 OB86 takes nobody in while it takes back what it has begun', async () => {
    const { store } = await withRoom()
    const test: TestServer = TestServer.make({
      store: overrideStore(store, {
        events: {
          lastOfRoom: () => Promise.reject(new Error('away')),
        },
        close: () => new Promise<void>((resolve) => void test.clock.after(1_500, resolve)),
      }),
      idPrefix: 'b',
    })
    const listening = fateOf(test.server.listen({ port: 0 }))
    await test.clock.advanceAsync(500, 5)
    expect(listening.now).toBe('pending')
    expect(test.transport.dial({ protocols: ['ringside.1'] })).toMatchObject({ status: 503 })
    expect((await test.http('POST', '/matchmake/create/arena', {})).status).toBe(503)
    expect((await test.http('GET', '/health/live')).status).toBe(503)
    const ready = await test.http('GET', '/health/ready')
    expect([ready.status, ready.body]).toMatchObject([503, { phase: 'failed' }])
    await test.clock.advanceAsync(3_000, 50)
    expect(listening.now).toBe('unavailable')
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
  })
})
