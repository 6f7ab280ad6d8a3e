import { defineGame, int, schema } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../server/src/index.ts'
import { startTestServer } from '../../server/src/testing/index.ts'
import { TestTimers } from './support/test-timers.ts'
import { connect } from '../src/index.ts'

const game = defineGame({ rooms: { arena: { state: schema({ round: int(1) }) } } })

async function started() {
  const kit = await startTestServer(
    game,
    (options) => {
      const server = createServer(game, options)
      server.room('arena', {
        onCreate: (room) => {
          room.setMetadata({ map: 'dust' })
          return { round: 1 }
        },
        emptyTimeoutMs: 5_000,
      })
      return server
    },
    { seed: 2 },
  )
  const link = kit.link()
  const client = connect(game, kit.address, link.options)
  const calls: string[] = []
  const watch = () =>
    client.watchRooms({
      onAdd: (room) => calls.push(`+${room.roomId} ${room.clients}`),
      onUpdate: (room, before) => calls.push(`=${room.roomId} ${before.clients}-${room.clients}`),
      onRemove: (room) => calls.push(`-${room.roomId}`),
      onStatus: (status) => calls.push(status),
    })
  return { kit, link, client, calls, watch, take: () => calls.splice(0) }
}

describe('lists of rooms', () => {
  it('CN71: rooms() gives the public rooms', async () => {
    const { kit, client } = await started()
    await using _ = kit
    expect(await kit.during(client.rooms())).toEqual([])
    const room = await kit.during(client.create('arena'))
    expect(await kit.during(client.rooms())).toMatchObject([
      { roomId: room.id, type: 'arena', clients: 1, maxClients: 16, metadata: { map: 'dust' } },
    ])
  })

  it('CN71: rooms() rejects what is no list, and with the code of a refusal', async () => {
    for (const [status, body, code] of [
      [200, { rooms: [{}] }, 'bad_answer'],
      [200, 'no', 'bad_answer'],
      [503, { error: { code: 'draining', message: 'x' } }, 'draining'],
    ] as const) {
      const fetch = (): Promise<Response> => Promise.resolve(Response.json(body, { status }))
      const client = connect(game, 'http://host:1', { fetch })
      await expect(client.rooms()).rejects.toMatchObject({ code })
    }
  })

  it('HT17: watchRooms comes back after the time that it is told when the server goes away', async () => {
    const encoder = new TextEncoder()
    const asked: number[] = []
    const timers = new TestTimers()
    const startedAt = timers.now()
    const fetch = (): Promise<Response> => {
      asked.push(timers.now() - startedAt)
      const away =
        'event: rooms\ndata: {"rooms":[]}\n\nevent: going-away\ndata: {"retryMs":9000}\n\n'
      return Promise.resolve(
        asked.length > 1
          ? Response.json({ error: { code: 'not_found', message: 'enough' } }, { status: 404 })
          : new Response(encoder.encode(away), {
              headers: { 'content-type': 'text/event-stream' },
            }),
      )
    }
    const list = connect(game, 'http://host:1', { fetch, timers, random: () => 0 }).watchRooms({})
    await timers.advance(12_000)
    expect(list.status).toBe('failed')
    expect(asked).toHaveLength(2)
    expect(asked[1]).toBeGreaterThanOrEqual(9_000)
    expect(asked[1]).toBeLessThan(12_000)
  })

  it('CN72: watchRooms tells of what is there, what comes, changes and goes', async () => {
    const { kit, client, watch, take } = await started()
    await using _ = kit
    const first = await kit.server.createRoom('arena')
    const list = watch()
    expect(take()).toEqual([])
    await kit.until(() => list.status === 'live')
    expect(take()).toEqual([`+${first} 0`, 'live'])
    const room = await kit.during(client.joinById(first))
    await kit.until(() => list.rooms.get(first)?.clients === 1)
    expect(take()).toEqual([`=${first} 0-1`])
    const second = await kit.server.createRoom('arena')
    await kit.until(() => list.rooms.size === 2)
    await kit.during(room.leave())
    await kit.until(() => list.rooms.size === 0)
    const calls = take().filter((call) => !call.startsWith('='))
    expect(calls).toEqual([`+${second} 0`, `-${second}`, `-${first}`])
    list.close()
    expect(list.status).toBe('closed')
  })

  it('CN72: over a break only what changed is told, and after close nothing', async () => {
    const { kit, link, watch, take } = await started()
    await using _ = kit
    const [stays, goes] = [
      await kit.server.createRoom('arena'),
      await kit.server.createRoom('arena'),
    ]
    const list = watch()
    await kit.until(() => list.status === 'live')
    take()
    const keeper = await kit.joinById(stays)
    await kit.until(() => list.rooms.get(stays)?.clients === 1)
    take()
    link.cut()
    await kit.until(() => list.status === 'reconnecting')
    expect(list.rooms.size).toBe(2)
    take()
    const comes = await kit.server.createRoom('arena')
    await kit.until(() => list.status === 'live')
    const calls = take()
    expect(calls).toContain(`+${comes} 0`)
    expect(calls).not.toContain(`+${stays} 1`)
    expect(calls.filter((call) => call === `-${goes}`).length).toBeLessThanOrEqual(1)
    list.close()
    await kit.server.createRoom('arena')
    await kit.advance(60_000)
    expect(take()).toEqual([])
    expect(keeper.closed).toBeNull()
  })

  it('CN72: what is refused for good fails; a handler that throws, or closes, harms nothing', async () => {
    const thrown: unknown[] = []
    const listener = (error: unknown): void => void thrown.push(error)
    process.on('uncaughtException', listener)
    const statuses: string[] = []
    const fetch = (): Promise<Response> =>
      Promise.resolve(
        Response.json({ error: { code: 'forbidden', message: 'no' } }, { status: 404 }),
      )
    const client = connect(game, 'http://host:1', { fetch })
    const list = client.watchRooms({
      onStatus: (status, { reason }) => {
        statuses.push(`${status} ${reason}`)
        throw new Error('mine')
      },
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('uncaughtException', listener)
    expect(statuses).toEqual(['failed no'])
    expect(list.status).toBe('failed')
    expect(thrown).toEqual([new Error('mine')])
  })
})
