import { describe, expect, it } from 'vitest'
import { FakeServer } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

async function started() {
  const server = new FakeServer()
  server.state.players['a'] = { name: 'Ada', score: 1, x: 0, mines: [] }
  const room = await server.room()
  const calls: string[] = []
  const added = (entry: { readonly name: string }, key: string): void => {
    calls.push(`+${key} ${entry.name}`)
  }
  const removed = (entry: { readonly name: string }, key: string): void => {
    calls.push(`-${key} ${entry.name}`)
  }
  const take = (): string[] => calls.splice(0)
  return { server, room, added, removed, take }
}

const player = (name: string) => ({ name, score: 0, x: 0, mines: [] })

describe('entries of a map', () => {
  it('CN69: onAdd calls for those that are there, and for those that come', async () => {
    const { server, room, added, take } = await started()
    const stop = room.onAdd((state) => state.players, added)
    expect(take()).toEqual(['+a Ada'])
    server.state.players['b'] = player('Bob')
    server.patch()
    expect(take()).toEqual(['+b Bob'])
    const bob = server.state.players['b']
    if (bob) bob.score = 9
    server.state.round++
    server.patch()
    expect(take()).toEqual([])
    stop()
    server.state.players['c'] = player('Cy')
    server.patch()
    expect(take()).toEqual([])
    expect(room.state.players['c']?.name).toBe('Cy')
  })

  it('CN69: with immediate: false only what comes is told', async () => {
    const { server, room, added, take } = await started()
    room.onAdd((state) => state.players, added, { immediate: false })
    expect(take()).toEqual([])
    server.state.players['b'] = player('Bob')
    server.patch()
    expect(take()).toEqual(['+b Bob'])
  })

  it('CN69: onRemove gets the entry as it was last; one that was set anew goes and comes', async () => {
    const { server, room, added, removed, take } = await started()
    room.onAdd((state) => state.players, added, { immediate: false })
    room.onRemove((state) => state.players, removed)
    const ada = server.state.players['a']
    if (ada) ada.name = 'Ada L.'
    server.patch()
    expect(take()).toEqual([])
    server.state.players['a'] = player('Anna')
    server.patch()
    expect(take().toSorted()).toEqual(['+a Anna', '-a Ada L.'])
    delete server.state.players['a']
    server.patch()
    expect(take()).toEqual(['-a Anna'])
  })

  it('CN70: over a reconnect only what really came and went is told', async () => {
    const { server, room, added, removed, take } = await started()
    server.state.players['b'] = player('Bob')
    server.patch()
    room.onAdd((state) => state.players, added, { immediate: false })
    room.onRemove((state) => state.players, removed)
    const changes: unknown[] = []
    room.onChange(
      (state) => state.players,
      (players) => changes.push(Object.keys(players)),
    )
    server.socket.serverClose(1006)
    delete server.state.players['b']
    server.state.players['c'] = player('Cy')
    await server.timers.advance(1_000)
    await server.accept()
    await settle()
    expect(room.status).toBe('connected')
    expect(take().toSorted()).toEqual(['+c Cy', '-b Bob'])
    expect(changes).toEqual([['a', 'c']])
  })

  it('CN69: a listener that throws harms no other, and a map that is not there has no entries', async () => {
    const { server, room, added, take } = await started()
    const thrown: unknown[] = []
    const listener = (error: unknown): void => void thrown.push(error)
    process.on('uncaughtException', listener)
    room.onAdd(
      (state) => state.players,
      () => {
        throw new Error('mine')
      },
    )
    room.onAdd((state) => state.players, added)
    room.onAdd(() => undefined, added)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('uncaughtException', listener)
    expect(take()).toEqual(['+a Ada'])
    expect(thrown).toEqual([new Error('mine')])
    expect(server.socket.readyState).toBe(1)
  })
})
