import { describe, expect, it } from 'vitest'
import { decodeSystem } from '@ringside/protocol'
import { codeOf, startHall } from './rig.ts'

describe('mutes', () => {
  it('AD10 commands with chat are refused with muted, all others are taken, and the game can ask', async () => {
    await using test = await startHall()
    const ada = await test.create('hall', { options: { user: 'ada' } })
    const bob = await test.joinById(ada.seat.roomId, { options: { user: 'bob' } })
    await test.server.mute({ userId: 'ada', durationMs: 60_000 })
    for (const name of ['say', 'shout'] as const) {
      expect(await codeOf(() => ada.request(name, { text: 'hi' })), name).toBe('muted')
      expect(await codeOf(() => bob.request(name, { text: 'hi' })), name).toBe('ok')
    }
    expect(await ada.request('step', {})).toEqual({ muted: 'yes' })
    expect(await bob.request('step', {})).toEqual({ muted: 'no' })
    ada.send(0x0001, Buffer.from('raw'))
    ada.send(0x0002)
    const { bytes } = await ada.next('error')
    expect(decodeSystem('error', bytes)).toMatchObject({ code: 'muted' })
    expect(Buffer.from((await ada.next(0x0002)).payload).toString()).toBe('yes')
    expect(ada.closed).toBeNull()
    expect(ada.payloads(0x0001)).toEqual([])
    await test.advance(60_000)
    expect(await codeOf(() => ada.request('say', { text: 'hi' }))).toBe('ok')
  })

  it('AD10 a mute is told as one that may be over later, and goes on over reconnects', async () => {
    await using test = await startHall()
    const ada = await test.create('hall')
    const { roomId, sessionId } = ada.seat
    const { reconnectToken } = ada.all('joined')[0] ?? { reconnectToken: '' }
    await test.server.mute({ sessionId })
    expect(await codeOf(() => ada.request('say', { text: 'hi' }))).toBe('muted')
    expect(ada.all('error').at(-1)).toMatchObject({ code: 'muted', retry: true })
    ada.socket.close(3000, 'away')
    await test.advance(100)
    const again = await test.reconnect(roomId, reconnectToken)
    expect(await codeOf(() => again.request('say', { text: 'hi' }))).toBe('muted')
    expect(await test.server.unmute({ sessionId })).toBe(true)
    expect(await codeOf(() => again.request('say', { text: 'hi' }))).toBe('ok')
  })

  it('AD10 a client without a seat is muted by its address, over JSON-RPC as well', async () => {
    await using test = await startHall()
    const client = await test.dial()
    await test.server.mute({ address: client.link.address })
    expect(await codeOf(() => client.request('shout', { text: 'hi' }))).toBe('muted')
    const text = { jsonrpc: '2.0', id: 7, method: 'shout', params: { text: 'hi' } }
    client.send(0xffff_ffff as never, Buffer.from(JSON.stringify(text)))
    const { payload } = await client.next(0xffff_fffe)
    expect(Buffer.from(payload).toString()).toContain('muted')
  })

  it('AD10 chat is true or false', async () => {
    const chat = 'yes' as unknown as boolean
    const setUp = startHall({ setUp: (server) => server.command(3, () => {}, { chat }) })
    await expect(setUp).rejects.toMatchObject({ code: 'option_invalid' })
  })
})
