import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { connect, followFeed, ackFeed, keepAuthorized, openFeed } from '@ringside/client'
import { topicHandlers, withToken } from '@ringside/client'
import type { Feed, FeedMessage } from '@ringside/client'
import { createServer } from '@ringside/server'
import type { Server } from '@ringside/server'
import { eventually } from '@ringside/server/testing'
import { game } from '../src/game.ts'

const SECRET = 'a secret of thirty-two characters'
/** A token lives for so long, in s; streams and sessions outlive it. */
const LIFE = 2

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokenOf(sub: string, scope = '', lifeSeconds = LIFE): string {
  const iat = Math.floor(Date.now() / 1_000)
  const text = `${base64({ alg: 'HS256' })}.${base64({ sub, scope, iat, exp: iat + lifeSeconds })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

let server: Server<typeof game> | null = null
const stops: (() => void)[] = []

afterEach(async () => {
  for (const stop of stops.splice(0)) stop()
  await server?.close()
  server = null
})

async function start(): Promise<string> {
  server = createServer(game, { jwt: { secret: SECRET } })
  server.room('counter', { onCreate: () => ({ players: {}, total: 0 }) })
  return `http://127.0.0.1:${await server.listen({ port: 0, host: '127.0.0.1' })}`
}

async function until(condition: () => boolean, what: string): Promise<void> {
  await eventually(condition, { what, deadlineMs: 15_000 })
}

/** Publishes a piece of news each 100 ms, until the returned function is called. */
function publishing(topic: string): () => number {
  let count = 0
  const timer = setInterval(() => {
    void server?.publish({ topic, type: 'news', data: ++count })
  }, 100)
  stops.push(() => clearInterval(timer))
  return () => {
    clearInterval(timer)
    return count
  }
}

describe('a token that is over while the connection stands, over real sockets', () => {
  it('CN77: a session without a room, and a room, outlive their tokens with no break', async () => {
    const address = await start()
    const client = connect(game, address, { fetch: withToken(() => tokenOf('ada')) })
    const [session, room] = [await client.open(), await client.create('counter')]
    const [closed, statuses]: [number[], string[]] = [[], []]
    session.onClose(({ code }) => closed.push(code))
    room.onStatus((status) => statuses.push(status))
    let asked = 0
    const token = (): string => {
      asked++
      return tokenOf('ada')
    }
    stops.push(keepAuthorized(session, token), keepAuthorized(room, token))
    await until(() => asked >= 8, 'four tokens each')
    expect([session.isOpen, room.status, closed, statuses]).toEqual([true, 'connected', [], []])
    // The counterpart: what is not kept ends.
    for (const stop of stops.splice(0)) stop()
    await until(() => closed.length > 0, 'the end of the session')
    expect(closed).toEqual([4010])
    await room.leave()
  })

  it('CN78: a stream outlives its token: every event once, one stream', async () => {
    const address = await start()
    const news: number[] = []
    let streams = 0
    const token = (): string => tokenOf('ada', 'read:topic:team.*')
    const feed = openFeed(
      { address, rooms: [], topics: ['team.news'] },
      {
        fetch: withToken(token),
        onStatus: (status) => void (status === 'catching-up' && streams++),
        onEvent: topicHandlers<{ news: number }>({ news: ({ data }) => news.push(data) }),
      },
    )
    stops.push(() => feed.close())
    await until(() => feed.status === 'live', 'the stream')
    stops.push(keepAuthorized(feed, token))
    const published = publishing('team.news')
    await new Promise((resolve) => setTimeout(resolve, 2.5 * LIFE * 1_000))
    const count = published()
    await until(() => news.length >= count, 'the last news')
    expect(news).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    expect(streams).toBe(1)
  })

  it('CN79: CN80: a feed follows another topic without a gap; what was acknowledged is not told again', async () => {
    const address = await start()
    const told: FeedMessage[] = []
    const open = (): Feed => {
      const feed = openFeed(
        { address, rooms: [], topics: ['public'] },
        {
          clientId: 'a-client-of-sixteen',
          feed: 'board',
          fetch: withToken(() => tokenOf('ada', 'read:topic:*', 60)),
          onEvent: (event) => void (event.type === 'topic' && told.push(event)),
        },
      )
      stops.push(() => feed.close())
      return feed
    }
    const publish = (topic: string, data: number): unknown =>
      server?.publish({ topic, type: 'news', data })
    const feed = open()
    await until(() => feed.status === 'live', 'the stream')
    const answer = await followFeed(feed, { topics: ['public', 'team'] })
    expect(answer).toMatchObject({ topics: ['public', 'team'] })
    await publish('public', 1)
    await publish('team', 2)
    await until(() => told.length === 2, 'both')
    await expect(followFeed(feed, { topics: ['no topic!'] })).rejects.toMatchObject({
      code: 'bad_request',
    })
    expect(await ackFeed(feed)).toBe(true)
    feed.close()
    await publish('public', 3)
    const again = open()
    await until(() => told.length === 3, 'the news since')
    expect(told.map(({ data }) => (data as { data: number }).data)).toEqual([1, 2, 3])
    expect(again.status).not.toBe('failed')
  })
})
