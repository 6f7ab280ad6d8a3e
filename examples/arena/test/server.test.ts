import { createHash } from 'node:crypto'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { createRandom } from '@ringside/server'
import { describe, expect, test } from 'vitest'
import { BUTTON_FIRE, BUTTON_MINE } from '../src/shared/constants.ts'
import { API_KEY, ArenaServer } from './arena-server.ts'
import type { JsonObject } from './arena-server.ts'

/** Four players whose inputs are drawn from a seed play for a while; resolves with the room's id. */
async function playDrawn(arena: ArenaServer, inputSeed: number, ms = 10_000): Promise<string> {
  const roomId = await arena.server.createRoom('arena', { title: 'Test', roundMs: 8_000 })
  const random = createRandom(inputSeed)
  const seats = []
  for (const name of ['Ann', 'Ben', 'Cid', 'Dot']) seats.push(await arena.join(roomId, name))
  for (let sequence = 1; sequence <= ms / 33; sequence++) {
    for (const seat of seats)
      seat.send({
        sequence,
        moveX: random.next() * 2 - 1,
        moveY: random.next() * 2 - 1,
        angle: random.next() * 6 - 3,
        buttons: BUTTON_FIRE | (random.next() < 0.05 ? BUTTON_MINE : 0),
      })
    await arena.pass(33)
  }
  return roomId
}

describe('AR14 the arena on a whole server', () => {
  test('AR14 the same seed and inputs give the same log, byte for byte; others another', async () => {
    const run = async (seed: number, inputSeed: number): Promise<string> => {
      await using arena = await ArenaServer.open(seed)
      const roomId = await playDrawn(arena, inputSeed)
      const log = await arena.publicLog(roomId)
      const types = new Set(log.map(({ type }) => type))
      for (const type of ['patch', 'joined', 'spawn', 'roundOver']) expect(types).toContain(type)
      return createHash('sha256').update(JSON.stringify(log)).digest('hex')
    }
    const first = await run(11, 1)
    expect(await run(11, 1)).toBe(first)
    expect(await run(12, 1)).not.toBe(first)
    expect(await run(11, 2)).not.toBe(first)
  })

  test('AR14 nothing that spectators can read tells of a mine or of what only its owner sees', async () => {
    await using arena = await ArenaServer.open(5)
    const roomId = await playDrawn(arena, 9, 6_000)
    const log = await arena.publicLog(roomId)
    const stored = await arena.kit.store.events.range({
      after: 0,
      upTo: await arena.kit.store.marks.counter(),
      limit: 10_000,
      room: roomId,
    })
    const hidden = stored.map((event) => event.hidden ?? '').join()
    expect(hidden).toContain('"mines":[{')
    expect(hidden).toContain('"lastInput"')
    const feed = await arena.kit.follow(`/rooms/${roomId}/feed?from=start`)
    await arena.pass(500)
    const state = await arena.request('GET', `/rooms/${roomId}/state`)
    expect(feed.text).toContain('event: patch')
    expect(state.status).toBe(200)
    for (const text of [JSON.stringify(log), feed.text, JSON.stringify(state.json)])
      for (const secret of ['mines', 'armedAt', 'lastInput']) expect(text).not.toContain(secret)
    feed.close()
  })

  test('AR14 the patches of the log applied to its first state give the state at each point', async () => {
    await using arena = await ArenaServer.open(6)
    const roomId = await playDrawn(arena, 3, 5_000)
    const log = await arena.publicLog(roomId)
    let state: Json = {}
    let checks = 0
    for (const [index, { n, type, data }] of log.entries()) {
      const body = data as JsonObject
      if (type === 'snapshot') state = structuredClone(body['state'] ?? null)
      if (type === 'patch') state = applyMergePatch(state, structuredClone(body['data'] ?? null))
      if (index % 10 !== 0) continue
      const { json } = await arena.request('GET', `/rooms/${roomId}/state?at=${n}`)
      expect((json as JsonObject)['state'], `n ${n}`).toEqual(JSON.parse(JSON.stringify(state)))
      checks += 1
    }
    expect(checks).toBeGreaterThan(5)
  })
})

