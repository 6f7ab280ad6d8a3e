import { describe, expect, it } from 'vitest'
import { connect } from '../../../client/src/index.ts'
import type { ClientRoom } from '../../../client/src/index.ts'
import { createServer } from '../../src/index.ts'
import { testGame, arenaHandlers } from '../support/test-game.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

type Arena = ClientRoom<typeof testGame, 'arena'>
type Client = ReturnType<typeof connect<typeof testGame>>

const ONE: Partial<ArenaHandlers> = { maxClients: 1, emptyTimeoutMs: null, onTick: () => {} }

/** A client on a network of its own, 40 ms away, to a server with one room of one seat. */
async function far(handlers: Partial<ArenaHandlers> = {}) {
  const test = await TestServer.start({ joinsPerSecondPerIp: 1e6 }, { ...ONE, ...handlers })
  const roomId = await test.server.createRoom('arena')
  const { kit } = test
  const link = kit.link({ latencyMs: 40 })
  const client = connect(testGame, kit.address, link.options)
  return { test, kit, client, roomId }
}

/** An effect as React's StrictMode runs it: mounted, unmounted and mounted again. */
function mount(client: Client, roomId: string) {
  const abort = new AbortController()
  const joining: Promise<Arena> = client.joinById(roomId, { signal: abort.signal })
  const outcome = joining.then(
    () => 'in',
    (error: { name: string; code?: string | number }) =>
      typeof error.code === 'string' ? error.code : error.name,
  )
  return {
    joining,
    outcome,
    unmount(): void {
      abort.abort()
      void joining.then((room) => room.leave()).catch(() => {})
    },
  }
}

describe('CN47 CN48 an effect that runs twice takes one seat of a room that has one', () => {
  it.each([
    ['without onAuth', false],
    ['while onAuth runs', true],
  ])('CN47 CN48 MM11 %s, whenever the first is given up', async (_what, isSlow) => {
    const seen = new Set<string>()
    for (let afterMs = 0; afterMs <= 420; afterMs += 10) {
      const rig: { test?: TestServer } = {}
      const onAuth: ArenaHandlers['onAuth'] = () =>
        new Promise((resolve) => rig.test?.clock.after(100, () => resolve(true)))
      const { test, kit, client, roomId } = await far(isSlow ? { onAuth } : {})
      rig.test = test
      await using _test = test
      const first = mount(client, roomId)
      await kit.advance(afterMs)
      first.unmount()
      const second = mount(client, roomId)
      const what = `given up after ${afterMs} ms`
      seen.add(await kit.during(first.outcome, { what }))
      expect(await kit.during(second.outcome, { what }), what).toBe('in')
      await kit.advance(1_000)
      expect(test.server.rooms, what).toMatchObject([{ clients: 1 }])
    }
    // Else the test says nothing.
    expect(seen).toEqual(new Set(['AbortError', 'in']))
  })

  it('CN49 disconnect keeps the seat for reconnect, also twice; leave has none to take back', async () => {
    const { test, kit, client, roomId } = await far()
    await using _test = test
    const room = await kit.during(client.joinById(roomId))
    room.disconnect()
    for (const afterMs of [0, 50, 90, 130, 170, 210, 250]) {
      const abort = new AbortController()
      const given = client.reconnect(roomId, room.reconnectToken, { signal: abort.signal }).then(
        (late) => late.disconnect(),
        (error: { name: string }) => expect(error.name).toBe('AbortError'),
      )
      await kit.advance(afterMs)
      abort.abort()
      await kit.during(given)
    }
    const back = await kit.during(client.reconnect(roomId, room.reconnectToken))
    expect(back.sessionId).toBe(room.sessionId)
    await kit.during(back.leave())
    await expect(kit.during(client.reconnect(roomId, back.reconnectToken))).rejects.toMatchObject({
      code: 'reconnect_refused',
    })
    expect(test.server.rooms).toMatchObject([{ clients: 0 }])
  })
})

it('CN47 CN48 over the network: aborted in any moment, the seat is free for the next', async () => {
  const server = createServer(testGame, {
    isDevelopment: true,
    joinsPerSecondPerIp: 1_000,
    connectionsPerSecondPerIp: 1_000,
    maxSilentPerIp: 1_000,
  })
  server.room('arena', arenaHandlers([], ONE))
  const port = await server.listen({ port: 0 })
  try {
    const roomId = await server.createRoom('arena')
    const client = connect(testGame, `http://127.0.0.1:${port}`)
    for (let turn = 0; turn < 30; turn++) {
      const first = mount(client, roomId)
      // No time to hit anything by: the turns of the event loop that have passed are the moment.
      for (let wait = 0; wait < turn; wait++) await new Promise((resolve) => setImmediate(resolve))
      first.unmount()
      const room = await client.joinById(roomId)
      expect(room.status).toBe('connected')
      await room.leave()
    }
    expect(server.rooms).toMatchObject([{ clients: 0 }])
  } finally {
    await server.close()
  }
})
