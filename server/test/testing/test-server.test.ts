import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { connect, openFeed } from '@ringside/client'
import { MemoryTransport, createServer } from '../../src/index.ts'
import { RefusedRequest, settle, startTestServer } from '../../src/testing/index.ts'
import { Lifetime } from '../../src/testing/lifetime.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'
import type { HookLog } from '../support/test-game.ts'
import { startArena } from './kit.ts'

/** A match over bad networks, written down to the byte. */
async function play(seed: number): Promise<string> {
  await using kit = await startArena({ seed })
  const link = kit.link({ latencyMs: 30, jitterMs: 60, burstMs: 25, cutsPerMinute: 20 })
  const ada = await kit.create('arena', { name: 'Ada' })
  const { roomId } = ada.seat
  const sdk = connect(testGame, kit.address, { ...link.options, reconnectForMs: 600_000 })
  const bob = await kit.during(sdk.joinById<'arena'>(roomId, { name: 'Bob' }))
  const stream = await kit.follow(`/rooms/${roomId}/feed`)
  const seen: unknown[] = []
  bob.onStatus((status) => seen.push([kit.clock.now(), status]))
  for (let round = 0; round < 10; round++) {
    await ada.request('hit', { target: `${round}` })
    bob.send('mine', { x: round })
    await kit.advance(1_000)
    seen.push([kit.clock.now(), bob.state.dice, bob.ping])
  }
  const frames = ada.frames.map(({ bytes }) => Buffer.from(bytes).toString('hex'))
  const events = await kit.eventsOf(roomId)
  await kit.close()
  return JSON.stringify([seen, frames, events, stream.text])
}

test('TK1 the same seed makes the same frames, events, streams and times, networks and the SDK included', async () => {
  const [first, second, other] = [await play(7), await play(7), await play(8)]
  expect(first).toContain('reconnecting')
  expect(first).toContain('event: hello')
  expect(first).toContain('event: going-away')
  expect(second).toBe(first)
  expect(other).not.toBe(first)
})

test('TK2 time stands still but in what moves it, and promises settle between two timers', async () => {
  await using kit = await startArena()
  const ada = await kit.join('arena', { name: 'Ada' })
  const { length } = ada.frames
  const now = kit.clock.now()
  await kit.settle()
  expect([ada.frames.length, kit.clock.now()]).toEqual([length, now])
  const order: string[] = []
  const step = (name: string) => () => {
    order.push(name)
    void Promise.resolve().then(() => order.push(`after ${name}`))
  }
  kit.clock.after(5, step('one'))
  kit.clock.after(5, step('two'))
  await kit.advance(5)
  expect(order).toEqual(['one', 'after one', 'two', 'after two'])
  expect(kit.clock.now()).toBe(now + 5)
  const vain = kit.until(() => order.length > 4, { limitMs: 100 })
  await expect(vain).rejects.toThrow('(seed 1) in vain for: order.length > 4')
})

test('TK3 a raw client is typed by the contract: commands, replies, refusals, events, raw ids', async () => {
  await using kit = await startArena()
  const [ada, bob] = [await kit.join('arena', { name: 'Ada' }), await kit.join('arena')]
  expect(await ada.request('hit', { target: 'x' })).toEqual({ score: 1 })
  expect(await ada.request('later', { value: 2 })).toEqual({ value: 3 })
  const refused = await ada.request('refuse', {}).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(RefusedRequest)
  expect(refused).toMatchObject({ code: 'too_far', message: 'Too far away', retry: false })
  expect(() => ada.send('hit', { target: 5 as never })).toThrow('target')
  await kit.until(() => bob.events('kill').length === 1)
  expect(bob.events('kill')).toEqual([{ by: ada.seat.sessionId, whom: 'x' }])
  expect(() => bob.events('boom' as 'kill')).toThrow('boom')
  expect((await bob.next('joined')).name).toBe('joined')
  expect(bob.count('joined')).toBe(0)
  ada.send(0x0001, Buffer.from('all'))
  await kit.settle()
  expect(Buffer.from(bob.payloads(0x0001)[0] ?? []).toString()).toBe('all')
  expect((await bob.next(0x0001)).id).toBe(1)
  expect(bob.payloads(0x0001)).toEqual([])
  ada.sendBytes(new Uint8Array([1, 2]))
  await kit.until(() => ada.closed)
  expect(ada.closed?.code).toBe(1002)
  await expect(kit.joinById('nowhere')).rejects.toThrow('room_not_found')
  expect((await kit.request('POST', '/matchmake/create/arena', { text: '{bad' })).status).toBe(400)
  expect((await kit.post('/matchmake/create/arena', { name: 5 })).status).toBe(400)
})

