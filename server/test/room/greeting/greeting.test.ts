import { connect } from '@ringside/client'
import { describe, expect, it } from 'vitest'
import { startTestServer } from '../../../src/testing/index.ts'
import type { LinkOptions, TestServer } from '../../../src/testing/index.ts'
import type { Hall } from './rig.ts'
import { greetingGame, greetingServer, heard, listen, ofMark, said } from './rig.ts'

interface Started {
  readonly kit: TestServer<typeof greetingGame>
  readonly hall: () => Hall
}

async function start(waitMs: number): Promise<Started> {
  let room: Hall | null = null
  const kit = await startTestServer(greetingGame, (settings) =>
    greetingServer(settings, {
      waitMs,
      wait: (ms) => new Promise((resolve) => void settings.clock?.after(ms, resolve)),
      onRoom: (made) => (room = made),
    }),
  )
  return { kit, hall: () => room as unknown as Hall }
}

/** The ways to a client, by name. */
const lines: readonly [string, LinkOptions][] = [
  ['at once', {}],
  ['in bursts', { burstMs: 200 }],
  ['late', { latencyMs: 40, jitterMs: 30 }],
]
const hooks: readonly [string, number][] = [
  ['in its turn', 0],
  ['after an await', 130],
]
const cases = hooks.flatMap(([when, waitMs]) =>
  lines.map(([line, options]) => ({ when, waitMs, line, options })),
)

describe('what onJoin sends', () => {
  it.each(cases)(
    'RM50 $when reaches a raw client after JOINED and STATE, all of it, in order (line: $line)',
    async ({ waitMs, options }) => {
      const { kit } = await start(waitMs)
      await using _kit = kit
      const ada = await kit.join('hall', { name: 'Ada', link: kit.link(options) })
      await kit.advance(1_000)
      expect(heard(ada.frames)).toEqual(['connect', 'joined', 'state', ...said('Ada')])
    },
  )

  it.each(cases)(
    'RM50 $when reaches each of many that join together, once (line: $line)',
    async ({ waitMs, options }) => {
      const { kit } = await start(waitMs)
      await using _kit = kit
      const first = await kit.join('hall', { name: 'First' })
      const { roomId } = first.seat
      const names = Array.from({ length: 12 }, (_, n) => `P${n}`)
      const players = await Promise.all(
        names.map((name) => kit.joinById(roomId, { name, link: kit.link(options) })),
      )
      await kit.advance(1_000)
      for (const [n, { frames }] of players.entries()) {
        const all = heard(frames)
        expect(all.slice(0, 3)).toEqual(['connect', 'joined', 'state'])
        expect(ofMark(all, `P${n}`)).toEqual(said(`P${n}`))
        expect(new Set(all).size).toBe(all.length)
      }
      expect(ofMark(heard(first.frames), 'P3')).toEqual(
        said('P3').filter((what) => what !== 'P3 send' && what !== 'P3 to'),
      )
    },
  )

  it.each(cases)(
    'CN40 $when reaches listeners of the SDK that are added at once, or a while later (line: $line)',
    async ({ waitMs, options }) => {
      const { kit } = await start(waitMs)
      await using _kit = kit
      for (const [name, laterMs] of [
        ['Ada', 0],
        ['Bob', 2_000],
      ] as const) {
        const link = kit.link(options)
        const client = connect(greetingGame, kit.address, link.options)
        const room = await kit.during(client.joinOrCreate('hall', { name }))
        const answer = room.request('ask', { what: name })
        if (laterMs > 0) await kit.advance(laterMs)
        const all = listen(room)
        expect(all).toEqual([])
        expect(await kit.during(answer)).toEqual({ what: `${name}!` })
        await kit.advance(1_000)
        expect(all).toEqual(['connect', ...said(name)])
      }
    },
  )
})

describe('what onReconnect sends', () => {
  it.each(lines)('RM50 reaches a raw client after JOINED and STATE (line: %s)', async (_, line) => {
    const { kit } = await start(0)
    await using _kit = kit
    const ada = await kit.join('hall', { name: 'Ada' })
    const { roomId } = ada.seat
    const token = ada.all('joined')[0]?.reconnectToken ?? ''
    ada.link.cut()
    await kit.advance(100)
    const back = await kit.reconnect(roomId, token, { link: kit.link(line) })
    await kit.advance(1_000)
    expect(heard(back.frames)).toEqual(['connect', 'joined', 'state', ...said('Ada back')])
  })

  it.each(lines)('RM50 reaches the SDK, once, and others too (line: %s)', async (_, line) => {
    const { kit } = await start(0)
    await using _kit = kit
    const link = kit.link(line)
    const client = connect(greetingGame, kit.address, link.options)
    const room = await kit.during(client.joinOrCreate('hall', { name: 'Ada' }))
    const all = listen(room)
    const bob = await kit.joinById(room.id, { name: 'Bob' })
    await kit.advance(1_000)
    all.length = 0
    link.cut()
    await kit.until(() => room.status === 'reconnecting')
    await kit.until(() => room.status === 'connected')
    await kit.advance(1_000)
    expect(all).toEqual(['connect', ...said('Ada back')])
    expect(ofMark(heard(bob.frames), 'Ada back')).toEqual(
      said('Ada back').filter((what) => !/ (send|to)$/.test(what)),
    )
  })
})

describe('a room that is busy while somebody joins', () => {
  it('RM50 takes them in: of what is for everybody the newest wait, what is for them all waits', async () => {
    const { kit, hall } = await start(2_000)
    await using _kit = kit
    await kit.join('hall', { name: 'First' })
    const room = hall()
    const link = kit.link()
    const joining = kit.joinById(room.id, { name: 'Ada', link })
    await kit.until(() => room.clientCount === 2)
    const [, id = ''] = [...room.sessions.keys()]
    const ada = room.sessions.get(id)
    ada?.send(0x0201, new Uint8Array([1]))
    for (let n = 0; n < 5_000; n++) room.broadcast(0x0201, new Uint8Array([2, n & 255, n >> 8]))
    for (let n = 0; n < 40; n++) room.broadcast(0x0201, new Uint8Array(100_000))
    const player = await joining
    await kit.advance(1_000)
    expect(player.closed).toBeNull()
    const payloads = player.payloads(0x0201)
    expect(payloads[0]).toEqual(new Uint8Array([1]))
    expect(payloads.at(-1)?.length).toBe(100_000)
    expect(payloads.length).toBeLessThanOrEqual(1_000)
    expect(heard(player.frames)).toEqual(['connect', 'joined', 'state', ...said('Ada')])
  })

  it('RM50 JOINED says who is there and whether it is paused: no PRESENCE of before comes after it', async () => {
    const { kit, hall } = await start(500)
    await using _kit = kit
    await kit.join('hall', { name: 'First' })
    const players = await Promise.all(
      ['A', 'B', 'C'].map((name) => kit.joinById(hall().id, { name })),
    )
    await kit.advance(1_000)
    for (const player of players) {
      expect(player.all('joined')[0]?.roster).toHaveLength(4)
      expect(player.all('presence')).toEqual([])
    }
  })
})
