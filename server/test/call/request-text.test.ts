import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../protocol/test/seeded-random.ts'
import { idsAsWritten } from '../../src/call/json-rpc/json-scan.ts'
import { MAX_BATCH, readRequests } from '../../src/call/json-rpc/request-text.ts'
import type { RpcInput } from '../../src/call/json-rpc/request-text.ts'

function read(text: string): RpcInput {
  return readRequests(Buffer.from(text))
}

const request = (members: string): string => `{"jsonrpc":"2.0","method":"a",${members}}`

/** The id of the one request in the text, as it would be echoed. */
function idOf(text: string): string | null {
  const input = read(text)
  if (input.kind !== 'single' || !input.member.isValid) throw new Error(`Refused: ${text}`)
  return input.member.id
}

describe('a text of JSON-RPC', () => {
  it.each([
    '1',
    '0',
    '-0',
    '1.0',
    '1e2',
    '-1.5E-07',
    '12345678901234567',
    '1e999',
    'null',
    '"a"',
    '""',
    String.raw`"a\u0062\/\"\\\n"`,
    String.raw`"\ud800"`,
    '"},]{[:,"',
    `"${'é\u2028'.repeat(2_000)}"`,
    '9'.repeat(5_000),
  ])('JR4: the id %.30s is kept as it was written', (id) => {
    expect(idOf(request(`"id":${id}`))).toBe(id)
    expect(idOf(request(`"params":{"id":5},  "id" : \t${id}\n ,"x":["id",{"id":6}]`))).toBe(id)
    const batch = read(
      `[${request(`"id":${id}`)} , [{"id":1}], {"id":3}, ${request(`"id":${id}`)}]`,
    )
    expect(batch).toMatchObject({
      kind: 'batch',
      members: [{ id }, { id: 'null' }, { id: '3' }, { id }],
    })
  })

  it('JR4: of doubled members the last counts, for the id too, however its name is written', () => {
    expect(idOf(request(String.raw`"id":1,"\u0069d":2.0`))).toBe('2.0')
    expect(idOf(request(String.raw`"i\u0064":{},"id":3`))).toBe('3')
    expect(read(request('"id":3,"id":{}'))).toMatchObject({
      member: { isValid: false, id: 'null' },
    })
    expect(read('{"jsonrpc":"2.0","method":"a","method":"b","id":1}')).toMatchObject({
      member: { method: 'b' },
    })
  })

  it('JR4: a request without an id is a notification', () => {
    expect(idOf(request('"params":[]'))).toBeNull()
    expect(idOf(request('"params":{"id":1},"ids":2'))).toBeNull()
  })

  it('JR4: ids are found where JSON.parse finds them, in random texts', () => {
    const random = seededRandom()
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
    const space = (): string => pick(['', '', ' ', '\n\t '])
    const text = (): string => JSON.stringify(pick(['id', 'a"b', '\\', ':{', 'id":1', 'é,]', '']))
    const value = (depth: number): string => {
      const many = Array.from({ length: Math.floor(random() * 4) })
      if (depth === 0 || random() < 0.4) return pick([text(), '1', '-2.50e1', 'true', 'null'])
      if (random() < 0.5) return `[${many.map(() => space() + value(depth - 1)).join()}${space()}]`
      return object(depth)
    }
    const object = (depth: number): string => {
      const many = Array.from({ length: Math.floor(random() * 4) })
      const member = (): string => `${space()}${text()}${space()}:${space()}${value(depth - 1)}`
      return `{${many.map(() => member() + space()).join()}${space()}}`
    }
    for (let round = 0; round < 5_000; round++) {
      const written = `${space()}${value(4)}${space()}`
      const json: unknown = JSON.parse(written)
      const items: unknown[] = Array.isArray(json) ? json : [json]
      const found = idsAsWritten(written)
      const parsed = found.slice(0, items.length).map((id) => (id === null ? id : JSON.parse(id)))
      const expected = items.map((item) =>
        typeof item === 'object' && item !== null && !Array.isArray(item) && 'id' in item
          ? item.id
          : null,
      )
      // An item that is a list has no members; what it holds is not looked at.
      const isObject = (item: unknown) => typeof item === 'object' && item && !Array.isArray(item)
      expect(
        parsed.map((id: unknown, index) => (isObject(items[index]) ? id : null)),
        written,
      ).toEqual(expected)
    }
  })

  it.each([
    ['nothing', ''],
    ['a space', ' '],
    ['half a request', '{"jsonrpc":"2.0","method":"foobar,"params":"bar","baz]'],
    ['text after the end', `${request('"id":1')}x`],
    ['two requests without a list', request('"id":1') + request('"id":2')],
    ['a byte order mark', `\ufeff${request('"id":1')}`],
    ['a NUL after the end', `${request('"id":1')}\0`],
    ['a NUL in a string', '{"jsonrpc":"2.0","method":"a\0","id":1}'],
    ['single quotes', "{'jsonrpc':'2.0','method':'a','id':1}"],
    ['a comment', `/* */${request('"id":1')}`],
    ['a comma at the end', request('"id":1,')],
    ['an id of digits after a zero', request('"id":01')],
    ['NaN as id', request('"id":NaN')],
    ['no value', request('"id":')],
    ['65 levels', request(`"id":1,"params":${'['.repeat(64)}${']'.repeat(64)}`)],
  ])('JR2: %s is a parse error', (_what, text) => {
    expect(read(text)).toEqual({ kind: 'parse_error' })
  })

  it('JR2: bytes that are no UTF-8 are a parse error', () => {
    for (const bytes of [[0xff], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]])
      expect(readRequests(Uint8Array.from(bytes))).toEqual({ kind: 'parse_error' })
  })

  it('JR2: a text that is 10^5 or 10^6 deep is refused at once', () => {
    const begun = performance.now()
    for (const deep of ['[', '{"a":', '[{"params":['])
      for (const count of [100_000, 1_000_000])
        expect(read(deep.repeat(count))).toEqual({ kind: 'parse_error' })
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  it('JR2: 64 levels are read', () => {
    const params = `${'['.repeat(63)}${']'.repeat(63)}`
    expect(read(request(`"id":1,"params":${params}`))).toMatchObject({ member: { isValid: true } })
  })

  it.each([
    ['a number', '1'],
    ['a string', '"2.0"'],
    ['null', 'null'],
    ['true', 'true'],
    ['an empty object', '{}'],
    ['no method', '{"jsonrpc":"2.0"}'],
    ['a method of null', '{"jsonrpc":"2.0","method":null}'],
    ['no version', '{"method":"a"}'],
    ['version 2', '{"jsonrpc":2,"method":"a"}'],
    ['version 1.0', '{"jsonrpc":"1.0","method":"a"}'],
    ['version "2.00"', '{"jsonrpc":"2.00","method":"a"}'],
    ['params of text', request('"params":"bar"')],
    ['params of null', request('"params":null')],
    ['params of a number', request('"params":1')],
    ['an id of an object', request('"id":{}')],
    ['an id of a list', request('"id":[1]')],
    ['an id of true', request('"id":true')],
    ['a response', '{"jsonrpc":"2.0","result":1}'],
    ['a method of the prototype', '{"jsonrpc":"2.0","__proto__":{"method":"a"}}'],
  ])('JR2: %s is no request, without an id that could be echoed', (_what, text) => {
    expect(read(text)).toEqual({ kind: 'single', member: { isValid: false, id: 'null' } })
    expect(read(`[${text}]`)).toEqual({ kind: 'batch', members: [{ isValid: false, id: 'null' }] })
  })

  it('JR4: what is no request but has an id is refused under it', () => {
    expect(read('{"jsonrpc":"2.0","method":1,"id":7.0}')).toMatchObject({
      member: { isValid: false, id: '7.0' },
    })
  })

  it('JR3: a batch has 1 to 100 members; a list in a list is no batch', () => {
    expect(read('[]')).toEqual({ kind: 'invalid_batch' })
    expect(read(`[${Array(MAX_BATCH).fill('1').join()}]`)).toMatchObject({ kind: 'batch' })
    expect(
      read(
        `[${Array(MAX_BATCH + 1)
          .fill('1')
          .join()}]`,
      ),
    ).toEqual({ kind: 'invalid_batch' })
    expect(read(`[${Array(100_000).fill(request('"id":1')).join()}]`)).toEqual({
      kind: 'invalid_batch',
    })
    expect(read(`[[${request('"id":1')}]]`)).toEqual({
      kind: 'batch',
      members: [{ isValid: false, id: 'null' }],
    })
  })

  it('JR2: members that it does not know, and params of any content, are kept away or as sent', () => {
    const text = request('"id":1,"extra":{},"params":{"a":[1,{"b":null}]}')
    expect(read(text)).toEqual({
      kind: 'single',
      member: { isValid: true, id: '1', method: 'a', params: { a: [1, { b: null }] } },
    })
  })
})
