import { expect, it } from 'vitest'
import { encodeSystem } from '@ringside/protocol'
import type { Room } from '../../src/index.ts'
import { Status } from '../../src/room/status.ts'
import { TestServer } from '../support/test-server.ts'

/** Everything that a room has for game code; the type says when a name is missing here, or is one too many. */
const NAMES: { readonly [K in keyof Room]: true } = {
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

/** Every name that code in plain JavaScript can reach an object's parts by. */
function namesOf(object: object): string[] {
  const names = new Set<string>()
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    for (const name of Reflect.ownKeys(at)) names.add(String(name))
  return [...names].filter((name) => name !== 'constructor').toSorted()
}

it('RM18 hooks and commands get a room that has what Room names and nothing else', async () => {
  const given = new Map<string, object>()
  await using test = await TestServer.start(
    {},
    {
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
    },
  )
  const ada = await test.join('Ada')
  ada.request(1, 'hit', { target: 'x' })
  await test.clock.advanceAsync(200, 5)
  ada.send(encodeSystem('leave', {}))
  await test.clock.advanceAsync(100, 5)
  await test.during(test.server.close())
  expect([...given.keys()].toSorted()).toEqual(
    ['hit', 'onAuth', 'onCreate', 'onDispose', 'onError', 'onJoin', 'onLeave', 'onTick'].toSorted(),
  )
  for (const [where, room] of given)
    expect(namesOf(room), where).toEqual(Object.keys(NAMES).toSorted())
})

it('RM18 a state that does not exist yet is a coded error', async () => {
  await using test = await TestServer.start(
    {},
    {
      onCreate: (room) => (room as Room).state as never,
    },
  )
  expect((await test.http('POST', '/matchmake/create/arena', {})).status).toBe(500)
  expect(test.logged.map((line) => (line.fields['err'] as { code?: string })?.code)).toContain(
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
