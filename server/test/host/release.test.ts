import { describe, expect, it } from 'vitest'
import type { RingsideError } from '../../src/process/errors.ts'
import type { RoomOf, RoomSession } from '../../src/index.ts'
import { everything } from '../outbox/support.ts'
import type { testGame } from '../support/test-game.ts'
import type { TestPlayer, TestServer } from '../support/test-server.ts'
import { World, faceOf, hostOf } from './world.ts'
import { fateOf } from '../support/fate.ts'

type Arena = RoomOf<typeof testGame, 'arena'>

function errorTo(player: TestPlayer, correlation: number) {
  return player.all('error').find((error) => error.correlation === correlation)
}

/** A room whose `later` waits for `gate`, then adds 1 to the score and notes what came of that. */
function gated() {
  const rig = { open: (): void => {}, wrote: '' }
  const gate = new Promise<void>((resolve) => (rig.open = resolve))
  const commands = {
    async later(room: Arena, session: RoomSession, { value }: { value: number }) {
      await gate
      try {
        const player = room.state.players[session.id]
        if (player) player.score++
        rig.wrote = 'ok'
      } catch (error) {
        rig.wrote = (error as RingsideError).code
        throw error
      }
      return { value: value + 1 }
    },
    hit(room: Arena, session: RoomSession) {
      const player = room.state.players[session.id]
      return { score: player ? ++player.score : 0 }
    },
  }
  return { rig, commands }
}

function scoreOf(test: TestServer, { seat }: TestPlayer): number | undefined {
  return faceOf(test, seat.roomId).state.players[seat.sessionId]?.score
}

async function comeBack(test: TestServer, player: TestPlayer): Promise<number> {
  const token = player.all('joined').at(-1)?.reconnectToken
  const path = `/matchmake/reconnect/${player.seat.roomId}`
  return (await test.http('POST', path, { token })).status
}

