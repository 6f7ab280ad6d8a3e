import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { Voids } from '../../../src/outbox/history/voids.ts'
import type { RoomLog } from '../../../src/outbox/contract/outbox.ts'
import { END } from '../../../src/outbox/contract/store.ts'
import {
  everything,
  overrideStore,
  pass,
  patch,
  recordHandlers,
  startRig,
  strange,
} from '../support.ts'
import type { Rig } from '../support.ts'
import { RestorableLog } from './backup.ts'

const AHEAD = 1_000_000_000

async function open(rig: Rig, room = 'r', handlers = recordHandlers()): Promise<RoomLog> {
  const opening = rig.outbox.openRoom(room, handlers)
  await pass(rig.clock, 0)
  return opening
}

async function write(rig: Rig, log: RoomLog, count: number): Promise<void> {
  for (let event = 0; event < count; event++) log.append(patch(event))
  await pass(rig.clock, 0)
}

/** Two events of one room are backed up, and two more are written after that. */
async function start(lines: string[] = []) {
  const clock = new ManualClock()
  const log = new RestorableLog(clock)
  const note = (_fields: object, line: string): void => void lines.push(line)
  const logger = { ...silentLogger, warn: note, error: note }
  const rig = await startRig({ share: { clock, store: log.store }, logger })
  const handlers = recordHandlers()
  const room = await open(rig, 'r', handlers)
  await write(rig, room, 2)
  const backup = await log.backUp()
  await write(rig, room, 2)
  return { clock, log, rig, room, handlers, backup, lines }
}

const numbersOf = async (log: RestorableLog): Promise<number[]> =>
  (await everything(log.store)).filter(({ room }) => room === 'r').map(({ n }) => n)

