import { describe, expect, it } from 'vitest'
import { encodeFrame } from '@ringside/protocol'
import { testGame } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'

const { hit } = testGame.commands

describe('joining', () => {
  it('RM3 JOINED comes first, then STATE, then patches', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    expect(ada.frames.map((entry) => entry.name)).toEqual(['joined', 'state'])
    await test.clock.advanceAsync(200)
    expect(new Set(ada.frames.slice(2).map((entry) => entry.name))).toEqual(new Set(['patch']))
  })

  it('RM3 the roster and presence tell of the others', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const bob = await test.join('Bob')
    expect(bob.all('joined')[0]?.roster.map((entry) => entry.name)).toEqual(['Ada', 'Bob'])
    expect(ada.all('presence')).toEqual([
      { sessionId: bob.seat.sessionId, name: 'Bob', present: true },
    ])
    bob.sendSystem('leave', {})
    await test.clock.advanceAsync(5)
    expect(bob.closed).toEqual({ code: 1000, reason: 'Closed' })
    expect(ada.all('presence')[1]).toEqual({
      sessionId: bob.seat.sessionId,
      name: 'Bob',
      present: false,
    })
    expect(test.hookLog).toContain('leave Bob left')
  })

  it('RM1 no more than maxClients seats, reserved ones included', async () => {
    await using test = await TestServer.start({}, { maxClients: 2 })
    const ada = await test.join('Ada')
    const path = `/matchmake/joinById/${ada.seat.roomId}`
    expect((await test.http('POST', path, {})).status).toBe(200)
    const third = await test.http('POST', path, {})
    expect(third.status).toBe(409)
    expect(third.body).toMatchObject({ error: { code: 'room_full' } })
    await test.clock.advanceAsync(15_100, 100)
    expect((await test.http('POST', path, {})).status, 'an unused seat is released').toBe(200)
  })

  it('MM2 a ticket opens its seat once', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const thief = await test.dial()
    thief.sendSystem('join', { ticket: ada.seat.ticket })
    await test.clock.advanceAsync(5)
    expect(thief.all('error')[0]?.code).toBe('ticket_used')
    expect(thief.closed?.code).toBe(4005)
    expect(ada.closed).toBeNull()
  })

  it('MM2 an expired ticket opens nothing', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const seat = await test.http('POST', `/matchmake/joinById/${ada.seat.roomId}`, { name: 'Bob' })
    await test.clock.advanceAsync(15_001, 1_000)
    const bob = await test.dial()
    bob.sendSystem('join', { ticket: (seat.body as { ticket: string }).ticket })
    await test.clock.advanceAsync(5)
    expect(bob.all('error')[0]?.code).toBe('ticket_expired')
  })

  it('MM4 forty joins at once for an empty server fill rooms of four, none over', async () => {
    await using test = await TestServer.start({ maxUnclaimedPerIp: 40 })
    const answers = await test.during(
      Promise.all(
        Array.from({ length: 40 }, () => test.http('POST', '/matchmake/joinOrCreate/arena', {})),
      ),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 40 }, () => 200))
    const perRoom = new Map<string, number>()
    for (const { body } of answers) {
      const { roomId } = body as { roomId: string }
      perRoom.set(roomId, (perRoom.get(roomId) ?? 0) + 1)
    }
    expect([...perRoom.values()]).toEqual(Array.from({ length: 10 }, () => 4))
  })

  it('MM5 one address holds only so many seats that it does not take', async () => {
    await using test = await TestServer.start({ maxUnclaimedPerIp: 3, joinsPerSecondPerIp: 1_000 })
    const ask = (remoteAddress: string, path = 'create/arena') =>
      test.http('POST', `/matchmake/${path}`, {}, remoteAddress)
    for (let count = 0; count < 3; count++) expect((await ask('10.0.0.1')).status).toBe(200)
    for (const path of ['create/arena', 'joinOrCreate/arena', 'join/arena'])
      expect((await ask('10.0.0.1', path)).status, path).toBe(429)
    expect(test.server.rooms.length, 'refused before a room is made').toBe(3)
    expect((await ask('10.0.0.2')).status, 'others are not kept out').toBe(200)
    await test.clock.advanceAsync(15_100, 100)
    expect((await ask('10.0.0.1')).status, 'when the seats have expired').toBe(200)
    await test.join('Ada')
    await test.join('Bob')
    await test.join('Cid')
    expect((await test.join('Dan')).closed, 'seats that are taken do not count').toBeNull()
  })

  it('MM7 one address makes only so many rooms that live, and may join any', async () => {
    const limits = { maxRoomsPerIp: 3, joinsPerSecondPerIp: 1_000 }
    await using test = await TestServer.start(limits, { maxClients: 1, emptyTimeoutMs: 1_000 })
    const ask = (remoteAddress: string, path = 'create/arena') =>
      test.http('POST', `/matchmake/${path}`, {}, remoteAddress)
    const answers = []
    for (let count = 0; count < 3; count++) answers.push(await ask('2001:db8::1'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    for (const path of ['create/arena', 'joinOrCreate/arena']) {
      const refused = await ask('2001:db8::2', path)
      expect(refused.body, 'the same /64').toMatchObject({ error: { code: 'too_many_requests' } })
      expect(refused.status).toBe(429)
    }
    expect(test.server.rooms.length).toBe(3)
    await test.server.createRoom('arena')
    expect((await ask('2001:db8::1', 'joinOrCreate/arena')).status, 'a room with a seat').toBe(200)
    expect((await ask('10.0.0.2')).status, 'another address').toBe(200)
    expect((await ask('2001:db8::1', 'create/nothing')).status).toBe(429)
    // A room that could not be made does not count, and one that is over no longer does.
    for (let count = 0; count < 5; count++)
      expect((await ask('10.0.0.2', 'create/nothing')).status).toBe(404)
    expect((await ask('10.0.0.2')).status).toBe(200)
    await test.clock.advanceAsync(20_000, 100)
    expect(test.server.rooms.length).toBe(0)
    for (let count = 0; count < 3; count++) expect((await ask('2001:db8::1')).status).toBe(200)
    expect((await ask('2001:db8::1')).status).toBe(429)
  })

  it('MM4 locked and private rooms are not found, unknown types and rooms are 404', async () => {
    await using test = await TestServer.start({}, { onCreate: privateRoom })
    expect((await test.http('POST', '/matchmake/create/arena', {})).status).toBe(200)
    expect((await test.http('POST', '/matchmake/join/arena', {})).body).toMatchObject({
      error: { code: 'room_not_found' },
    })
    expect((await test.http('GET', '/rooms')).body).toEqual({ rooms: [] })
    expect((await test.http('POST', '/matchmake/create/nothing', {})).body).toMatchObject({
      error: { code: 'room_type_not_found' },
    })
    expect((await test.http('POST', '/matchmake/joinById/nothing', {})).status).toBe(404)
  })

  it('MM3 a body that is no JSON object is 400, a name that is none too', async () => {
    await using test = await TestServer.start()
    for (const body of [[], 'x', 1, { name: 1 }, { options: 'x'.repeat(9_000) }])
      expect((await test.http('POST', '/matchmake/joinOrCreate/arena', body)).status).toBe(400)
  })

  it('RM5 onAuth refuses, by false or by reject, and its result becomes session.auth', async () => {
    const seen: unknown[] = []
    await using test = await TestServer.start(
      {},
      {
        onAuth: async (_room, { options }) => {
          await Promise.resolve()
          return options === 'let me in' ? { rank: 3 } : false
        },
        onJoin: (_room, session) => void seen.push(session.auth),
      },
    )
    const refused = await test.http('POST', '/matchmake/joinOrCreate/arena', {})
    expect(refused.body).toMatchObject({ error: { code: 'auth_failed' } })
    await test.join('Ada', 'joinOrCreate/arena', 'let me in')
    expect(seen).toEqual([{ rank: 3 }])
  })
})

