import { afterEach, describe, expect, it, vi } from 'vitest'
import { baseUrl } from '../src/base-url.ts'
import { connect, openFeed } from '../src/index.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

afterEach(() => vi.unstubAllGlobals())

function page(href: string, base = href): void {
  vi.stubGlobal('location', new URL(href))
  vi.stubGlobal('document', { baseURI: new URL(base, href).href, visibilityState: 'visible' })
}

describe('CN57: one base for everything', () => {
  it.each([
    ['https://host', 'https://host/'],
    ['http://localhost:8080/', 'http://localhost:8080/'],
    ['https://host/games/', 'https://host/games/'],
    ['https://host/games', 'https://host/games/'],
    ['https://host/a/b/../c', 'https://host/a/c/'],
  ])('%s is the base %s, with or without a page', (address, base) => {
    expect(baseUrl(address)).toBe(base)
    page('https://other/x/y')
    expect(baseUrl(address)).toBe(base)
  })

  it.each([
    [undefined, 'https://host/'],
    ['', 'https://host/games/'],
    ['./', 'https://host/games/'],
    ['.', 'https://host/games/'],
    ['/games/', 'https://host/games/'],
    ['/games', 'https://host/games/'],
    ['other', 'https://host/games/other/'],
    ['../', 'https://host/'],
    ['//elsewhere/x', 'https://elsewhere/x/'],
  ])('on a page %s leads to %s', (address, base) => {
    page('https://host/games/play.html?room=1#top')
    expect(baseUrl(address)).toBe(base)
  })

  it('is relative to the <base> of a page', () => {
    page('https://host/games/play/r1', '../')
    expect(baseUrl('')).toBe('https://host/games/')
    expect(baseUrl('./')).toBe('https://host/games/')
  })

  it('in a worker without an address of its own it is the origin', () => {
    vi.stubGlobal('location', new URL('blob:https://host/6d0a'))
    expect(baseUrl()).toBe('https://host/')
    expect(() => baseUrl('./')).toThrow(TypeError)
  })

  it.each([
    undefined,
    '',
    './',
    '/games/',
    'host/games',
    'localhost:8080',
    'ws://host/',
    'file:///games/',
    'https://',
    'https://host/?room=1',
    'https://host/?',
    'https://host/#top',
    'https://user:secret@host/',
  ])('without a page %s is refused', (address) => {
    expect(() => connect(game, address)).toThrow(/Expected an http\(s\) address/)
    if (address !== undefined) expect(() => openFeed({ address, room: 'r' })).toThrow(TypeError)
  })
})

/** Everything that a client asks for, with the base as it was given. */
async function asked(address: string, seatUrl = 'ws'): Promise<string[]> {
  const server = new FakeServer()
  const urls: string[] = []
  const client = connect(game, address, {
    timers: server.timers,
    socket: (url, protocol) => {
      urls.push(url)
      return server.openSocket(url, protocol)
    },
    fetch: async (input) => {
      urls.push(input as string)
      if ((input as string).endsWith('rpc'))
        return Response.json({ jsonrpc: '2.0', id: 1, result: 7 })
      return Response.json({ roomId: 'r1', sessionId: 's1', url: seatUrl, ticket: 't' })
    },
  })
  const joined = client.joinOrCreate('arena')
  await server.accept()
  const room = await joined
  void client.open().catch(() => {})
  await settle()
  await client.rpc('x')
  server.sockets[0]?.serverClose(1006)
  await server.timers.advance(500)
  await settle()
  void room.leave()
  return urls
}

describe('CN57: every address is below the base', () => {
  it.each(['ws', '/ws'])('with the seat at %s', async (seatUrl) => {
    expect(await asked('https://host/games', seatUrl)).toEqual([
      'https://host/games/matchmake/joinOrCreate/arena',
      'wss://host/games/ws',
      'wss://host/games/ws',
      'https://host/games/rpc',
      'https://host/games/matchmake/reconnect/r1',
      'wss://host/games/ws',
    ])
  })

  it('a whole address of a seat stays as it is', async () => {
    const urls = await asked('https://host/games', 'wss://node-7.host/ws')
    expect(urls[1]).toBe('wss://node-7.host/ws')
  })

  it('an address that is none is an error of the answer, not of the game', async () => {
    for (const url of ['javascript:1', 'mailto:a@b', 'http://', 'file:///ws']) {
      const client = connect(game, 'https://host', {
        fetch: async () => Response.json({ roomId: 'r', sessionId: 's', url, ticket: 't' }),
      })
      await expect(client.join('arena')).rejects.toMatchObject({ code: 'bad_answer' })
    }
  })

  it('a room that lives on another node is dialled below the base too', async () => {
    const server = new FakeServer()
    const client = server.client({}, 'https://host/games/')
    const joined = client.join('arena')
    await settle()
    server.socket.open()
    server.socket.serverClose(4004, 'node-2')
    await server.accept()
    await joined
    expect(server.socket.url).toBe('wss://host/games/n/node-2/ws')
  })

  it('feeds of one room and of several, also on a page', async () => {
    const urls: string[] = []
    const options = {
      fetch: async (input: RequestInfo | URL) => {
        urls.push(input as string)
        throw new TypeError('away')
      },
    }
    const feeds = [
      openFeed({ address: 'https://host/games', room: 'a b' }, options),
      openFeed({ address: 'https://host/games/', rooms: ['a', 'b'] }, options),
    ]
    page('https://page/games/watch/a', '../')
    feeds.push(openFeed({ address: '', room: 'a' }, options))
    feeds.push(openFeed('rooms/a/feed?from=start', options))
    feeds.push(openFeed({ room: 'a' }, options))
    await settle()
    for (const feed of feeds) feed.close()
    expect(urls).toEqual([
      'https://host/games/rooms/a%20b/feed',
      'https://host/games/feed?rooms=a,b',
      'https://page/games/rooms/a/feed',
      'https://page/games/rooms/a/feed?from=start',
      'https://page/rooms/a/feed',
    ])
  })
})
