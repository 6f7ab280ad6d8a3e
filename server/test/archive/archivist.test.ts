import { describe, expect, it } from 'vitest'
import type { EndedMatch } from '../../src/archive/archive-reader.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { ArchiveRig } from './archive-rig.ts'
import { MemoryArchive } from './memory-archive.ts'

async function logOf(rig: ArchiveRig, room: string): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for (let after = rig.outbox.floor; after < rig.outbox.sealed;) {
    const page = await rig.outbox.read({ room, after, limit: 1_000 })
    events.push(...page.events)
    after = page.next
  }
  return events
}

async function archivedOf(rig: ArchiveRig, room: string): Promise<LogEvent[]> {
  const match = await matchOf(rig, room)
  const events: LogEvent[] = []
  for (let after = 0; after < match.end.seq;) {
    after = Math.max(after, match.chunks[0]?.after ?? 0)
    const page = await rig.archive.reader.read(match, { after, limit: 333, maxBytes: 9_000 })
    events.push(...page.events)
    after = page.next
  }
  return events
}

async function matchOf(rig: ArchiveRig, room: string): Promise<EndedMatch> {
  const match = await rig.archive.reader.find(room)
  if (!match) throw new Error('Expected the match in the archive')
  return match
}

const publicPart = (event: LogEvent): LogEvent => ({ ...event, hidden: null })

