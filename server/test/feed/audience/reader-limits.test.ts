import { describe, expect, it } from 'vitest'
import { FeedRig, Reader } from '../rig.ts'

/** Asks from another address than the rig itself does. */
async function ask(rig: FeedRig, remoteAddress: string, path: string): Promise<Reader> {
  const reader = new Reader(rig.transport.request({ path, headers: {}, remoteAddress }))
  await rig.settle()
  return reader
}

const isSentAway = (reader: Reader): boolean =>
  reader.exchange.status === 200 &&
  !reader.exchange.isOpen &&
  /^retry: \d+\n: ringside\n$/.test(reader.text)

describe('FE15 one address', () => {
  it.each(['/rooms', '/rooms/a/events', '/rooms/a/state'])(
    'FE15 %s beyond readsPerSecondPerIp is answered 429 with Retry-After, for this second',
    async (path) => {
      const rig = await FeedRig.start({ readsPerSecondPerIp: 3 })
      await rig.room('a', {})
      for (let index = 0; index < 3; index++)
        expect((await ask(rig, '10.0.0.1', path)).exchange.status).toBe(200)
      const refused = await ask(rig, '10.0.0.1', path)
      expect([refused.exchange.status, refused.error]).toEqual([429, 'too_many_requests'])
      expect(refused.exchange.headers).toMatchObject({ 'retry-after': '1' })
      expect((await ask(rig, '10.0.0.2', path)).exchange.status).toBe(200)
      await rig.advance(1_000)
      expect((await ask(rig, '10.0.0.1', path)).exchange.status).toBe(200)
    },
  )

  it('FE15 a long list of rooms is made ten times a second at most, a short one for each question', async () => {
    const rig = await FeedRig.start()
    const { directory } = rig
    let madeCount = 0
    const list = directory.list.bind(directory)
    directory.list = () => {
      madeCount++
      return list()
    }
    directory.set('a', {})
    const asked = async (): Promise<number> => {
      const before = madeCount
      for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
        expect((await ask(rig, address, '/rooms')).exchange.status).toBe(200)
      return madeCount - before
    }
    expect(await asked()).toBe(3)
    for (let index = 0; index < 1_000; index++) directory.set(`room-${index}`, {})
    await rig.advance(1_000)
    expect(await asked()).toBe(1)
    directory.set('newest', {})
    await rig.advance(1_000)
    expect((await ask(rig, '10.0.0.1', '/rooms')).exchange.text()).toContain('newest')
  })

  it('FE15 who joins all rooms costs no walk over every room that is remembered', async () => {
    const rig = await FeedRig.start()
    const { directory } = rig
    await rig.room('a', {})
    for (let index = 0; index < 100; index++) directory.set(`old-${index}`, { isLive: false })
    await rig.settle()
    let walkCount = 0
    const ids = directory.ids.bind(directory)
    directory.ids = () => {
      walkCount++
      return ids()
    }
    const join = async (): Promise<string> => {
      const reader = await ask(rig, '10.0.0.1', '/feed')
      for (let turn = 0; turn < 50 && !reader.text.includes('caught-up'); turn++)
        await rig.advance(10)
      await rig.advance(1_000)
      return reader.text
    }
    for (let index = 0; index < 10; index++) expect(await join()).toContain('"room":"a"')
    expect(walkCount).toBe(1)
    await rig.room('b', {})
    expect(await join()).toContain('"room":"b"')
    directory.set('b', { isPrivate: true })
    expect(await join()).not.toContain('"room":"b"')
    directory.set('b', { isPrivate: false, delayMs: 60_000 })
    expect(await join()).toContain('"delayMs":60000')
  })

  it.each(['/rooms/a/feed', '/rooms/a/feed?checkpoint=1', '/feed', '/rooms/stream'])(
    'FE15 %s beyond readsPerSecondPerIp is answered 200 with retry, and ends',
    async (path) => {
      const rig = await FeedRig.start({ readsPerSecondPerIp: 1 })
      await rig.room('a', {})
      expect(isSentAway(await ask(rig, '10.0.0.1', path))).toBe(false)
      expect(isSentAway(await ask(rig, '10.0.0.1', path))).toBe(true)
      expect(isSentAway(await ask(rig, '10.0.0.2', path))).toBe(false)
      await rig.advance(1_000)
      expect(isSentAway(await ask(rig, '10.0.0.1', path))).toBe(false)
    },
  )

  it('FE15 streams of rooms and of the lobby count together; one that ends makes room', async () => {
    const rig = await FeedRig.start({ maxStreamsPerIp: 3 })
    await rig.room('a', {})
    const paths = ['/rooms/a/feed', '/feed', '/rooms/stream']
    const open = []
    for (const path of paths) open.push(await ask(rig, '10.0.0.1', path))
    expect(open.some(isSentAway)).toBe(false)
    for (const path of paths) {
      expect(isSentAway(await ask(rig, '10.0.0.1', path))).toBe(true)
      const other = await ask(rig, '10.0.0.2', path)
      expect(isSentAway(other)).toBe(false)
    }
    for (const reader of open) {
      reader.exchange.abort()
      await rig.settle()
      expect(isSentAway(await ask(rig, '10.0.0.1', '/rooms/a/feed'))).toBe(false)
      expect(isSentAway(await ask(rig, '10.0.0.1', '/rooms/a/feed'))).toBe(true)
    }
  })

  it('FE15 a stream that is gone before it begins holds no place', async () => {
    const rig = await FeedRig.start({ maxStreamsPerIp: 1 })
    await rig.room('a', {})
    for (const path of ['/rooms/a/feed', '/rooms/a/feed?checkpoint=1', '/rooms/stream']) {
      const request = { path, headers: {}, remoteAddress: '10.0.0.1' }
      rig.transport.request(request).abort()
      await rig.settle()
    }
    expect(isSentAway(await ask(rig, '10.0.0.1', '/rooms/a/feed'))).toBe(false)
  })
})
