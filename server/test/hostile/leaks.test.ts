import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { SignJWT } from 'jose'
import { afterAll, expect, it } from 'vitest'
import { folderArchive } from '../../src/archive/folder/folder-archive.ts'
import { crawl, leave, noteRoutes, wholeText } from './crawl.ts'
import type { Answer, Visit } from './crawl.ts'
import { visitsOf } from './leak-visits.ts'
import type { CrawledRooms } from './leak-visits.ts'
import { DELAY_MS, LeakWorld, RETENTION_MS } from './leak-world.ts'
import type { Seat } from './leak-world.ts'
import { Watchdog } from './markers.ts'
import type { Marker, Rule, Seen } from './markers.ts'

const folder = mkdtempSync(join(tmpdir(), 'ringside-leaks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Seal times are kept to a thousandth (FE131), and looked at by timers. */
const LEAST_AGE_MS = DELAY_MS - 200

const SPECTATED = /^GET \/(rooms\/:id\/(feed|events|state|series)|feed)$/
const isSpectated = ({ surface }: Seen): boolean => SPECTATED.test(surface)
const isPlayer =
  (...names: readonly string[]): Rule =>
  ({ surface, who }) =>
    surface === 'ws' && names.includes(who)
const either =
  (...rules: readonly Rule[]): Rule =>
  (seen, ageMs) =>
    rules.some((rule) => rule(seen, ageMs))

/** Who asks over HTTP. */
type Who = 'nobody' | 'weak' | 'star' | 'scoped' | 'user' | 'operator'

it('SS5 FE155 no secret leaves by any surface, by whomever it is asked, before its time or ever', async () => {
  let world: LeakWorld | null = null
  const dog = new Watchdog(() => world?.now ?? 0)
  const secret = {
    // Keys and secrets of the server.
    apiKey: dog.mark('operator key'),
    ticketSecret: dog.mark(
      'ticket secret',
      null,
      `ticket secret ${'x'.repeat(20)} ${Math.random()}`,
    ),
    jwtSecret: dog.mark(
      'jwt secret',
      null,
      `a secret of tokens ${'y'.repeat(20)} ${Math.random()}`,
    ),
    password: dog.mark('password of onAuth'),
    optionsPassword: dog.mark('password in the options of a join'),
    query: dog.mark('password in the query of a handshake'),
    cookie: dog.mark('cookie'),
    header: dog.mark('header'),
    claim: dog.mark('claim of a token'),
    rpc: dog.mark('params of a method that fails', ({ surface }) => surface === 'log'),
    thrown: dog.mark('text of an error of a game', ({ surface }) => surface === 'log'),
    // Fields, events and rooms that are not for all.
    hand: dog.mark('field of its owner', isPlayer('Red Ada')),
    plan: dog.mark('field of a team', isPlayer('Red Ada', 'Red Eve')),
    fate: dog.mark('field of nobody'),
    deck: dog.mark('field of the room for nobody'),
    lateHand: dog.mark('field of its owner in a delayed room', isPlayer('Red Late')),
    overDeck: dog.mark('hidden field of a match that is archived'),
    whisper: dog.mark('event for one player', isPlayer('Red Ada')),
    said: dog.mark(
      'what all may see',
      either(
        isSpectated,
        isPlayer('Red Ada', 'Red Eve', 'Blue Bob'),
        ({ surface }) => surface === 'disk',
      ),
    ),
    lateSaid: dog.mark(
      'move of a delayed room',
      either(
        isPlayer('Red Late', 'Blue Late'),
        (seen, ageMs) => ageMs >= LEAST_AGE_MS && (isSpectated(seen) || seen.surface === 'disk'),
      ),
    ),
    lateMeta: dog.mark(
      'metadata of a delayed room',
      ({ surface }, ageMs) => ageMs >= LEAST_AGE_MS && /^GET \/rooms(\/stream)?$/.test(surface),
    ),
    shySaid: dog.mark(
      'move of a private room',
      either(
        isPlayer('Red Shy'),
        ({ surface }) => surface === 'disk',
        (seen) => isSpectated(seen) && ['operator', 'scoped'].includes(seen.who),
      ),
    ),
    shyMeta: dog.mark('metadata of a private room'),
    veilSaid: dog.mark(
      'move of a room while it was private',
      either(
        isPlayer('Red Veil'),
        ({ surface }) => surface === 'disk',
        (seen) => isSpectated(seen) && seen.who === 'operator',
      ),
    ),
    // Topics and clients.
    staff: dog.mark(
      'event of a topic that is not public',
      (seen) => seen.surface === 'GET /feed' && ['operator', 'scoped', 'star'].includes(seen.who),
    ),
    toUser: dog.mark(
      'message to a client of a user',
      ({ surface, detail }) => surface === 'GET /feed' && detail.includes('clientId=laptop'),
    ),
    toNobody: dog.mark(
      'message to a client of nobody known',
      ({ surface, detail }) => surface === 'GET /feed' && detail.includes(`clientId=${nobodysId}`),
    ),
    published: dog.mark('what was published to all', ({ surface }) => surface === 'GET /feed'),
  }
  const address = dog.mark(
    'address of a reader',
    either(
      ({ surface }) => surface === 'log' || surface === 'audit hook',
      (seen) => seen.surface === 'GET /feed' && ['operator', 'scoped'].includes(seen.who),
    ),
    '203.0.113.77',
  )
  const nobodysId = `nobody-${Math.random().toString(36).slice(2)}-of-sixteen`
  const clientId = dog.mark('clientId of nobody known', null, nobodysId)
  const routes = noteRoutes()
  await using started = await LeakWorld.start({
    apiKey: dog.plant(secret.apiKey),
    ticketSecret: dog.plant(secret.ticketSecret),
    jwtSecret: dog.plant(secret.jwtSecret),
    password: dog.plant(secret.password),
    thrown: dog.plant(secret.thrown),
    archive: folderArchive(folder),
  })
  routes.stop()
  world = started
  const { test } = started
  const isHttp: Rule = ({ surface, who }) => surface === 'POST /admin/keys' && who === 'maker'

  // Those who ask.
  const operator = { 'x-api-key': secret.apiKey.text }
  const makeKey = async (scopes: readonly string[]): Promise<string> => {
    const { json, text, status } = await test.post(
      '/admin/keys',
      { scopes, name: 'One' },
      { headers: operator },
    )
    if (status !== 201) throw new Error(text)
    const { key } = json as { key: string }
    dog.plant(dog.mark(`key for ${scopes.join(' ')}`, isHttp, key))
    // Its id is no secret, and stands at its beginning.
    dog.look('POST /admin/keys', text, { who: 'maker' })
    return key
  }
  const tokenFor = async (sub: string): Promise<string> => {
    const token = await new SignJWT({ sub, inside: dog.plant(secret.claim) })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(Math.floor(started.now / 1_000) + 86_400)
      .sign(Buffer.from(secret.jwtSecret.text))
    dog.plant(dog.mark(`token of ${sub}`, null, token))
    return token
  }

  // The players, and what they do before there is anything to hide.
  const sit = async (
    type: 'open' | 'late' | 'shy' | 'veil',
    name: string,
    room?: Seat,
  ): Promise<Seat> => {
    const { options } = { options: { password: dog.plant(secret.optionsPassword) } }
    if (room) return test.joinById(room.seat.roomId, { name, options })
    return test.create(type, { name, options })
  }
  const over = await sit('open', 'Red Over')
  await started.act(over, 'deck', dog.plant(secret.overDeck))
  await started.act(over, 'say', 'a match')
  await started.act(over, 'end', '')
  const ada = await sit('open', 'Red Ada')
  const eve = await sit('open', 'Red Eve', ada)
  const bob = await sit('open', 'Blue Bob', ada)
  const late = await sit('late', 'Red Late')
  const lateToo = await sit('late', 'Blue Late', late)
  const shy = await sit('shy', 'Red Shy')
  const veil = await sit('veil', 'Red Veil')
  const rooms: CrawledRooms = {
    open: ada.seat.roomId,
    late: late.seat.roomId,
    shy: shy.seat.roomId,
    veil: veil.seat.roomId,
    over: over.seat.roomId,
  }
  const seats: readonly Seat[] = [over, ada, eve, bob, late, lateToo, shy, veil]
  for (const seat of seats) {
    const { name = '' } = {
      name: [...(started.tables.get(seat.seat.roomId)?.sessions.values() ?? [])].find(
        ({ id }) => id === seat.seat.sessionId,
      )?.name,
    }
    dog.plant(dog.mark(`ticket of ${name}`, null, seat.seat.ticket))
    const token = seat.all('joined').at(-1)?.reconnectToken ?? ''
    if (name !== '') dog.plant(dog.mark(`reconnect token of ${name}`, isPlayer(name), token))
  }
  const nameOf = new Map<Seat, string>([
    [over, 'Red Over'],
    [ada, 'Red Ada'],
    [eve, 'Red Eve'],
    [bob, 'Blue Bob'],
    [late, 'Red Late'],
    [lateToo, 'Blue Late'],
    [shy, 'Red Shy'],
    [veil, 'Red Veil'],
  ])
  const askers: Readonly<Record<Who, Readonly<Record<string, string>>>> = {
    nobody: { cookie: `other=${dog.plant(secret.cookie)}`, 'x-secret': dog.plant(secret.header) },
    weak: { 'x-api-key': await makeKey(['read:topic:news.*', 'publish:topic:news.*']) },
    star: { 'x-api-key': await makeKey(['read:topic:*', 'publish:topic:*']) },
    scoped: {
      'x-api-key': await makeKey([
        `read:room:${rooms.shy}`,
        'read:topic:staff.*',
        'read:topic:audit',
      ]),
    },
    user: { authorization: `Bearer ${await tokenFor('ada')}` },
    operator,
  }
  await test.advance(DELAY_MS + 1_000)

  // Streams that stay open all the time.
  const kept: { readonly who: Who; readonly answer: Answer }[] = []
  const keep = async (who: Who, paths: readonly string[], headers = {}): Promise<void> => {
    const visits = paths.map((path): Visit => {
      const title = path.startsWith('/feed')
        ? 'GET /feed'
        : path.startsWith('/rooms/stream')
          ? 'GET /rooms/stream'
          : 'GET /rooms/:id/feed'
      return { title, path, headers }
    })
    for (const answer of await crawl(test as never, visits, { headers: askers[who] })) {
      kept.push({ who, answer })
      const streamKey = /"streamKey":"([^"]+)"/.exec(answer.exchange.text())?.[1]
      if (streamKey === undefined) continue
      const isOwn: Rule = ({ detail, surface }) =>
        detail === answer.visit.path && surface === answer.visit.title
      const marker = dog.mark(`streamKey of ${who} at ${answer.visit.path}`, isOwn, streamKey)
      dog.plant(marker)
      marker.seenCount++
    }
  }
  for (const who of Object.keys(askers) as Who[])
    await keep(who, [
      '/feed?of=' + who,
      `/feed?rooms=${Object.values(rooms).join(',')}&topics=*,staff.*&of=${who}`,
      `/rooms/${rooms.open}/feed?of=${who}`,
      `/rooms/${rooms.late}/feed?of=${who}`,
      `/rooms/${rooms.veil}/feed?of=${who}`,
      `/rooms/${rooms.shy}/feed?wait=300&of=${who}`,
      `/rooms/stream?of=${who}`,
    ])
  await keep('user', ['/feed?rooms=&clientId=laptop'])
  dog.plant(clientId)
  await keep('nobody', [`/feed?rooms=&clientId=${nobodysId}`])

  // The secrets are told.
  await started.act(ada, 'hand', dog.plant(secret.hand))
  await started.act(ada, 'plan', dog.plant(secret.plan))
  await started.act(ada, 'fate', dog.plant(secret.fate))
  await started.act(ada, 'deck', dog.plant(secret.deck))
  await started.act(ada, 'whisper', dog.plant(secret.whisper))
  await started.act(ada, 'say', dog.plant(secret.said))
  await started.act(ada, 'fail', dog.plant(secret.thrown))
  ada.send(0x0300, Buffer.from(secret.thrown.text))
  await started.act(late, 'say', dog.plant(secret.lateSaid))
  await started.act(late, 'hand', dog.plant(secret.lateHand))
  await started.act(late, 'meta', dog.plant(secret.lateMeta))
  await started.act(shy, 'say', dog.plant(secret.shySaid))
  await started.act(shy, 'meta', dog.plant(secret.shyMeta))
  await started.act(veil, 'say', 'seen')
  await started.act(veil, 'veil', '')
  await test.advance(500)
  await started.act(veil, 'say', dog.plant(secret.veilSaid))
  await test.advance(500)
  await started.act(veil, 'say', 'seen again')
  await test.advance(500)
  await started.act(veil, 'unveil', '')
  await test.advance(500)
  const publish = (path: string, marker: Marker, more: object = {}): Promise<unknown> =>
    test.post(
      path,
      { type: 'told', data: { text: dog.plant(marker) }, ...more },
      { headers: operator },
    )
  await publish('/feed/broadcast', secret.published)
  await publish('/feed/broadcast', secret.staff, { topic: 'staff.news' })
  await publish('/feed/send/laptop', secret.toUser)
  await publish(`/feed/send/${nobodysId}`, secret.toNobody)
  const call = (params: object): object => ({ jsonrpc: '2.0', id: 1, method: 'fail', params })
  await test.post('/rpc', call({ password: dog.plant(secret.rpc) }))
  bob.send(0xffff_ffff, Buffer.from(JSON.stringify(call({ password: secret.rpc.text }))))
  test.transport.handshake(
    {
      query: `pass=${dog.plant(secret.query)}`,
      headers: { cookie: `pass=${secret.cookie.text}`, 'x-secret': secret.header.text },
    },
    (answer) => {
      if (!('status' in answer))
        answer.onmessage = ({ data }) =>
          dog.look('ws', Buffer.from(data).toString('latin1'), { who: 'guest' })
    },
  )
  for (const credential of [
    { 'x-api-key': `${secret.apiKey.text}x` },
    { authorization: 'Bearer a.b.c' },
  ])
    await test.get('/feed/stats', { headers: credential })

  const visits = visitsOf(rooms)
  const unvisited = new Set(routes.titles)
  for (const { title } of visits) unvisited.delete(title)
  // Whoever adds a route adds it to the crawl.
  expect([...unvisited]).toEqual([])

  let isBefore = true
  const look = async (): Promise<void> => {
    for (const who of Object.keys(askers) as Who[]) {
      const answers = await crawl(test as never, visits, {
        headers: askers[who],
        remoteAddress: isBefore ? dog.plant(address) : '127.0.0.1',
      })
      for (const answer of answers)
        dog.look(answer.visit.title, wholeText(answer), { detail: answer.visit.path, who })
      // What throws on purpose alone may fail.
      const failed = answers.filter(
        ({ visit, exchange }) => exchange.status >= 500 && visit.path !== '/boom',
      )
      expect(
        failed
          .map(({ visit }) => `${visit.title} ${visit.path}`)
          .filter((text) => !text.endsWith('joinOrCreate/open')),
      ).toEqual([])
      leave(answers)
    }
    for (const { who, answer } of kept)
      dog.look(answer.visit.title, wholeText(answer), { detail: answer.visit.path, who })
    for (const [seat, who] of nameOf) {
      for (const { bytes } of seat.frames)
        dog.look('ws', Buffer.from(bytes).toString('latin1'), { who })
      if (seat.closed) dog.look('close', seat.closed.reason, { who })
    }
    dog.look(
      'log',
      inspect(test.logged, { depth: 12, maxStringLength: null, maxArrayLength: null }),
    )
    dog.look('audit hook', inspect(started.audited, { depth: 12, maxArrayLength: null }))
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name))
      dog.look('disk', `${name} ${(name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()}`, {
        detail: name,
      })
    }
    expect(dog.report).toEqual([])
    isBefore = !isBefore
  }
  await look()
  await test.advance(DELAY_MS / 2)
  await look()
  // Just before the delay of the first of it is over.
  await test.advance(secret.lateSaid.plantedAt + LEAST_AGE_MS - started.now)
  await look()
  await test.advance(5_000)
  await look()

  // The matches end, and leave the log for the archive.
  for (const seat of [ada, late, shy, veil]) await started.act(seat, 'end', '')
  for (let count = 0; count < 60; count++) {
    await test.advance(RETENTION_MS / 20)
    await sleep(5)
  }
  expect(readdirSync(folder).filter((name) => name.endsWith('.gz')).length).toBeGreaterThanOrEqual(
    4,
  )
  await look()
  expect(dog.unseen.filter((name) => !/^(ticket|token|reconnect)/.test(name))).toEqual([])
  leave(kept.map(({ answer }) => answer))
}, 120_000)
