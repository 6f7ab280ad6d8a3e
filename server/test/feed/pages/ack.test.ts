import { describe, expect, it } from 'vitest'
import { FeedRig } from '../rig.ts'

const CLIENT = 'abcdefghijklmnop'

async function ack(rig: FeedRig, body: unknown): Promise<number> {
  const exchange = rig.transport.request({
    method: 'POST',
    path: '/feed/ack',
    body: JSON.stringify(body),
  })
  await exchange.done
  return exchange.status
}

describe('OB19 POST /feed/ack', () => {
  it.each(['/feed?clientId=', '/rooms/a/feed?from=start&clientId='])(
    'OB19 FE1 OB89 %s goes on where the client has read up to, and begins as asked while it never told',
    async (path) => {
      const rig = await FeedRig.start()
      const room = await rig.room('a', {})
      for (let value = 1; value <= 5; value++) room.patch({ value })
      await rig.advance(1_000)
      const first = await rig.open(`${path}${CLIENT}`)
      await rig.advance(1_000)
      expect(first.of('snapshot').length + first.of('patch').length).toBeGreaterThan(0)
      const third = rig.outbox.sealed - 2
      expect(await ack(rig, { clientId: CLIENT, seq: third })).toBe(204)
      expect(await ack(rig, { clientId: CLIENT, seq: third - 1 })).toBe(204)
      const again = await rig.open(`${path}${CLIENT}`)
      await rig.advance(1_000)
      expect(again.of('snapshot')).toEqual([])
      expect(again.of('patch').map(({ data }) => data.n)).toEqual([5, 6])
      // What the request itself says comes first.
      const position = path.startsWith('/feed') ? rig.tokenAt(rig.outbox.sealed - 1) : '5'
      const told = await rig.open(`${path}${CLIENT}&checkpoint=${position}`)
      await rig.advance(1_000)
      expect(told.of('patch').map(({ data }) => data.n)).toEqual([6])
    },
  )

  it.each([
    [{}],
    [{ clientId: CLIENT }],
    [{ clientId: CLIENT, seq: -1 }],
    [{ clientId: CLIENT, seq: 1.5 }],
    [{ clientId: CLIENT, seq: '5' }],
    [{ clientId: CLIENT, seq: 2 ** 60 }],
    [{ clientId: 'short', seq: 1 }],
    [{ clientId: { $gt: '' }, seq: 1 }],
    [{ clientId: `${CLIENT}$`, seq: 1 }],
    [{ clientId: 'x'.repeat(65), seq: 1 }],
    [[CLIENT, 1]],
  ])('OB19 %j is refused', async (body) => {
    const rig = await FeedRig.start()
    expect(await ack(rig, body)).toBe(400)
  })

  it('OB19 FE15 OB90 an id that may be guessed is refused, and an address has so many calls a second', async () => {
    const rig = await FeedRig.start({ readsPerSecondPerIp: 2 })
    const refused = rig.transport.request({ path: '/feed?clientId=ada' })
    await refused.done
    expect(refused.status).toBe(400)
    expect(await ack(rig, { clientId: CLIENT, seq: 1 })).toBe(204)
    expect(await ack(rig, { clientId: CLIENT, seq: 1 })).toBe(204)
    expect(await ack(rig, { clientId: CLIENT, seq: 1 })).toBe(429)
  })
})