describe('the archivist', () => {
  it('FE118 FE121 a match is archived once it has ended: every event as the log had it, without its hidden part', async () => {
    const rig = await ArchiveRig.start()
    const match = await rig.room('a')
    await match.play(3_000)
    await match.end()
    const { archivist } = rig.archive
    await rig.until(() => archivist.writtenCount === 1 && archivist.dueCount === 0, 1)
    const expected = await logOf(rig, 'a')
    expect(expected).toHaveLength(3_003)
    expect(await archivedOf(rig, 'a')).toEqual(expected.map(publicPart))
    const archive = rig.archiveStore as MemoryArchive
    const { chunks } = archive.matches.get('a') ?? { chunks: [] }
    expect(chunks.length).toBeGreaterThan(1)
    await rig.stop()
  })

  it('FE122 the state at any place is that of the events up to it', async () => {
    const rig = await ArchiveRig.start()
    const played = await rig.room('a')
    await played.play(5_000)
    await played.end()
    await rig.until(() => rig.archive.archivist.writtenCount === 1, 1)
    const match = await matchOf(rig, 'a')
    const events = await archivedOf(rig, 'a')
    for (const n of [1, 2, 1_999, 2_000, 2_001, 3_500, 5_003]) {
      const event = await rig.archive.reader.eventOf(match, n)
      expect(event).toEqual(events[n - 1])
      const seq = event?.seq ?? 0
      const base = await rig.archive.reader.snapshotAt(match, seq)
      let state = JSON.parse(base?.publicState ?? '{}') as Json
      const { events: rest } = await rig.archive.reader.read(match, {
        after: base?.seq ?? match.chunks[0]?.after ?? 0,
        upTo: seq,
        limit: 1e6,
      })
      for (const { type, data } of rest)
        if (type === 'patch') state = applyMergePatch(state, JSON.parse(data) as Json)
      expect(state).toEqual({ score: Math.min(5_000, n - 1), text: 'x'.repeat(20) })
    }
    expect(await rig.archive.reader.eventOf(match, 5_004)).toBeNull()
    await rig.stop()
  })

  it('FE119 the log waits for a match that is not archived yet, and of one that goes on is archived what would go', async () => {
    const rig = await ArchiveRig.start({ snapshotEvery: 1, archiveHoldMs: 3_600_000 })
    const match = await rig.room('a')
    await match.play(10)
    const early = rig.outbox.sealed
    // It outlives retention several times.
    for (let count = 0; count < 3; count++) {
      await rig.cut(rig.outbox.sealed)
      await match.play(10)
    }
    expect(rig.outbox.floor).toBeGreaterThan(early)
    expect(rig.archive.archivist.lostCount).toBe(0)
    expect(await rig.archive.reader.find('a'), 'it is not over').toBeNull()
    await match.end()
    await rig.until(
      () => rig.archive.reader.known('a') !== null || rig.archive.archivist.dueCount === 0,
      1,
    )
    const events = await archivedOf(rig, 'a')
    expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1))
    expect(events).toHaveLength(1 + 4 * 11 + 1)
    expect(events.at(-1)?.type).toBe('end')
    await rig.stop()
  })

  it('FE119 an archive that fails is told of, and does not keep the log for ever; it goes on when it works again', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    archive.failure = new Error('ENOSPC: no space left on device')
    const match = await rig.room('a')
    await match.play(10)
    await match.end()
    const last = rig.outbox.sealed
    await rig.until(() => rig.archive.archivist.isFailing, 1)
    // retentionMs is 10 s, archiveHoldMs 20 s.
    await rig.advance(15_000)
    expect(rig.outbox.floor).toBeLessThan(last)
    await rig.cut(last)
    expect(rig.archive.archivist.lostCount).toBeGreaterThan(0)
    expect(rig.logged).toContain('the archive fails: a match was not written')
    expect(rig.logged).toContain('a part of a match leaves the log without being archived')
    archive.failure = null
    const next = await rig.room('b')
    await next.play(3)
    await next.end()
    await rig.until(() => !rig.archive.archivist.isFailing && archive.matches.has('b'), 1_000)
    expect(await archivedOf(rig, 'b')).toHaveLength(6)
    expect(rig.logged).toContain('the archive works again')
    await rig.stop()
  })

  it('FE119 rooms of types without an archive hold nothing and are written nowhere', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    const match = await rig.room('a', { type: 'quiet' })
    await match.play(10)
    await match.end()
    archive.failure = new Error('away')
    await rig.cut(rig.outbox.sealed)
    expect(archive.matches.size).toBe(0)
    expect(rig.archive.archivist.failureCount).toBe(0)
    await rig.stop()
  })

  it('FE120 a match that ended before a restart is archived by the next process', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    archive.failure = new Error('away')
    const match = await rig.room('a')
    await match.play(10)
    const record = await match.end()
    await rig.until(() => rig.archive.archivist.isFailing, 1)
    await rig.stop()
    archive.failure = null
    const next = await ArchiveRig.start({ archive, clock: rig.clock, store: rig.store })
    next.archive.archivist.ended(record)
    await next.until(() => archive.matches.has('a'), 1)
    expect(await archivedOf(next, 'a')).toHaveLength(13)
    // Another one finds it there, and leaves it.
    const before = archive.matches.get('a')
    next.archive.archivist.ended(record)
    await next.until(() => next.archive.archivist.dueCount === 0, 1)
    expect(archive.matches.get('a')).toBe(before)
    await next.stop()
  })

  it('FE119 a match of which the beginning is gone begins with the state that the log still has', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive, archiveHoldMs: 0, snapshotEvery: 1 })
    archive.failure = new Error('away')
    const match = await rig.room('a')
    await match.play(10)
    await rig.cut(rig.outbox.sealed)
    archive.failure = null
    await match.play(10)
    await match.end()
    await rig.until(() => archive.matches.get('a')?.match.end != null, 1_000)
    const [first] = await archivedOf(rig, 'a')
    expect(first?.n).toBe(13)
    const ended = await matchOf(rig, 'a')
    const base = await rig.archive.reader.snapshotAt(ended, ended.chunks[0]?.after ?? 0)
    expect(JSON.parse(base?.publicState ?? '')).toEqual({ score: 10, text: 'x'.repeat(20) })
    await expect(rig.archive.reader.read(ended, { after: 1, limit: 10 })).rejects.toThrow(
      'does not have that part',
    )
    await rig.stop()
  })

  it('FE123 a match is shown once its end is as old as its delay', async () => {
    const rig = await ArchiveRig.start()
    const match = await rig.room('a', { delayMs: 5_000 })
    await match.play(3)
    await match.end()
    await rig.until(() => rig.archive.archivist.writtenCount === 1, 1)
    expect(await rig.archive.reader.find('a')).toBeNull()
    await rig.advance(5_000)
    expect(await rig.archive.reader.find('a')).not.toBeNull()
    await rig.stop()
  })
})