describe('CL5 a release', () => {
  it('CL29 CL30 runs onDrain, writes the last change with a snapshot of that point, then sends the players away', async () => {
    await using world = await World.of(2, {
      onDrain: (room) => void (room.state.note = 'drained'),
      onTick: () => {},
    })
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    const { roomId } = ada.seat
    await world.pass(500)
    await world.release(first, roomId)
    expect(ada.closed).toMatchObject({ code: 1001 })
    expect(first.server.rooms).toEqual([])
    expect(first.hookLog).not.toContain('leave Ada room_ended')
    expect(first.hookLog.at(-1)).toBe('dispose')
    const last = await world.store.events.lastOfRoom(roomId)
    const snapshot = await world.store.snapshots.at(roomId, Number.MAX_SAFE_INTEGER)
    expect(snapshot?.n).toBe(last?.n)
    expect(snapshot?.publicState).toContain('"note":"drained"')
    // Nobody has it: whoever comes back is to come again.
    expect(await comeBack(first, ada)).toBe(503)
    await world.adopt(second, roomId)
    expect(await comeBack(second, ada)).toBe(200)
    expect(await comeBack(first, ada)).toBe(503)
  })

  it('CL5 refuses commands, joins and reconnects from its first moment, with a code to come again', async () => {
    const { rig, commands } = gated()
    await using world = await World.of(1, { commands })
    const test = world.at(0)
    const ada = await test.join('Ada')
    const { roomId } = ada.seat
    const held = await test.http('POST', `/matchmake/joinById/${roomId}`, { name: 'Bob' })
    ada.ask(1, 'later', { value: 1 })
    await world.pass(50)
    const fate = fateOf(hostOf(test).release(roomId))
    ada.ask(2, 'hit', { target: 'x' })
    await world.pass(50)
    expect(fate.now).toBe('pending')
    expect(errorTo(ada, 2)).toMatchObject({ code: 'room_released', retry: true })
    const join = await test.http('POST', `/matchmake/joinById/${roomId}`, { name: 'Cyd' })
    expect([join.status, join.body]).toMatchObject([503, { error: { code: 'room_released' } }])
    expect(await comeBack(test, ada)).toBe(503)
    // Who asks for any room gets another one.
    expect((await test.join('Dan')).seat.roomId).not.toBe(roomId)
    // A ticket sold before is refused, too.
    const bob = await test.dial()
    bob.sendSystem('join', { ticket: (held.body as { ticket: string }).ticket })
    await world.pass(50)
    expect(bob.all('error')[0]).toMatchObject({ code: 'room_released', retry: true })
    // What was on its way is done and answered before the room goes.
    rig.open()
    await world.pass(50)
    expect(ada.reply(1, 'later')).toEqual({ value: 2 })
    expect(fate.now).toBe('resolved')
    expect(ada.closed).toMatchObject({ code: 1001 })
  })

  it('CL27 a command that awaits beyond the bound is answered with an error, and what it writes later throws', async () => {
    const { rig, commands } = gated()
    await using world = await World.of(2, { commands, onTick: () => {} }, { settleMs: 1_000 })
    const test = world.at(0)
    const ada = await test.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    await world.pass(100)
    const fate = fateOf(hostOf(test).release(ada.seat.roomId))
    await world.pass(900)
    expect(fate.now).toBe('pending')
    expect(errorTo(ada, 1)).toBeUndefined()
    await world.pass(500)
    expect(fate.now).toBe('resolved')
    expect(errorTo(ada, 1)).toMatchObject({ code: 'room_released', retry: true })
    await world.adopt(world.at(1), ada.seat.roomId)
    rig.open()
    await world.pass(100)
    expect(rig.wrote).toBe('room_released')
    expect(ada.reply(1, 'later')).toBeUndefined()
    expect(scoreOf(world.at(1), ada)).toBe(0)
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('CL27 CL32 the same on a close: nothing is answered ok that the snapshot lacks', async () => {
    const { rig, commands } = gated()
    await using world = await World.of(1, { commands, onTick: () => {} }, { settleMs: 1_000 })
    const test = world.at(0)
    const ada = await test.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    await world.pass(100)
    const closing = fateOf(test.server.close())
    await world.pass(900)
    expect(closing.now).toBe('pending')
    await world.pass(600)
    rig.open()
    await world.pass(6_000, 20)
    expect(closing.now).toBe('resolved')
    expect(errorTo(ada, 1)).toMatchObject({ code: 'room_released' })
    expect(rig.wrote).toBe('room_released')
    expect(world.clock.pendingCount).toBe(0)
  })

  it('CL5 a join whose onAuth is still waiting is refused, and holds no seat at the next owner', async () => {
    let letIn = (): void => {}
    await using world = await World.of(2, {
      onAuth: (_room, { name }) =>
        name === 'Slow' ? new Promise<void>((resolve) => (letIn = resolve)) : undefined,
    })
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    const { roomId } = ada.seat
    const joining = first.transport.request({
      method: 'POST',
      path: `/matchmake/joinById/${roomId}`,
      body: JSON.stringify({ name: 'Slow' }),
    })
    await world.pass(20)
    await world.release(first, roomId)
    await world.adopt(second, roomId)
    letIn()
    await world.during(joining.done)
    expect([joining.status, joining.json()]).toMatchObject([
      503,
      { error: { code: 'room_released' } },
    ])
    expect(hostOf(second).rooms.get(roomId)?.clientCount).toBe(1)
  })

  it('CL31 what cannot be stored is not released: the room goes on here, with everybody in it', async () => {
    const resumed: number[] = []
    await using world = await World.of(2, {
      onResume: (_room, pausedMs) => void resumed.push(pausedMs),
    })
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    const bob = await first.join('Bob')
    const { roomId } = ada.seat
    await world.pass(500)
    world.isAway = true
    ada.ask(1, 'hit', { target: 'x' })
    await world.pass(20)
    const fate = fateOf(hostOf(first).release(roomId))
    await world.pass(1_000)
    ada.ask(2, 'hit', { target: 'x' })
    // A break in that moment is told to the game when the room goes on.
    bob.socket.close()
    await world.pass(1_000)
    expect(first.hookLog).not.toContain('drop Bob')
    expect(errorTo(ada, 2)).toMatchObject({ code: 'room_released' })
    await world.pass(15_000)
    expect(fate.now).toBe('unavailable')
    expect(resumed).toHaveLength(1)
    expect(first.hookLog).toContain('drop Bob')
    expect(ada.closed).toBeNull()
    ada.ask(3, 'hit', { target: 'x' })
    await world.pass(100)
    expect(ada.reply(3, 'hit')).toEqual({ score: 2 })
    world.isAway = false
    await world.pass(5_000)
    await world.release(first, roomId)
    await world.adopt(second, roomId)
    expect(scoreOf(second, ada)).toBe(2)
    const log = await everything(world.store)
    const numbers = log.filter(({ room }) => room === roomId).map(({ n }) => n)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })

  it('CL31 a room whose log is full is not released, and not drained either', async () => {
    await using world = await World.of(1, {}, { maxOutboxLagMs: 1_000 })
    const test = world.at(0)
    const { roomId } = (await test.join('Ada')).seat
    world.isAway = true
    await world.pass(2_000)
    await expect(world.release(test, roomId)).rejects.toMatchObject({ code: 'room_paused' })
    expect(test.hookLog).not.toContain('drain')
    world.isAway = false
    await world.pass(5_000)
    expect(hostOf(test).rooms.get(roomId)?.isPaused).toBe(false)
    await world.release(test, roomId)
  })

  it('CL31 CL32 a close says that a room could not be released, and sends its players away all the same', async () => {
    const world = await World.of(1)
    const test = world.at(0)
    const ada = await test.join('Ada')
    await world.pass(500)
    world.isAway = true
    await world.pass(100)
    await expect(world.during(test.server.close())).rejects.toMatchObject({
      code: 'outbox_unreachable',
    })
    expect(ada.closed).toMatchObject({ code: 1001 })
    expect(world.clock.pendingCount).toBe(0)
    const lines = test.logged.map(({ message }) => message)
    expect(lines).toContain('room was not released')
  })

  it('CL5 is one, however often it is asked for; a room that is not here has none', async () => {
    await using world = await World.of(1)
    const test = world.at(0)
    const { roomId } = (await test.join('Ada')).seat
    await world.during(Promise.all([hostOf(test).release(roomId), hostOf(test).release(roomId)]))
    expect(test.hookLog.filter((line) => line === 'drain')).toHaveLength(1)
    await expect(hostOf(test).release(roomId)).rejects.toMatchObject({ code: 'room_not_found' })
  })

  it('CL5 a close in the middle of one is the last: the room does not go on here', async () => {
    const world = await World.of(1)
    const test = world.at(0)
    const ada = await test.join('Ada')
    await world.pass(500)
    world.isAway = true
    await world.pass(100)
    const fate = fateOf(hostOf(test).release(ada.seat.roomId))
    await world.pass(8_000)
    const closing = fateOf(test.server.close())
    await world.pass(25_000, 20)
    expect([fate.now, closing.now]).toEqual(['unavailable', 'outbox_unreachable'])
    expect(ada.closed).toMatchObject({ code: 1001 })
    expect(test.server.rooms).toEqual([])
    expect(world.clock.pendingCount).toBe(0)
  })

  it('CL5 a room that ends while it is released has ended', async () => {
    const { rig, commands } = gated()
    await using world = await World.of(1, { commands })
    const test = world.at(0)
    const ada = await test.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    await world.pass(100)
    const fate = fateOf(hostOf(test).release(ada.seat.roomId))
    faceOf(test, ada.seat.roomId).end()
    await world.pass(200)
    expect(fate.now).toBe('resolved')
    expect((await world.store.events.lastOfRoom(ada.seat.roomId))?.type).toBe('end')
    expect(ada.closed).toMatchObject({ code: 4001 })
    rig.open()
  })

  it('CL5 a room that another owner takes while it is released is taken', async () => {
    const { rig, commands } = gated()
    await using world = await World.of(2, { commands })
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    ada.ask(1, 'later', { value: 1 })
    await world.pass(100)
    const fate = fateOf(hostOf(first).release(ada.seat.roomId))
    await world.adopt(second, ada.seat.roomId)
    await world.pass(1_000)
    expect(fate.now).toBe('room_taken')
    expect(ada.closed).toMatchObject({ code: 4003 })
    rig.open()
    await world.pass(100)
    expect(rig.wrote).toBe('room_released')
    expect(second.server.rooms).toHaveLength(1)
  })
})

describe('RM14 in a room that is not run here any more', () => {
  const acts: { readonly [what: string]: (room: Arena) => unknown } = {
    'a write to the state': (room) => (room.state.note = 'late'),
    emit: (room) => room.emit('kill', { by: 'a', whom: 'b' }),
    broadcast: (room) => room.broadcast(1, new Uint8Array()),
    after: (room) => room.after(1, () => {}),
    lock: (room) => room.lock(),
    setPrivate: (room) => room.setPrivate(true),
    setMetadata: (room) => room.setMetadata({}),
    end: (room) => room.end(),
  }
  const ends: { readonly [how: string]: (world: World, room: Arena) => Promise<void> } = {
    ended: async (world, room) => {
      room.end()
      await world.pass(500)
    },
    released: (world, { id }) => world.release(world.at(0), id),
    taken: async (world, { id }) => {
      await world.adopt(world.at(1), id)
      await world.pass(1_000)
    },
    closed: (world) => world.during(world.at(0).server.close()),
  }

  it.each(Object.entries(ends).map(([how, end]) => ({ how, end })))(
    'RM14 (it was $how) whatever would be in nobody’s log throws room_released',
    async ({ end }) => {
      await using world = await World.of(2)
      const { roomId } = (await world.at(0).join('Ada')).seat
      await world.pass(200)
      const room = faceOf(world.at(0), roomId)
      await end(world, room)
      const before = JSON.stringify(room.state)
      for (const [what, act] of Object.entries(acts))
        expect(() => act(room), what).toThrow(expect.objectContaining({ code: 'room_released' }))
      expect(JSON.stringify(room.state)).toBe(before)
    },
  )
})
