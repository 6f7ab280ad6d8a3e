import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  StateParts,
  bool,
  command,
  defineGame,
  describeContract,
  event,
  f32,
  framePayload,
  int,
  list,
  map,
  num,
  object,
  printProto,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileProto, goPlayer, pythonPlayer } from '../../../scripts/foreign-players.mjs'
import { createReplica } from '../../../client/src/state-replica.ts'
import { createRandom, createServer } from '../../src/index.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { TestFrame } from '../../src/testing/index.ts'

const Mine = schema({ x: quant(1, { step: 0.1 }), tag: str(2) })
const Box = schema({ w: uint(1), flag: bool(2), things: map(3, schema({ a: f32(1), n: int(2) })) })
const Player = schema({
  name: str(1),
  x: quant(2, { step: 0.01 }),
  y: f32(3),
  hp: int(4),
  ready: bool(5),
  since: num(6),
  mines: list(7, Mine, { audience: 'owner' }),
  scores: list(9, f32()),
  plan: str(10, { audience: 'team' }),
  seed: num(11, { audience: 'nobody' }),
  hand: map(12, Mine, { audience: 'owner' }),
  box: object(13, Box),
})
/** A game with every kind of field, in every place and for every audience. */
const game = defineGame({
  commands: {
    hit: command(
      0x0100,
      { target: str(1), by: quant(2, { step: 0.5 }) },
      { reply: { score: int(1) } },
    ),
  },
  rooms: {
    arena: {
      state: schema({
        players: map(1, Player),
        box: object(2, Box),
        round: uint(3),
        endsAt: num(4),
        words: list(5, str()),
        marks: map(6, Mine),
      }),
      events: { hit: event({ by: str(1), at: quant(2, { step: 0.25 }), tags: list(3, str()) }) },
    },
  },
})

type Arena = Parameters<ReturnType<typeof createServer<typeof game>>['room']>[1]

/** Changes something of every kind each tick, by chance. */
const handlers = {
  tickHz: 20,
  onCreate: () => ({
    players: {},
    box: { w: 1, flag: true, things: {} },
    round: 0,
    endsAt: 1.5e12,
    // So long that the first state goes out in pieces.
    words: ['β', '語', 'x'.repeat(40_000), 'y'.repeat(40_000)],
    marks: {},
  }),
  onJoin(room, session) {
    room.setTeam(session, room.clientCount % 2)
    room.state.players[session.id] = {
      name: `${session.name} 🦊`,
      x: -1.23,
      y: 0.1,
      hp: -100,
      ready: true,
      since: room.now + 0.5,
      mines: [{ x: 0.3, tag: 'a' }],
      scores: [1, 2.5],
      plan: 'left',
      seed: 7,
      hand: { ace: { x: 1, tag: '♠' } },
      box: { w: 7, flag: false, things: { t: { a: 0.7, n: -1 } } },
    }
  },
  onLeave(room, session) {
    delete room.state.players[session.id]
  },
  onTick(room) {
    const { state, random } = room
    state.round++
    const key = `k${random.int(0, 3)}`
    if (random.int(0, 2) === 0) delete state.marks[key]
    else state.marks[key] = { x: random.int(-99, 99) / 10, tag: key }
    for (const player of Object.values(state.players)) {
      player.x += random.int(-500, 500) / 100
      player.y = random.next() * 1e6
      if (random.int(0, 3) === 0) player.hp = random.int(-(2 ** 31), 2 ** 31 - 1)
      if (random.int(0, 3) === 0) player.ready = !player.ready
      if (random.int(0, 4) === 0) player.mines.push({ x: random.int(0, 9), tag: 'm' })
      if (random.int(0, 5) === 0) player.scores = [random.next(), -0.5]
      if (random.int(0, 5) === 0) player.plan = `plan ${state.round}`
      if (random.int(0, 5) === 0) player.hand = { [key]: { x: 2, tag: key } }
      if (random.int(0, 5) === 0) player.box.things = { [key]: { a: random.next(), n: 5 } }
      if (random.int(0, 5) === 0) player.box = { w: random.int(0, 9), flag: true, things: {} }
    }
    if (state.round % 7 === 0) state.words.push(String(state.round))
    if (state.round % 10 === 0) state.words.length = 0
  },
  commands: {
    hit(room, session, { target, by }) {
      room.emit('hit', { by: target, at: by, tags: ['x', session.name] })
      return { score: 42 }
    },
  },
} satisfies Arena

const isCi = process.env['CI'] === 'true' || process.env['CI'] === '1'
type Foreign = ReturnType<typeof pythonPlayer | typeof goPlayer>
const folder = mkdtempSync(join(tmpdir(), 'ringside-foreign-'))
let descriptors = ''

