import { describe, expect, test } from 'vitest'
import {
  SUBPROTOCOL,
  command,
  decodeMessage,
  decodeSystem,
  defineGame,
  encodeMessage,
  encodeSystem,
  int,
  str,
  system,
} from '@ringside/protocol'
import { RingsideError, reject } from '../../src/process/errors.ts'
import { CommandRegistry } from '../../src/call/command-table.ts'
import { FakeSeat, createFixture, settle } from './fixture.ts'

const game = defineGame({
  commands: {
    add: command(0x10, { a: int(1), b: int(2) }, { reply: { sum: int(1) }, cost: 3 }),
    note: command(0x11, { text: str(1, { max: 10 }) }),
  },
})
const { add, note } = game.commands

describe('raw commands', () => {
  test('SE2 what a handler returns is sent on the command id; undefined sends nothing', async () => {
    const { dial } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, (_, payload: Uint8Array) => payload)
        registry.addRaw(2, () => undefined)
        registry.addRaw(3, () => new Uint8Array(0))
      },
    })
    const client = await dial()
    client.send(1, 'hello')
    client.send(2)
    client.send(3)
    await settle()
    expect(client.take()).toEqual(['1:hello', '3:'])
  })

  test('SE3 handlers start in the order of arrival; a promise delays its own answer only', async () => {
    const started: string[] = []
    let finish: (bytes: Uint8Array) => void = () => {}
    const { dial } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, (_, payload: Uint8Array) => {
          started.push(Buffer.from(payload).toString())
          return new Promise<Uint8Array>((resolve) => {
            finish = resolve
          })
        })
        registry.addRaw(2, (_, payload: Uint8Array) => {
          started.push(Buffer.from(payload).toString())
          return payload
        })
      },
    })
    const client = await dial()
    client.send(1, 'slow')
    client.send(2, 'quick')
    await settle()
    expect(started).toEqual(['slow', 'quick'])
    expect(client.take()).toEqual(['2:quick'])
    finish(Buffer.from('late'))
    await settle()
    expect(client.take()).toEqual(['1:late'])
  })

  test('SE1 after close no handler runs and no late answer is sent', async () => {
    let calls = 0
    let finish: (bytes: Uint8Array) => void = () => {}
    const { dial, logs } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => {
          calls++
          return new Promise<Uint8Array>((resolve) => {
            finish = resolve
          })
        })
        registry.addRaw(2, (session) => session.close(4100, 'done'))
      },
    })
    const client = await dial()
    client.send(1)
    client.send(2)
    client.send(1)
    await settle()
    finish(Buffer.from('late'))
    await settle()
    expect(calls).toBe(1)
    expect(client.take()).toEqual([])
    expect(client.closed).toEqual({ code: 4100, reason: 'done' })
    expect(logs).toEqual([])
  })

  test('SE4 a handler that throws or rejects: ERROR internal without its text, one log with the stack', async () => {
    const { dial, logs } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => {
          throw new Error('secret 1')
        })
        registry.addRaw(2, () => Promise.reject(new Error('secret 2')))
        registry.addRaw(3, () => 'no bytes')
        registry.addRaw(4, (_, payload: Uint8Array) => payload)
      },
    })
    const client = await dial()
    for (const id of [1, 2, 3, 4]) client.send(id, 'x')
    await settle()
    const text = JSON.stringify(client.frames.map((frame) => Buffer.from(frame).toString()))
    expect(text).not.toContain('secret')
    expect(client.frames).toHaveLength(4)
    expect(client.errors().map(({ code, command }) => [code, command])).toEqual(
      expect.arrayContaining([
        ['internal', 1],
        ['internal', 2],
        ['internal', 3],
      ]),
    )
    expect(logs.map(({ level }) => level)).toEqual(['error', 'error', 'error'])
    expect(String((logs[0]?.fields['err'] as Error | undefined)?.stack)).toContain('session.test')
    expect(client.closed).toBeNull()
  })

  test('SE5 reject() reaches the client with its code and text, and is not logged', async () => {
    const { dial, logs } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => {
          throw reject('too_far', 'Come closer')
        })
        registry.addRaw(2, () => {
          throw new RingsideError('room_full')
        })
      },
    })
    const client = await dial()
    client.send(1)
    client.send(2)
    await settle()
    expect(client.errors()).toMatchObject([
      { code: 'too_far', message: 'Come closer', command: 1, retry: false },
      { code: 'room_full', command: 2, retry: true },
    ])
    expect(logs).toEqual([])
  })
})

