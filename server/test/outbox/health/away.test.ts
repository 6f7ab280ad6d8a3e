import { describe, expect, it } from 'vitest'
import { everything, pass, patch, recordHandlers, startRig } from '../support.ts'
import type { StoreHooks, StoreOperation } from '../../../src/testing/store/hooked-store.ts'

/** A store that answers nothing while it is away; counts the inserts that reach it. */
function outage() {
  const weather = {
    isAway: false,
    insertCount: 0,
    hooks: {
      before: (operation: StoreOperation) => {
        if (weather.isAway) throw new Error('away')
        if (operation === 'insert') weather.insertCount++
      },
    } satisfies StoreHooks,
  }
  return weather
}

describe('a store that is away for longer than a flush may take', () => {
  it('OB6 gives nothing up of which nothing was sent: it is written when the store is back', async () => {
    const weather = outage()
    const rig = await startRig({ hooks: weather.hooks })
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    log.append(patch(1))
    await pass(rig.clock, 0)
    weather.isAway = true
    weather.insertCount = 0
    log.append(patch(2))
    await pass(rig.clock, 20 * 60_000)
    log.append({ type: 'kill', data: '{}' })
    expect(weather.insertCount).toBe(0)
    expect(rig.outbox.stats).toMatchObject({ isGivenUp: false, pendingEvents: 2 })
    const closing = log.close([{ type: 'end', data: '{}' }])
    weather.isAway = false
    await pass(rig.clock, 3_000)
    await closing
    expect((await everything(rig.store)).map(({ n, type }) => [n, type])).toEqual([
      [1, 'patch'],
      [2, 'patch'],
      [3, 'kill'],
      [4, 'end'],
    ])
    expect(handlers.calls).toEqual([])
  })

  it('OB4 OB58 a takeover that waited so long is over, its number is voided, and the others go on', async () => {
    const weather = outage()
    const before = await startRig({ hooks: weather.hooks })
    const first = await before.outbox.openRoom('old', recordHandlers())
    first.append(patch(1))
    await pass(before.clock, 0)
    const rig = await startRig({ share: before, limits: { flushDelayMs: 500 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const taking = rig.outbox.openRoom('old', recordHandlers()).catch((error: Error) => error)
    await pass(rig.clock, 0)
    log.append(patch(1))
    // Marker and patch are one batch, and there are no numbers for it.
    expect(rig.outbox.stats.pendingEvents).toBe(2)
    weather.isAway = true
    await pass(rig.clock, 4 * 60_000)
    weather.isAway = false
    await pass(rig.clock, 3_000)
    expect(await taking).toMatchObject({ code: 'unavailable' })
    const stored = (await everything(rig.store)).map(({ room, type }) => [room, type])
    expect(stored.filter(([room]) => room !== null)).toEqual([
      ['old', 'patch'],
      ['r', 'patch'],
    ])
    expect(rig.outbox.sealed).toBe(await rig.outbox.counter())
  })
})
