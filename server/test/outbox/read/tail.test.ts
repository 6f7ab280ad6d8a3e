import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import type { RangeQuery } from '../../../src/outbox/contract/store.ts'
import { overrideStore, pass, patch, recordHandlers, startRig, strange } from '../support.ts'
import type { Rig } from '../support.ts'

interface Look {
  readonly query: RangeQuery
  answer(): void
}

/** A log whose tail reads wait until they are answered. */
async function slowRig(): Promise<{ rig: Rig; looks: Look[]; slow: (isSlow: boolean) => void }> {
  const looks: Look[] = []
  let isSlow = false
  const rig = await startRig({
    wrap: (store) =>
      overrideStore(store, {
        events: {
          range: async (query) => {
            const isLook = query.upTo === Number.MAX_SAFE_INTEGER
            if (isSlow && isLook)
              await new Promise<void>((resolve) => looks.push({ query, answer: resolve }))
            return store.events.range(query)
          },
        },
      }),
  })
  return { rig, looks, slow: (on) => (isSlow = on) }
}

it('OB5 OB60 a tail whose every read takes longer than the watchdog waits goes on all the same', async () => {
  const { rig, looks, slow } = await slowRig()
  const log = await rig.outbox.openRoom('r', recordHandlers())
  await pass(rig.clock, 500)
  slow(true)
  let most = 0
  let openCount = 0
  const answered = new Set<Look>()
  for (let second = 0; second < 60; second++) {
    if (second % 10 === 0) log.append(patch(second))
    await pass(rig.clock, 1_000)
    for (const look of looks) {
      if (answered.has(look)) continue
      answered.add(look)
      most = Math.max(most, ++openCount)
      rig.clock.after(12_000, () => {
        openCount--
        look.answer()
      })
    }
  }
  expect(rig.shown.map((event) => event.n)).toEqual(rig.shown.map((_, index) => index + 1))
  expect(rig.shown.length).toBeGreaterThanOrEqual(4)
  expect(most, 'reads on their way at once').toBeLessThanOrEqual(2)
})

it('OB5 OB60 after each silence the tail asks for half as much and waits twice as long', async () => {
  const { rig, looks, slow } = await slowRig()
  await pass(rig.clock, 500)
  slow(true)
  await pass(rig.clock, 185_000)
  expect(looks.map(({ query }) => query.limit)).toEqual([1_000, 500, 250, 125, 62])
  slow(false)
  for (const { answer } of looks.splice(0)) answer()
  await pass(rig.clock, 1_000)
  slow(true)
  await pass(rig.clock, 1_000)
  expect(looks.map(({ query }) => query.limit)).toEqual([1_000])
})

it('OB5 OB61 a page of the tail is bounded by its bytes, and the rest follows at once', async () => {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock })
  const data = JSON.stringify({ v: 'x'.repeat(1_000_000) })
  const first = await store.events.allocate(60)
  await store.events.insert(
    Array.from({ length: 60 }, (_, index) =>
      strange({ seq: first + index, room: 'r', n: index + 1, epoch: 1, data }),
    ),
  )
  const rig = await startRig({ share: { clock, store } })
  const pages: number[] = []
  rig.outbox.onSealed((events) => void pages.push(events.length))
  await pass(clock, 0)
  expect(pages).toEqual([17, 17, 17, 9])
  expect(rig.shown).toHaveLength(60)
})
