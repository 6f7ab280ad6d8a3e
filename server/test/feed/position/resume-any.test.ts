import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/process/random.ts'
import { FeedRig, itemAt } from '../rig.ts'
import type { Reader, ScriptedRoom } from '../rig.ts'

const PATHS = [
  '/rooms/r0/feed',
  '/rooms/r1/feed?from=start',
  '/rooms/r0/feed?types=kill',
  '/rooms/r2/feed',
  '/feed',
  '/feed?rooms=r0,r1',
  '/feed?rooms=r1&types=patch',
]

/** An id that a reader of the path was told, and how far it had seen each room by then. */
interface Told {
  readonly path: string
  readonly id: string
  readonly seen: ReadonlyMap<string, number>
}

const isFiltered = (path: string): boolean => path.includes('types=')
const wanted = (path: string): RegExp => new RegExp(/types=(\w+)/.exec(path)?.[1] ?? '.')

/** Reads the ids of a stream, those of blocks without an event too. */
function toldBy(path: string, { text }: Reader, before: ReadonlyMap<string, number>): Told[] {
  const seen = new Map(before)
  const told: Told[] = []
  for (const block of text.split('\n\n')) {
    const { room, n } = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}') as {
      room?: string
      n?: number
    }
    if (room !== undefined && n !== undefined) seen.set(room, n)
    const id = /^id: (.*)$/m.exec(block)?.[1]
    if (id !== undefined) told.push({ path, id, seen: new Map(seen) })
  }
  return told
}

async function run(seed: number): Promise<{ resumed: number; resets: number }> {
  const random = createRandom(seed)
  let rig = await FeedRig.start({ feedRingBytes: 65_536, heartbeatMs: 1_000 })
  const { store, clock, directory } = rig
  const rooms: ScriptedRoom[] = []
  for (const [index, delayMs] of [0, 0, 300].entries())
    rooms.push(await rig.room(`r${index}`, { x: 0 }, { delayMs }))
  const readers = new Map<Reader, string>()
  const all: Told[] = []
  let resumed = 0
  let resets = 0
  /** Everything after the id, once and in order, or a reset where retention was faster. */
  const resume = async ({ path, id, seen }: Told): Promise<void> => {
    const reader = rig.get(path, { 'last-event-id': id })
    await rig.advance(400)
    const [reset] = reader.of('reset')
    if (reset) {
      resets++
      expect([path, id, reset.data]).toMatchObject([path, id, { reason: 'retention' }])
      expect(rig.outbox.floor).toBeGreaterThan(rig.outbox.origin)
      reader.exchange.abort()
      return
    }
    resumed++
    expect(reader.of('snapshot')).toEqual([])
    const next = new Map(seen)
    for (const { type, data } of reader.roomEvents) {
      const before = next.get(data.room) ?? 0
      if (isFiltered(path)) {
        expect(type).toMatch(wanted(path))
        expect(data.n).toBeGreaterThan(before)
      } else expect([data.room, data.n]).toEqual([data.room, before + 1])
      next.set(data.room, data.n)
    }
    if (!isFiltered(path))
      for (const [room, n] of next) {
        const view = await rig.json<{ n: number }>(`/rooms/${room}/state`)
        // A feed of many runs at the largest delay of its rooms.
        if (path.startsWith('/rooms')) expect([path, room, n]).toEqual([path, room, view.n])
      }
    all.push(...toldBy(path, reader, seen))
    reader.exchange.abort()
  }
  for (let step = 0; step < 60; step++) {
    const room = itemAt(rooms, random.int(0, 2))
    for (let count = random.int(0, 4); count > 0; count--)
      if (random.int(0, 3) === 0) room.emit('kill', { by: 'x' })
      else room.patch({ x: step, text: 'x'.repeat(random.int(0, 1) * 4_000) })
    if (readers.size < 8) {
      const path = itemAt(PATHS, random.int(0, PATHS.length - 1))
      readers.set(rig.get(path), path)
    }
    await rig.advance(random.int(0, 700))
    const gone = [...readers.keys()].at(random.int(0, 7))
    if (gone && random.int(0, 3) === 0) {
      all.push(...toldBy(readers.get(gone) ?? '', gone, new Map()))
      gone.exchange.abort()
      readers.delete(gone)
    }
    if (all.length > 0) await resume(itemAt(all, random.int(0, all.length - 1)))
    if (step === 25 || step === 45) {
      // The process ends, and another one goes on with the log.
      for (const [reader, path] of readers) all.push(...toldBy(path, reader, new Map()))
      readers.clear()
      for (const each of rooms) each.snapshot()
      await rig.advance(400)
      const stopping = rig.outbox.stop()
      await rig.settle()
      await stopping
      rig = await FeedRig.start({
        store,
        clock,
        directory,
        feedRingBytes: 65_536,
        heartbeatMs: 1_000,
      })
      for (const [index, each] of rooms.entries()) {
        rooms[index] = await rig.room(each.id, { again: step })
      }
      await rig.advance(400)
    }
    if (step === 50) {
      for (const each of rooms) each.snapshot()
      await rig.settle()
      const at = rig.outbox.sealed - 10
      Object.defineProperty(rig.outbox, 'floor', { get: () => at, configurable: true })
      await store.marks.raiseFloor(at)
      await store.events.deleteThrough(at)
    }
  }
  return { resumed, resets }
}

describe('FE1 FE51 FE52 FE54 resuming from any id that was ever told', () => {
  it('FE1 FE54 FE55 goes on with the next event: live, in a replay, after retention, after a restart', async () => {
    const base = Number(process.env['FEED_SEED'] ?? 1)
    const count = Number(process.env['FEED_SEEDS'] ?? 10)
    let [resumed, resets] = [0, 0]
    for (let seed = base; seed < base + count; seed++)
      try {
        const result = await run(seed)
        resumed += result.resumed
        resets += result.resets
      } catch (error) {
        console.error(`FEED_SEED=${seed} FEED_SEEDS=1 repeats this`)
        throw error
      }
    expect(resumed).toBeGreaterThan(count * 20)
    expect(resets).toBeGreaterThan(0)
  }, 120_000)
})