function privateRoom(room: { setPrivate(isPrivate: boolean): void }) {
  room.setPrivate(true)
  return { players: {}, ticks: 0, dice: 0, note: '' }
}

describe('commands', () => {
  it('RM6 a request is answered with its correlation, a plain command on its own id', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    ada.ask(7, 'hit', { target: 'x' })
    await test.clock.advanceAsync(1)
    expect(ada.reply(7, 'hit')).toEqual({ score: 1 })
    ada.sendBytes(encodeFrame(hit.id, new Uint8Array([10, 1, 120])))
    await test.clock.advanceAsync(1)
    expect(ada.frames.filter((entry) => entry.id === hit.id).length).toBe(1)
  })

  it('RM6 a promise delays only its own answer', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    ada.ask(1, 'later', { value: 41 })
    ada.ask(2, 'hit', { target: 'x' })
    await test.clock.advanceAsync(1)
    expect(
      ada
        .all('reply')
        .map((reply) => reply.correlation)
        .sort((a, b) => a - b),
    ).toEqual([1, 2])
    expect(ada.reply(1, 'later')).toEqual({ value: 42 })
  })

  it('RM4 a refusal reaches the client, a bug does not: it is logged and the room lives on', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    ada.ask(1, 'refuse', {})
    ada.ask(2, 'fail', {})
    ada.ask(3, 'hit', { target: 'x' })
    await test.clock.advanceAsync(1)
    const [refused, failed] = ada.all('error')
    expect(refused).toMatchObject({ correlation: 1, code: 'too_far', message: 'Too far away' })
    expect(failed).toMatchObject({ correlation: 2, code: 'internal' })
    expect(JSON.stringify(ada.all('error'))).not.toContain('secret detail')
    expect(test.logged.filter((line) => line.level === 'error').length).toBe(1)
    expect(ada.reply(3, 'hit')).toEqual({ score: 1 })
  })

  it('RM4 a tick that throws is logged once, not thirty times a second', async () => {
    await using test = await TestServer.start(
      {},
      {
        onTick: () => {
          throw new Error('tick bug')
        },
      },
    )
    await test.join('Ada')
    await test.clock.advanceAsync(1_000, 10)
    expect(test.logged.filter((line) => line.level === 'error').length).toBe(1)
  })

  it('RM7 in a room that does not handle a command it is unknown_command', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    ada.ask(1, 'free', { text: 'x' })
    await test.clock.advanceAsync(1)
    expect(ada.all('error')[0]).toMatchObject({ code: 'unknown_command', correlation: 1 })
  })

  it('RM7 without a room a room command is not_in_room', async () => {
    await using test = await TestServer.start()
    const nobody = await test.dial()
    nobody.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(1)
    expect(nobody.all('error')[0]).toMatchObject({ code: 'not_in_room', correlation: 1 })
  })
})

