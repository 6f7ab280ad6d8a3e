import { describe, expect, test } from 'vitest'
import { ArenaServer } from './arena-server.ts'
import { FakeArena } from './fake-room.ts'

interface Seen {
  readonly name: string
  readonly score: number
  readonly deaths: number
  readonly x: number
  readonly y: number
}

describe('AR18 bots after a restart', () => {
  async function playersOf(arena: ArenaServer, roomId: string): Promise<Map<string, Seen>> {
    const { json } = await arena.request('GET', `/rooms/${roomId}/state`)
    const { state } = json as { state: { players: Record<string, Seen> } }
    return new Map(Object.entries(state.players))
  }

  test('AR18 take their seats again with name and score, and play on in the same round', async () => {
    const first = await ArenaServer.open(21)
    const [roomId = ''] = await first.until(first.demo.start({ rooms: 1, bots: 8 }))
    await first.pass(40_000)
    await first[Symbol.asyncDispose]()
    await using next = await ArenaServer.open(22, first)
    const before = await playersOf(next, roomId)
    expect(before.size).toBe(8)
    const scores = [...before.values()].reduce((sum, { score }) => sum + score, 0)
    expect(scores).toBeGreaterThan(3)
    const seats = next.left.get(roomId) ?? []
    expect(seats.map(({ sessionId }) => sessionId).sort()).toEqual([...before.keys()].sort())
    await next.until(next.demo.adopt(roomId, seats))
    // This is longer than a seat is kept whose player does not come back.
    await next.pass(25_000)
    expect(next.demo.status().bots).toBe(8)
    const after = await playersOf(next, roomId)
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
    for (const [id, { name, score, x, y }] of before) {
      const now = after.get(id)
      expect(now?.name).toBe(name)
      expect(now?.score).toBeGreaterThanOrEqual(score)
      expect(`${now?.x} ${now?.y}`, `${name} moves: the inputs count`).not.toBe(`${x} ${y}`)
    }
    const types = (await next.publicLog(roomId)).map(({ type }) => type)
    expect(types.slice(types.indexOf('owner'))).not.toContain('left')
  }, 60_000)

  test('AR18 a bot whose seat is gone meanwhile begins anew', async () => {
    const first = await ArenaServer.open(21)
    const [roomId = ''] = await first.until(first.demo.start({ rooms: 1, bots: 2 }))
    const human = await first.join(roomId, 'Ann')
    expect(human.isOpen).toBe(true)
    await first.pass(2_000)
    await first[Symbol.asyncDispose]()
    await using next = await ArenaServer.open(22, first)
    const [one, two] = next.left.get(roomId) ?? []
    if (!one || !two) throw new Error('Expected two seats')
    expect(next.left.get(roomId), 'of bots only').toHaveLength(2)
    await next.until(next.demo.adopt(roomId, [one, { ...two, sessionId: 'gone' }]))
    expect(next.demo.status().bots).toBe(2)
    await next.pass(500)
    const players = await playersOf(next, roomId)
    expect([...players.values()].map(({ name }) => name)).toContain(`${two.name} 2`)
  })

  test('AR18 where nobody drives bots, their seats are given up', () => {
    const arena = new FakeArena({ botKey: 'key' })
    const kicked: string[] = []
    const bot = arena.join('b', 'Bot', { botKey: 'key' })
    Object.assign(bot, { kick: () => kicked.push('b') })
    Object.assign(arena.join('h', 'Human'), { kick: () => kicked.push('h') })
    arena.handlers.onRestore?.(arena.room)
    expect(kicked).toEqual(['b'])
  })
})
