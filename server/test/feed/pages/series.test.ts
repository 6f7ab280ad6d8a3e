import { describe, expect, it } from 'vitest'
import { seriesCsv } from '../../../src/feed/pages/series-text.ts'
import { FeedRig } from '../rig.ts'

interface Line {
  at: number
  n: number
  values: Record<string, unknown>
}

/** A match of 10 s: ada scores each second, bob comes after 5 s and his name is a formula. */
async function playedMatch(rig: FeedRig, facts: { delayMs?: number; isPrivate?: boolean } = {}) {
  const room = await rig.room('a', { players: { ada: { score: 0, name: 'Ada' } } }, facts)
  for (let second = 1; second <= 10; second++) {
    await rig.advance(1_000)
    room.patch({ players: { ada: { score: second } } })
    if (second === 5) room.patch({ players: { bob: { score: 0, name: '=1+1' } } })
    await rig.settle()
  }
  return room
}

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

describe('series', () => {
  it('FE100 tells what a path had each second, and at the last event', async () => {
    const rig = await FeedRig.start()
    await playedMatch(rig)
    const answer = await rig.open('/rooms/a/series?path=players.*.score&every=2s')
    expect(answer.exchange.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
    const lines = linesOf(answer.text)
    const begin = lines[0]?.at ?? 0
    expect(lines.map(({ at, values }) => [at - begin, values])).toEqual([
      [0, { 'players.ada.score': 0 }],
      [2_000, { 'players.ada.score': 2 }],
      [4_000, { 'players.ada.score': 4 }],
      [6_000, { 'players.ada.score': 6, 'players.bob.score': 0 }],
      [8_000, { 'players.ada.score': 8, 'players.bob.score': 0 }],
      [10_000, { 'players.ada.score': 10, 'players.bob.score': 0 }],
    ])
    expect(lines.at(-1)?.n).toBe(12)
    expect(answer.text).not.toContain('seq')
  })

  it('FE100 several paths, between two events, from some time ago', async () => {
    const rig = await FeedRig.start()
    await playedMatch(rig)
    const path = '/rooms/a/series?path=players.ada.score&path=players.*.name&every=1s'
    const between = linesOf((await rig.open(`${path}&from=3&to=5`)).text)
    expect(between.map(({ n, values }) => [n, values['players.ada.score']])).toEqual([
      [3, 2],
      [4, 3],
      [5, 4],
    ])
    const late = linesOf((await rig.open(`${path}&from=-3s`)).text)
    expect(late.map(({ values }) => values['players.ada.score'])).toEqual([7, 8, 9, 10])
    expect(late[0]?.values['players.bob.name']).toBe('=1+1')
  })

  it('FE102 as CSV with a column for whatever appears, and no formulas', async () => {
    const rig = await FeedRig.start()
    await playedMatch(rig)
    const query = 'path=players.*.score&path=players.*.name&every=5s'
    const answer = await rig.open(`/rooms/a/series?${query}`, { accept: 'text/csv' })
    expect(answer.exchange.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [head, ...rows] = answer.text.split('\r\n')
    expect(head).toBe('at,n,players.ada.score,players.ada.name,players.bob.score,players.bob.name')
    expect(rows.map((row) => row.replace(/^\d+,\d+,/, ''))).toEqual([
      '0,Ada,,',
      "5,Ada,0,'=1+1",
      "10,Ada,0,'=1+1",
      '',
    ])
    const text = (await rig.open(`/rooms/a/series?${query}&format=csv`)).text
    expect(text).toBe(answer.text)
  })

  it('FE102 cells are quoted as RFC 4180 has it', () => {
    const values = new Map<string, never>(
      Object.entries({
        a: 'x,"y"\r\nz',
        b: '-1',
        c: -1,
        d: '@x',
        e: '\ud800',
        f: [1],
        g: null,
        h: '＝1+1',
      }) as never,
    )
    expect(seriesCsv([{ at: 1, n: 2, values }])).toBe(
      `at,n,a,b,c,d,e,f,g,h\r\n1,2,"x,""y""\r\nz",'-1,-1,'@x,\ufffd,[1],,'＝1+1\r\n`,
    )
  })

  it('FE3 FE4 nothing that is too young or not to be watched is in it', async () => {
    const rig = await FeedRig.start()
    await playedMatch(rig, { delayMs: 4_000 })
    const lines = linesOf((await rig.open('/rooms/a/series?path=players.ada.score&every=1s')).text)
    expect(lines.at(-1)?.values['players.ada.score']).toBe(6)
    const beyond = await rig.open('/rooms/a/series?path=players.ada.score&to=12')
    expect([beyond.exchange.status, beyond.error]).toEqual([404, 'not_yet_visible'])
    rig.directory.set('b', { isPrivate: true })
    const secret = await rig.open('/rooms/b/series?path=x')
    expect(secret.exchange.status).toBe(403)
    expect((await rig.open('/rooms/nobody/series?path=x')).exchange.status).toBe(404)
  })

  it('FE101 too many points, values or columns are refused and say what to do', async () => {
    const rig = await FeedRig.start({ retentionMs: 86_400_000 })
    const room = await rig.room('a', { x: 0 })
    await rig.advance(1_100_000)
    room.patch({ x: 1, many: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, i])) })
    await rig.settle()
    for (const [query, words] of [
      ['path=x&every=100ms', /10000 points/],
      ['path=many.*&every=1h', /1000 values/],
    ] as const) {
      const answer = await rig.open(`/rooms/a/series?${query}`)
      expect([answer.exchange.status, answer.error]).toEqual([400, 'bad_request'])
      expect(answer.text).toMatch(words)
    }
    expect((await rig.open('/rooms/a/series?path=x&every=1s')).exchange.status).toBe(200)
  })

  it.each([
    '',
    'path=',
    'path=a..b',
    'path=.a',
    `path=${'a.'.repeat(8)}a`,
    `path=${'x'.repeat(201)}`,
    Array.from({ length: 11 }, (_, index) => `path=p${index}`).join('&'),
    'path=a&every=1',
    'path=a&every=99ms',
    'path=a&every=2h',
    'path=a&every=1s&every=2s',
    'path=a&from=live',
    'path=a&from=5&to=2',
    'path=a&to=x',
    'path=a&format=xml',
  ])('FE100 %s is 400', async (query) => {
    const rig = await FeedRig.start()
    await playedMatch(rig)
    const answer = await rig.open(`/rooms/a/series?${query}`)
    expect([answer.exchange.status, answer.error]).toEqual([400, 'bad_request'])
  })

  it('FE100 a path that is nowhere, or of the prototype, has no values', async () => {
    const rig = await FeedRig.start()
    await playedMatch(rig)
    for (const path of [
      'nothing',
      '__proto__.x',
      'players.constructor.name',
      'players.ada.score.x',
    ])
      for (const { values } of linesOf((await rig.open(`/rooms/a/series?path=${path}`)).text))
        expect(values).toEqual({})
  })
})

