import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkOf, parseRoomId, parseRoomPlace, roomId } from '../../../src/feed/position/room-id.ts'
import { SealedPositions, selectionHash } from '../../../src/feed/position/sealed-positions.ts'
import { toFeedEntry } from '../../../src/feed/read/entry.ts'
import type { LogEvent } from '../../../src/outbox/contract/store.ts'
import { createRandom } from '../../../src/process/random.ts'
import { testKeyFor } from '../rig.ts'

const SEQ = 1_700_000_000_000_017
const ALL = selectionHash('*|')
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const tokenIn = (line: Uint8Array): string => textOf(line).slice('id: '.length, -1)

describe('FE51 ids of one room', () => {
  it('FE51 is one text for a place, which reads back; a number alone is unchecked', () => {
    const random = createRandom('places')
    for (let round = 0; round < 2_000; round++) {
      const n = random.int(0, 2 ** 31)
      const check = checkOf({ own: `own-${random.int(0, 1e9)}`, n, seq: SEQ })
      expect(check).toBeGreaterThan(0)
      expect(parseRoomId(roomId({ n, check }))).toEqual({ n, check })
      expect(parseRoomPlace(String(n))).toEqual({ n, check: 0 })
      expect(parseRoomId(String(n))).toBeNull()
    }
  })

  it.each([
    [
      '',
      ' 5',
      '5 ',
      '05',
      '+5',
      '-5',
      '5.0',
      '5e3',
      '0x5',
      '5-',
      '-',
      '5--a',
      '5-A',
      '5-a ',
      '5-0a',
    ],
    [
      '\u00a05',
      '5\u00a0',
      '\ufeff5-a',
      'é5-a',
      '5-aé',
      '5\n',
      '5-a\0',
      '٥',
      '5-abcdefgh',
      '1'.repeat(17),
    ],
    ['9007199254740993', 'urn:uuid:5', '5,5', '5-a, 5-a'],
  ])('FE51 FE10 nothing else is a place', (...texts) => {
    for (const text of texts) expect([text, parseRoomPlace(text)]).toEqual([text, null])
  })

  it('FE51 an event of another owner, or of the same with another n, has another check', () => {
    const checks = new Set<number>()
    for (let own = 0; own < 100; own++)
      for (let n = 1; n <= 100; n++) checks.add(checkOf({ own: `own-${own}`, n, seq: SEQ }))
    // 10,000 of 32 bits: two of them are alike in one run of a hundred.
    expect(checks.size).toBeGreaterThan(9_995)
  })
})

describe('FE52 sealed positions', () => {
  const positions = new SealedPositions(testKeyFor, 'history')

  it('FE52 opens to what was sealed, for an event always the same, without one never twice', () => {
    const token = tokenIn(positions.lineOf(SEQ, 0xdeadbeef, ALL))
    expect(positions.open(token)).toMatchObject({ seq: SEQ, check: 0xdeadbeef, selection: ALL })
    const other = new SealedPositions(testKeyFor, 'history')
    expect(tokenIn(other.lineOf(SEQ, 0xdeadbeef, ALL))).toBe(token)
    const quiet = new Set(Array.from({ length: 100 }, () => positions.quietToken(SEQ, ALL)))
    expect(quiet.size).toBe(100)
    for (const text of [...quiet, token]) {
      expect(text).toMatch(/^[\w-]{59}$/)
      expect(positions.open(text)?.seq).toBe(SEQ)
    }
  })

  it('FE52 is another text for another selection, event or history, with nothing to be seen in it', () => {
    const texts = new Set<string>()
    for (let event = 0; event < 50; event++)
      for (const key of ['*|', 'a|', 'a|kill'])
        texts.add(tokenIn(positions.lineOf(SEQ + event, 7, selectionHash(key))))
    texts.add(tokenIn(new SealedPositions(testKeyFor, 'other').lineOf(SEQ, 7, ALL)))
    expect(texts.size).toBe(151)
    // Neighbours have nothing in common, beyond what any two texts have.
    const [first = '', second = ''] = texts
    const same = first.split('').filter((letter, at) => letter === second[at]).length
    expect(same).toBeLessThan(10)
  })

  it('FE52 no text but ours is one: each bit flipped, other keys, other spellings, other lengths', () => {
    const token = tokenIn(positions.lineOf(SEQ, 7, ALL))
    const bytes = Buffer.from(token, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(positions.open(flipped.toString('base64url'))).toBeNull()
    }
    const others = (purpose: string): Uint8Array =>
      createHash('sha256').update(`others ${purpose}`).digest()
    const texts = [
      new SealedPositions(others, 'history').quietToken(SEQ, ALL),
      `${token}=`,
      `${token} `,
      ` ${token}`,
      `${token}A`,
      token.slice(1),
      token.slice(0, -1),
      // The last letter has bits that no byte has.
      token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
      token.replace(/.$/, '+'),
      'a'.repeat(59),
      '',
      '\u{10FFFF}'.repeat(30),
    ]
    for (const text of texts) expect([text, positions.open(text)]).toEqual([text, null])
  })
})

describe('what of the log is an entry', () => {
  const event: LogEvent = {
    seq: SEQ,
    room: 'a',
    n: 3,
    epoch: 1,
    own: 'own',
    type: '_access',
    at: 5,
    data: '{"delayMs":5}',
    hidden: null,
    prev: 2,
  }

  it("FE53 the log's own events are empty patches", () => {
    const bytes = textOf(toFeedEntry(event)?.bytes ?? new Uint8Array())
    const id = roomId({ n: 3, check: checkOf(event) })
    const data = '{"room":"a","n":3,"prev":2,"at":5,"data":{}}'
    expect(bytes).toBe(`id: ${id}\nevent: patch\ndata: ${data}\n\n`)
  })

  it('FE53 an event of a topic is its own block without an id; one of the log, and a tombstone, are none', () => {
    const message = { topic: 'a.b', to: 'c', messageId: 'm', principal: 'p', trace: null }
    const published = { ...event, room: null, n: 0, epoch: 0, type: 'end', message }
    const entry = toFeedEntry(published)
    const data = '{"topic":"a.b","messageId":"m","at":5,"data":{"delayMs":5}}'
    expect(textOf(entry?.bytes ?? new Uint8Array())).toBe(`event: end\ndata: ${data}\n\n`)
    expect(entry).toMatchObject({ room: null, topic: 'a.b', to: 'c', bodyAt: 0 })
    expect(toFeedEntry({ ...published, type: '_audit' })).toBeNull()
    const { message: _, ...tombstone } = published
    expect(toFeedEntry({ ...tombstone, type: 'tombstone', data: '' })).toBeNull()
  })
})
