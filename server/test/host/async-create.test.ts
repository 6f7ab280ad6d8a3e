import { describe, expect, it } from 'vitest'
import { reject } from '../../src/index.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

const state = (note: string) => ({ players: {}, ticks: 0, dice: 1, note })
type Create = ArenaHandlers['onCreate']

async function started(onCreate: Create, more: Partial<ArenaHandlers> = {}) {
  return TestServer.start({}, { ...more, onCreate })
}

/** A promise and its settling. */
function deferred<T>() {
  let [resolve, fail] = [(_value: T): void => {}, (_error: unknown): void => {}]
  const promise = new Promise<T>((done, failed) => ([resolve, fail] = [done, failed]))
  return { promise, resolve, fail }
}

const THEN = 'then' as string
function fail(): never {
  throw new Error('secret')
}
function thenable(run: () => void): object {
  return { [THEN]: run }
}

describe('RM40 an onCreate that awaits', () => {
  it('makes its room once it has a state; nobody knows of the room before', async () => {
    const made = deferred<ReturnType<typeof state>>()
    let createdAt = 0
    await using test = await started(async (room, options) => {
      room.setMetadata({ options })
      const loaded = await made.promise
      createdAt = room.now
      return { ...loaded, dice: room.random.int(1, 6) }
    })
    const before = test.clock.now()
    const joins = [1, 2, 3].map(async (i) => test.join(`P${i}`))
    await test.kit.advance(3_000)
    expect(test.server.rooms).toEqual([])
    expect((await test.http('GET', '/rooms')).body).toEqual({ rooms: [] })
    made.resolve(state('loaded'))
    const players = await test.during(Promise.all(joins))
    expect(new Set(players.map(({ seat }) => seat.roomId)).size).toBe(1)
    expect(test.server.rooms).toMatchObject([{ clients: 3 }])
    expect(createdAt).toBe(before)
    const roomId = players[0]?.seat.roomId ?? ''
    expect(await test.kit.stateOf(roomId)).toMatchObject({ note: 'loaded' })
  })

  it('has no state, no events and no players before that', async () => {
    const told: unknown[] = []
    const made = deferred<void>()
    await using test = await started(async (room) => {
      await made.promise
      for (const use of [
        () => (room as never as { state: unknown }).state,
        () => (room as never as { emit(name: string, data: object): void }).emit('kill', {}),
      ])
        try {
          use()
        } catch (error) {
          told.push((error as { code: string }).code)
        }
      told.push(room.sessions.size)
      return state('')
    })
    const opening = test.server.createRoom('arena')
    made.resolve()
    await test.during(opening)
    expect(told).toEqual(['room_not_ready', 'room_not_ready', 0])
  })

  it('is refused as the game meant it', async () => {
    await using test = await started(async () => {
      await Promise.resolve()
      throw reject('no_such_map', 'There is no such map')
    })
    const answer = await test.http('POST', '/matchmake/joinOrCreate/arena', {})
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'no_such_map' } } })
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
    expect(test.server.rooms).toEqual([])
  })

  const broken: readonly [what: string, onCreate: unknown][] = [
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('secret'))],
    ['rejects with nothing', () => Promise.reject()],
    ['gives what is no state', async () => ({ nonsense: 'secret' })],
    ['gives what is no state at once', () => 5],
    ['gives a thenable that throws', () => thenable(() => fail())],
    ['gives something whose then throws', () => Object.defineProperty({}, THEN, { get: fail })],
  ]
  it.each(broken)(
    'that %s makes no room, and says so once, with room and hook',
    async (_, onCreate) => {
      const told: string[] = []
      const onError = (_room: unknown, _error: unknown, where: string): void =>
        void told.push(where)
      await using test = await started(onCreate as Create, { onError })
      const answer = await test.http('POST', '/matchmake/joinOrCreate/arena', {})
      expect(answer).toMatchObject({ status: 500, body: { error: { code: 'internal' } } })
      expect(JSON.stringify(answer.body)).not.toContain('secret')
      const errors = test.logged.filter(({ level }) => level === 'error')
      expect(errors).toMatchObject([{ fields: { where: 'onCreate' }, message: 'room hook failed' }])
      expect(errors[0]?.fields['roomId']).toMatch(/^[a-z0-9]{12}$/)
      expect(told).toEqual(['onCreate'])
      expect(test.server.rooms).toEqual([])
    },
  )

  it('that never settles is answered timeout; what it does later is nothing', async () => {
    const made = deferred<ReturnType<typeof state>>()
    let late: unknown = null
    await using test = await started(async (room) => {
      const loaded = await made.promise
      try {
        room.lock()
      } catch (error) {
        late = (error as { code: string }).code
      }
      return loaded
    })
    const asked = test.http('POST', '/matchmake/create/arena', {})
    await test.kit.advance(9_900)
    await test.kit.advance(200)
    expect(await asked).toMatchObject({ status: 504, body: { error: { code: 'timeout' } } })
    made.resolve(state('late'))
    await test.kit.advance(100)
    expect(late).toBe('room_released')
    expect(test.server.rooms).toEqual([])
  })

  it('is not waited for by a server that closes', async () => {
    const made = deferred<ReturnType<typeof state>>()
    await using test = await started(() => made.promise)
    const opening = test.server.createRoom('arena').catch((error: unknown) => error)
    await test.kit.advance(100)
    await test.kit.close()
    made.resolve(state('too late'))
    expect(await test.during(opening)).toMatchObject({ code: 'draining' })
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})