describe('AR15 the demo', () => {
  test('AR15 its bots play over real frames: they move, fight, and the same seed plays the same', async () => {
    const run = async (): Promise<string> => {
      await using arena = await ArenaServer.open(21)
      const [roomId = ''] = await arena.until(arena.demo.start({ rooms: 1, bots: 8 }))
      expect(arena.demo.status()).toMatchObject({ running: true, bots: 8 })
      await arena.pass(30_000)
      const log = await arena.publicLog(roomId)
      const count = (name: string): number => log.filter(({ type }) => type === name).length
      expect(count('hit')).toBeGreaterThan(50)
      expect(count('kill')).toBeGreaterThan(5)
      const { json } = await arena.request('GET', `/rooms/${roomId}/state`)
      const { players } = (json as { state: { players: Record<string, JsonObject> } }).state
      expect(Object.values(players).map((player) => player['isBot'])).toEqual(Array(8).fill(true))
      return createHash('sha256').update(JSON.stringify(log)).digest('hex')
    }
    expect(await run()).toBe(await run())
  }, 60_000)

  test('AR15 a bot that loses its connection takes a new seat, the one all look through too', async () => {
    await using arena = await ArenaServer.open(4)
    const [roomId = ''] = await arena.until(arena.demo.start({ rooms: 1, bots: 16 }))
    for (const session of arena.server.sessions().slice(0, 3)) session.close(4000, 'Test')
    await arena.pass(1_000)
    expect(arena.demo.status().bots).toBe(13)
    // The old seats are kept for 20 s: until then the room is full.
    await arena.pass(32_000)
    expect(arena.demo.status().bots).toBe(16)
    const before = (await arena.publicLog(roomId)).length
    await arena.pass(2_000)
    expect((await arena.publicLog(roomId)).length).toBeGreaterThan(before + 10)
  }, 60_000)

  test('AR15 start, status and stop over HTTP; the key guards what changes something', async () => {
    await using arena = await ArenaServer.open(2)
    expect((await arena.request('POST', '/demo/start')).status).toBe(401)
    expect((await arena.request('POST', '/demo/stop', '', 'wrong-key-wrong-key')).status).toBe(401)
    const started = await arena.request('POST', '/demo/start', '{"rooms":2,"bots":3}', API_KEY)
    expect(started).toMatchObject({ status: 200, json: { running: true, bots: 6 } })
    const status = await arena.request('GET', '/demo/status')
    expect(status).toMatchObject({ status: 200, json: { running: true, bots: 6, maxRooms: 20 } })
    const stopped = await arena.request('POST', '/demo/stop', '', API_KEY)
    expect(stopped).toMatchObject({ status: 200, json: { running: false, bots: 0, rooms: [] } })
    await arena.pass(12_000)
    expect(arena.server.rooms).toEqual([])
  })

  test.each([
    '[]',
    '{',
    '7',
    '{"bots":0}',
    '{"bots":17}',
    '{"bots":1.5}',
    '{"rooms":21}',
    '{"rooms":"2"}',
  ])('AR15 a start with the body %s is refused', async (body) => {
    await using arena = await ArenaServer.open(2)
    const { status, json } = await arena.request('POST', '/demo/start', body, API_KEY)
    expect(status).toBe(400)
    expect(json).toMatchObject({ error: { code: 'bad_request' } })
    expect(arena.server.rooms).toEqual([])
  })

  test('AR15 the demo never holds more than 20 rooms, also when it is started twice at once', async () => {
    await using arena = await ArenaServer.open(2)
    const body = '{"rooms":12,"bots":1}'
    const answers = await Promise.all([
      arena.request('POST', '/demo/start', body, API_KEY),
      arena.request('POST', '/demo/start', body, API_KEY),
    ])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]))
    expect(arena.server.rooms).toHaveLength(12)
  })
})
