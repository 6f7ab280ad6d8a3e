import { decodeSystem, encodeSystem, system } from '@ringside/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openFeed } from '../src/feed/index.ts'
import type { Timers } from '../src/index.ts'
import { Wakes } from '../src/wake.ts'
import { FakeServer } from './support/fake-server.ts'
import { FeedRig } from './support/feed-rig.ts'
import { TestTimers, settle } from './support/test-timers.ts'

afterEach(() => vi.unstubAllGlobals())

/** A page that hears events, as far as the SDK looks at it. */
function page() {
  const window = new EventTarget()
  const document = Object.assign(new EventTarget(), {
    visibilityState: 'visible',
    baseURI: 'http://host:1/',
  })
  vi.stubGlobal('document', document)
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window))
  return { window, document }
}

const events = [
  ['online', 'window'],
  ['pageshow', 'window'],
  ['visibilitychange', 'document'],
  ['resume', 'document'],
] as const

function pings(server: FakeServer): number[] {
  return server.socket.frames(system.ping.id).map((frame) => decodeSystem('ping', frame).clientTime)
}

function pong(server: FakeServer, clientTime = pings(server).at(-1) ?? 0): void {
  server.socket.deliver(encodeSystem('pong', { clientTime, serverTime: clientTime }))
}

/** Answers the pings for so long, as a server that lives. */
async function live(server: FakeServer, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    pong(server)
    await server.timers.advance(500)
  }
  pong(server)
}

describe('CN58: a wake-up probes an open connection', () => {
  it.each(events)(
    '%s of the %s: one that is dead is given up after 3 s, and dialled',
    async (type, on) => {
      const stage = page()
      const server = new FakeServer()
      const room = await server.room()
      await live(server, 6_000)
      const before = pings(server).length
      stage[on].dispatchEvent(new Event(type))
      expect(pings(server)).toHaveLength(before + 1)
      await server.timers.advance(2_900)
      expect(room.status).toBe('connected')
      await server.timers.advance(200)
      expect(room.status).toBe('reconnecting')
      await server.timers.advance(500)
      await server.accept()
      expect(room.status).toBe('connected')
      void room.leave()
    },
  )

  it('one that answers stays, and so does one from which anything new comes', async () => {
    const { window } = page()
    const server = new FakeServer()
    const room = await server.room()
    await live(server, 6_000)
    window.dispatchEvent(new Event('online'))
    pong(server)
    await server.timers.advance(4_000)
    window.dispatchEvent(new Event('online'))
    await server.timers.advance(1_000)
    server.patch()
    server.fullState()
    await server.timers.advance(3_000)
    expect([room.status, server.sockets.length]).toEqual(['connected', 1])
  })

  it('what lay in the machine while it slept is no answer', async () => {
    const { window } = page()
    const server = new FakeServer()
    const room = await server.room()
    await live(server, 6_000)
    const [old] = pings(server)
    window.dispatchEvent(new Event('online'))
    pong(server, old)
    server.fullState()
    await server.timers.advance(3_100)
    expect(room.status).toBe('reconnecting')
  })

  it('a swarm of events is one probe a second, and none while the page is hidden', async () => {
    const { window, document } = page()
    const server = new FakeServer()
    await server.room()
    await live(server, 6_000)
    const before = pings(server).length
    for (let i = 0; i < 50; i++) window.dispatchEvent(new Event('online'))
    pong(server)
    expect(pings(server)).toHaveLength(before + 1)
    await live(server, 1_500)
    expect(pings(server).length).toBeLessThanOrEqual(before + 3)
    document.visibilityState = 'hidden'
    const then = pings(server).length
    document.dispatchEvent(new Event('visibilitychange'))
    expect(pings(server)).toHaveLength(then)
  })

  it('a connection without a room is probed too', async () => {
    const { window } = page()
    const server = new FakeServer()
    const opening = server.client().open()
    await settle()
    server.socket.open()
    const session = await opening
    const closed: number[] = []
    session.onClose(({ code }) => closed.push(code))
    await live(server, 6_000)
    window.dispatchEvent(new Event('online'))
    await server.timers.advance(3_100)
    expect([session.isOpen, closed, server.timers.pending]).toEqual([false, [1006], 0])
  })

  it('a connection without a room that is silent for 12 s after a ping has ended', async () => {
    const server = new FakeServer()
    const opening = server.client().open()
    await settle()
    server.socket.open()
    const session = await opening
    await server.timers.advance(20_000)
    expect(session.isOpen).toBe(false)
  })

  it('after leave nothing listens', async () => {
    const { window } = page()
    const server = new FakeServer()
    const room = await server.room()
    const left = room.leave()
    server.socket.serverClose(1000)
    await left
    const before = pings(server).length
    window.dispatchEvent(new Event('online'))
    expect([pings(server).length, server.timers.pending]).toEqual([before, 0])
  })
})

/** Time of a machine that can sleep: then no timer comes, and the monotonic clock may stand. */
class SleepyTimers extends TestTimers implements Timers {
  #sleptMs = 0
  /** Does the clock of `now` go on during sleep, as that of some systems does? */
  readonly #goesOn: boolean

  constructor(goesOn: boolean) {
    super()
    this.#goesOn = goesOn
  }