/** The player, or null; with CI=true there is no leaving out. */
function found(make: () => Foreign): Foreign | null {
  try {
    const player = make()
    descriptors ||= compileProto(printProto(describeContract(game)), folder)
    return player
  } catch (error) {
    if (isCi) throw error
    process.stderr.write(`a test with a foreign player is left out: ${String(error)}\n`)
    return null
  }
}

const players = [
  { language: 'Python', player: found(pythonPlayer) },
  { language: 'Go', player: found(goPlayer) },
]
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run({ command: file, args, environment }: Foreign, ...rest: string[]) {
  const { stdout } = await promisify(execFile)(file, [...args, descriptors, 'Arena', ...rest], {
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** What a player of the SDK makes of the frames: after each STATE and PATCH the state, and each event. */
function ourView(frames: readonly TestFrame[]) {
  const replica = createReplica(game.rooms.arena.state)
  const pieces = new StateParts()
  const view: Record<string, unknown>[] = []
  for (const { name, payload, bytes } of frames) {
    const whole = name === 'statePart' ? pieces.take(bytes) : null
    if (name === 'state') replica.applyState(payload)
    else if (whole) replica.applyState(framePayload(whole))
    else if (name === 'patch') replica.applyPatch(payload)
    else continue
    view.push({ state: JSON.parse(JSON.stringify(replica.state)) as unknown })
  }
  return view
}

/** Frames as they are kept: each with its length before it, a uint32 big-endian. */
function write(path: string, frames: readonly TestFrame[]): void {
  const parts = frames.flatMap(({ bytes }) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  writeFileSync(path, Buffer.concat(parts))
}

describe.each(players)('PR23 a player in $language', ({ language, player }) => {
  let frames: readonly TestFrame[] = []

  beforeAll(async () => {
    const seed = Math.trunc(Date.now() / 1000)
    process.stdout.write(`the recorded match has the seed ${seed}\n`)
    const random = createRandom(seed)
    const make = (settings: object) => {
      const server = createServer(game, settings)
      server.room('arena', handlers)
      return server
    }
    await using kit = await startTestServer(game, make, { seed })
    const ada = await kit.create('arena', { name: 'Ada' })
    const others = []
    for (let i = 0; i < 4; i++) others.push(await kit.joinById(ada.seat.roomId, { name: `P${i}` }))
    for (let i = 0; i < 60; i++) {
      await kit.advance(100)
      if (random.int(0, 4) === 0) await ada.request('hit', { target: `t${i}`, by: i / 2 })
      if (i % 20 === 10) others.pop()?.sendSystem('leave', {})
    }
    frames = ada.frames
  })

  test.skipIf(player === null)('sees the same states in a recorded match', async () => {
    const file = join(folder, `${language}.frames`)
    write(file, frames)
    const told = await run(player as Foreign, 'replay', file)
    const states = told.filter((line) => 'state' in line)
    const expected = ourView(frames)
    expect(expected.length).toBeGreaterThan(80)
    expect(states).toEqual(expected)
    expect(frames.some(({ name }) => name === 'statePart')).toBe(true)
    const events = told.filter((line) => 'event' in line)
    expect(events.length).toBeGreaterThan(2)
    for (const event of events)
      expect(event).toMatchObject({ event: 'hit', data: { tags: ['x', 'Ada'] } })
    expect(events).toHaveLength(frames.filter(({ name }) => name === 'event').length)
  })

  test.skipIf(player === null)('joins a live room, plays and leaves', async () => {
    const server = createServer(game)
    let seen: unknown = null
    server.room('arena', {
      ...handlers,
      commands: {
        hit(room, session, { target, by }) {
          seen = { target, by, name: session.name }
          room.emit('hit', { by: target, at: by, tags: [] })
          return { score: -42 }
        },
      },
    })
    const port = await server.listen({ port: 0, host: '127.0.0.1' })
    try {
      const told = await run(player as Foreign, 'play', `http://127.0.0.1:${port}`)
      const name = language === 'Go' ? 'Gopher' : 'Monty'
      const target = language.toLowerCase()
      expect(seen).toEqual({ target, by: 2.5, name })
      expect(told).toContainEqual({ reply: { score: -42 }, correlation: 7 })
      expect(told).toContainEqual({ event: 'hit', data: { by: target, at: 2.5, tags: [] } })
      expect(told).toContainEqual({ left: 1000 })
      const state = told.find((line) => 'state' in line)?.['state'] as {
        players: Record<string, { name: string; x: number; plan: string; seed: number }>
      }
      expect(Object.values(state.players)).toMatchObject([
        { name: `${name} 🦊`, x: -1.23, plan: 'left', seed: 0 },
      ])
    } finally {
      await server.close()
    }
  })
})