describe('OB102 a log that was restored while no server ran', () => {
  it('OB102 goes on above every number that was given, and what lies between is void', async () => {
    const { clock, log, rig, backup } = await start()
    const lost = rig.outbox.sealed
    const end = lost - 2
    await rig.outbox.stop()
    await log.putBack(backup)
    const { next, strayCount } = await log.restored()
    expect(strayCount).toBe(0)
    expect(next.base).toBe(clock.now() * 1000 + AHEAD)
    const second = await startRig({ share: { clock, store: log.store } })
    expect(second.outbox.sealed).toBe(next.base)
    expect([end, lost, next.base - 1, next.base].map((seq) => second.outbox.isVoid(seq))).toEqual([
      false,
      true,
      true,
      false,
    ])
    const room = await open(second)
    await write(second, room, 1)
    expect(second.shown.map(({ n, seq }) => [n, seq])).toEqual([
      [3, next.base + 1],
      [4, next.base + 2],
    ])
    const page = await second.outbox.read({ after: end - 2, limit: 10 })
    expect(page.events.map(({ n }) => n)).toEqual([1, 2, 3, 4])
    expect(page.next).toBe(next.base + 2)
  })

  it('OB102 a second run does no harm: the ranges become one', async () => {
    const { log, rig, backup } = await start()
    await rig.outbox.stop()
    await log.putBack(backup)
    const first = await log.restored('one')
    const second = await log.restored('two')
    expect(second.next.voids).toEqual([{ after: first.end, upTo: second.next.base - 1 }])
    expect(second.end).toBe(first.end)
    expect(second.next.base).toBeGreaterThan(first.next.base)
  })

  it('OB102 several restores leave several ranges, below the floor too', async () => {
    const { clock, log, rig, backup } = await start()
    await rig.outbox.stop()
    await log.putBack(backup)
    const first = await log.restored('one')
    const second = await startRig({ share: { clock, store: log.store } })
    await write(second, await open(second), 2)
    const later = await log.backUp()
    await write(second, await open(second, 's'), 3)
    await second.outbox.stop()
    await log.putBack(later)
    const plan = await log.restored('two')
    expect(plan.next.voids).toEqual([
      { after: first.end, upTo: first.next.base - 1 },
      { after: first.next.base + 3, upTo: plan.next.base - 1 },
    ])
    await log.store.marks.raiseFloor(first.next.base + 2)
    expect((await log.restored('three')).next.voids).toHaveLength(2)
  })

  it('OB102 a room that was quiet since goes on after its own snapshot, though the void one is cut', async () => {
    const { clock, log, rig, backup } = await start()
    const lost = await log.store.events.lastOfRoom('r')
    await rig.outbox.stop()
    await log.putBack(backup)
    const first = await log.restored('one')
    const second = await startRig({ share: { clock, store: log.store } })
    await write(second, await open(second, 's'), 3)
    await second.outbox.stop()
    if (!lost) throw new Error('Expected an event')
    const texts = { publicState: '{}', hiddenState: null, runtime: '{}' }
    for (const { n, seq } of [{ n: 2, seq: first.end }, lost])
      await log.store.snapshots.save({ room: 'r', n, seq, epoch: 1, at: 0, patchN: n, ...texts })
    await log.store.marks.raiseFloor(first.next.base + 1)
    await log.store.events.deleteThrough(first.next.base + 1)
    await log.putBack(await log.backUp())
    // What is cut has no events that the backup finds its rooms by.
    for (const { n, seq } of [{ n: 2, seq: first.end }, lost])
      await log.store.snapshots.save({ room: 'r', n, seq, epoch: 1, at: 0, patchN: n, ...texts })
    await log.restored('two')
    const third = await startRig({ share: { clock, store: log.store } })
    expect((await open(third)).acknowledgedN).toBe(3)
    await third.outbox.stop()
  })

  it('OB102 of more than 100 ranges those below the floor go, oldest first', async () => {
    const { clock, log, rig } = await start()
    await rig.outbox.stop()
    const bases: number[] = []
    for (let time = 0; time < 100; time++) {
      clock.advance(100)
      const { base } = (await log.restored(`time ${time}`)).next
      bases.push(base)
      await log.store.events.insert([strange({ seq: base + 1, room: `t${time}`, n: 1, epoch: 1 })])
    }
    await expect(log.restored('last')).rejects.toMatchObject({ code: 'option_invalid' })
    await log.store.marks.raiseFloor((bases[0] ?? 0) + 1)
    const { next } = await log.restored('last')
    expect(next.voids).toHaveLength(100)
    expect(next.voids[0]?.upTo).toBe((bases[1] ?? 0) - 1)
  })

  it('OB102 numbers that a server has filled after the restore do not hide what is missing', async () => {
    const { log, rig, backup } = await start()
    const { sealed } = rig.outbox
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.store.events.insert([
      strange({ seq: sealed - 1, type: 'tombstone', data: '' }),
      strange({ seq: sealed, room: 'r', n: 4, epoch: 1 }),
    ])
    const plan = await log.restored()
    expect([plan.end, plan.strayCount]).toEqual([sealed - 1, 1])
    expect(await numbersOf(log)).toEqual([1, 2])
  })

  it('OB102 a room that begins after its first event is not believed in a log that was never cut', async () => {
    const { log, rig, backup } = await start()
    const { sealed } = rig.outbox
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.store.events.insert([
      strange({ seq: sealed - 1, type: 'tombstone', data: '' }),
      strange({ seq: sealed, room: 's', n: 2, epoch: 1 }),
    ])
    const plan = await log.restored()
    expect([plan.end, plan.strayCount]).toEqual([sealed - 1, 1])
  })

  it('OB102 OB104 a snapshot that is void does not say where a room goes on', async () => {
    const { clock, log, rig, backup } = await start()
    const lost = await log.store.events.lastOfRoom('r')
    await rig.outbox.stop()
    await log.putBack(backup)
    const { end, next } = await log.restored('one')
    const second = await startRig({ share: { clock, store: log.store } })
    await write(second, await open(second), 2)
    await second.outbox.stop()
    if (!lost) throw new Error('Expected an event')
    const texts = { publicState: '{}', hiddenState: null, runtime: '{}' }
    for (const { n, seq } of [{ n: 2, seq: end }, lost])
      await log.store.snapshots.save({ room: 'r', n, seq, epoch: 1, at: 0, patchN: n, ...texts })
    await log.store.marks.raiseFloor(next.base)
    await log.store.events.deleteThrough(next.base)
    await log.putBack(await log.backUp())
    const plan = await log.restored('two')
    expect([plan.end, plan.strayCount]).toEqual([next.base + 3, 0])
    expect(await numbersOf(log)).toEqual([3, 4, 5])
  })

  it('OB102 all is void from a missing number on, though the log was restored after it before', async () => {
    const { clock, log, rig, backup } = await start()
    await rig.outbox.stop()
    await log.putBack(backup)
    const first = await log.restored('one')
    const second = await startRig({ share: { clock, store: log.store } })
    await write(second, await open(second), 3)
    await second.outbox.stop()
    await log.restored('two')
    const missing = first.next.base + 2
    await log.store.events.deleteVoid({ after: missing - 1, upTo: missing })
    const { next } = await log.restored('three')
    expect(next.voids).toEqual([
      { after: first.end, upTo: first.next.base - 1 },
      { after: missing - 1, upTo: next.base - 1 },
    ])
  })

  it('OB102 a later restore has numbers above those of every history that is lost, whichever backup it is of', async () => {
    const { clock, log, rig, backup } = await start()
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.restored('one')
    const second = await startRig({ share: { clock, store: log.store } })
    await write(second, await open(second), 2)
    await second.outbox.stop()
    const later = await log.backUp()
    const bases: number[] = []
    for (const each of [later, later, backup]) {
      clock.advance(100)
      await log.putBack(each)
      bases.push((await log.restored(`after ${bases.length}`)).next.base)
    }
    const time = clock.now() * 1_000 + AHEAD
    expect(bases).toEqual([time - 200_000, time - 100_000, time])
  })

  it('OB102 a log that is ahead of the clock goes on above itself', async () => {
    const { log } = await start()
    const first = await log.restored('one')
    expect((await log.restored('two')).next.base).toBe(first.next.base + AHEAD)
  })

  it('OB104 a write that was on its way is never read, and deleted when it is met', async () => {
    const { clock, log, rig, room, backup } = await start()
    const lost = (await log.store.events.byRoomN('r', 4)) ?? strange({ seq: 0 })
    room.append(patch(9))
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.restored()
    // It lands after the command.
    await log.store.events.insert([lost, { ...lost, n: 5, seq: lost.seq + 1 }])
    const second = await startRig({ share: { clock, store: log.store } })
    const again = await open(second)
    expect(again.acknowledgedN).toBe(3)
    expect((await everything(log.store)).filter(({ seq }) => second.outbox.isVoid(seq))).toEqual([])
    // And another one in the middle of the writing.
    await log.store.events.insert([{ ...lost, n: 4 }])
    await write(second, again, 2)
    expect(again.acknowledgedN).toBe(5)
    expect(await numbersOf(log)).toEqual([1, 2, 3, 4, 5])
    expect(second.shown.map(({ n }) => n)).toEqual([3, 4, 5])
    await second.outbox.stop()
  })

  it('OB104 a snapshot that is void is never read', async () => {
    const { clock, log, rig, backup } = await start()
    const lost = await log.store.events.lastOfRoom('r')
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.restored()
    if (!lost) throw new Error('Expected an event')
    const { room, n, seq, epoch, at } = lost
    const texts = { publicState: '{"v":"lost"}', hiddenState: null, runtime: '{}' }
    if (room !== null)
      await log.store.snapshots.save({ room, n, seq, epoch, at, patchN: n, ...texts })
    const second = await startRig({ share: { clock, store: log.store } })
    expect(await second.outbox.snapshotAt('r', second.outbox.sealed)).toBeNull()
    const stored = await second.outbox.readRoom('r')
    expect([stored.n, stored.publicState]).toEqual([2, '{"v":1}'])
    await second.outbox.stop()
  })

  it('OB102 what a server wrote on the old numbers after the restore is given up from the first missing number on', async () => {
    const { log, rig, backup } = await start()
    const { sealed } = rig.outbox
    await rig.outbox.stop()
    await log.putBack(backup)
    await log.store.events.insert([
      strange({ seq: sealed + 1, room: 'r', n: 5, epoch: 1 }),
      strange({ seq: sealed + 2, room: 's', n: 1, epoch: 1 }),
    ])
    const plan = await log.restored()
    expect([plan.end, plan.strayCount]).toEqual([sealed - 2, 2])
    expect(await numbersOf(log)).toEqual([1, 2])
  })

  it('OB102 the number of events that is kept does not count what is void', () => {
    const voids = new Voids([
      { after: 10, upTo: 100 },
      { after: 110, upTo: 200 },
    ])
    expect([5, 10, 15, 30].map((count) => voids.stepBack(205, count))).toEqual([200, 105, 100, -5])
    expect(voids.partsOf(5, 205)).toEqual([
      { after: 5, upTo: 10 },
      { after: 100, upTo: 110 },
      { after: 200, upTo: 205 },
    ])
    expect(voids.partsOf(120, 150)).toEqual([])
    expect(voids.partsOf(50, 105)).toEqual([{ after: 100, upTo: 105 }])
  })

  it('OB106 a room has an epoch that no owner of the lost history had, after each restore another', async () => {
    const { clock, log, rig, backup } = await start()
    await rig.outbox.stop()
    const epochs: number[] = []
    for (let time = 0; time < 2; time++) {
      await log.putBack(backup)
      await log.restored()
      const next = await startRig({ share: { clock, store: log.store } })
      epochs.push((await open(next)).epoch)
      epochs.push((await open(next)).epoch)
      await next.outbox.stop()
      clock.advance(60_000)
    }
    const [first = 0, second = 0, third = 0] = epochs
    expect(first).toBeGreaterThan(1_000_000)
    expect(second).toBe(first + 1)
    expect(third).toBe(first + 60)
    expect(third).toBeLessThan(2 ** 31)
  })
})