  override now(): number {
    return super.now() + (this.#goesOn ? this.#sleptMs : 0)
  }

  wallNow(): number {
    return super.now() + this.#sleptMs
  }

  sleep(ms: number): void {
    this.#sleptMs += ms
  }
}

describe('CN58: without a page, a clock that jumped is a wake-up', () => {
  it.each([true, false])('of a room (the monotonic clock goes on: %s)', async (goesOn) => {
    const timers = new SleepyTimers(goesOn)
    const server = new FakeServer()
    const room = await server.room({ timers })
    for (let i = 0; i < 12; i++) {
      pong(server)
      await timers.advance(500)
    }
    pong(server)
    timers.sleep(3_600_000)
    // The tick that notices, then the probe.
    await timers.advance(2_000 + 3_100)
    expect(room.status).toBe('reconnecting')
  })

  it('a process that stood does not give up a server whose answers lie unread', async () => {
    const timers = new SleepyTimers(true)
    const server = new FakeServer()
    const room = await server.room({ timers })
    await timers.advance(100)
    timers.sleep(60_000)
    await timers.advance(300)
    for (const time of pings(server)) pong(server, time)
    await timers.advance(2_000)
    pong(server)
    await timers.advance(1_500)
    expect([room.status, server.sockets.length]).toEqual(['connected', 1])
  })

  it('a timer that is a little late is none', async () => {
    const timers = new SleepyTimers(true)
    let wakes = 0
    const stop = new Wakes(timers).listen(() => wakes++)
    for (let i = 0; i < 20; i++) {
      timers.sleep(1_000)
      await timers.advance(1_000)
    }
    stop()
    expect([wakes, timers.pending]).toEqual([0, 0])
  })
})

describe('CN59: a wake-up and a feed', () => {
  it.each(events)(
    '%s of the %s: a stream that was silent for a heartbeat is opened again at once',
    async (type, on) => {
      const stage = page()
      const rig = new FeedRig()
      const feed = rig.open()
      rig.patch()
      await rig.fake.advance(15_100)
      stage[on].dispatchEvent(new Event(type))
      await rig.fake.advance(250)
      expect(rig.fake.requests).toHaveLength(2)
      expect(rig.fake.request.headers.get('last-event-id')).toBe(String(feed.checkpoint))
      expect([feed.status, rig.resets]).toEqual(['live', []])
      feed.close()
      expect(rig.fake.clock.pendingCount).toBe(0)
    },
  )

  it('one that was heard lately must show a heartbeat when it is due', async () => {
    const { window } = page()
    const rig = new FeedRig()
    const feed = rig.open()
    await rig.fake.advance(10_000)
    window.dispatchEvent(new Event('online'))
    await rig.fake.advance(8_000)
    expect(rig.fake.requests).toHaveLength(1)
    await rig.fake.advance(1_000)
    expect(rig.fake.requests).toHaveLength(2)
    // The next one is not in question any more.
    await rig.fake.advance(37_000)
    expect(rig.fake.requests).toHaveLength(2)
    feed.close()
  })

  it('one that shows its heartbeat stays', async () => {
    const { window } = page()
    const rig = new FeedRig()
    const feed = rig.open()
    await rig.fake.advance(10_000)
    window.dispatchEvent(new Event('online'))
    await rig.fake.advance(4_000)
    rig.fake.heartbeat()
    await rig.fake.advance(30_000)
    expect(rig.fake.requests).toHaveLength(1)
    feed.close()
  })

  it('a machine that slept opens its streams again, whatever the monotonic clock says', async () => {
    const timers = new SleepyTimers(false)
    const rig = new FeedRig()
    const feed = rig.open({ timers })
    await settle()
    timers.sleep(600_000)
    await timers.advance(2_000)
    await timers.advance(250)
    expect(rig.fake.requests).toHaveLength(2)
    feed.close()
    expect(timers.pending).toBe(0)
  })

  it('CN60: the heartbeat that hello tells is the measure; nonsense is not', async () => {
    for (const [heartbeatMs, deadAfterMs] of [
      [2_000, 5_000],
      [15_000, 37_500],
      [0, 37_500],
      [-1, 37_500],
      [1e12, 37_500],
      ['soon', 37_500],
    ] as const) {
      const rig = new FeedRig()
      const feed = rig.open()
      await rig.fake.settle()
      rig.send('hello', { streamId: 's', rooms: ['r'], heartbeatMs })
      await rig.fake.settle()
      await rig.fake.advance(deadAfterMs - 100)
      expect(rig.statuses).not.toContain('reconnecting')
      await rig.fake.advance(200)
      expect([heartbeatMs, rig.statuses.includes('reconnecting')]).toEqual([heartbeatMs, true])
      feed.close()
    }
  })

  it('CN62: a request that never settles, not even when it is aborted, holds nothing', async () => {
    const timers = new TestTimers()
    let requests = 0
    const feed = openFeed(
      { address: 'http://host', room: 'r' },
      {
        timers,
        random: () => 0,
        fetch: () => {
          requests++
          return new Promise<Response>(() => {})
        },
      },
    )
    await timers.advance(40_000)
    expect(requests).toBe(2)
    feed.close()
    expect(timers.pending).toBe(0)
  })
})