describe('what the archive lets go', () => {
  it('FE124 a match is there for its time, and then gone', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    const match = await rig.room('a')
    await match.end()
    await rig.until(() => archive.matches.has('a'), 1)
    rig.clock.advance(9e8)
    await rig.archive.keeper.run()
    expect(archive.matches.has('a')).toBe(true)
    rig.clock.advance(1.1e8)
    await rig.archive.keeper.run()
    expect(archive.matches.has('a')).toBe(false)
    expect(await rig.archive.reader.find('a')).toBeNull()
    await rig.stop()
  })

  it('FE124 beyond its bytes the oldest matches go first, and it is told', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    for (const id of ['a', 'b', 'c']) {
      const match = await rig.room(id)
      await match.end()
      await rig.until(() => archive.matches.has(id), 1)
    }
    const { bytes } = await archive.stats()
    archive.maxBytes = bytes - 1
    await rig.archive.keeper.run()
    expect([...archive.matches.keys()]).toEqual(['b', 'c'])
    expect(rig.archive.keeper.droppedCount).toBe(1)
    expect(rig.logged).toContain(
      'the archive is full: its oldest matches were let go before their time',
    )
    await rig.stop()
  })

  it('FE125 a pinned range outlives its match, of one that goes on too, until the pin is taken off', async () => {
    const archive = new MemoryArchive()
    const rig = await ArchiveRig.start({ archive })
    const { pins, keeper, reader } = rig.archive
    const match = await rig.room('a')
    await match.play(7_000)
    const id = await pins.pin('a', { from: 2_500, to: 2_600 })
    await match.end()
    await rig.until(() => archive.matches.get('a')?.match.end != null, 1)
    const whole = await archivedOf(rig, 'a')
    const { bytes } = await archive.stats()
    rig.clock.advance(1.1e9)
    await keeper.run()
    expect(await reader.find('a'), 'the match itself is over').toBeNull()
    expect((await archive.stats()).bytes).toBeLessThan(bytes)
    expect(await pins.events('a', { from: 2_500, to: 2_600 })).toEqual(whole.slice(2_499, 2_600))
    await expect(pins.events('a', { from: 1, to: 10 })).rejects.toMatchObject({
      code: 'past_retention',
    })
    expect(await pins.unpin('a', 'another')).toBe(false)
    expect(await pins.unpin('a', id)).toBe(true)
    await keeper.run()
    expect(archive.matches.size).toBe(0)
    await rig.stop()
  })

  it('FE125 what is no range, or not there, is not pinned', async () => {
    const rig = await ArchiveRig.start()
    const match = await rig.room('a')
    await match.play(3)
    const { pins } = rig.archive
    for (const range of [
      { from: 0, to: 1 },
      { from: 3, to: 2 },
      { from: 1.5, to: 2 },
      { from: 1, to: Infinity },
    ])
      await expect(pins.pin('a', range)).rejects.toMatchObject({ code: 'option_invalid' })
    await expect(pins.pin('a', { from: 1, to: 99 })).rejects.toMatchObject({
      code: 'past_retention',
    })
    await expect(pins.pin('never', { from: 1, to: 1 })).rejects.toMatchObject({
      code: 'past_retention',
    })
    for (let count = 0; count < 100; count++) await pins.pin('a', { from: 1, to: 2 })
    await expect(pins.pin('a', { from: 1, to: 2 })).rejects.toMatchObject({
      code: 'too_many_requests',
    })
    await rig.stop()
  })
})
