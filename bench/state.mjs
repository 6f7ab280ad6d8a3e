// Compares state tracking with @colyseus/schema: the cost of one tick of a room, record and encode.
// node bench/state.mjs (on dist); rows {name, ours, bare, ratio, bar}, µs per tick or bytes, medians of alternating rounds.
import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'
import { Decoder, Encoder, MapSchema, schema as colyseus, t } from '@colyseus/schema'
import { bool, f32, map, quant, schema, str, uint } from '@ringside/protocol'
import { createReplica } from '../client/dist/state-replica.js'
import { compileState, createStateTracker } from '../server/dist/state/tracker.js'

const ENTITIES = 200
const ROUNDS = 7
const TICKS = 1_500
const FIELDS = ['x', 'y', 'angle', 'vx', 'vy', 'hp', 'score', 'team', 'name', 'alive']

function ourSchema(position) {
  const Player = schema({
    x: position(1),
    y: position(2),
    angle: position(3),
    vx: position(4),
    vy: position(5),
    hp: uint(6),
    score: uint(7),
    team: uint(8),
    name: str(9),
    alive: bool(10),
  })
  return schema({ players: map(1, Player), round: uint(2) })
}

const TheirPlayer = colyseus(
  {
    x: t.float32(),
    y: t.float32(),
    angle: t.float32(),
    vx: t.float32(),
    vy: t.float32(),
    hp: t.uint32(),
    score: t.uint32(),
    team: t.uint8(),
    name: t.string(),
    alive: t.boolean(),
  },
  'Player',
)
const TheirState = colyseus({ players: t.map(TheirPlayer), round: t.uint32() }, 'State')

/** mulberry32 */
function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function player(i) {
  const at = Math.fround(i + 0.5)
  return {
    x: at,
    y: at,
    angle: 0.25,
    vx: 1.5,
    vy: -1.5,
    hp: 100,
    score: i,
    team: i % 4,
    name: `player ${i}`,
    alive: true,
  }
}

/** Works out the changes of every tick beforehand, so that neither side pays for making them. */
const loads = {
  'all 200, 3 fields': () => plan((next) => each(ENTITIES, (i) => [i, ['x', 'y', 'angle'], next])),
  '20 of 200, 3 fields': () =>
    plan((next) => each(20, () => [Math.floor(next() * ENTITIES), ['x', 'y', 'angle'], next])),
  'mixed masks (4 kinds)': () =>
    plan((next) => each(ENTITIES, (i) => [i, MIXED[Math.floor(next() * 4)], next])),
  'random 3 of 10 fields': () => plan((next) => each(ENTITIES, (i) => [i, some(next), next])),
}
const MIXED = [['x', 'y'], ['x', 'y', 'angle'], ['x', 'y', 'hp'], ['angle']]

function some(next) {
  const left = [...FIELDS]
  return each(3, () => left.splice(Math.floor(next() * left.length), 1)[0])
}

function each(count, make) {
  return Array.from({ length: count }, (_, index) => make(index))
}

function value(field, next) {
  switch (field) {
    case 'hp':
      return Math.floor(next() * 100)
    case 'score':
      return Math.floor(next() * 1_000)
    case 'team':
      return Math.floor(next() * 4)
    case 'name':
      return `player ${Math.floor(next() * 1_000)}`
    case 'alive':
      return next() < 0.5
    default:
      return Math.round((next() * 2_000 - 1_000) * 100) / 100
  }
}

/** All changes have one shape, so that reading them costs both sides the same little. */
function change(i, fields, next) {
  const result = { i }
  for (const field of FIELDS)
    result[field] = fields.includes(field) ? value(field, next) : undefined
  return result
}

function plan(changesOfTick) {
  const next = random(7)
  return each(64, () => changesOfTick(next).map(([i, fields]) => change(i, fields, next)))
}

/** Makes straight-line code by kind of load, as a game would write it; nothing of it differs between the two. */
function assigner(load) {
  const three = (players, change) => {
    const p = players[change.i]
    p.x = change.x
    p.y = change.y
    p.angle = change.angle
  }
  const any = (players, change) => {
    const p = players[change.i]
    if (change.x !== undefined) p.x = change.x
    if (change.y !== undefined) p.y = change.y
    if (change.angle !== undefined) p.angle = change.angle
    if (change.vx !== undefined) p.vx = change.vx
    if (change.vy !== undefined) p.vy = change.vy
    if (change.hp !== undefined) p.hp = change.hp
    if (change.score !== undefined) p.score = change.score
    if (change.team !== undefined) p.team = change.team
    if (change.name !== undefined) p.name = change.name
    if (change.alive !== undefined) p.alive = change.alive
  }
  const one = load.includes('3 fields') ? three : any
  return (players, changes) => {
    for (let i = 0; i < changes.length; i++) one(players, changes[i])
  }
}

function makeOurs(position, load) {
  const compiled = compileState(ourSchema(position))
  const tracker = createStateTracker(compiled, { players: {}, round: 1 })
  for (let i = 0; i < ENTITIES; i++) tracker.state.players[`p${i}`] = player(i)
  const header = { epoch: 1, tick: 1, at: 1 }
  tracker.flushPlayers(header)
  tracker.flushLog()
  const players = each(ENTITIES, (i) => tracker.state.players[`p${i}`])
  const replica = createReplica(compiled.schema)
  replica.applyState(tracker.fullFrame(header, null).subarray(4))
  const assign = assigner(load)
  return {
    tick: (changes) => {
      assign(players, changes)
      return tracker.flushPlayers(header).frame
    },
    log: () => tracker.flushLog().data,
    full: () => tracker.fullFrame(header, null),
    apply: (frame) => replica.applyPatch(frame.subarray(4)),
    replica: () => replica.state,
  }
}

