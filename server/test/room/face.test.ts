import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import type { Room, RoomSession } from '../../src/index.ts'
import { createSeeds } from '../../src/process/random.ts'
import { Status } from '../../src/room/status.ts'
import { startArena } from '../testing/kit.ts'

/** Everything that a room has for game code; the type says when a name is missing here, or is one too many. */
const ROOM_NAMES: { readonly [K in keyof Room]: true } = {
  id: true,
  type: true,
  state: true,
  now: true,
  tick: true,
  tickHz: true,
  random: true,
  epoch: true,
  sessions: true,
  clientCount: true,
  isLocked: true,
  maxClients: true,
  log: true,
  emit: true,
  broadcast: true,
  setTeam: true,
  after: true,
  lock: true,
  unlock: true,
  metadata: true,
  setMetadata: true,
  setPrivate: true,
  end: true,
  durable: true,
}

const SESSION_NAMES: { readonly [K in keyof RoomSession]: true } = {
  id: true,
  name: true,
  isConnected: true,
  isMuted: true,
  team: true,
  data: true,
  auth: true,
  signal: true,
  send: true,
  emit: true,
  kick: true,
}

/** Every name that code in plain JavaScript can reach an object's parts by. */
function namesOf(object: object): string[] {
  const names = new Set<string>()
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    for (const name of Reflect.ownKeys(at)) names.add(String(name))
  return [...names].filter((name) => name !== 'constructor').toSorted()
}

it('RM18 hooks and commands get a room that has what Room names and nothing else', async () => {
  const given = new Map<string, object>()
  await using kit = await startArena({}, [], {
    onCreate(room) {
      given.set('onCreate', room)
      return { players: {}, ticks: 0, dice: 0, note: '' }
    },
    onAuth: (room) => void given.set('onAuth', room),
    onJoin: (room) => void given.set('onJoin', room),
    onTick: (room) => void given.set('onTick', room),
    onLeave: (room) => void given.set('onLeave', room),
    onDispose: (room) => void given.set('onDispose', room),
    onError: (room) => void given.set('onError', room),
    commands: {
      hit(room) {
        given.set('hit', room)
        throw new Error('once')
      },
    },
  })
  const ada = await kit.join('arena')
  await expect(ada.request('hit', { target: 'x' })).rejects.toThrow()
  await kit.advance(200)
  ada.sendSystem('leave', {})
  await kit.advance(100)
  await kit.during(kit.server.close())
  expect([...given.keys()].toSorted()).toEqual(
    ['hit', 'onAuth', 'onCreate', 'onDispose', 'onError', 'onJoin', 'onLeave', 'onTick'].toSorted(),
  )
  for (const [where, room] of given)
    expect(namesOf(room), where).toEqual(Object.keys(ROOM_NAMES).toSorted())
})

it('RM18 hooks, commands and room.sessions have the same sessions, with what RoomSession names and nothing else', async () => {
  const given = new Map<string, RoomSession>()
  await using kit = await startArena({}, [], {
    reconnectGraceMs: 50,
    onJoin: (_room, session) => void given.set('onJoin', session),
    onTick(room) {
      for (const session of room.sessions.values()) given.set('sessions', session)
    },
    onDrop: (_room, session) => void given.set('onDrop', session),
    onLeave: (_room, session) => void given.set('onLeave', session),
    commands: {
      hit(_room, session) {
        given.set('hit', session)
        return { score: 0 }
      },
    },
  })
  const ada = await kit.join('arena')
  await ada.request('hit', { target: 'x' })
  await kit.advance(200)
  ada.socket.close()
  await kit.advance(500)
  expect([...given.keys()].toSorted()).toEqual(['hit', 'onDrop', 'onJoin', 'onLeave', 'sessions'])
  expect(new Set(given.values()).size).toBe(1)
  for (const [where, session] of given) {
    expect(namesOf(session), where).toEqual(Object.keys(SESSION_NAMES).toSorted())
    expect(JSON.stringify(session), 'no token of theirs').not.toMatch(/token/i)
  }
})

