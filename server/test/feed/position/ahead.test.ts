import { expect, it } from 'vitest'
import { FeedRig, itemAt } from '../rig.ts'

const CLIENT = 'client-of-sixteen-chars'

/** A reader without a delay is further than a feed with one: it goes on there once that is old enough. */
it('FE141 FE3 FE78 a checkpoint of what is told at once shows nothing of a delayed room before its time', async () => {
  const rig = await FeedRig.start()
  const open = await rig.room('open', { x: 0 })
  const slow = await rig.room('slow', { secret: 0 }, { delayMs: 5_000 })
  await rig.advance(10_000)
  const reader = await rig.open(`/feed?rooms=open&topics=&clientId=${CLIENT}`)
  slow.patch({ secret: 1 })
  open.patch({ x: 1 })
  await rig.settle()
  const { streamId, streamKey } = itemAt(reader.of('hello'), 0).data
  const body = { streamId, streamKey, id: reader.lastEventId }
  const headers = { 'content-type': 'application/json' }
  expect((await rig.send('POST', '/feed/ack', body, headers)).status).toBe(204)
  const both = await rig.open(`/feed?rooms=open,slow&topics=&clientId=${CLIENT}`)
  expect(both.text).not.toContain('"secret":1')
  await rig.advance(4_999)
  expect(both.text).not.toContain('"secret":1')
  await rig.advance(1)
  expect(both.of('snapshot').map(({ data }) => [data.room, data.state])).toEqual([
    ['slow', { secret: 1 }],
  ])
  slow.patch({ secret: 2 })
  open.patch({ x: 2 })
  await rig.advance(5_000)
  expect(both.roomEvents.map(({ data }) => [data.room, data.n])).toEqual([
    ['slow', 3],
    ['open', 3],
  ])
})

it('FE141 FE1 FE56 a position of another selection, further than a feed with a delay, is gone on from once: no event is doubled', async () => {
  const rig = await FeedRig.start()
  const open = await rig.room('open', { x: 0 })
  const slow = await rig.room('slow', { secret: 0 }, { delayMs: 5_000 })
  await rig.advance(10_000)
  const reader = await rig.open('/feed?rooms=open')
  slow.patch({ secret: 1 })
  await rig.publish('public', 'news', { a: 1 })
  open.patch({ x: 1 })
  await rig.settle()
  expect(reader.of('news')).toHaveLength(1)
  const both = await rig.open('/feed?rooms=open,slow', { 'last-event-id': reader.lastEventId })
  await rig.publish('public', 'news', { a: 2 })
  await rig.advance(4_999)
  expect(both.text).not.toContain('"secret":1')
  await rig.advance(5_000)
  expect(both.of('news').map(({ data }) => data.data)).toEqual([{ a: 2 }])
  expect(both.of('snapshot').map(({ data }) => [data.room, data.n])).toEqual([
    ['open', 2],
    ['slow', 2],
  ])
  expect(both.types.at(-1)).toBe('caught-up')
})
