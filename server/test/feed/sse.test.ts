import { createParser } from 'eventsource-parser'
import { describe, expect, it } from 'vitest'
import { toFeedEntry } from '../../src/feed/read/entry.ts'
import { checkOf, roomId } from '../../src/feed/position/room-id.ts'
import {
  HEARTBEAT,
  encodeEvent,
  encodeGoingAway,
  encodeId,
  encodeOpening,
} from '../../src/feed/sse.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { createRandom } from '../../src/process/random.ts'

interface Parsed {
  readonly events: { type: string; id: string | undefined; data: string }[]
  readonly retry: number[]
  readonly comments: string[]
}

/** eventsource-parser is the oracle; the bytes arrive in pieces. */
function parse(bytes: Uint8Array, pieces: number): Parsed {
  const parsed: Parsed = { events: [], retry: [], comments: [] }
  const parser = createParser({
    onEvent: ({ event, id, data }) => parsed.events.push({ type: event ?? 'message', id, data }),
    onRetry: (ms) => parsed.retry.push(ms),
    onComment: (text) => parsed.comments.push(text),
    onError: (error) => {
      throw error
    },
  })
  const text = new TextDecoder().decode(bytes)
  for (let at = 0; at < text.length; at += pieces) parser.feed(text.slice(at, at + pieces))
  return parsed
}

const event: LogEvent = {
  seq: 1_700_000_000_000_001,
  room: 'a',
  n: 3,
  epoch: 1,
  own: 'own',
  type: 'chat',
  at: 5,
  data: '{"text":"hi"}',
  hidden: '{"secret":1}',
  prev: 2,
}

describe('WHATWG server-sent events', () => {
  it('FE8 an event is one block of id, event and one line of data', () => {
    const bytes = encodeEvent('kill', '{"by":"x"}', '42-ab')
    expect(new TextDecoder().decode(bytes)).toBe('id: 42-ab\nevent: kill\ndata: {"by":"x"}\n\n')
  })

  it.each([
    ['\n\ndata: evil', 'kill'],
    ['\r\rdata: evil', 'kill'],
    ['\r\n\r\nevent: evil', 'kill'],
    ['\0', 'kill\nid: 7'],
    ['\uFEFF', 'kill\r\rdata: evil'],
  ])('FE8 no line end or NUL in data %j or type %j starts a field of its own', (break_, type) => {
    const bytes = encodeEvent(type, `{"a":1,${break_} "b":2}`, '9')
    for (const pieces of [1, 7, 10_000]) {
      const { events } = parse(bytes, pieces)
      expect(events).toHaveLength(1)
      expect(events[0]?.id).toBe('9')
      expect(events[0]?.type).toBe(type.replace(/[\r\n\0]/g, ''))
    }
  })

  it('FE8 text of any kind survives, line separators of Unicode too', () => {
    const random = createRandom(7)
    const alphabet = ['\n', '\r', '\0', '\u2028', ':', ' ', 'é', '😀', '"', '\\', 'data', '\uFEFF']
    for (let round = 0; round < 200; round++) {
      const parts = Array.from({ length: random.int(0, 12) }, () => alphabet[random.int(0, 11)])
      const text = parts.join('')
      const bytes = encodeEvent('chat', JSON.stringify({ text }), `${round}`)
      const { events } = parse(bytes, random.int(1, 9))
      expect(events).toHaveLength(1)
      expect(JSON.parse(events[0]?.data ?? '')).toEqual({ text })
    }
  })

  it('FE8 the opening is a retry of digits and a comment; an id alone dispatches nothing', () => {
    const bytes = Buffer.concat([encodeOpening(1500.4), encodeId('12'), encodeEvent('a', '{}')])
    const parsed = parse(bytes, 3)
    expect(parsed.retry).toEqual([1500])
    expect(parsed.comments).toHaveLength(1)
    expect(parsed.events).toEqual([{ type: 'a', id: undefined, data: '{}' }])
  })

  it('SS1 no blank line follows a comment or a retry', () => {
    for (const bytes of [HEARTBEAT, encodeOpening(2_000), encodeGoingAway(500)]) {
      const text = new TextDecoder().decode(bytes)
      expect(text).not.toMatch(/^(:|retry:).*\n\n/m)
      expect(text.endsWith('\n')).toBe(true)
    }
    // They may stand before any block, and between two.
    const bytes = [
      encodeOpening(1),
      HEARTBEAT,
      encodeEvent('a', '{}', '1'),
      HEARTBEAT,
      encodeId('2'),
    ]
    const { events, retry, comments } = parse(Buffer.concat(bytes), 1)
    expect(events).toEqual([{ type: 'a', id: '1', data: '{}' }])
    expect([retry, comments.length]).toEqual([[1], 3])
  })

  it('SS2 what some readers take for the end of a line is escaped, and means the same', () => {
    const text = 'a\u2028b\u2029c\u0085d\\u2028'
    const bytes = encodeEvent('chat', JSON.stringify({ [text]: text }))
    const written = new TextDecoder().decode(bytes)
    expect(written).not.toMatch(/[\u0085\u2028\u2029]/)
    const [event] = parse(bytes, 10_000).events
    expect(JSON.parse(event?.data ?? '')).toEqual({ [text]: text })
  })

  it('FE6 an event of the log is encoded without its hidden part, by its type', () => {
    const shown = (given: Partial<LogEvent>): unknown => {
      const entry = toFeedEntry({ ...event, ...given })
      const [parsed] = parse(entry?.bytes ?? new Uint8Array(), 1_000).events
      return { type: parsed?.type, id: parsed?.id, data: JSON.parse(parsed?.data ?? '{}') }
    }
    const id = roomId({ n: 3, check: checkOf(event) })
    const base = { room: 'a', n: 3, at: 5 }
    expect(shown({})).toEqual({ type: 'chat', id, data: { ...base, data: { text: 'hi' } } })
    const patch = { type: 'patch', data: '{"x":1}' }
    expect(shown(patch)).toEqual({ type: 'patch', id, data: { ...base, prev: 2, data: { x: 1 } } })
    const withheld = { type: 'patch', id, data: { ...base, prev: 2, data: {} } }
    expect(shown({ type: 'patch', data: '' })).toEqual(withheld)
    expect(shown({ data: '' })).toEqual(withheld)
    expect(shown({ type: 'owner', data: '' })).toEqual({
      type: 'owner',
      id,
      data: { ...base, epoch: 1 },
    })
    expect(shown({ type: 'end', data: '{}' })).toEqual({ type: 'end', id, data: base })
    expect(toFeedEntry({ ...event, room: null })).toBeNull()
  })
})