describe('dropping and reconnecting', () => {
  it('RM8 the seat is kept for the grace and taken back with the token', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    ada.link.cut()
    await test.clock.advanceAsync(100, 10)
    expect(test.hookLog).toContain('drop Ada')
    const path = `/matchmake/reconnect/${ada.seat.roomId}`
    const answer = await test.http('POST', path, { token })
    expect(answer.status).toBe(200)
    const back = await test.dial()
    back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
    await test.clock.advanceAsync(5)
    expect(test.hookLog).toContain('reconnect Ada')
    expect(back.all('joined')[0]?.sessionId).toBe(ada.seat.sessionId)
    expect(back.all('joined')[0]?.reconnectToken).not.toBe(token)
    // Its answer may have been lost: the token before the newest counts until the newest is used.
    expect((await test.http('POST', path, { token })).status).toBe(200)
    const newest = back.all('joined')[0]?.reconnectToken
    const again = await test.dial()
    const next = await test.http('POST', path, { token: newest })
    again.sendSystem('join', { ticket: (next.body as { ticket: string }).ticket })
    await test.clock.advanceAsync(5)
    expect(again.count('joined')).toBe(1)
    const stale = await test.http('POST', path, { token })
    expect(stale.body).toMatchObject({ error: { code: 'reconnect_refused' } })
  })

  it('RM8 after the grace the player has left', async () => {
    await using test = await TestServer.start({}, { reconnectGraceMs: 1_000 })
    const ada = await test.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    ada.link.cut()
    await test.clock.advanceAsync(1_100, 10)
    expect(test.hookLog).toContain('leave Ada dropped')
    const answer = await test.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
    expect(answer.status).toBe(410)
  })

  it('RM8 a half-open connection is replaced by the new one', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    const answer = await test.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
    const back = await test.dial()
    back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
    await test.clock.advanceAsync(5)
    expect(ada.closed?.code).toBe(4006)
    expect(test.hookLog.filter((line) => line.startsWith('leave'))).toEqual([])
  })
})

