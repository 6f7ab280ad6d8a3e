import { createParser } from 'eventsource-parser'
import { describe, expect, it } from 'vitest'
import { createSseDecoder } from '../src/feed/sse-decoder.ts'

interface Seen {
  id: string | null
  type: string
  data: string | null
}

function decode(pieces: readonly string[]) {
  const blocks: Seen[] = []
  const retries: number[] = []
  const decoder = createSseDecoder({
    onBlock: (block) => blocks.push(block),
    onRetry: (ms) => retries.push(ms),
  })
  for (const piece of pieces) decoder.feed(piece)
  return { blocks, retries }
}

function oracle(text: string): Seen[] {
  const blocks: Seen[] = []
  createParser({
    onEvent: ({ id, event, data }) =>
      blocks.push({ id: id ?? null, type: event ?? 'message', data }),
  }).feed(text)
  return blocks
}

const STREAM = [
  ': hello\n',
  'retry: 250\nretry: 1e3\nretry:\n\n',
  'id: 1\nevent: patch\ndata: {"a":1}\n\n',
  'data: one\ndata:  two\ndata\n\n',
  'event: lost\n\n',
  'event\ndata:x\n\n',
  'id: 7\0\ndata: nul\n\n',
  'Data: unknown\n data: unknown\ndata: \u00fc\ud83d\ude00\n\n',
  'data: never finished',
].join('')

describe('CN32: the event stream is decoded as WHATWG says', () => {
  it.each(['\n', '\r\n', '\r'])('with %j as end of line, in pieces of any size', (end) => {
    const text = STREAM.replaceAll('\n', end)
    const expected = oracle(text)
    expect(expected.length).toBe(5)
    for (let size = 1; size <= text.length; size++) {
      const pieces = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
      const { blocks, retries } = decode(pieces)
      expect(blocks, `pieces of ${size}`).toEqual(expected)
      expect(retries).toEqual([250])
    }
  })

  it('a block without data moves the position; an unfinished one does not', () => {
    expect(decode(['id: 9\n\nid: 10\n']).blocks).toEqual([{ id: '9', type: 'message', data: null }])
  })

  it('an endless line is refused, not kept', () => {
    const decoder = createSseDecoder({ onBlock: () => {}, onRetry: () => {} })
    const piece = 'x'.repeat(16 * 1024 * 1024)
    expect(() => {
      for (let i = 0; i < 5; i++) decoder.feed(piece)
    }).toThrow(RangeError)
  })
})
