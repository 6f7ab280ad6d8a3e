import type { Visit } from './crawl.ts'

/** The rooms of a crawl, by what they are. */
export interface CrawledRooms {
  readonly open: string
  readonly late: string
  readonly shy: string
  readonly veil: string
  /** It has ended. */
  readonly over: string
}

const PATHS = [
  'said',
  'deck',
  'players.*.hand',
  'players.*.plan',
  'players.*.fate',
  '*',
  'players.*.*',
]
const series = PATHS.map((path) => `path=${encodeURIComponent(path)}`).join('&')
/** No ids of rooms: names of a prototype, of files, and of nothing. */
const STRANGE_IDS = [
  '__proto__',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  'a.b',
  '%E2%80%A8',
  'x'.repeat(300),
]
const ANONYMOUS_ID = 'a-crawler-of-sixteen-and-more'
const JSON_RPC = { jsonrpc: '2.0', id: 1 }

/** What one principal asks for, at one moment: every route, and each in the ways that it can be asked. */
export function visitsOf(rooms: CrawledRooms): Visit[] {
  const visits: Visit[] = []
  const add = (title: string, path: string, more: Omit<Visit, 'title' | 'path'> = {}): void =>
    void visits.push({ title, path, ...more })
  const lines = { headers: { accept: 'application/x-ndjson' } }
  for (const id of [...Object.values(rooms), 'nowhere', ...STRANGE_IDS]) {
    const feed = `/rooms/${id}/feed`
    for (const query of [
      '',
      '?from=start',
      '?from=2',
      '?from=6',
      '?from=7',
      '?from=8',
      '?from=-30s',
      '?types=told',
      '?from=start&limit=20',
      '?from=start&heartbeat=event&for=1',
      '?from=start&speed=100',
    ])
      add('GET /rooms/:id/feed', feed + query)
    add('GET /rooms/:id/feed', `${feed}?from=start`, lines)
    add('GET /rooms/:id/feed', `${feed}?checkpoint=2`, lines)
    for (const query of ['', '?after=1', '?after=1&limit=2', '?after=3', '?after=400'])
      add('GET /rooms/:id/events', `/rooms/${id}/events${query}`)
    for (const query of ['', ...Array.from({ length: 14 }, (_, n) => `?at=${n + 1}`), '?at=4000'])
      add('GET /rooms/:id/state', `/rooms/${id}/state${query}`)
    for (const query of ['', '&format=csv', '&from=start&to=3', '&from=-60s', '&from=2&to=6'])
      add('GET /rooms/:id/series', `/rooms/${id}/series?every=1s&${series}${query}`)
    add('GET /rooms/:id/series', `/rooms/${id}/series?every=100ms&path=said`)
  }
  const named = Object.values(rooms).join(',')
  for (const query of [
    '',
    '?from=start',
    `?rooms=${named}&from=start`,
    `?rooms=${rooms.late}&from=start`,
    `?rooms=${rooms.shy},${rooms.veil}&from=start`,
    '?rooms=&topics=*&from=start',
    '?rooms=&topics=*,staff.*,staff.news,audit,audit.*,presence&from=start',
    `?rooms=@open,@late,@shy,@veil&from=start`,
    `?rooms=${rooms.open}&types=told,patch&from=start&limit=50`,
    `?clientId=${ANONYMOUS_ID}&topics=*&from=start`,
    '?wait=30&rooms=nowhere,@shy',
  ]) {
    add('GET /feed', `/feed${query}`)
    add('GET /feed', `/feed${query}`, lines)
  }
  add('GET /feed', '/api/sse/connect?topics=*&from=start')
  add('GET /rooms', '/rooms')
  add('GET /rooms/stream', '/rooms/stream')
  add('GET /feed/stats', '/feed/stats')
  add('GET /feed/streams', '/feed/streams?limit=1000')
  add('GET /feed/streams', '/sse/connections')
  for (const body of [{ streamId: 'x', streamKey: 'y', id: '1-abc' }, {}, '{"broken'])
    add('POST /feed/ack', '/feed/ack', { body })
  add('PATCH /feed/streams/:id', '/feed/streams/nobodys', { body: { streamKey: 'x', rooms: '*' } })
  add('DELETE /feed/streams/:id', '/feed/streams/nobodys')
  for (const path of ['/health/live', '/health/ready', '/metrics']) add(`GET ${path}`, path)
  for (const body of [
    { ...JSON_RPC, method: 'nowhere' },
    { ...JSON_RPC, method: 'act', params: { what: 'say', text: '' } },
    [{ ...JSON_RPC, method: 'rpc.none' }, 7],
    '[[[',
  ])
    add('POST /rpc', '/rpc', { body })
  for (const route of ['joinOrCreate', 'join', 'create'])
    for (const target of ['nowhere', '__proto__'])
      add(`POST /matchmake/${route}/:target`, `/matchmake/${route}/${target}`, {
        body: { name: 'Crawler' },
      })
  for (const id of [rooms.over, rooms.shy, 'nowhere'])
    add('POST /matchmake/joinById/:target', `/matchmake/joinById/${id}`, {
      body: { name: 7, options: [] },
    })
  add('POST /matchmake/reconnect/:roomId', `/matchmake/reconnect/${rooms.open}`, {
    body: { token: 'none' },
  })
  add('POST /matchmake/release', '/matchmake/release', { body: { ticket: 'none' } })
  for (const act of ['kick', 'ban', 'mute', 'close', 'message'])
    for (const body of [
      { roomId: 'nowhere', sessionId: 'nobody', text: 'Hello' },
      { userId: 7 },
      '"broken',
    ])
      add(`POST /admin/${act}`, `/admin/${act}`, { body })
  for (const kind of ['bans', 'mutes']) {
    add(`GET /admin/${kind}`, `/admin/${kind}`)
    add(`DELETE /admin/${kind}`, `/admin/${kind}?id=none`)
  }
  add('GET /admin/keys', '/admin/keys')
  add('POST /admin/keys', '/admin/keys', { body: { scopes: ['none'] } })
  add('PATCH /admin/keys', '/admin/keys', { body: { id: 'none', name: 'Other' } })
  add('DELETE /admin/keys', '/admin/keys?id=none')
  add('POST /feed/broadcast', '/feed/broadcast', { body: { type: 'crawled', data: 1 } })
  add('POST /feed/broadcast', '/feed/broadcast', {
    body: { type: 'hello', data: 1, topic: 'audit' },
  })
  add('POST /feed/send/:clientId', '/feed/send/nobody', { body: { type: 'crawled', data: 1 } })
  add('POST /feed/notification', '/feed/notification', { body: { title: 'T', message: 'M' } })
  add('POST /feed/alert', '/feed/alert', { body: { severity: 'info', message: 'M' } })
  add('POST /feed/data-update', '/feed/data-update', {
    body: { entity: 'e', id: '1', change: 'created' },
  })
  add('POST /feed/test-event', '/sse/test-event', { body: {} })
  add('GET /boom', '/boom')
  add('POST /matchmake/joinOrCreate/:target', '/matchmake/joinOrCreate/open', {
    body: { name: 'Boom' },
  })
  add('GET /ws', '/ws')
  add('GET /n/:node/ws', '/n/node-1/ws')
  // No route at all, a wrong method, and questions without a body.
  add('GET *', '/nowhere/at/all')
  add('DELETE *', '/rooms')
  add('HEAD *', `/rooms/${rooms.late}/feed?from=start`)
  add('HEAD *', `/rooms/${rooms.late}/state`)
  add('OPTIONS *', '/feed')
  return visits
}