describe('answers that may be asked for again', () => {
  it('HT43 pages, states and series have a tag of their content, and 304 for who has it', async () => {
    const rig = await FeedRig.start()
    const room = await playedMatch(rig)
    room.end()
    await rig.settle()
    for (const path of [
      '/rooms/a/events?after=2&limit=3',
      '/rooms/a/events?after=0',
      '/rooms/a/state?at=3',
      '/rooms/a/state',
      '/rooms/a/series?path=players.ada.score&from=1&to=5',
    ]) {
      const first = await rig.open(path)
      const { etag = '' } = first.exchange.headers
      expect([path, first.exchange.status, etag]).toEqual([
        path,
        200,
        expect.stringMatching(/^"[\w-]{22}"$/),
      ])
      for (const has of [etag, `W/${etag}`, `"x", ${etag}`, `"a,b",W/${etag} , "y"`, '*']) {
        const again = await rig.open(path, { 'if-none-match': has })
        expect([has, again.exchange.status, again.text]).toEqual([has, 304, ''])
        expect(again.exchange.headers).toMatchObject({
          etag,
          'cache-control': first.exchange.headers['cache-control'],
        })
      }
      for (const has of ['"x"', etag.slice(1), `${etag} x`, `x${etag}`, '', 'W/*'])
        expect((await rig.open(path, { 'if-none-match': has })).exchange.status).toBe(200)
    }
  })

  it('HT43 the tag of a page that grows changes with it', async () => {
    const rig = await FeedRig.start()
    const room = await playedMatch(rig)
    const { etag = '' } = (await rig.open('/rooms/a/events?after=2')).exchange.headers
    room.patch({ x: 1 })
    await rig.settle()
    const again = await rig.open('/rooms/a/events?after=2', { 'if-none-match': etag })
    expect(again.exchange.status).toBe(200)
  })
})
