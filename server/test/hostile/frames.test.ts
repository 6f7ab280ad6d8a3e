import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { decodeSystem, encodeFrame, encodeSystem, system } from '@ringside/protocol'
import { eventually } from '../../src/testing/index.ts'
import { Attacked, frameOf } from './attacked.ts'
import type { RawSocket } from './attacked.ts'

const MAX = 65_536
const MARGIN = 65_536
const bytes = (...values: number[]): Buffer => Buffer.from(values)
const typed = (...values: number[]): Buffer => message(0x20, bytes(...values))
const message = (id: number, payload: Uint8Array = bytes()): Buffer =>
  frameOf(0x82, encodeFrame(id, payload))
const close = (code: number): Buffer => frameOf(0x88, bytes(code >> 8, code & 255))
const times = (count: number, frame: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => frame))

let server: Attacked

beforeAll(async () => {
  server = await Attacked.start({ connectionsPerSecondPerIp: 10_000, joinsPerSecondPerIp: 10_000 })
}, 30_000)
afterAll(() => server[Symbol.asyncDispose]())

/** Whatever came: another client is answered, nothing is left of the attacker, and the process has logged no failure. */
afterEach(async () => {
  await server.expectAnswer()
  await server.forget()
  const { sessions, uncaught, logged } = await server.holdings()
  expect({ sessions, uncaught }).toEqual({ sessions: 1, uncaught: [] })
  expect(logged.length).toBeLessThan(5)
  expect(logged.filter((line) => line.includes('"level":"error"'))).toEqual([])
})

/** What the server says to these bytes: an echo, an ERROR's code, how it ends the socket, or nothing. */
async function answerTo(sent: Buffer): Promise<{ answer: string; socket: RawSocket }> {
  const socket = await server.open()
  socket.write(sent)
  // The server has read everything once it answers what came behind it, unless it reads nothing of this socket any more.
  socket.write(frameOf(0x89, Buffer.from('done')))
  const isDone = (): boolean =>
    socket.frames().some(({ opcode, payload }) => opcode === 10 && payload.toString() === 'done')
  await eventually(() => socket.ending() !== null || isDone(), { deadlineMs: 5_000 }).catch(
    () => {},
  )
  const ending = socket.ending()
  if (ending !== null) return { answer: ending, socket }
  const [first] = socket.frames().filter(({ opcode }) => opcode === 2)
  if (!first) return { answer: 'nothing', socket }
  const id = first.payload.readUInt32BE(0)
  if (id === system.error.id) return { answer: decodeSystem('error', first.payload).code, socket }
  return {
    answer: id === 1 ? `echo ${first.payload.subarray(4).toString()}` : `0x${id.toString(16)}`,
    socket,
  }
}

