import { describe, expect, it } from 'vitest'
import type { Json } from '@ringside/protocol'
import { FeedRig, itemAt } from '../rig.ts'
import type { Reader } from '../rig.ts'

const CLIENT = 'abcdefghijklmnop'

async function post(rig: FeedRig, body: Json): Promise<number> {
  return (await rig.send('POST', '/feed/ack', body)).status
}

/** Acknowledges as the reader of this stream. */
function ack(rig: FeedRig, reader: Reader, id: string): Promise<number> {
  const { streamId, streamKey } = itemAt(reader.of('hello'), 0).data
  return post(rig, { streamId, streamKey, id })
}

function idsOf(reader: Reader, type = 'patch'): string[] {
  return reader.of(type).map(({ id }) => String(id))
}

describe('OB19 POST /feed/ack', () => {
  it.each(['/feed?clientId=', '/rooms/a/feed?from=start&clientId='])(
    'OB19 FE1 OB89 %s goes on where the client has read up to, and begins as asked while it never told',
    async (path) => {
      const rig = await FeedRig.start()
      const room = await rig.room('a', {})
      const first = await rig.open(`${path}${CLIENT}`)
      expect(first.of('snapshot').length + first.of('patch').length).toBeGreaterThan(0)
      for (let value = 1; value <= 5; value++) {
        room.patch({ value })
        await rig.settle()
      }
      const [, second, third, fourth, fifth] = idsOf(first).slice(-5)
      expect(await ack(rig, first, third ?? '')).toBe(204)
      expect(await ack(rig, first, second ?? '')).toBe(204)
      const again = await rig.open(`${path}${CLIENT}`)
      expect(again.of('snapshot')).toEqual([])
      expect(idsOf(again)).toEqual([fourth, fifth])
      // What the request itself says comes first.
      const told = await rig.open(`${path}${CLIENT}`, { 'last-event-id': fourth ?? '' })
      expect(idsOf(told)).toEqual([fifth])
    },
  )

  it('OB19 FE78 each feed of a client has its own, over a restart too', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const board = await rig.open(`/feed?clientId=${CLIENT}&feed=board`)
    const plain = await rig.open(`/feed?clientId=${CLIENT}`)
    for (let value = 1; value <= 3; value++) {
      room.patch({ value })
      await rig.settle()
    }
    expect(await ack(rig, board, itemAt(idsOf(board), 0))).toBe(204)
    expect(await ack(rig, plain, itemAt(idsOf(plain), 1))).toBe(204)
    await rig.advance(2_500)
    const next = await FeedRig.start({
      store: rig.store,
      clock: rig.clock,
      directory: rig.directory,
    })
    const counts = []
    for (const query of ['&feed=board', '', '&feed=other'])
      counts.push((await next.open(`/feed?clientId=${CLIENT}${query}`)).types)
    expect(counts).toEqual([
      ['hello', 'patch', 'patch', 'caught-up'],
      ['hello', 'patch', 'caught-up'],
      ['hello', 'snapshot', 'caught-up'],
    ])
  })

  it('FE78 rooms that the stored selection did not have begin with their snapshots', async () => {
    const rig = await FeedRig.start()
    const [a, b] = [await rig.room('a', {}), await rig.room('b', {})]
    const first = await rig.open(`/feed?rooms=a&clientId=${CLIENT}`)
    const bump = async (): Promise<void> => {
      for (const room of [a, b]) {
        room.patch({ x: room.n })
        await rig.settle()
      }
    }
    await bump()
    expect(await ack(rig, first, itemAt(idsOf(first), -1))).toBe(204)
    await bump()
    const open = async (query: string): Promise<string[]> =>
      (await rig.open(`/feed?${query}&clientId=${CLIENT}`)).events.map(({ type, data }) =>
        `${type} ${data.room ?? ''} ${data.n ?? ''}`.trim(),
      )
    expect(await open('rooms=a')).toEqual(['hello', 'patch a 3', 'caught-up'])
    // At the checkpoint b had its first state: its second patch came after it.
    const then = ['patch b 2', 'patch a 3', 'patch b 3', 'caught-up']
    expect(await open('rooms=a,b')).toEqual(['hello', 'snapshot b 1', ...then])
    expect(await open('rooms=*')).toEqual(['hello', 'snapshot b 1', ...then])
  })

  it('FE78 a client that followed no patches begins every room with its snapshot once it does', async () => {
    const rig = await FeedRig.start()
    const a = await rig.room('a', {})
    const first = await rig.open(`/feed?rooms=a&types=kill&clientId=${CLIENT}`)
    a.emit('kill', {})
    await rig.settle()
    expect(await ack(rig, first, itemAt(idsOf(first, 'kill'), -1))).toBe(204)
    const back = await rig.open(`/feed?rooms=a&clientId=${CLIENT}`)
    expect(back.types).toEqual(['hello', 'snapshot', 'caught-up'])
  })

  it('OB19 only what the stream was shown can be acknowledged, and only a stream with a client', async () => {
    const rig = await FeedRig.start()
    const room = await rig.room('a', {})
    const slow = await rig.open(`/feed?clientId=${CLIENT}`)
    const quick = await rig.open(`/feed?clientId=${CLIENT}&feed=quick`)
    slow.body.setFull(true)
    for (let value = 1; value <= 3; value++) {
      room.patch({ value })
      await rig.settle()
    }
    const last = itemAt(idsOf(quick), -1)
    expect(await ack(rig, slow, last)).toBe(400)
    expect(await ack(rig, quick, last)).toBe(204)
    const nobody = await rig.open('/feed')
    expect(await ack(rig, nobody, last)).toBe(400)
    for (const id of ['', 'x', '-1', '1e3', String(Number.MAX_SAFE_INTEGER), `${last} `])
      expect(await ack(rig, quick, id)).toBe(400)
  })

  it.each([
    [{}],
    [{ clientId: CLIENT, seq: 1 }],
    [{ streamId: 'x', streamKey: 'y' }],
    [{ streamId: 'x', streamKey: 'y', id: 5 }],
    [{ streamId: { $gt: '' }, streamKey: 'y', id: '5' }],
    [[CLIENT, 1]],
  ])('OB19 %j is refused, and told what is expected', async (body) => {
    const rig = await FeedRig.start()
    const exchange = await rig.send('POST', '/feed/ack', body)
    expect(exchange.status).toBe(400)
    if (!Array.isArray(body)) expect(exchange.text()).toContain('{ streamId, streamKey, id }')
  })

  it('OB19 FE15 OB90 an id that may be guessed is refused, and an address has so many calls a second', async () => {
    const rig = await FeedRig.start({ readsPerSecondPerIp: 3 })
    expect((await rig.open('/feed?clientId=ada')).exchange.status).toBe(400)
    const body = { streamId: 'x', streamKey: 'y', id: '1' }
    expect(await post(rig, body)).toBe(404)
    expect(await post(rig, body)).toBe(404)
    expect(await post(rig, body)).toBe(429)
  })
})
