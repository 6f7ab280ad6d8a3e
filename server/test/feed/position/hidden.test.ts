import { describe, expect, it } from 'vitest'
import { FeedRig } from '../rig.ts'
import type { Reader } from '../rig.ts'

const CLIENT = 'client-of-sixteen'
const DELAY_MS = 60_000
const FORGED = '9-abc'

/** What a spectator may ask who wants to know how much happens where they may not look. */
const STREAMS: readonly [path: string, lastEventId?: string][] = [
  ['/rooms/open/feed'],
  ['/rooms/open/feed?from=start'],
  ['/rooms/open/feed?types=kill'],
  ['/rooms/open/feed', FORGED],
  ['/rooms/late/feed'],
  ['/rooms/late/feed?from=start'],
  ['/rooms/late/feed?from=-30s'],
  ['/rooms/late/feed?types=kill'],
  ['/rooms/late/feed', FORGED],
  ['/rooms/late/feed?checkpoint=2'],
  ['/rooms/late/feed?checkpoint=700'],
  ['/rooms/late/feed?from=5000'],
  [`/rooms/late/feed?clientId=${CLIENT}`],
  [`/rooms/open/feed?clientId=${CLIENT}`],
  ['/feed'],
  ['/feed?from=start'],
  ['/feed?rooms=open'],
  ['/feed?rooms=open&types=kill'],
  ['/feed?rooms=open,late'],
  ['/feed?rooms=open', FORGED],
  ['/feed?rooms=late', FORGED],
  [`/feed?rooms=late&clientId=${CLIENT}`],
]
const PAGES = ['late', 'open'].flatMap((room) => [
  `/rooms/${room}/events`,
  ...[1, 2, 3, 700, 5_000].flatMap((n) => [
    `/rooms/${room}/events?after=${n}`,
    `/rooms/${room}/state?at=${n}`,
  ]),
  `/rooms/${room}/state`,
  `/rooms/${room}/series?path=x&every=1s`,
  '/rooms',
])

/** Texts that mean nothing but that they are the same or not get numbers in the order in which they come up. */
function plain(text: string): string {
  const tokens = new Map<string, number>()
  return (
    text
      .replaceAll(/"stream(Id|Key)":"[^"]*"/g, '"stream$1":""')
      // A tag is a hash of the body, which is compared, and holds checks, which are random.
      .replaceAll(/"etag":"(\\.|[^"\\])*"/g, '')
      .replaceAll(/(?<=^id: |"id":")[\w-]{59}(?=$|")/gm, (token) => {
        if (!tokens.has(token)) tokens.set(token, tokens.size)
        return `token ${tokens.get(token)}`
      })
      .replaceAll(/(?<=^id: \d+-|"id":"\d+-)[0-9a-z]+/gm, '*')
  )
}

/** Everything that the spectators of a world are told, second by second, while `moves` things happen that they may not see. */
async function watched(moves: number): Promise<string> {
  const rig = await FeedRig.start({ heartbeatMs: 5_000 })
  const open = await rig.room('open', { x: 0 })
  const late = await rig.room('late', { x: 0 }, { delayMs: DELAY_MS })
  const secret = await rig.room('secret', { x: 0 }, { isPrivate: true })
  late.emit('kill', { by: 'a' })
  await rig.advance(2 * DELAY_MS)
  const readers: Reader[] = []
  const pages: string[] = []
  const look = async (): Promise<void> => {
    for (const [path, id] of STREAMS) readers.push(rig.get(path, id ? { 'last-event-id': id } : {}))
    for (const path of PAGES) {
      const { exchange } = await rig.open(path)
      pages.push(
        `${path} ${exchange.status} ${JSON.stringify(exchange.headers)} ${exchange.text()}`,
      )
    }
  }
  await look()
  const seen: string[] = []
  for (let second = 0; second < 50; second++) {
    for (let move = 0; move < moves / 50; move++) {
      late.patch({ x: move, second })
      if (move % 3 === 0) late.emit('kill', { by: 'b' })
      secret.patch({ x: move, second })
    }
    if (second % 17 === 3) open.patch({ x: second })
    if (second % 17 === 5) open.emit('kill', { by: 'c' })
    await rig.advance(1_000)
    seen.push(...readers.map(({ text }) => `${second}: ${plain(text).length}`))
    if (second === 30) {
      const body = JSON.stringify({ clientId: CLIENT, seq: Number.MAX_SAFE_INTEGER })
      await rig.transport.request({ method: 'POST', path: '/feed/ack', body }).done
      await look()
    }
  }
  return [...seen, ...readers.map(({ text }) => plain(text)), ...pages.map(plain)].join('\n')
}

describe('FE57 what a position tells', () => {
  it('FE57 FE34 FE52 nobody learns by any number, text or moment how much happens where they may not look', async () => {
    const [quiet, few, many] = [await watched(0), await watched(50), await watched(1_000)]
    expect(quiet.length).toBeGreaterThan(20_000)
    expect(quiet).toContain('token 3')
    expect(few).toBe(quiet)
    expect(many).toBe(quiet)
    for (const text of [quiet, many]) expect(text).not.toMatch(/seq|17000000000000/)
  }, 120_000)
})
