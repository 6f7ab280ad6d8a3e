import { describe, expect, test } from 'vitest'
import {
  command,
  decodeMessage,
  decodeSystem,
  defineGame,
  encodeMessage,
  int,
  readCommandId,
  str,
} from '@ringside/protocol'
import { ManualClock } from '../../src/process/clock.ts'
import { checkLimits } from '../../src/process/limits.ts'
import { createRandom } from '../../src/process/random.ts'
import { CommandRegistry } from '../../src/call/command-table.ts'
import { Conduct } from '../../src/limit/conduct.ts'
import { TurnClock } from '../../src/limit/turn-clock.ts'
import { createFixture, settle } from '../session/fixture.ts'

const ID = 0xfedc_ba98
const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('raw answers', () => {
  test.each<[string, (payload: Uint8Array) => unknown, string]>([
    ['its payload', (payload) => payload, 'hello'],
    [
      'its payload, changed',
      (payload) => {
        payload.reverse()
        payload[0] = 0x21
        return payload
      },
      '!lleh',
    ],
    ['a part of its payload', (payload) => payload.subarray(1, 4), 'ell'],
    ['a copy that it then changes', (payload) => payload.slice().fill(0x2e), '.....'],
    [
      'another view of the whole of it',
      (payload) => new Uint8Array(payload.buffer, payload.byteOffset, payload.length),
      'hello',
    ],
    ['a Buffer', () => Buffer.from('buffer'), 'buffer'],
    ['a promise of a copy', (payload) => Promise.resolve(payload.slice()), 'hello'],
    ['nothing of it', () => new Uint8Array(0), ''],
  ])('CA10 a handler that gives back %s answers with that, on its id', async (_, handler, text) => {
    const { dial } = await createFixture({
      register: (registry) => registry.addRaw(ID, (_, payload: Uint8Array) => handler(payload)),
    })
    const client = await dial()
    client.send(ID, 'hello')
    client.request(5, ID, bytes('hello'))
    await settle()
    const [plain, reply] = client.frames
    expect(client.frames).toHaveLength(2)
    expect(plain && [readCommandId(plain), Buffer.from(plain.subarray(4)).toString()]).toEqual([
      ID,
      text,
    ])
    expect(reply && Buffer.from(decodeSystem('reply', reply).payload).toString()).toBe(text)
  })

  test('CA10 a payload that is given back by a promise is not the message: its memory was lent', async () => {
    const { dial } = await createFixture({
      register: (registry) =>
        registry.addRaw(1, async (_, payload: Uint8Array) => {
          await Promise.resolve()
          return payload
        }),
    })
    const client = await dial()
    client.send(1, 'hello')
    await settle()
    // The memory transport overwrites what it lent, where another may have taken it back.
    const [answer] = client.frames
    expect(answer && readCommandId(answer)).toBe(1)
    expect(Buffer.from(answer?.subarray(4) ?? []).toString('hex')).toBe('db'.repeat(5))
  })

  test('CA10 what a handler sends before it returns its payload comes first, unharmed', async () => {
    const { dial } = await createFixture({
      register: (registry) =>
        registry.addRaw(1, (session, payload: Uint8Array) => {
          session.send(2, payload)
          session.broadcast(3, payload)
          payload.fill(0x78)
          session.send(4, bytes('between'))
          return payload
        }),
    })
    const client = await dial()
    client.send(1, 'abc')
    await settle()
    expect(client.take()).toEqual(['2:abc', '3:abc', '4:between', '1:xxx'])
  })

  test('CA10 a handler that closes its session and gives its payload back answers nothing', async () => {
    const { dial } = await createFixture({
      register: (registry) =>
        registry.addRaw(1, (session, payload: Uint8Array) => {
          session.close(3001, 'bye')
          return payload
        }),
    })
    const client = await dial()
    client.send(1, 'abc')
    await settle()
    expect(client.frames).toEqual([])
    expect(client.closed).toEqual({ code: 3001, reason: 'bye' })
  })

  test('CA10 SL4 echoes count towards the byte budget: over it the client is closed as slow', async () => {
    const { dial, metrics } = await createFixture({
      limits: { maxQueuedBytes: 4096 },
      register: (registry) => registry.addRaw(1, (_, payload: Uint8Array) => payload),
    })
    const client = await dial()
    client.socket.setFull(true)
    for (let index = 0; index < 10; index++) client.send(1, new Uint8Array(996).fill(index))
    await settle()
    client.socket.setFull(false)
    await settle()
    expect(client.frames.map((frame) => [frame.length, frame[4], frame.at(-1)])).toEqual([
      [1000, 0, 0],
      [1000, 1, 1],
      [1000, 2, 2],
      [1000, 3, 3],
    ])
    expect(client.closed?.code).toBe(4002)
    expect(metrics.counters.closedSlow).toBe(1)
  })

  test('CA10 every message is counted once, whatever its handler gives back', async () => {
    const kept = bytes('kept')
    const { dial, metrics } = await createFixture({
      register: (registry) => {
        registry.addRaw(1, (_, payload: Uint8Array) => payload)
        registry.addRaw(2, () => kept)
        registry.addRaw(3, () => undefined)
        registry.addRaw(4, () => Promise.resolve(kept))
        registry.addRaw(5, () => 'no bytes')
      },
    })
    const client = await dial()
    for (const id of [1, 2, 3, 4, 5]) client.send(id, 'x')
    await settle()
    expect(metrics.counters.messagesHandled).toBe(5)
    expect(metrics.counters.messagesFailed).toBe(1)
    expect(metrics.counters.bytesIn).toBe(25)
    expect(client.errors()).toMatchObject([{ command: 5, code: 'internal' }])
  })
})

