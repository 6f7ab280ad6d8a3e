import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import { ServerSecret } from '../../src/auth/server-secret.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions } from '../support/test-server.ts'

const hex = (secret: ServerSecret, purpose = 'p'): string => secret.keyFor(purpose).toString('hex')

describe('the secret of a log', () => {
  it('CL34 is made once, however many servers begin at the same time, and kept', async () => {
    const { records } = new MemoryStore()
    const all = Array.from({ length: 8 }, () => new ServerSecret(null, () => records))
    await Promise.all(all.map((secret) => secret.load()))
    expect(new Set(all.map((secret) => hex(secret))).size).toBe(1)
    const later = new ServerSecret(null, () => records)
    await later.load()
    expect(hex(later)).toBe(hex(all[0] as ServerSecret))
    expect(hex(later, 'a')).not.toBe(hex(later, 'b'))
    const other = new ServerSecret(null, () => new MemoryStore().records)
    await other.load()
    expect(hex(other)).not.toBe(hex(later))
  })

  it('CL34 one that is given is not looked for, and no other record is taken for one', async () => {
    const { records } = new MemoryStore()
    const given = new ServerSecret('g'.repeat(32), () => {
      throw new Error('Expected no look')
    })
    await given.load()
    expect(hex(given)).toMatch(/^[0-9a-f]{64}$/)
    await records.put({ key: 'secret/server', value: 'short', ifVersion: 0 })
    const spoilt = new ServerSecret(null, () => records)
    await expect(spoilt.load()).rejects.toMatchObject({ code: 'record_invalid' })
    expect(() => spoilt.keyFor('p')).toThrowError(expect.objectContaining({ code: 'unavailable' }))
  })

  it('CL34 without ticketSecret a restart knows the tokens of before', async () => {
    const store = new MemoryStore()
    const options = { store, ticketSecret: undefined } as unknown as TestOptions
    const first = await TestServer.start(options)
    const ada = await first.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    await first.clock.advanceAsync(300, 5)
    await first.crash()
    await using second = await TestServer.start({ ...options, idPrefix: 'b' })
    const path = `/matchmake/reconnect/${ada.seat.roomId}`
    expect((await second.http('POST', path, { token })).status).toBe(200)
    // Another secret is another server.
    await second.crash()
    const given = { store, idPrefix: 'c', ticketSecret: 'x'.repeat(32) }
    await using third = await TestServer.start(given)
    expect((await third.http('POST', path, { token })).status).toBe(410)
  })
})
