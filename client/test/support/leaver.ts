// A program that uses the SDK once and has nothing more to do: its process should end by itself. `let-go.test` runs it.
import { connect, createFeedState, openFeed } from '@ringside/client'
import type { Feed, FeedOptions } from '@ringside/client'
import { leaverGame } from './leaver-game.ts'

const [scenario = '', address = '', deaf = '', watched = ''] = process.argv.slice(2)
const TICK_MS = 50
const client = connect(leaverGame, address)

/**
 * The clock of the test begins here. It ticks in this process and keeps nothing: where the machine is busy it is late as
 * everything else, so that only what holds the process counts.
 */
function done(): void {
  let ticks = 0
  setInterval(() => ticks++, TICK_MS).unref()
  process.on('exit', () => process.stdout.write(String(ticks * TICK_MS)))
}

function closedRoom(room: { onStatus: (listener: (status: string) => void) => unknown }) {
  return new Promise<void>((resolve) => {
    room.onStatus((status) => {
      if (status === 'closed') resolve()
    })
  })
}

function feedUntil(status: string, options: FeedOptions = {}): Promise<Feed> {
  const storage = new Map<string, string>()
  return new Promise<Feed>((resolve) => {
    const feed = openFeed(
      { address, room: watched },
      {
        state: createFeedState(),
        storage: {
          getItem: (key) => storage.get(key) ?? null,
          setItem: (key, value) => void storage.set(key, value),
        },
        onStatus: (now) => {
          if (now === status) resolve(feed)
        },
        ...options,
      },
    )
  })
}

const scenarios: Record<string, () => Promise<void>> = {
  async leave() {
    const room = await client.create('hall')
    await room.request('ping', {})
    await room.leave()
  },
  async 'room ended'() {
    const room = await client.create('hall')
    const closed = closedRoom(room)
    room.send('finish', {})
    await closed
  },
  async 'leave while reconnecting'() {
    const room = await client.create('hall')
    const away = new Promise<void>((resolve) => {
      room.onStatus((status) => {
        if (status === 'reconnecting') resolve()
      })
    })
    room.send(8)
    await away
    await room.leave()
  },
  async 'leave with requests that wait'() {
    const room = await client.create('hall')
    const waiting = room.request('hang', {}).catch(() => {})
    await room.leave()
    await waiting
  },
  async 'request answered'() {
    const session = await client.open()
    await session.rpc('add', [1, 2])
    session.close()
  },
  async 'session closed by the server'() {
    const session = await client.open()
    const closed = new Promise<unknown>((resolve) => void session.onClose(resolve))
    session.send(7)
    await closed
  },
  async 'session closed towards a deaf peer'() {
    const session = await connect(leaverGame, deaf).open()
    session.close()
  },
  async 'join at a deaf peer'() {
    const answer = { roomId: 'r', sessionId: 's', url: 'ws', ticket: 't' }
    const fetch = () => Promise.resolve(Response.json(answer))
    const lost = connect(leaverGame, deaf, { fetch, joinTimeoutMs: 300 })
    await lost.join('hall').catch(() => {})
  },
  async 'call over HTTP'() {
    await client.rpc('add', [1, 2])
  },
  async 'refused join'() {
    await client.joinById('nowhere').catch(() => {})
  },
  async 'join at a server that is away'() {
    await connect(leaverGame, 'http://127.0.0.1:9')
      .join('hall')
      .catch(() => {})
  },
  async 'join without an answer'() {
    await connect(leaverGame, deaf, { joinTimeoutMs: 200 })
      .join('hall')
      .catch(() => {})
  },
  async 'feed closed'() {
    const feed = await feedUntil('live')
    feed.close()
  },
  async 'feed closed before it began'() {
    openFeed({ address, room: watched }).close()
  },
  async 'feed closed while it connects'() {
    const feed = openFeed({ address: deaf, room: watched })
    await new Promise((resolve) => setTimeout(resolve, 100))
    feed.close()
  },
  async 'feed closed while it waits'() {
    const feed = openFeed({ address: 'http://127.0.0.1:9', room: watched })
    await new Promise((resolve) => setTimeout(resolve, 200))
    feed.close()
  },
  async 'feed of a room that ends'() {
    const feed = await feedUntil('live')
    const ended = new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (feed.status !== 'ended') return
        clearInterval(look)
        resolve()
      }, 5)
    })
    const room = await client.joinById(watched)
    room.send('finish', {})
    await ended
    await closedRoomOrNow(room)
  },
  async 'feed of a room that has ended'() {
    const room = await client.create('hall')
    const closed = closedRoom(room)
    room.send('finish', {})
    await closed
    await new Promise<void>((resolve) => {
      openFeed(
        { address, room: room.id },
        { onStatus: (status) => (status === 'ended' ? resolve() : undefined) },
      )
    })
  },
  async 'feed refused'() {
    await new Promise<void>((resolve) => {
      openFeed(
        { address, room: 'nowhere' },
        { onStatus: (status) => (status === 'failed' ? resolve() : undefined) },
      )
    })
  },
  async 'feed of several rooms closed'() {
    await new Promise<void>((resolve) => {
      const feed = openFeed(
        { address, rooms: ['*'] },
        {
          onStatus(status) {
            if (status !== 'live') return
            feed.close()
            resolve()
          },
        },
      )
    })
  },
}

function closedRoomOrNow(room: {
  readonly status: string
  onStatus: (listener: (status: string) => void) => unknown
}): Promise<void> {
  return room.status === 'closed' ? Promise.resolve() : closedRoom(room)
}

await scenarios[scenario]?.()
done()