describe('refusals that cannot be sent as they are', () => {
  test('SE5 a refusal of any length is cut to 1,000 characters; the connection goes on', async () => {
    const { dial, logs } = await createFixture({
      limits: { maxPayloadBytes: 200_000 },
      register: (registry) => {
        registry.addRaw(1, (_, payload: Uint8Array) => {
          throw reject('no_target', `No target '${Buffer.from(payload).toString()}'`)
        })
        registry.addRaw(2, (_, payload: Uint8Array) =>
          Promise.reject(new RingsideError('room_full', Buffer.from(payload).toString())),
        )
        registry.addRaw(3, (_, payload: Uint8Array) => payload)
      },
    })
    const client = await dial()
    client.send(1, 'x'.repeat(65_537))
    client.send(2, 'y'.repeat(100_000))
    client.request(7, 1, Buffer.from('z'.repeat(65_537)))
    await settle()
    const errors = client.errors()
    expect(errors.map(({ code, correlation }) => [code, correlation])).toEqual([
      ['no_target', undefined],
      ['no_target', 7],
      ['room_full', undefined],
    ])
    expect(errors.map(({ message }) => message.length)).toEqual([1_001, 1_001, 1_001])
    expect(errors[0]?.message).toMatch(/^No target 'x+…$/)
    client.send(3, 'still here')
    await settle()
    expect(client.take()).toEqual(['3:still here'])
    expect(logs).toEqual([])
  })

  test('SE4 a refusal that does not encode ends nothing, thrown or rejected; each is logged', async () => {
    const broken = (): Error => Object.assign(reject('too_far'), { code: 'c'.repeat(70_000) })
    const { dial, logs } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, () => {
          throw broken()
        })
        registry.addRaw(2, () => Promise.reject(broken()))
        registry.addRaw(3, (_, payload: Uint8Array) => payload)
      },
    })
    const client = await dial()
    client.send(1)
    client.send(2)
    client.send(3, 'on')
    await settle()
    expect(client.take()).toEqual(['3:on'])
    expect(logs.map(({ message }) => message)).toEqual(['Answer failed', 'Answer failed'])
  })
})