describe('a slow player', () => {
  it('SL1 gets no patches while behind, then one full state equal to the server', async () => {
    await using test = await TestServer.start(
      {},
      {
        onTick: (room) => {
          room.state.note = 'x'.repeat(20_000) + room.tick
        },
      },
    )
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(100, 5)
    ada.link.stall()
    await test.clock.advanceAsync(2_000, 5)
    const before = ada.frames.length
    ada.link.resume()
    await test.clock.advanceAsync(100, 5)
    const after = ada.frames.slice(before).map((entry) => entry.name)
    expect(after.filter((name) => name === 'patch').length).toBeLessThan(10)
    expect(after).toContain('state')
    expect(ada.closed).toBeNull()
  })

  it('SL2 a socket that takes nothing for maxBehindMs is closed as slow', async () => {
    await using test = await TestServer.start({ maxBehindMs: 2_000 })
    const ada = await test.join('Ada')
    ada.link.stall()
    await test.clock.advanceAsync(4_500, 50)
    ada.link.resume()
    await test.clock.advanceAsync(10)
    expect(ada.closed?.code).toBe(4002)
  })
})

describe('the end', () => {
  it('RM9 an ended room closes its players, is gone from lists and has `end` as its last event', async () => {
    await using test = await TestServer.start()
    const ada = await test.join('Ada')
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 5)
    expect(ada.closed?.code).toBe(4001)
    expect(ada.all('left')).toEqual([{ code: 4001, reason: 'The room has ended' }])
    expect((await test.http('GET', '/rooms')).body).toEqual({ rooms: [] })
    const page = (await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)).body as {
      events: { type: string }[]
    }
    expect(page.events.at(-1)?.type).toBe('end')
    expect(test.hookLog.at(-1)).toBe('dispose')
  })

  it('RM9 an empty room ends after its timeout', async () => {
    await using test = await TestServer.start({}, { emptyTimeoutMs: 1_000 })
    const ada = await test.join('Ada')
    ada.sendSystem('leave', {})
    await test.clock.advanceAsync(900, 10)
    expect(test.server.rooms.length).toBe(1)
    await test.clock.advanceAsync(300, 10)
    expect(test.server.rooms.length).toBe(0)
  })

  it('RM9 closing the server runs onDrain, logs its last changes and ends every timer', async () => {
    const test = await TestServer.start()
    const ada = await test.join('Ada')
    await test.during(test.server.close())
    expect(test.hookLog.slice(-2)).toEqual(['drain', 'dispose'])
    expect(ada.closed?.code).toBe(1001)
    expect(ada.all('goingAway').length).toBe(1)
    expect(test.server.sessionCount).toBe(0)
    test.clock.advance(0)
    expect(test.clock.pendingCount).toBe(0)
  })
})

describe('determinism', () => {
  it('RM2 the same seed and inputs give the same log twice, another seed another', async () => {
    const run = async (seed: number): Promise<string> => {
      await using test = await TestServer.start({ seed })
      const ada = await test.join('Ada')
      const bob = await test.join('Bob')
      for (let step = 0; step < 20; step++) {
        ada.ask(step, 'hit', { target: bob.seat.sessionId })
        await test.clock.advanceAsync(37, 1)
      }
      await test.clock.advanceAsync(500, 1)
      return JSON.stringify(
        (await test.http('GET', `/rooms/${ada.seat.roomId}/events?limit=1000`)).body,
      )
    }
    const first = await run(1)
    expect(await run(1)).toBe(first)
    expect(await run(2)).not.toBe(first)
  })
})
