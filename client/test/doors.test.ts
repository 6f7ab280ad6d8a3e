import { closeCodes, encodeSystem, mayRedial } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { FakeServer } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

/** A room whose JOINED told this limit. */
async function roomOf(maxPayloadBytes: number | undefined, server = new FakeServer()) {
  const joining = server.client().joinById('r1')
  await settle()
  server.socket.open()
  server.joined(server.socket, undefined, maxPayloadBytes)
  server.fullState()
  return { server, room: await joining }
}

async function plainOf(server: FakeServer, options = {}) {
  const opening = server.client(options).open()
  await settle()
  server.socket.open()
  return opening
}

describe('HO15 a message over the limit that the server told', () => {
  it('HO15 is not sent, and the error says how large it is and may be', async () => {
    const { server, room } = await roomOf(1_000)
    const before = server.socket.sent.length
    const raw = (bytes: number) => new Uint8Array(bytes)
    for (const bytes of [1_001, 70_000, 200_000_000])
      expect(() => room.send(0x0001, raw(bytes))).toThrow(
        expect.objectContaining({
          name: 'RequestError',
          code: 'too_large',
          retry: false,
          message: `Expected a payload of at most 1000 bytes, got ${bytes}`,
        }),
      )
    await expect(room.rpc('x', ['y'.repeat(1_001)])).rejects.toMatchObject({ code: 'too_large' })
    expect(server.socket.sent.length).toBe(before)
    expect(room.send(0x0001, raw(1_000))).toBe(true)
    expect(server.socket.sent.at(-1)?.length).toBe(1_004)
    expect(room.status).toBe('connected')
  })

  it('HO15 counts a request with its envelope, and its refusal leaves nothing that waits', async () => {
    const { server, room } = await roomOf(20)
    const { pending } = server.timers
    await expect(room.rpc('a-long-name-of-a-method', [])).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(server.timers.pending).toBe(pending)
  })

  it('HO15 a server that tells none is taken for one with the default; a plain session may be told by an option', async () => {
    const { room } = await roomOf(undefined)
    expect(room.send(0x0001, new Uint8Array(65_536))).toBe(true)
    expect(() => room.send(0x0001, new Uint8Array(65_537))).toThrow(/at most 65536 bytes/)
    const session = await plainOf(new FakeServer())
    expect(() => session.send(0x0001, new Uint8Array(65_537))).toThrow(/at most 65536 bytes/)
    const large = await plainOf(new FakeServer(), { maxPayloadBytes: 100_000 })
    expect(large.send(0x0001, new Uint8Array(100_000))).toBe(true)
    for (const maxPayloadBytes of [0, -1, Number.NaN])
      expect(() => new FakeServer().client({ maxPayloadBytes })).toThrow(TypeError)
  })
})

describe('LI6 a plain session that only listens', () => {
  it('LI6 says a word at once, so that the server keeps it', async () => {
    const server = new FakeServer()
    await plainOf(server)
    expect(server.socket.sent.length).toBeGreaterThan(0)
    expect(mayRedial(closeCodes.idle.code)).toBe(true)
  })

  it('TR38 is told at its end when the server wants it back', async () => {
    const server = new FakeServer()
    const session = await plainOf(server)
    const ends: unknown[] = []
    session.onClose((info) => ends.push(info))
    server.socket.deliver(encodeSystem('goingAway', { retryMs: 4_321 }))
    expect(ends).toEqual([])
    server.socket.serverClose(1001, 'Server is shutting down')
    expect(ends).toEqual([{ code: 1001, reason: 'Server is shutting down', goingAwayMs: 4_321 }])
  })
})