describe('bad input', () => {
  test.each([0, 1, 2, 3])('SE6 a message of %i bytes closes with 1002', async (length) => {
    const { dial } = await createFixture()
    const client = await dial()
    client.socket.send(new Uint8Array(length))
    await settle()
    expect(client.closed).toEqual({ code: 1002, reason: 'Invalid message format' })
  })

  test('SE7 a text message closes with 1002, whatever it says', async () => {
    const { dial } = await createFixture()
    const client = await dial()
    client.socket.sendText('{"jsonrpc":"2.0"}')
    await settle()
    expect(client.closed).toEqual({ code: 1002, reason: 'Invalid message format' })
  })

  test('SE8 a payload of the limit passes, one byte more closes with 1009', async () => {
    const { dial } = await createFixture({
      limits: { maxPayloadBytes: 100 },
      register: (registry) => registry.addRaw(1, (_, payload: Uint8Array) => payload),
    })
    const client = await dial()
    client.send(1, new Uint8Array(100))
    await settle()
    expect(client.frames).toHaveLength(1)
    client.send(1, new Uint8Array(101))
    await settle()
    expect(client.closed).toEqual({ code: 1009, reason: 'Message too large' })
  })

  test('SE9 unknown commands are answered; the 20th within 10 s closes with 1008', async () => {
    const { dial, clock } = await createFixture()
    const client = await dial()
    client.send(0xffff_fffe, '')
    for (let index = 0; index < 18; index++) client.send(0x0999)
    await settle()
    expect(client.errors()).toHaveLength(19)
    clock.advance(10_001)
    client.send(0x0999)
    await settle()
    expect(client.closed).toBeNull()
    for (let index = 0; index < 19; index++) client.send(0x0999)
    await settle()
    expect(client.errors().at(-1)).toMatchObject({ code: 'unknown_command', command: 0x0999 })
    expect(client.closed).toEqual({ code: 1008, reason: 'Too many invalid messages' })
  })

  test('SE10 a payload that does not decode or validate never reaches the handler', async () => {
    let calls = 0
    const { dial } = await createFixture({
      commands: game.commands,
      register: (registry) => registry.addTyped(note, () => calls++),
    })
    const client = await dial()
    client.send(note.id, new Uint8Array([0x0a, 0x05, 0x61]))
    client.send(note.id, new Uint8Array([0x0a, 0x01, 0xff]))
    client.send(note.id, Buffer.concat([Buffer.from([0x0a, 0x0b]), Buffer.alloc(11, 'x')]))
    await settle()
    expect(client.errors().map(({ code }) => code)).toEqual(Array(3).fill('invalid_payload'))
    expect(calls).toBe(0)
  })

  test("SE11 a raw handler's reject('invalid_payload') is a strike", async () => {
    const { dial } = await createFixture({
      limits: { maxStrikes: 3 },
      register: (registry) =>
        registry.addRaw(1, () => {
          throw reject('invalid_payload', 'Expected JSON')
        }),
    })
    const client = await dial()
    for (let index = 0; index < 5; index++) client.send(1)
    await settle()
    expect(client.errors()).toHaveLength(3)
    expect(client.closed).toEqual({ code: 1008, reason: 'Too many invalid messages' })
  })
})

describe('rate limit', () => {
  test('SE12 the burst passes, the rest is dropped and answered once a second, time refills', async () => {
    const { dial, clock, metrics } = await createFixture({
      limits: { ratePerSecond: 10, rateBurst: 5 },
      register: (registry) => registry.addRaw(1, (_, payload: Uint8Array) => payload),
    })
    const client = await dial()
    for (let index = 0; index < 10; index++) client.send(1, `${index}`)
    await settle()
    const frames = client.take()
    expect(frames.slice(0, 5)).toEqual(['1:0', '1:1', '1:2', '1:3', '1:4'])
    expect(frames).toHaveLength(6)
    expect(metrics.counters.messagesDropped).toBe(5)
    clock.advance(100)
    client.send(1, 'again')
    client.send(1, 'not')
    await settle()
    expect(client.take()).toEqual(['1:again'])
    clock.advance(900)
    for (let index = 0; index < 6; index++) client.send(1, 'x')
    await settle()
    expect(client.errors()).toMatchObject([{ code: 'rate_limited', command: 1, retry: true }])
  })

  test('SE13 the 50th drop within 2 s closes with 1008; spread out it does not', async () => {
    const limits = { ratePerSecond: 0.01, rateBurst: 1 }
    const { dial, clock } = await createFixture({ limits })
    const spread = await dial()
    for (let index = 0; index < 200; index++) {
      spread.send(1)
      await settle()
      clock.advance(45)
    }
    expect(spread.closed).toBeNull()
    const flood = await dial()
    for (let index = 0; index < 50; index++) flood.send(1)
    await settle()
    expect(flood.closed).toBeNull()
    flood.send(1)
    await settle()
    expect(flood.closed).toEqual({ code: 1008, reason: 'Rate limit exceeded' })
  })

  test('SE14 commands are charged their cost, inside a REQUEST too, before the payload is decoded', async () => {
    const { dial } = await createFixture({
      limits: { ratePerSecond: 0.01, rateBurst: 7 },
      commands: game.commands,
      register: (registry) => registry.addTyped(add, (_, { a, b }: never) => ({ sum: a + b })),
    })
    const client = await dial()
    client.send(add.id, encodeMessage(add.payload, { a: 1, b: 2 }))
    client.request(7, add.id, encodeMessage(add.payload, { a: 1, b: 2 }))
    client.request(8, add.id, new Uint8Array([0xff]))
    await settle()
    expect(client.frames).toHaveLength(3)
    expect(client.errors()).toMatchObject([
      { code: 'rate_limited', command: add.id, correlation: 8 },
    ])
  })
})

