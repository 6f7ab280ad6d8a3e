import { expect, onTestFinished, test } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { MemoryGuard } from '../../src/process/memory-guard.ts'
import { TestServer } from '../support/test-server.ts'

test('LI8 the process is measured once a second at most, also after its clock was set back', () => {
  let now = 5_000
  const clock = Object.assign(new ManualClock(), { now: () => now })
  let readings = 0
  const guard = new MemoryGuard({ maxRssBytes: 10, clock, readRss: () => ++readings * 6 })
  for (let count = 0; count < 5; count++) expect([guard.isOver, guard.rssBytes]).toEqual([false, 6])
  now += 999
  expect(guard.isOver).toBe(false)
  now++
  expect([guard.isOver, guard.rssBytes, readings]).toEqual([true, 12, 2])
  now -= 3_600_000
  expect([guard.rssBytes, readings]).toEqual([18, 3])
})

test('LI8 without a number it is a part of what the machine has', () => {
  const guard = new MemoryGuard({ maxRssBytes: 0, clock: new ManualClock(), readRss: () => 1 })
  expect(guard.maxBytes).toBeGreaterThan(64 * 1024 * 1024)
  expect(guard.isOver).toBe(false)
})

test('LI8 a process over maxRssBytes takes nothing new and says so; what is there goes on, and it all comes back', async () => {
  let rss = 50
  const server = await TestServer.start({ maxRssBytes: 100, readRss: () => rss })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ada = await server.join('Ada')
  const stream = server.transport.request({ path: '/rooms/stream' })
  await server.clock.advanceAsync(100)

  rss = 101
  await server.clock.advanceAsync(1_000)
  const ready = await server.http('GET', '/health/ready')
  expect(ready).toMatchObject({
    status: 503,
    body: { status: 'not-ready', memory: { isOver: true } },
  })
  const headers = { 'x-api-key': 'a key for tests only' }
  const told = server.transport.request({ path: '/health/ready', headers })
  await server.during(told.done)
  expect(told.json()).toMatchObject({ memory: { rssBytes: 101, maxRssBytes: 100, isOver: true } })
  expect(ready.body).not.toHaveProperty('memory.rssBytes')
  expect(await server.http('GET', '/health/live')).toMatchObject({ status: 200 })
  for (const path of ['create/arena', 'create/arena'])
    expect(await server.http('POST', `/matchmake/${path}`, {})).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: { code: 'unavailable' } },
    })
  expect(server.transport.dial({ remoteAddress: '10.0.0.1' })).toEqual({
    status: 503,
    code: 'unavailable',
  })
  for (const path of ['/rooms/stream', '/feed', `/rooms/${ada.seat.roomId}/feed`]) {
    const refused = server.transport.request({ path })
    await server.during(refused.done)
    expect([refused.status, refused.text()], path).toEqual([
      200,
      expect.stringMatching(/^retry: \d+\n: ringside\n$/),
    ])
  }
  // What is there goes on.
  ada.sendSystem('ping', { clientTime: 1 })
  await server.clock.advanceAsync(100)
  expect(ada.all('pong')).toHaveLength(1)
  expect(stream.openBody?.isOpen).toBe(true)

  rss = 99
  await server.clock.advanceAsync(1_000)
  expect(await server.http('GET', '/health/ready')).toMatchObject({ status: 200 })
  await server.join('Bob', 'create/arena')
})

test('HO15 JOINED tells the largest payload that the server takes', async () => {
  const server = await TestServer.start({ maxPayloadBytes: 12_345 })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ada = await server.join('Ada')
  expect(ada.all('joined')).toMatchObject([{ maxPayloadBytes: 12_345 }])
})