function makeTheirs(load) {
  const state = new TheirState()
  state.players = new MapSchema()
  state.round = 1
  for (let i = 0; i < ENTITIES; i++)
    state.players.set(`p${i}`, Object.assign(new TheirPlayer(), player(i)))
  Encoder.BUFFER_SIZE = 256 * 1024
  const encoder = new Encoder(state)
  const decoder = new Decoder(new TheirState())
  decoder.decode(encoder.encodeAll().slice())
  encoder.discardChanges()
  const players = each(ENTITIES, (i) => state.players.get(`p${i}`))
  const assign = assigner(load)
  return {
    tick: (changes) => {
      assign(players, changes)
      const frame = encoder.encode().slice()
      encoder.discardChanges()
      return frame
    },
    full: () => encoder.encodeAll().slice(),
    apply: (frame) => decoder.decode(frame),
    replica: () => decoder.state,
  }
}

/** Measures µs of CPU a tick, which unlike the wall clock leaves out other work of the machine. */
function time(ticks, run) {
  const start = process.cpuUsage()
  for (let i = 0; i < ticks; i++) run(i)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / ticks
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

function assertEqual(ours, theirs, isExact) {
  for (let i = 0; i < ENTITIES; i++) {
    const mine = ours.replica().players[`p${i}`]
    const other = theirs.replica().players.get(`p${i}`)
    for (const field of FIELDS)
      if (isExact || typeof other[field] !== 'number')
        assert.equal(mine[field], other[field], field)
      else assert.ok(Math.abs(mine[field] - other[field]) < 0.006, field)
  }
}

/** Measures one load and one kind of number: medians of alternating rounds, replicas asserted equal. */
function measure(load, position) {
  const changes = loads[load]()
  const ours = makeOurs(position, load)
  const theirs = makeTheirs(load)
  const samples = { players: [], both: [], theirs: [], decode: [], theirDecode: [] }
  const bytes = { ours: 0, theirs: 0 }
  for (let i = 0; i < 64; i++) {
    const frame = ours.tick(changes[i])
    ours.log()
    ours.apply(frame)
    const other = theirs.tick(changes[i])
    theirs.apply(other)
    bytes.ours += frame.length / 64
    bytes.theirs += other.length / 64
  }
  assertEqual(ours, theirs, position === f32)
  for (let round = -2; round < ROUNDS; round++) {
    // The log's mask fills up between its patches, as it does in a room; its own patch is timed apart.
    const a = time(TICKS, (i) => ours.tick(changes[i & 63]))
    const b = time(TICKS, (i) => theirs.tick(changes[i & 63]))
    ours.log()
    const c = time(TICKS, (i) => {
      ours.tick(changes[i & 63])
      ours.log()
    })
    const frame = ours.tick(changes[63])
    const other = theirs.tick(changes[63])
    const d = time(TICKS, () => ours.apply(frame))
    const e = time(TICKS, () => theirs.apply(other))
    if (round < 0) continue
    samples.players.push(a)
    samples.theirs.push(b)
    samples.both.push(c)
    samples.decode.push(d)
    samples.theirDecode.push(e)
  }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [name, median(list)]),
  )
  return { ...medians, bytes }
}

const quantised = (number) => quant(number, { step: 0.01 })

/** Makes the table's rows: `ratio` is theirs through ours for times (more is better), ours through theirs for bytes. */
export async function run() {
  const rows = []
  const row = (name, ours, bare, bar) =>
    rows.push({ name, ours, bare, ratio: name.includes('bytes') ? ours / bare : bare / ours, bar })
  const all = measure('all 200, 3 fields', f32)
  row('state: players, all of 200, µs', all.players, all.theirs, '>= 3')
  row('state: players, all of 200, bytes', all.bytes.ours, all.bytes.theirs, '<= 0.80')
  row('state: players and spectators, f32, µs', all.both, all.theirs, '>= 1.25')
  row('state: decode, all of 200, µs', all.decode, all.theirDecode, '')
  const steps = measure('all 200, 3 fields', quantised)
  row('state: players, all of 200, quantised, µs', steps.players, steps.theirs, '>= 3')
  row('state: players and spectators, quantised, µs', steps.both, steps.theirs, '>= 1.5')
  const few = measure('20 of 200, 3 fields', f32)
  row('state: players, 20 of 200, µs', few.players, few.theirs, '>= 2')
  row('state: players, 20 of 200, bytes', few.bytes.ours, few.bytes.theirs, '<= 0.80')
  const fewSteps = measure('20 of 200, 3 fields', quantised)
  row(
    'state: players, 20 of 200, quantised, bytes',
    fewSteps.bytes.ours,
    fewSteps.bytes.theirs,
    '<= 0.80',
  )
  const mixed = measure('mixed masks (4 kinds)', f32)
  row('state: players, mixed masks, µs', mixed.players, mixed.theirs, '>= 2')
  row('state: players, mixed masks, bytes', mixed.bytes.ours, mixed.bytes.theirs, '<= 0.80')
  const masks = measure('random 3 of 10 fields', f32)
  row('state: players, random masks, µs', masks.players, masks.theirs, '>= 1')
  row('state: players, random masks, bytes', masks.bytes.ours, masks.bytes.theirs, '')
  return rows
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, ours, bare, ratio, bar } of await run())
    console.log(
      `${name.padEnd(46)} ${ours.toFixed(1).padStart(8)} ${bare.toFixed(1).padStart(8)}  ${ratio.toFixed(2).padStart(5)}  ${bar}`,
    )
}