describe('requests', () => {
  test('SE15 a REQUEST is answered by REPLY with its correlation: typed and raw', async () => {
    const { dial } = await createFixture({
      commands: game.commands,
      register: (registry) => {
        registry.addTyped(add, (_, { a, b }: never) => ({ sum: a + b }))
        registry.addRaw(1, (_, payload: Uint8Array) => payload)
        registry.addRaw(2, () => undefined)
      },
    })
    const client = await dial()
    client.request(0, add.id, encodeMessage(add.payload, { a: 20, b: 22 }))
    client.request(0xffff_ffff, 1, Buffer.from('raw'))
    client.request(5, 2)
    await settle()
    const [first, second, third] = client.frames.map((frame) => decodeSystem('reply', frame))
    expect(first?.correlation).toBe(0)
    const [reply] = [first?.payload ?? new Uint8Array(0)]
    expect(add.reply && decodeMessage(add.reply, reply)).toEqual({ sum: 42 })
    expect(second?.correlation).toBe(0xffff_ffff)
    expect(Buffer.from(second?.payload ?? []).toString()).toBe('raw')
    expect(third).toEqual({ correlation: 5, payload: new Uint8Array(0) })
  })

  test('SE16 errors of a REQUEST carry its correlation, those of a command none', async () => {
    const { dial } = await createFixture({ commands: game.commands })
    const client = await dial()
    client.request(3, 0x0777)
    client.request(4, add.id, new Uint8Array([0xff]))
    client.request(5, add.id, encodeMessage(add.payload, { a: 1, b: 2 }))
    client.request(6, system.leave.id)
    client.send(system.request.id, new Uint8Array([0x0a, 0x00]))
    await settle()
    expect(client.errors().map(({ code, correlation }) => [code, correlation])).toEqual([
      ['unknown_command', 3],
      ['invalid_payload', 4],
      ['not_in_room', 5],
      ['unknown_command', 6],
      ['invalid_payload', undefined],
    ])
  })

  test('SE17 PING is answered by PONG with both times', async () => {
    const { dial, clock } = await createFixture()
    const client = await dial()
    client.socket.send(encodeSystem('ping', { clientTime: 12.5 }))
    await settle()
    const [frame] = client.frames
    expect(frame && decodeSystem('pong', frame)).toEqual({
      clientTime: 12.5,
      serverTime: clock.now(),
    })
  })
})

describe('seats', () => {
  test("SE18 JOIN takes the seat; the room's handler comes before the server's", async () => {
    const seat = new FakeSeat()
    seat.setCommands(game.commands, { add: () => ({ sum: 1000 }) })
    const { dial } = await createFixture({
      commands: game.commands,
      desk: { take: () => seat },
      register: (registry) => {
        registry.addTyped(add, () => ({ sum: 1 }))
        registry.addTyped(note, () => undefined)
      },
    })
    const client = await dial()
    client.request(1, add.id, encodeMessage(add.payload, { a: 0, b: 0 }))
    client.socket.send(encodeSystem('join', { ticket: 't' }))
    client.request(2, add.id, encodeMessage(add.payload, { a: 0, b: 0 }))
    client.socket.send(encodeSystem('join', { ticket: 't' }))
    client.socket.send(encodeSystem('leave', {}))
    await settle()
    const sums = client.frames.slice(0, 2).map((frame) => {
      const { payload } = decodeSystem('reply', frame)
      return add.reply && decodeMessage(add.reply, payload).sum
    })
    expect(sums).toEqual([1, 1000])
    expect(client.errors()).toMatchObject([{ code: 'already_in_room' }])
    client.socket.vanish()
    await settle()
    expect(seat.calls).toEqual(['leave', 'dropped 1006'])
  })

  test('SE19 a refused ticket: ERROR with its code, then close 4005', async () => {
    const { dial } = await createFixture({
      desk: {
        take() {
          throw new RingsideError('ticket_expired')
        },
      },
    })
    const client = await dial()
    client.socket.send(encodeSystem('leave', {}))
    client.socket.send(encodeSystem('join', { ticket: 't' }))
    await settle()
    expect(client.errors().map(({ code }) => code)).toEqual(['not_in_room', 'ticket_expired'])
    expect(client.closed?.code).toBe(4005)
  })

  test('SE20 a connection closed while its seat is taken gives the seat back', async () => {
    const seat = new FakeSeat()
    const { dial } = await createFixture({
      desk: {
        take(_, link) {
          link.close('kicked')
          return seat
        },
      },
    })
    const client = await dial()
    client.socket.send(encodeSystem('join', { ticket: 't' }))
    await settle()
    expect(client.closed?.code).toBe(4000)
    expect(seat.calls).toEqual(['dropped 1000'])
  })
})

