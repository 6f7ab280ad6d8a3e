import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { RestorableLog } from '../outbox/history/backup.ts'
import { FeedRig } from './rig.ts'
import type { Reader, ScriptedRoom } from './rig.ts'

/** A room of three events is backed up; a reader sees five more before the log is put back. */
async function start(delayMs = 0) {
  const clock = new ManualClock()
  const log = new RestorableLog(clock)
  const rig = await FeedRig.start({ clock, store: log.store })
  const room = await rig.room('r', { v: 0 }, { delayMs })
  room.patch({ v: 1 })
  room.patch({ v: 2 })
  await rig.settle()
  const backup = await log.backUp()
  const reader = await rig.open('/rooms/r/feed?from=start')
  for (let v = 3; v < 8; v++) room.patch({ v })
  await rig.settle()
  await rig.advance(delayMs)
  return { clock, log, rig, room, backup, reader }
}

/** The servers have ended, the log is put back and marked, and another server goes on. */
async function restart({ clock, log, rig, backup }: Awaited<ReturnType<typeof start>>) {
  const stopping = rig.outbox.stop()
  await rig.settle()
  await stopping
  await log.putBack(backup)
  const plan = await log.restored()
  const next = await FeedRig.start({ clock, store: log.store, directory: rig.directory })
  const room = await next.room('r', { v: 'again' }, {})
  return { next, room, plan }
}

const seen = (reader: Reader): unknown[] =>
  reader.events.filter(({ type }) => type !== 'hello').map(({ type, data }) => [type, data.n])

async function writeOn(rig: FeedRig, room: ScriptedRoom): Promise<void> {
  for (let v = 20; v < 23; v++) room.patch({ v })
  await rig.settle()
}

describe('OB103 a spectator of a log that was restored', () => {
  it('OB103 FE1 with a position that is void it starts over, whatever was written past it', async () => {
    const first = await start()
    const { lastEventId } = first.reader
    expect(first.reader.roomEvents.map(({ data }) => data.n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const { next, room } = await restart(first)
    await writeOn(next, room)
    const reader = await next.open('/rooms/r/feed', { 'last-event-id': lastEventId })
    expect(seen(reader)).toEqual([
      ['reset', undefined],
      ['snapshot', 8],
      ['caught-up', undefined],
    ])
    expect(reader.of('reset')[0]?.data).toMatchObject({ reason: 'another-log' })
    expect(reader.of('snapshot')[0]?.data.state).toEqual({ v: 22 })
    const checkpoint = await next.open(`/rooms/r/feed?checkpoint=${lastEventId}`)
    expect(checkpoint.types.slice(0, 2)).toEqual(['hello', 'reset'])
    const pages = `/rooms/r/events?after=${lastEventId}`
    expect((await next.open(pages)).error).toBe('past_retention')
    expect((await next.open(`/rooms/r/state?at=${lastEventId}`)).error).toBe('past_retention')
  })

  it('OB103 FE1 with a position from before the backup it goes on, without a gap', async () => {
    const first = await start()
    const id = first.reader.roomEvents[1]?.id
    const { next, room, plan } = await restart(first)
    await writeOn(next, room)
    const reader = await next.open('/rooms/r/feed', { 'last-event-id': String(id) })
    expect(reader.of('reset')).toEqual([])
    expect(reader.roomEvents.map(({ data }) => data.n)).toEqual([3, 4, 5, 6, 7, 8])
    // Nobody is told to start over for having read all that there was right after the restore.
    const token = next.tokenAt(plan.next.base)
    const fresh = await next.open('/feed', { 'last-event-id': token })
    expect(fresh.of('reset')).toEqual([])
    expect(fresh.roomEvents.map(({ data }) => data.n)).toEqual([4, 5, 6, 7, 8])
  })

  it('OB103 a stored checkpoint that is void is reset as well', async () => {
    const first = await start()
    const clientId = 'client-of-sixteen'
    const lost = first.rig.outbox.sealed
    const { next, room } = await restart(first)
    await first.log.store.checkpoints.save([{ clientId, feedName: '', seq: lost, selection: '*' }])
    await writeOn(next, room)
    const reader = await next.open(`/rooms/r/feed?clientId=${clientId}`)
    expect(reader.of('reset')[0]?.data).toMatchObject({ reason: 'another-log' })
  })

  it('OB103 FE3 with a delay too: what is void tells nothing of how far the log is', async () => {
    const first = await start(5_000)
    const { lastEventId } = first.reader
    const { next, room } = await restart(first)
    await writeOn(next, room)
    const reader = await next.open('/rooms/r/feed', { 'last-event-id': lastEventId })
    expect(reader.types).toEqual(['hello'])
    // By now the n of the lost history may be seen, and is another event.
    await next.advance(6_000)
    expect(reader.of('reset')[0]?.data).toMatchObject({ reason: 'another-log', from: 8 })
    expect(reader.of('snapshot').map(({ data }) => data.n)).toEqual([8])
  })

  it('OB103 the whole of the room is a replay without a gap, and so are its pages', async () => {
    const { next, room } = await restart(await start())
    await writeOn(next, room)
    const all = [1, 2, 3, 4, 5, 6, 7, 8]
    const reader = await next.open('/rooms/r/feed?from=start')
    expect(reader.roomEvents.map(({ data }) => data.n)).toEqual(all)
    const page = await next.json<{ events: { data: { n: number } }[] }>('/rooms/r/events')
    expect(page.events.map(({ data }) => data.n)).toEqual(all)
    const ago = await next.open('/rooms/r/feed?from=-60s')
    expect(ago.roomEvents.map(({ data }) => data.n)).toEqual(all)
  })

  it('OB101 a stream that is open when the log is restored under its server ends, and nothing more is shown', async () => {
    const { log, rig, room, backup, reader } = await start()
    const { text } = reader
    await log.putBack(backup)
    room.patch({ v: 8 })
    await rig.advance(3_000)
    expect(reader.body.isOpen).toBe(false)
    expect(reader.text).toBe(text)
    const later = await rig.open('/rooms/r/feed', { 'last-event-id': reader.lastEventId })
    expect([later.events, later.body.isOpen]).toEqual([[], false])
    expect(later.text).toMatch(/^retry: /)
  })
})