/** Each with its answer and the counter of `/metrics` that shows it. */
const messages: readonly (readonly [
  what: string,
  sent: Buffer,
  answer: string,
  counter: string,
])[] = [
  [
    'a text frame',
    frameOf(0x81, Buffer.from('hello')),
    '1002 Invalid message format',
    'closed_invalid_total',
  ],
  [
    'an empty text frame',
    frameOf(0x81, bytes()),
    '1002 Invalid message format',
    'closed_invalid_total',
  ],
  ...[0, 1, 2, 3].map(
    (count) =>
      [
        `${count} bytes`,
        frameOf(0x82, Buffer.alloc(count)),
        '1002 Invalid message format',
        'closed_invalid_total',
      ] as const,
  ),
  [
    'one byte too many',
    message(1, Buffer.alloc(MAX + 1)),
    '1009 Message too large',
    'closed_invalid_total',
  ],
  [
    'as many bytes too many as are read',
    message(1, Buffer.alloc(MAX + MARGIN)),
    '1009 Message too large',
    'closed_invalid_total',
  ],
  [
    'one byte more than are read',
    message(1, Buffer.alloc(MAX + MARGIN + 1)),
    'cut',
    'connections_cut_total',
  ],
  ['70 KB too many', message(1, Buffer.alloc(MAX + 70_000)), 'cut', 'connections_cut_total'],
  [
    'the head of 200 MB',
    bytes(0x82, 0xff, 0, 0, 0, 0, 0x0c, 0x80, 0, 0, 0, 0, 0, 0),
    'cut',
    'connections_cut_total',
  ],
  ['an unknown id', message(0x1234), 'unknown_command', 'messages_unknown_total'],
  ['a reserved id', message(0xffff00aa), 'unknown_command', 'messages_unknown_total'],
  ['JOINED from a client', message(0xffff0010), 'unknown_command', 'messages_unknown_total'],
  ['STATE from a client', message(0xffff0011), 'unknown_command', 'messages_unknown_total'],
  [
    'the id of errors of JSON-RPC',
    message(0xfffffffe),
    'unknown_command',
    'messages_unknown_total',
  ],
  ['no protobuf', typed(255, 255, 255), 'invalid_payload', 'messages_invalid_total'],
  [
    'text that is no UTF-8',
    typed(0x0a, 2, 0xff, 0xfe),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'a surrogate in UTF-8',
    typed(0x0a, 3, 0xed, 0xa0, 0x80),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'a varint of 11 bytes',
    typed(0x18, ...Array<number>(10).fill(255), 1),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'a length of 4 GB',
    typed(0x0a, 255, 255, 255, 255, 15),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'a length of 2^63',
    typed(0x0a, ...Array<number>(8).fill(255), 127),
    'invalid_payload',
    'messages_invalid_total',
  ],
  ['the field 0', typed(0, 0), 'invalid_payload', 'messages_invalid_total'],
  ['the wire type 7', typed(0x0f, 0), 'invalid_payload', 'messages_invalid_total'],
  [
    '60,000 nested groups',
    message(0x20, Buffer.alloc(60_000, 0x7b)),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    '30,000 empty messages in a list of 10,000',
    message(0x20, times(30_000, bytes(0x12, 0))),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'a REQUEST of a REQUEST',
    message(0xffff0003, bytes(8, 1, 0x10, 0x83, 0x80, 0xfc, 0xff, 0x0f)),
    'unknown_command',
    'messages_unknown_total',
  ],
  [
    'a REQUEST that is none',
    message(0xffff0003, bytes(255, 255)),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'PING with NaN',
    message(0xffff0004, bytes(9, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'JOIN that is none',
    message(0xffff0001, bytes(255)),
    'invalid_payload',
    'messages_invalid_total',
  ],
  [
    'JOIN with a forged ticket',
    frameOf(0x82, encodeSystem('join', { ticket: 't1.abc' })),
    '4005 The ticket was refused',
    'joins_refused_total',
  ],
  [
    '20 unknown ids',
    times(20, message(0x1234)),
    '1008 Too many invalid messages',
    'closed_invalid_total',
  ],
  [
    '10,000 messages at once',
    times(10_000, message(1)),
    '1008 Rate limit exceeded',
    'closed_rate_limited_total',
  ],
]

test.each(messages)(
  'HO16 %s has its answer, and /metrics shows it',
  async (_, sent, answer, counter) => {
    const before = (await server.metrics()).get(counter) ?? 0
    expect((await answerTo(sent)).answer).toBe(answer)
    await eventually(async () => ((await server.metrics()).get(counter) ?? 0) > before)
  },
)

test.each([
  ['pings', 0x89],
  ['pongs', 0x8a],
])('HO17 a flood of %s is closed with 1008, also before the first message', async (_, first) => {
  const socket = await server.open()
  socket.write(times(5_000, frameOf(first, bytes(1))))
  await eventually(() => socket.ending() !== null)
  expect(socket.ending()).toBe('1008 Rate limit exceeded')
  expect(socket.frames().length).toBeLessThan(250)
})

/** What uWebSockets.js does by itself; docs/protocol.md has the same table. */
const frames: readonly (readonly [what: string, sent: Buffer[], answer: string])[] = [
  ['a reserved bit', [0xc2, 0xa2, 0x92].map((first) => frameOf(first, encodeFrame(1))), 'cut'],
  [
    'an unknown opcode',
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((code) => frameOf(0x80 | code, encodeFrame(1))),
    'cut',
  ],
  ['a control frame in fragments', [8, 9, 10].map((code) => frameOf(code, bytes(1))), 'cut'],
  [
    'a control frame over 125 bytes',
    [0x88, 0x89, 0x8a].map((first) => frameOf(first, Buffer.alloc(126, 65))),
    'cut',
  ],
  [
    'text that is no UTF-8',
    [frameOf(0x81, bytes(0xff, 0xfe)), frameOf(0x81, bytes(0xed, 0xa0, 0x80))],
    'cut',
  ],
  [
    'a continuation of nothing',
    [frameOf(0x80, encodeFrame(1)), frameOf(0x00, encodeFrame(1))],
    'cut',
  ],
  [
    'a length of 2^63 or more',
    [bytes(0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0)],
    'cut',
  ],
  ['HTTP after the handshake', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'cut'],
  [
    'a close frame with a code that none may have',
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map(close),
    'close without a code',
  ],
  ['a close frame of one byte', [frameOf(0x88, bytes(3))], 'close without a code'],
  [
    'a close frame with a reason that is no UTF-8',
    [frameOf(0x88, bytes(3, 232, 0xff))],
    'close without a code',
  ],
  ['a close frame with 1000 or 4000', [close(1000), close(4000)], 'its code'],
  [
    'messages after a close frame',
    [Buffer.concat([close(1000), message(1, Buffer.from('late'))])],
    'its code',
  ],
  [
    'a length in more bytes than it needs',
    [
      bytes(0x82, 0xfe, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 65),
      bytes(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 65),
    ],
    'taken',
  ],
  [
    'a new message inside another one',
    [Buffer.concat([frameOf(0x02, encodeFrame(1)), frameOf(0x82, Buffer.from('A'))])],
    'taken, as its next fragment',
  ],
  [
    'a frame without a mask',
    [frameOf(0x82, encodeFrame(1, Buffer.alloc(40)), false)],
    'taken, its first four bytes as the mask',
  ],
]

test.each(frames)(
  'HO18 %s is answered by the transport as docs/protocol.md says',
  async (_, sent, answer) => {
    for (const one of sent) {
      const got = (await answerTo(one)).answer
      if (answer === 'its code') expect(got).toBe(`${one.readUInt16BE(6)} `)
      else if (answer.endsWith('mask'))
        expect(['nothing', 'unknown_command', '1002 Invalid message format', 'cut']).toContain(got)
      else if (answer.startsWith('taken')) expect(got).toContain('A')
      else expect(got).toBe(answer)
    }
  },
)

test('HO18 the table of docs/protocol.md has each of them', () => {
  const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('| frame of a client')
  const rows = table.split('\n\n')[0]?.split('\n').slice(2) ?? []
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.trim()),
  )
  expect(cells).toEqual(frames.map(([what, , answer]) => [what, answer]))
})

test('HO16 a ticket is taken once, and a second JOIN of the connection is refused', async () => {
  const seat = await server.seat()
  const join = frameOf(0x82, encodeSystem('join', { ticket: seat.ticket }))
  const socket = await server.open()
  const ids = (): number[] =>
    socket
      .frames()
      .filter(({ opcode }) => opcode === 2)
      .map(({ payload }) => payload.readUInt32BE(0))
  socket.write(join)
  await eventually(() => ids().includes(system.state.id))
  socket.write(join)
  await eventually(() => ids().includes(system.error.id))
  const error = socket
    .frames()
    .find(({ payload }) => payload.length > 4 && payload.readUInt32BE(0) === system.error.id)
  expect(decodeSystem('error', error?.payload ?? bytes()).code).toBe('already_in_room')
  expect((await answerTo(join)).answer).toBe('4005 The ticket was refused')
})
