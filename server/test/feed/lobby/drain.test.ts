import { expect, test } from 'vitest'
import { FeedRig } from '../rig.ts'

test('HT17 /rooms/stream tells each reader when to come back, spread over the drain, and ends', async () => {
  let drawn = 0
  const rig = await FeedRig.start({ random: () => (drawn++ % 4) / 4 })
  const readers = [
    await rig.open('/rooms/stream'),
    await rig.open('/rooms/stream'),
    await rig.open('/rooms/stream'),
  ]
  await rig.advance(100)
  drawn = 0
  rig.parts.lobby.drain(8_000)
  await rig.settle()
  const told = readers.map((reader) => reader.of('going-away').map(({ data }) => data))
  expect(told).toMatchObject([[{ retryMs: 2_000 }], [{ retryMs: 4_000 }], [{ retryMs: 6_000 }]])
  for (const [index, { text, exchange }] of readers.entries()) {
    expect(text).toContain(`retry: ${2_000 + index * 2_000}\n`)
    expect(exchange.isOpen).toBe(false)
  }
  // Whoever comes then is sent away, spread as well.
  drawn = 1
  const late = await rig.open('/rooms/stream')
  await rig.settle()
  expect(late.text).toContain('retry: 2500\n')
})