describe('slow clients', () => {
  test('SE21 SL4 over its byte budget a client is closed as slow', async () => {
    const { dial, metrics } = await createFixture({
      limits: { maxQueuedBytes: 4096 },
      register: (registry) =>
        registry.addRaw(1, (session) => {
          for (let index = 0; index < 10; index++) session.send(1, new Uint8Array(1000))
        }),
    })
    const client = await dial()
    client.socket.setFull(true)
    client.send(1)
    await settle()
    client.socket.setFull(false)
    await settle()
    expect(client.frames).toHaveLength(4)
    expect(client.closed?.code).toBe(4002)
    expect(metrics.counters.closedSlow).toBe(1)
  })

  test('SE22 SL4 a broadcast that does not fit closes as slow and leaves the others alone', async () => {
    const { dial, table } = await createFixture({ limits: { maxQueuedBytes: 4096 } })
    const slow = await dial()
    const quick = await dial()
    slow.socket.setFull(true)
    for (let index = 0; index < 10; index++) table.broadcast(9, new Uint8Array(1000))
    await settle()
    slow.socket.setFull(false)
    await settle()
    expect(slow.closed?.code).toBe(4002)
    expect(quick.frames).toHaveLength(10)
    expect(table.count).toBe(1)
  })

  test('SE23 a socket that takes nothing for maxBehindMs is closed; one that drains is not', async () => {
    const { dial, clock, table } = await createFixture({ limits: { maxBehindMs: 8_000 } })
    const stuck = await dial()
    const trickle = await dial()
    for (const client of [stuck, trickle]) client.socket.setFull(true)
    table.broadcast(9, new Uint8Array(10))
    for (let second = 0; second < 10; second++) {
      trickle.socket.setFull(false)
      trickle.socket.setFull(true)
      table.broadcast(9, new Uint8Array(10))
      clock.advance(1_000)
    }
    stuck.socket.setFull(false)
    await settle()
    expect(stuck.closed?.code).toBe(4002)
    expect(trickle.closed).toBeNull()
  })
})