describe('lengths', () => {
  const game = defineGame({
    commands: {
      say: command(
        0x10,
        { count: int(1) },
        { reply: { count: int(1), a: str(2, { max: 2000 }), b: str(3), c: str(4) } },
      ),
    },
  })
  const { say } = game.commands
  const lettersOf = (count: number): string =>
    'abcdefghijklmnopqrstuvwxyz'.repeat(2).slice(0, count)
  const textOf = (count: number): string =>
    count <= 48 ? lettersOf(count) : lettersOf(26).repeat(100).slice(0, count)

  test('CC5 typed answers of every length, one after the other', async () => {
    const { dial } = await createFixture({
      rateLimit: false,
      commands: game.commands,
      register: (registry) =>
        registry.addTyped(say, (_, { count }: { count: number }) => ({
          count,
          a: textOf(count),
          b: lettersOf(count % 49),
          c: count % 7 === 0 ? 'é' : lettersOf((count * 5) % 49),
        })),
    })
    const client = await dial()
    const counts = [...Array.from({ length: 140 }, (_, index) => index), 900, 1010, 1020, 1900]
    for (const count of counts) client.send(say.id, encodeMessage(say.payload, { count }))
    await settle()
    const { reply } = say
    if (!reply) throw new Error('Expected a reply')
    expect(client.frames).toHaveLength(counts.length)
    for (const [index, count] of counts.entries()) {
      const frame = client.frames[index] ?? new Uint8Array(4)
      expect(readCommandId(frame)).toBe(say.id)
      expect(decodeMessage(reply, frame.subarray(4))).toEqual({
        count,
        a: textOf(count),
        b: lettersOf(count % 49),
        c: count % 7 === 0 ? 'é' : lettersOf((count * 5) % 49),
      })
    }
  })

  test('CC5 raw answers and sends of every length, one after the other', async () => {
    const { dial } = await createFixture({
      rateLimit: false,
      register: (registry) =>
        registry.addRaw(1, (session, payload: Uint8Array) => {
          session.send(2, payload)
          return payload.slice()
        }),
    })
    const client = await dial()
    const lengths = [...Array.from({ length: 300 }, (_, index) => index), 1018, 1020, 1021, 5000]
    for (const length of lengths) client.send(1, new Uint8Array(length).fill(length))
    await settle()
    expect(client.frames).toHaveLength(lengths.length * 2)
    for (const [index, frame] of client.frames.entries()) {
      const length = lengths[index >> 1] ?? -1
      expect(readCommandId(frame)).toBe(index % 2 === 0 ? 2 : 1)
      expect(frame.subarray(4)).toEqual(new Uint8Array(length).fill(length))
    }
  })
})

test('SE30 ids are found on both sides of the array of small ones', () => {
  const registry = new CommandRegistry()
  const ids = [0, 1, 1022, 1023, 1024, 1025, 0x7fff_ffff, 0x8000_0000, 0xfffe_ffff]
  for (const id of ids) registry.addRaw(id, () => undefined)
  for (const id of ids) expect(registry.get(id)?.id).toBe(id)
  for (const id of [2, 1021, 1026, 0xfffe_fffe]) expect(registry.get(id)).toBeUndefined()
  expect(() => registry.addRaw(1023, () => undefined)).toThrow(
    expect.objectContaining({ code: 'registered_twice' }),
  )
})

test('SE12 a bucket takes and refills as one that looks at the clock each time (seeded)', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  for (let round = 0; round < 50; round++) {
    const limits = checkLimits({
      ratePerSecond: random.next() * 200 + 0.01,
      rateBurst: random.int(1, 20) + random.next(),
    })
    const clock = new ManualClock()
    const turn = new TurnClock(clock)
    for (let index = 0; index < random.int(0, 10); index++) turn.stamp()
    const conduct = new Conduct(limits, clock.now())
    let tokens = limits.rateBurst
    for (let step = 0; step < 300; step++) {
      const ms = random.next() < 0.3 ? 0 : random.int(0, 40)
      // Ends the turn, as the event loop does.
      clock.advance(ms)
      tokens = Math.min(limits.rateBurst, tokens + (ms * limits.ratePerSecond) / 1000)
      for (let index = random.int(0, 8); index > 0; index--) {
        const cost = random.next() < 0.5 ? 1 : random.next() * 3
        const isEnough = tokens >= cost
        expect(conduct.charge(cost, turn), `seed ${seed}, round ${round}, step ${step}`).toBe(
          isEnough,
        )
        if (isEnough) tokens -= cost
      }
    }
  }
})

test('SE12 in a turn that holds its time nothing is refilled until it ends', () => {
  const clock = new ManualClock()
  const turn = new TurnClock(clock)
  const conduct = new Conduct(checkLimits({ ratePerSecond: 1_000, rateBurst: 10 }), clock.now())
  for (let index = 0; index < 10; index++) expect(conduct.charge(1, turn)).toBe(true)
  const held = turn.now
  expect(conduct.charge(1, turn)).toBe(false)
  expect(clock.pendingCount).toBe(1)
  clock.advance(3)
  for (let index = 0; index < 3; index++) expect(conduct.charge(1, turn)).toBe(true)
  expect(conduct.charge(1, turn)).toBe(false)
  expect(turn.now).toBe(held + 3)
})