test('TK4 after a crash nothing of the process runs, and what the store has is what is left', async () => {
  const log: HookLog = []
  await using kit = await startArena({}, log)
  const ada = await kit.join('arena', { name: 'Ada' })
  const { roomId } = ada.seat
  const token = ada.all('joined')[0]?.reconnectToken ?? ''
  await ada.request('hit', { target: 'x' })
  await kit.advance(200)
  const before = await kit.eventsOf(roomId)
  const { length } = log
  ada.send('hit', { target: 'lost' })
  await kit.crash()
  expect(ada.closed).toEqual({ code: 1006, reason: '' })
  await kit.advance(10_000)
  expect(log.slice(length)).toEqual([])
  expect(kit.logged.filter(({ level }) => level === 'error')).toEqual([])
  await expect(kit.get('/rooms')).rejects.toThrow('fetch failed')
  await expect(kit.dial()).rejects.toThrow('1006')

  await using next = await kit.restart()
  expect(next.address).toBe(kit.address)
  const events = await next.eventsOf(roomId)
  expect(events.slice(0, before.length)).toEqual(before)
  expect(JSON.stringify(events)).not.toContain('lost')
  const again = await next.reconnect(roomId, token)
  expect(again.all('joined')[0]).toMatchObject({ name: 'Ada', epoch: 2 })
  expect(await again.request('hit', { target: 'y' })).toEqual({ score: 2 })
})

test('TK4 sockets of the process to itself break with it', async () => {
  const kit = await startArena()
  const socket = kit.server.loopback()
  let code = 0
  socket.onclose = (event) => {
    code = event.code
  }
  await kit.settle()
  expect([socket.readyState, kit.server.sessionCount]).toEqual([1, 1])
  await kit.crash()
  expect([socket.readyState, code]).toEqual([3, 1006])
})

test('TK4 what was on its way to a process when it died reaches nothing in it', async () => {
  const calls: string[] = []
  const kit = await startTestServer(testGame, (settings) => {
    const server = createServer(testGame, settings)
    const onTick = (): void => void calls.push('tick')
    server.room('arena', arenaHandlers([], { onTick }))
    server.command(0x0002, () => void calls.push('message'))
    server.onConnect(() => void calls.push('connect'))
    server.onDisconnect(() => void calls.push('disconnect'))
    settings.clock.after(50, () => calls.push('timer'))
    server.route('GET', '/slow', async () => void calls.push('request'))
    return server
  })
  const ada = await kit.create('arena')
  const link = kit.link({ latencyMs: 5 })
  const { socket, fetch } = link.options
  calls.length = 0
  ada.send(0x0002)
  socket(`${kit.address.replace('http', 'ws')}/ws`, '')
  const lost = fetch(`${kit.address}/slow`)
  lost.catch(() => {})
  await kit.crash()
  await expect(lost).rejects.toThrow('fetch failed')
  await kit.advance(1_000)
  expect(calls).toEqual([])
})