describe('table', () => {
  test('SE24 hooks see every connection; what they throw is logged and harms nobody', async () => {
    const seen: string[] = []
    const { dial, logs, table } = await createFixture({
      onConnect: (session) => {
        seen.push(`open ${session.id.length} ${session.isOpen} ${session.roomId}`)
        session.data['name'] = 'Ada'
        throw new Error('hook')
      },
      onDisconnect: (session, { code, reason, byServer }) => {
        seen.push(`closed ${String(session.data['name'])} ${code} ${reason} ${byServer}`)
        session.send(1)
        throw new Error('hook')
      },
    })
    const client = await dial()
    expect(table.list().map(({ isOpen }) => isOpen)).toEqual([true])
    client.socket.close(3001, 'bye')
    await settle()
    const other = await dial()
    expect(table.kick(table.list()[0]?.id ?? '', 'out')).toBe(true)
    expect(table.kick('nobody')).toBe(false)
    await settle()
    expect(other.closed).toEqual({ code: 4000, reason: 'out' })
    expect(seen).toEqual([
      'open 32 true null',
      'closed Ada 3001 bye false',
      'open 32 true null',
      'closed Ada 4000 out true',
    ])
    expect(logs).toHaveLength(4)
    expect(table.count).toBe(0)
  })

  test('SE25 an async hook that rejects is logged', async () => {
    const { dial, logs } = await createFixture({
      onConnect: () => Promise.reject(new Error('later')) as never,
    })
    await dial()
    expect(logs).toMatchObject([{ level: 'error', message: 'Hook failed' }])
  })

  test('SE26 broadcast reaches every open session, the sender included', async () => {
    const { dial } = await createFixture({
      register: (registry) =>
        registry.addRaw(1, (session, payload: Uint8Array) => session.broadcast(1, payload)),
    })
    const [a, b] = [await dial(), await dial()]
    a.send(1, 'all')
    await settle()
    expect([a.take(), b.take()]).toEqual([['1:all'], ['1:all']])
  })

  test('SE27 handshakes: path, origin, caps and rate', async () => {
    const { dial, table, clock } = await createFixture({
      limits: { maxConnections: 3, connectionsPerSecondPerIp: 2 },
      origins: { allowedOrigins: ['https://friend.test'] },
    })
    const from = (remoteAddress: string, headers: Record<string, string> = {}) =>
      dial({ remoteAddress, headers: { host: 'game.test:8080', ...headers } })
    await expect(dial({ path: '/other' })).rejects.toThrow('404')
    await expect(from('1.1.1.1', { origin: 'https://evil.test' })).rejects.toThrow('403')
    await expect(from('1.1.1.2', { origin: 'null' })).rejects.toThrow('403')
    await from('1.1.1.3', { origin: 'http://GAME.test:8080' })
    await from('1.1.1.4', { origin: 'https://friend.test' })
    await expect(from('1.1.1.1')).resolves.toBeDefined()
    await expect(from('1.1.1.5')).rejects.toThrow('503')
    for (const session of table.list()) session.close()
    await settle()
    await expect(from('1.1.1.1')).rejects.toThrow('429')
    clock.advance(1_000)
    await from('1.1.1.1')
    table.drain()
    await expect(from('1.1.1.1')).rejects.toThrow('503 draining')
  })

  test('SE28 without an Origin only when not required; the loopback needs none', async () => {
    const { dial } = await createFixture({ origins: { requireOrigin: true } })
    await expect(dial({ remoteAddress: '1.1.1.1' })).rejects.toThrow('403')
    const client = await dial({ protocols: ['other', SUBPROTOCOL] })
    expect(client.socket.protocol).toBe(SUBPROTOCOL)
    const plain = await dial({ protocols: ['other'] })
    expect(plain.socket.protocol).toBe('')
  })

  test('SE29 close takes 1000 and 3000-4999 only', async () => {
    const { dial, table } = await createFixture()
    await dial()
    const [session] = table.list()
    for (const code of [1001, 1006, 999, 5000, 3000.5])
      expect(() => session?.close(code)).toThrow(/3000-4999/)
    expect(session?.isOpen).toBe(true)
  })
})

describe('registry', () => {
  test('SE30 reserved ids, doubled ids and names, late registration throw', () => {
    const registry = new CommandRegistry(game.commands)
    registry.addRaw(0xfffe_ffff, () => undefined)
    for (const id of [0xffff_0000, 0xffff_ffff, -1, 1.5, 2 ** 32, Number.NaN])
      expect(() => registry.addRaw(id, () => undefined)).toThrow(
        expect.objectContaining({ code: 'reserved_id' }),
      )
    for (const id of [0xfffe_ffff, add.id])
      expect(() => registry.addRaw(id, () => undefined)).toThrow(
        expect.objectContaining({ code: 'registered_twice' }),
      )
    expect(() => registry.addRaw(5, () => undefined, -1)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    )
    registry.addTyped(add, () => ({ sum: 1 }))
    expect(() => registry.addTyped(add, () => ({ sum: 1 }))).toThrow(
      expect.objectContaining({ code: 'registered_twice' }),
    )
    expect(() => registry.addTyped(command(0x99, {}), () => undefined)).toThrow(
      expect.objectContaining({ code: 'not_in_contract' }),
    )
    registry.seal()
    expect(() => registry.addRaw(6, () => undefined)).toThrow(
      expect.objectContaining({ code: 'already_listening' }),
    )
  })
})