describe('OB105 a log that is restored under a running process', () => {
  const STOPS = /^the log was restored under this process/

  it('OB105 it stops before it writes, and its rooms are told: no hole in n', async () => {
    const { clock, log, rig, room, handlers, backup, lines } = await start()
    let halted = 0
    rig.outbox.onHalted(() => halted++)
    await log.putBack(backup)
    const { shown } = rig
    const count = shown.length
    room.append(patch(4))
    const lost = room.durable()
    await pass(clock, 3_000)
    expect(await numbersOf(log)).toEqual([1, 2])
    expect(rig.outbox.stats).toMatchObject({ isGivenUp: true, isReadAway: true, lostEvents: 1 })
    expect(handlers.calls).toEqual(['given-up'])
    expect(lines.filter((line) => STOPS.test(line))).toHaveLength(1)
    expect([shown.length, halted]).toEqual([count, 1])
    await expect(lost).rejects.toMatchObject({ code: 'outbox_unreachable' })
    await expect(rig.outbox.read({ after: 0, limit: 1 })).rejects.toMatchObject({
      code: 'unavailable',
    })
    await expect(rig.outbox.openRoom('s', recordHandlers())).rejects.toMatchObject({
      code: 'log_restored',
    })
    await expect(rig.outbox.stop()).rejects.toMatchObject({ code: 'outbox_unreachable' })
  })

  it('OB105 it stops while it is quiet too, and leaves the log as it is', async () => {
    const { clock, log, rig, handlers, backup, lines } = await start()
    await log.putBack(backup)
    await pass(clock, 3_000)
    expect(rig.outbox.stats).toMatchObject({ isGivenUp: true, lostEvents: 0 })
    expect(handlers.calls).toEqual(['given-up'])
    expect(lines.filter((line) => STOPS.test(line))).toHaveLength(1)
    await rig.outbox.stop()
    expect((await log.backUp()).events).toEqual(backup.events)
  })

  it('OB101 with the command it stops at its next number, whatever it has lost', async () => {
    const { clock, log, rig, room, lines } = await start()
    await log.restored()
    room.append(patch(4))
    await pass(clock, 100)
    expect(rig.outbox.stats.isGivenUp).toBe(true)
    expect(lines.filter((line) => STOPS.test(line))).toHaveLength(1)
    expect(await numbersOf(log)).toEqual([1, 2, 3, 4])
  })

  it('OB101 a page says so as well, and a floor is not raised in another history', async () => {
    const { log, rig } = await start()
    const { id } = await log.store.marks.history()
    const floor = await log.store.marks.floor()
    await log.restored()
    await expect(log.store.marks.raiseFloor(floor + 1, id)).rejects.toMatchObject({
      code: 'log_restored',
    })
    expect(await log.store.marks.floor()).toBe(floor)
    await rig.outbox.read({ after: rig.outbox.floor, limit: 1 }).catch(() => {})
    await pass(rig.clock, 0)
    expect(rig.outbox.stats.isGivenUp).toBe(true)
  })

  it('OB105 a counter that a fail-over took back changes nothing', async () => {
    const clock = new ManualClock()
    const log = new RestorableLog(clock)
    let back = 0
    const wrap = (store: typeof log.store) =>
      overrideStore(store, {
        events: {
          allocate: async (count, id) => {
            const first = await store.events.allocate(count, id)
            const given = first - back
            back = 0
            return given
          },
        },
      })
    const rig = await startRig({ share: { clock, store: log.store }, wrap })
    const room = await open(rig)
    await write(rig, room, 5)
    back = 4
    await write(rig, room, 3)
    await pass(clock, 5_000)
    expect(rig.outbox.stats.isGivenUp).toBe(false)
    expect(await numbersOf(log)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    await rig.outbox.stop()
  })

  it('OB105 what retention has cut is not missing', async () => {
    const { clock, log, rig, room } = await start()
    room.append({ type: END, data: '{}' })
    await pass(clock, 0)
    const { sealed } = rig.outbox
    await log.store.marks.raiseFloor(sealed)
    await log.store.events.deleteThrough(sealed)
    await pass(clock, 5_000)
    expect(rig.outbox.stats.isGivenUp).toBe(false)
    await rig.outbox.stop()
  })

  it('OB105 a log that does not answer says nothing', async () => {
    const clock = new ManualClock()
    const log = new RestorableLog(clock)
    let isAway = false
    const hooks = {
      before: (): void => {
        if (isAway) throw new Error('away')
      },
    }
    const rig = await startRig({ share: { clock, store: log.store }, hooks })
    await write(rig, await open(rig), 1)
    isAway = true
    await pass(clock, 10_000)
    expect(rig.outbox.stats.isGivenUp).toBe(false)
    isAway = false
    await pass(clock, 2_000)
    expect(rig.outbox.stats.isGivenUp).toBe(false)
    await rig.outbox.stop()
  })
})

it('OB104 OB107 a message that is void is new again, also where its document lands after the restore', async () => {
  const { clock, log, rig } = await start()
  const news = (messageId: string) => {
    const names = { topic: 'public', to: null, messageId, principal: 'key:a', trace: null }
    return { type: 'news', data: '1', ...names }
  }
  const publish = async (one: Rig, ids: readonly string[]): Promise<string[]> => {
    const publishing = ids.map((id) => one.outbox.publish(news(id)))
    await pass(clock, 100)
    const answers = await Promise.all(publishing)
    return answers.map(({ messageId, duplicate }) => `${messageId}${duplicate ? ' again' : ''}`)
  }
  await publish(rig, ['kept'])
  const backup = await log.backUp()
  expect(await publish(rig, ['lost', 'late', 'later'])).toEqual(['lost', 'late', 'later'])
  const late = await log.store.events.byMessageId('key:a', 'late')
  const later = await log.store.events.byMessageId('key:a', 'later')
  await rig.outbox.stop()
  await log.putBack(backup)
  await log.restored()
  const second = await startRig({ share: { clock, store: log.store } })
  await log.store.events.insert([late, later].flatMap((event) => event ?? []))
  expect(await publish(second, ['kept', 'lost', 'late', 'later'])).toEqual([
    'kept again',
    'lost',
    'late',
    'later',
  ])
  const messages = (await everything(log.store)).flatMap((event) => event.message?.messageId ?? [])
  expect(messages.toSorted()).toEqual(['kept', 'late', 'later', 'lost'])
})