test('TK4 a store goes on with what it was asked for, and answers only those that live', async () => {
  const lifetime = new Lifetime()
  const written: string[] = []
  const store = Object.freeze({
    kept: 3,
    events: {
      insert: async (text: string) => {
        await Promise.resolve()
        written.push(text)
        return written.length
      },
      refuse: () => Promise.reject(new Error('no')),
      count: () => written.length,
    },
  })
  const view = lifetime.store(store)
  expect([view.kept, view.events.count(), 'events' in view]).toEqual([3, 0, true])
  expect(await view.events.insert('a')).toBe(1)
  await expect(view.events.refuse()).rejects.toThrow('no')
  expect(view.events).toBe(view.events)
  const told: string[] = []
  const tell = (): void => void told.push('told')
  void view.events.insert('b').then(tell)
  view.events.refuse().catch(tell)
  lifetime.end()
  await settle()
  expect([written, told]).toEqual([['a', 'b'], []])
})

test('TK4 a restart without a crash drains first; dispose closes once', async () => {
  const log: HookLog = []
  const kit = await startArena({}, log)
  const ada = await kit.join('arena', { name: 'Ada' })
  await using next = await kit.restart({ seed: 9 })
  expect([next.seed, next.address]).toEqual([9, kit.address])
  expect(log).toContain('drain')
  expect(ada.count('goingAway')).toBe(1)
  expect(await next.stateOf(ada.seat.roomId)).toMatchObject({ note: 'drained' })
  await kit[Symbol.asyncDispose]()
})

test('TK5 several servers share store and time, each at its own address and with ids of its own', async () => {
  await using one = await startArena()
  await using two = await one.another()
  expect([one.address, two.address]).toEqual(['http://node-1.test', 'http://node-2.test'])
  const ada = await one.create('arena')
  const bob = await two.create('arena')
  expect(ada.seat.sessionId).not.toBe(bob.seat.sessionId)
  await one.advance(1_000)
  await one.crash()
  expect([ada.closed?.code, bob.closed]).toEqual([1006, null])
  await using three = await two.another()
  expect(three.address).toBe('http://node-3.test')
  expect(await three.stateOf(ada.seat.roomId)).toMatchObject({ players: {} })
})

test('TK6 the SDK plays through the kit: a seat, a break, a restart of the server, a feed', async () => {
  await using kit = await startArena()
  const link = kit.link({ latencyMs: 20 })
  const statuses: string[] = []
  const ada = await kit.during(connect(testGame, kit.address, link.options).create('arena'))
  ada.onStatus((status) => statuses.push(status))
  const seen: number[] = []
  const feed = openFeed(
    { address: kit.address, room: ada.id },
    { ...link.options, from: 'start', onPatch: ({ n }) => seen.push(n) },
  )
  const { score } = await kit.during(ada.request('hit', { target: 'x' }))
  expect(score).toBe(1)
  await kit.advance(1_000)
  expect(ada.ping).toBe(40)
  link.cut()
  await kit.until(() => ada.status === 'connected' && feed.status === 'live')
  await kit.crash()
  await using next = await kit.restart()
  await next.until(() => ada.status === 'connected' && feed.status === 'live')
  expect(statuses).toEqual(['reconnecting', 'connected', 'reconnecting', 'connected'])
  await next.advance(1_000)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.length).toBeGreaterThan(10)
})

test('TK5 a server that is not made with its settings is found out', async () => {
  const options = { maxMessageBytes: 1_000, maxBufferedBytes: 1_000, idleTimeoutMs: 60_000 }
  const start = startTestServer(testGame, (settings) =>
    createServer(testGame, { ...settings, transport: new MemoryTransport(options) }),
  )
  await expect(start).rejects.toThrow('made with the settings')
})

test('TK7 nothing of the server imports the kit', () => {
  const folder = fileURLToPath(new URL('../../src', import.meta.url))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const importers = files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('testing'))
    .filter((file) => /from '[^']*\/testing\//.test(readFileSync(`${folder}/${file}`, 'utf8')))
  expect(files.length).toBeGreaterThan(100)
  expect(importers).toEqual([])
})
