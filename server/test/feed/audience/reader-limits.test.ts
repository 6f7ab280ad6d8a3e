import { describe, expect, it } from 'vitest'
import { nobodyKnown } from '../../../src/auth/principal.ts'
import type { FeedAuthenticator } from '../../../src/feed/audience/access.ts'
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

describe('FE156 one user or holder of a key', () => {
  /** Whoever the header `x-user` names. */
  const authenticator: FeedAuthenticator = {
    authenticate: (request) => {
      const name = request.header('x-user')
      return name === '' ? nobodyKnown : { ...nobodyKnown, id: `user:${name}`, kind: 'user' }
    },
    watch: () => () => {},
  }

  async function askAs(
    rig: FeedRig,
    [user, remoteAddress]: readonly [string, string],
    path: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Reader> {
    const headers = { 'x-user': user, ...more }
    const reader = new Reader(rig.transport.request({ path, headers, remoteAddress }))
    await rig.settle()
    return reader
  }

  it.each(['/rooms/a/events', '/rooms/a/state', '/rooms/a/series?path=x&every=1s'])(
    'FE156 %s beyond readsPerSecondPerUser is 429 with Retry-After, from whatever address',
    async (path) => {
      const rig = await FeedRig.start({ readsPerSecondPerUser: 2, authenticator })
      await rig.room('a', { x: 1 })
      for (const address of ['10.0.0.1', '10.0.0.2'])
        expect((await askAs(rig, ['ada', address], path)).exchange.status).toBe(200)
      const refused = await askAs(rig, ['ada', '10.0.0.3'], path)
      expect([refused.exchange.status, refused.error]).toEqual([429, 'too_many_requests'])
      expect(refused.exchange.headers).toMatchObject({ 'retry-after': '1' })
      expect((await askAs(rig, ['bob', '10.0.0.3'], path)).exchange.status).toBe(200)
      for (let count = 0; count < 5; count++)
        expect((await askAs(rig, ['', '10.0.0.3'], path)).exchange.status).toBe(200)
      await rig.advance(1_000)
      expect((await askAs(rig, ['ada', '10.0.0.3'], path)).exchange.status).toBe(200)
    },
  )

  it.each(['/rooms/a/feed', '/feed', '/feed?rooms='])(
    'FE156 %s beyond maxStreamsPerUser is sent away in the stream, as lines with 429; one that ends makes room',
    async (path) => {
      const rig = await FeedRig.start({ maxStreamsPerUser: 2, authenticator })
      await rig.room('a', {})
      const open = [
        await askAs(rig, ['ada', '10.0.0.1'], path),
        await askAs(rig, ['ada', '10.0.0.2'], path),
      ]
      expect(open.some(isSentAway)).toBe(false)
      expect(isSentAway(await askAs(rig, ['ada', '10.0.0.3'], path))).toBe(true)
      const lines = { accept: 'application/x-ndjson' }
      const refused = await askAs(rig, ['ada', '10.0.0.3'], path, lines)
      expect([refused.exchange.status, refused.error]).toEqual([429, 'too_many_requests'])
      expect(Number(refused.exchange.headers['retry-after'])).toBeGreaterThan(0)
      expect(isSentAway(await askAs(rig, ['bob', '10.0.0.3'], path))).toBe(false)
      for (let count = 0; count < 4; count++)
        expect(isSentAway(await askAs(rig, ['', '10.0.0.3'], path))).toBe(false)
      open[0]?.exchange.abort()
      await rig.settle()
      expect(isSentAway(await askAs(rig, ['ada', '10.0.0.3'], path))).toBe(false)
      expect(isSentAway(await askAs(rig, ['ada', '10.0.0.3'], path))).toBe(true)
    },
  )

  it('FE156 a feed beyond readsPerSecondPerUser is answered 200 with retry, and ends', async () => {
    const rig = await FeedRig.start({ readsPerSecondPerUser: 1, authenticator })
    await rig.room('a', {})
    expect(isSentAway(await askAs(rig, ['ada', '10.0.0.1'], '/feed'))).toBe(false)
    expect(isSentAway(await askAs(rig, ['ada', '10.0.0.2'], '/feed'))).toBe(true)
    await rig.advance(1_000)
    expect(isSentAway(await askAs(rig, ['ada', '10.0.0.2'], '/feed'))).toBe(false)
  })
})
