import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { MongoStore } from '../../../src/mongo.ts'
import type { ManualClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { createRandom } from '../../../src/process/random.ts'
import type { Random } from '../../../src/process/random.ts'
import { useMongo } from '../../support/use-mongo.ts'
import { itemAt } from '../rig.ts'
import { Spectator } from './spectator.ts'
import type { Choice } from './spectator.ts'
import { ROOMS, World } from './world.ts'
import type { WorldOptions } from './world.ts'

const SEED = Number(process.env['SEED'] ?? 1 + Math.floor(Math.random() * 1_000_000))
const SEEDS = Number(process.env['SEEDS'] ?? 0)
const CLIENTS = ['client-a-of-sixteen', 'client-b-of-sixteen']
const TOPICS = ['public', 'news.a', 'news.b.c', 'secret']

const anyOf = <T>(random: Random, items: readonly T[]): T =>
  itemAt(items, random.int(0, items.length - 1))

function anyChoice(random: Random): Choice {
  const isSingle = random.int(0, 2) === 0
  const plain = { isLines: random.int(0, 3) === 0, fromStart: random.int(0, 3) === 0 }
  const types = anyOf(random, [null, null, null, ['note', 'alert'], ['patch', 'n*']])
  if (isSingle)
    return { ...plain, isSingle, rooms: [anyOf(random, ROOMS)], topics: [], types, clientId: null }
  return {
    ...plain,
    isSingle,
    ...anySelection(random),
    types,
    clientId: anyOf(random, [null, ...CLIENTS]),
  }
}

function anySelection(random: Random): Pick<Choice, 'rooms' | 'topics'> {
  const rooms = anyOf(random, [null, [], ['r0'], ['r0', 'r1'], ['r1', 'r2']])
  const topics = anyOf(random, [['public'], ['news.*', 'public'], ['news.b.*'], []])
  // A feed of nothing waits for nothing, and ends.
  return { rooms, topics: rooms?.length === 0 && topics.length === 0 ? ['public'] : topics }
}

interface Counted {
  seen: number
  resets: number
  duplicates: number
  restarts: number
}

async function play(
  seed: number,
  steps: number,
  options: Omit<WorldOptions, 'delayMs'>,
): Promise<Counted> {
  const random = createRandom(seed)
  const world = await World.start({ ...options, delayMs: anyOf(random, [0, 0, 700]) })
  const spectators = Array.from({ length: 8 }, () => new Spectator(world, anyChoice(random)))
  const counted: Counted = { seen: 0, resets: 0, duplicates: 0, restarts: 0 }
  const published: { readonly messageId: string; readonly at: number }[] = []
  const write = async (step: number): Promise<void> => {
    const kind = random.int(0, 5)
    const room = anyOf(random, world.rooms)
    // Now and then more than is written in one piece.
    const size = random.int(0, 9) === 0 ? 40_000 : 600
    if (kind === 0) room.emit('note', { text: 'x'.repeat(random.int(0, size)) })
    else if (kind < 4)
      room.patch(
        { tick: step, [`k${random.int(0, 5)}`]: random.int(0, 3) === 0 ? null : random.int(0, 99) },
        random.int(0, 2) === 0 ? '{"mines":"SECRET"}' : null,
      )
    else {
      // Retention keeps the last of them for longer than this.
      const recent = published.filter(({ at }) => at > world.clock.now() - 4_000).slice(-9)
      const isAgain = recent.length > 0 && random.int(0, 3) === 0
      const messageId = isAgain ? anyOf(random, recent).messageId : `m${published.length}`
      if (!isAgain) published.push({ messageId, at: world.clock.now() })
      const to = random.int(0, 2) === 0 ? anyOf(random, CLIENTS) : null
      const [topic, type] = [anyOf(random, TOPICS), anyOf(random, ['alert', 'news'])]
      const isDuplicate = await world.publish({ topic, type, data: { step }, messageId, to })
      expect([messageId, isDuplicate]).toEqual([messageId, isAgain])
      if (isDuplicate) counted.duplicates++
    }
    // Patches that were never sent are merged (OB7): let each be sent.
    await world.servers[0]?.settle()
  }
  for (let step = 0; step < steps; step++) {
    for (let count = random.int(0, 5); count > 0; count--) await write(step)
    if (random.int(0, 4) === 0) for (const room of world.rooms) room.snapshot()
    if (random.int(0, 39) === 0) {
      for (const spectator of spectators) spectator.note()
      const index = random.int(0, 1)
      await world.restart(index)
      counted.restarts++
    }
    // Now and then a long silence, so that retention overtakes those who are away.
    if (random.int(0, 39) === 0) await world.creep(12_000)
    const spectator = anyOf(random, spectators)
    const body = spectator.reader?.exchange.openBody
    const action = random.int(0, 11)
    if (!spectator.isOpen) {
      spectator.read()
      if (spectator.reader?.exchange.status !== 204) await spectator.open(random.int(0, 1))
    } else if (action < 2) spectator.cut(random.int(0, spectator.blockCount))
    else if (action < 4) body?.setFull(true)
    else if (action < 5) body?.setRoom(random.int(0, 2_000))
    else if (action < 7 && !spectator.choice.isSingle) {
      await world.sync()
      await spectator.follow({ ...anySelection(random), types: spectator.choice.types })
    } else body?.setFull(false)
    if (random.int(0, 2) > 0) await world.creep(random.int(1, 300))
    for (const one of spectators) one.note()
    if (random.int(0, 2) === 0) anyOf(random, spectators).read()
  }
  await world.sync()
  for (const spectator of spectators) {
    if (spectator.isOpen) spectator.reader?.exchange.openBody?.setFull(false)
    else {
      spectator.read()
      await spectator.open(random.int(0, 1))
    }
  }
  await world.sync()
  await world.creep(2_000)
  await world.rest(() => false)
  await world.creep(2_000)
  await world.rest(() => false)
  for (const spectator of spectators) {
    // One that was too slow has been closed meanwhile.
    for (let again = 0; !spectator.isOpen && again < 3; again++) {
      spectator.read()
      await spectator.open(0)
      await world.creep(2_000)
      await world.rest(() => false)
    }
    spectator.finish()
    counted.seen += spectator.seen
    counted.resets += spectator.resets
  }
  await world.stop()
  return counted
}

async function playAll(
  seeds: number,
  steps: number,
  options: (seed: number) => Omit<WorldOptions, 'delayMs'>,
): Promise<void> {
  const sum: Counted = { seen: 0, resets: 0, duplicates: 0, restarts: 0 }
  for (let seed = SEED; seed < SEED + seeds; seed++) {
    try {
      const counted = await play(seed, steps, options(seed))
      for (const name of ['seen', 'resets', 'duplicates', 'restarts'] as const)
        sum[name] += counted[name]
    } catch (error) {
      console.error(`SEED=${seed} SEEDS=1 repeats this`)
      throw error
    }
  }
  // Else it shows less than it says.
  expect(sum.seen).toBeGreaterThan(seeds * 100)
  expect(sum.duplicates).toBeGreaterThan(0)
  if (seeds <= 5) return
  expect(sum.restarts).toBeGreaterThan(0)
  // A log of MongoDB ages by that server's clock, which no test moves on.
  const isInMemory = options(SEED).openStore === null
  if (isInMemory) expect(sum.resets).toBeGreaterThan(0)
}

const TITLE =
  'FE1 FE2 FE3 FE4 FE6 FE71 FE72 FE74 OB107 every reader sees what it asked for, once and in order, or is told'

describe(`feeds of rooms and topics at two servers, under all that may befall a reader (SEED=${SEED})`, () => {
  it(`${TITLE}: in memory`, async () => {
    const breathe = (): Promise<void> => Promise.resolve()
    await playAll(SEEDS || 12, 120, () => ({ openStore: null, breathe }))
  }, 120_000)
})

describe(`the same on MongoDB (SEED=${SEED})`, () => {
  const mongo = useMongo()

  it(`${TITLE}: on MongoDB`, async () => {
    const breathe = async (): Promise<void> => {
      await setImmediate()
    }
    await playAll(SEEDS || 2, 80, (seed) => {
      const database = mongo.database(`property-${seed}`).databaseName
      const openStore = (clock: ManualClock): MongoStore =>
        new MongoStore({ uri: mongo.uri(), database, clock, logger: silentLogger })
      return { openStore, breathe }
    })
  }, 180_000)
})
