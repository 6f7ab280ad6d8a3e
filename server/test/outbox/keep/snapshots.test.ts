import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import type { Logger } from '../../../src/process/logger.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { SnapshotSaver } from '../../../src/outbox/keep/snapshot-saver.ts'
import type { Snapshot } from '../../../src/outbox/contract/store.ts'
import { overrideStore, pass, patch, recordHandlers, settle, startRig } from '../support.ts'

const MIB = 1024 * 1024

function snapshot(part: Partial<Snapshot>): Snapshot {
  const state = { publicState: '{}', hiddenState: null, runtime: '{}' }
  return { room: 'r', n: 1, seq: 1, epoch: 1, at: 0, patchN: 1, ...state, ...part }
}

/** A logger that keeps its lines. */
function recordLogger(): Logger & {
  readonly lines: [level: string, fields: object, text: string][]
} {
  const lines: [string, object, string][] = []
  const note = (level: string) => (fields: object, text: string) => {
    lines.push([level, fields, text])
  }
  const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(note)
  return { lines, debug, info, warn, error } as Logger & { lines: typeof lines }
}

/** A saver over a store that answers when it is told to. */
function slowSaver() {
  const clock = new ManualClock()
  const logger = recordLogger()
  const open: { readonly snapshot: Snapshot; readonly answer: () => void }[] = []
  const store = overrideStore(new MemoryStore({ clock }), {
    snapshots: {
      save: (saved) =>
        new Promise((resolve) => open.push({ snapshot: saved, answer: () => resolve() })),
    },
  })
  const saver = new SnapshotSaver({ store, clock, logger })
  return { clock, logger, open, saver }
}

describe('OB6 snapshots are stored in the background', () => {
  it('OB6 16 at once, and drain waits for all of them', async () => {
    const { open, saver } = slowSaver()
    for (let index = 0; index < 40; index++) void saver.save(snapshot({ room: `room${index}` }))
    let isDrained = false
    void saver.drain().then(() => (isDrained = true))
    for (const count of [16, 16, 8]) {
      await settle()
      expect(isDrained).toBe(false)
      expect(open).toHaveLength(count)
      for (const { answer } of open.splice(0)) answer()
    }
    await settle()
    expect(isDrained).toBe(true)
    expect(open).toEqual([])
  })

  it('OB6 OB91 of one room only one is on its way, and only the newest waits', async () => {
    const { open, saver } = slowSaver()
    const saved = ['1', '2', '3'].map((runtime) => saver.save(snapshot({ runtime })))
    await settle()
    expect(open.map((each) => each.snapshot.runtime)).toEqual(['1'])
    open.shift()?.answer()
    await settle()
    expect(open.map((each) => each.snapshot.runtime)).toEqual(['3'])
    open.shift()?.answer()
    await saver.drain()
    expect(open).toEqual([])
    // The one that was replaced is stored when the newer one is.
    expect(await Promise.all(saved)).toEqual([true, true, true])
  })

  it('OB6 what is dropped at the end is counted in the log', async () => {
    const { logger, saver } = slowSaver()
    const saved = Array.from({ length: 20 }, (_, index) =>
      saver.save(snapshot({ room: `room${index}` })),
    )
    saver.stop()
    // Whoever waits for one is told; those on their way are not known yet.
    expect(await Promise.all(saved.slice(16))).toEqual([false, false, false, false])
    expect(logger.lines).toEqual([
      ['error', { rooms: 20 }, 'snapshots were dropped: these rooms replay more'],
    ])
  })
})

describe('OB6 a state that can never be stored', () => {
  const state = (bytes: number) => {
    return { publicState: `"${'x'.repeat(bytes - 4)}"`, hiddenState: null, runtime: '{}' }
  }

  it('OB6 OB70 a snapshot over 15 MiB closes its room with an error, as a refused event does', async () => {
    const rig = await startRig()
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    log.append(patch(1))
    log.snapshot(state(15 * MIB))
    await pass(rig.clock, 0)
    expect(await rig.store.snapshots.at('r', 9e15)).not.toBeNull()
    log.append(patch(2))
    log.snapshot(state(15 * MIB + 1))
    expect(handlers.calls, 'told in a turn of its own').toEqual([])
    await pass(rig.clock, 0)
    expect(handlers.calls).toEqual(['refused'])
    expect(handlers.causes[0]).toMatchObject({ code: 'state_invalid' })
    expect(await rig.store.snapshots.at('r', 9e15)).toMatchObject({ n: 1 })
    expect(log.append(patch(3))).toBe(false)
    expect(log.append({ type: 'end', data: '{}' })).toBe(true)
    await pass(rig.clock, 0)
    expect(rig.shown.map((event) => event.type)).toEqual(['patch', 'patch', 'end'])
  })

  it('OB6 a state over half of that is told of once', async () => {
    const logger = recordLogger()
    const rig = await startRig({ logger })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    for (let count = 0; count < 2; count++) log.snapshot(state(8 * MIB))
    const warnings = logger.lines.filter(([level]) => level === 'warn')
    expect(warnings.map(([, fields]) => fields)).toEqual([
      { roomId: 'r', bytes: 8 * MIB, maxBytes: 15 * MIB },
    ])
  })
})