it('RM18 what a hook or command gets shows no token, ticket or seed, however it is logged', async () => {
  const seed = 987_654_321_987
  const ticketSecret = 'another secret, which signs the tickets'
  const shown = new Map<string, string>()
  const show = (where: string, ...values: unknown[]): void => {
    const texts = values.flatMap((value) => [
      inspect(value, { depth: Infinity, showHidden: true, getters: true }),
      JSON.stringify(value),
    ])
    shown.set(where, (shown.get(where) ?? '') + texts.join('\n'))
  }
  await using kit = await startArena({ seed, ticketSecret }, [], {
    reconnectGraceMs: 60_000,
    onCreate(room, options) {
      show('onCreate', room, options)
      return { players: {}, ticks: room.random.int(1, 6), dice: 0, note: '' }
    },
    onAuth: (room, request) => show('onAuth', room, request),
    onJoin: (room, session) => show('onJoin', room, session),
    onTick: (room) => show('onTick', room),
    onDrop: (room, session) => show('onDrop', room, session),
    onReconnect: (room, session) => show('onReconnect', room, session),
    onLeave: (room, session) => show('onLeave', room, session),
    onDrain: (room) => show('onDrain', room),
    onDispose: (room) => show('onDispose', room),
    onError: (room) => show('onError', room),
    commands: {
      hit(room, session) {
        show('hit', room, session)
        throw new Error('once')
      },
    },
  })
  const ada = await kit.join('arena', { name: 'Ada' })
  const bob = await kit.join('arena', { name: 'Bob' })
  await expect(ada.request('hit', { target: 'x' })).rejects.toThrow()
  ada.socket.close()
  await kit.advance(200)
  const { roomId } = ada.seat
  const token = ada.all('joined')[0]?.reconnectToken ?? ''
  const again = await kit.post(`/matchmake/reconnect/${roomId}`, { token })
  const { ticket } = again.json as { ticket: string }
  const back = await kit.dial()
  back.sendSystem('join', { ticket })
  await kit.advance(200)
  bob.sendSystem('leave', {})
  await kit.advance(200)
  await kit.during(kit.server.close())
  expect(shown.size, [...shown.keys()].join()).toBe(11)
  const tickets = [ada.seat.ticket, bob.seat.ticket, ticket]
  const secrets = new Map([
    ['the seed', String(seed)],
    ["the room's seed", createSeeds(String(seed))(roomId)],
    ['the secret of tickets', ticketSecret],
    ['a token', token],
    ['a token of Bob', bob.all('joined')[0]?.reconnectToken ?? ''],
    ['a new token', back.all('joined')[0]?.reconnectToken ?? ''],
  ])
  for (const text of tickets) {
    const [body = '', signature = ''] = text.split('.')
    const { id } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { id: string }
    secrets
      .set(`ticket ${text}`, text)
      .set(`signature of ${text}`, signature)
      .set(`id of ${text}`, id)
  }
  for (const [name, secret] of secrets) {
    expect(secret.length, name).toBeGreaterThan(10)
    for (const [where, text] of shown)
      expect(text.includes(secret), `${name} in ${where}`).toBe(false)
  }
})

it('RM18 a state that does not exist yet is a coded error', async () => {
  await using kit = await startArena({}, [], {
    onCreate: (room) => (room as Room).state as never,
  })
  expect((await kit.post('/matchmake/create/arena', {})).status).toBe(500)
  expect(kit.logged.map((line) => (line.fields['err'] as { code?: string })?.code)).toContain(
    'room_not_ready',
  )
})

it('RM14 a status goes one way: an end begins once, and nothing but a failed release is taken back', () => {
  const status = new Status()
  status.pause()
  status.stopInput()
  expect([status.kind, status.takesInput, status.isOwned]).toEqual(['paused', false, true])
  expect([status.drain(), status.drain()]).toEqual([true, false])
  expect(status.takeBack()).toBe(false)
  expect([status.kind, status.takesInput]).toEqual(['paused', true])
  status.goOn()
  status.handOver()
  expect(() => status.assertOwned()).toThrow(expect.objectContaining({ code: 'room_released' }))
  expect(status.takeBack()).toBe(true)
  expect([status.kind, status.takesInput, status.isOwned]).toEqual(['running', true, true])
  status.handOver()
  expect([status.beginEnd(false), status.beginEnd(true)]).toEqual([true, false])
  expect([status.kind, status.isOwned]).toEqual(['leaving', false])
  expect([status.takeBack(), status.drain()]).toEqual([false, false])
  status.end(false)
  status.pause()
  status.goOn()
  expect([status.isOver, status.hasEnded, status.beginEnd(true)]).toEqual([true, false, false])
})
