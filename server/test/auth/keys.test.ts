import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { mutationsOf } from '../support/mutations.ts'
import { codeOf, OPERATOR, startDoor } from './rig.ts'

const GOOD = { name: 'ci', scopes: ['publish:topic:build.*'] }

describe('keys', () => {
  it('AU1 whoever brings nothing is anonymous, and a key names its holder', async () => {
    await using door = await startDoor()
    expect((await door.ask()).json).toEqual({ id: 'anonymous', kind: 'anonymous' })
    const operator = await door.whoIs({ 'x-api-key': OPERATOR })
    expect(operator.id).toMatch(/^key:[0-9a-f]{8}$/)
    expect(operator.isOperator).toBe(true)
    const { id, key } = await door.makeKey(GOOD)
    const holder = await door.whoIs({ 'x-api-key': key })
    expect(holder).toMatchObject({ id: `key:${id}`, kind: 'key', isValid: true, isOperator: false })
    expect(holder.mayPublish({ topic: 'build.42', type: 'done', to: null })).toBe(true)
  })

  it('AU1 a key that is wrong is refused, never taken for none', async () => {
    await using door = await startDoor()
    const { key } = await door.makeKey(GOOD)
    let count = 0
    for (const [what, text] of mutationsOf(key)) {
      if (text === '') continue
      // Each from an address of its own, or the guesses would be used up (LI3).
      const remoteAddress = `10.0.${count >> 8}.${count++ & 255}`
      const told = await door.ask({ headers: { 'x-api-key': text }, remoteAddress })
      expect([what, told.status]).toEqual([what, 401])
    }
    expect((await door.ask({ headers: { 'x-api-key': `${key}, ${key}` } })).status).toBe(401)
  })

  it('LI3 wrong keys and wrong tokens are counted together, and then none is looked at', async () => {
    await using door = await startDoor()
    const { key } = await door.makeKey(GOOD)
    const statuses: number[] = []
    for (let guess = 0; guess < 6; guess++) {
      statuses.push((await door.ask({ headers: { 'x-api-key': `wrong ${guess}` } })).status)
      statuses.push((await door.bearer('a.b.c')).status)
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429])
    const right = { headers: { 'x-api-key': key } }
    expect((await door.ask(right)).status).toBe(429)
    expect((await door.ask({ ...right, remoteAddress: '10.0.0.9' })).status).toBe(200)
  })

  it('AU9 the text of a key is told once, and only its digest is kept', async () => {
    await using door = await startDoor()
    const { status, json } = await door.admin('POST', { ...GOOD, durationMs: 60_000 })
    expect(status).toBe(201)
    const { key, ...info } = json as { key: string; id: string }
    expect(key).toMatch(/^rk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/)
    const now = door.test.clock.now()
    expect(info).toEqual({ ...GOOD, id: info.id, createdAt: now, expiresAt: now + 60_000 })
    const { records } = await door.test.store.records.list({ prefix: '', limit: 100 })
    const stored = records.find((record) => record.key === `key/${info.id}`)
    expect(stored?.value).toContain(createHash('sha256').update(key).digest('hex'))
    const secret = key.slice(`rk_${info.id}_`.length)
    expect(JSON.stringify(records)).not.toContain(secret)
    const listed = await door.admin('GET')
    expect(listed.json).toEqual({ keys: [info] })
    expect(JSON.stringify(door.test.logged)).not.toContain(secret)
  })

  it('AU9 a key that was made outlives the process', async () => {
    await using door = await startDoor()
    const { key } = await door.makeKey(GOOD)
    await using next = await startDoor({ store: door.test.store, clock: door.test.clock })
    expect((await next.ask({ headers: { 'x-api-key': key } })).status).toBe(200)
  })

  it('AU11 scopes that change count at once for whoever is connected with the key', async () => {
    await using door = await startDoor()
    const { id, key } = await door.makeKey({ scopes: ['read:topic:a.*'] })
    const holder = await door.whoIs({ 'x-api-key': key })
    expect(holder.mayReadTopic('a.b', 'x')).toBe(true)
    const changed = await door.admin('PATCH', { id, scopes: ['read:topic:a.c'] })
    expect(changed).toMatchObject({ status: 200, json: { id, scopes: ['read:topic:a.c'] } })
    expect(holder.mayReadTopic('a.b', 'x')).toBe(false)
    expect(holder.mayReadTopic('a.c', 'x')).toBe(true)
    expect(await door.whoIs({ 'x-api-key': key })).toBe(holder)
  })

  it('AU7 a revoked key is over at once and for good, wherever it is used', async () => {
    await using door = await startDoor()
    const { id, key } = await door.makeKey({ scopes: ['admin'] })
    const holder = await door.whoIs({ 'x-api-key': key })
    const path = `/admin/keys?id=${id}`
    expect((await door.admin('DELETE', undefined, path)).status).toBe(204)
    expect(holder.isValid).toBe(false)
    expect(holder.isOperator).toBe(false)
    expect(holder.mayReadTopic('public', 'x')).toBe(false)
    expect(holder.mayReadRoom({ id: 'a', type: 'b', isPrivate: false }, 'x')).toBe(false)
    expect(holder.mayPublish({ topic: 'a', type: 'x', to: null })).toBe(false)
    expect((await door.ask({ headers: { 'x-api-key': key } })).status).toBe(401)
    expect((await door.admin('DELETE', undefined, path)).status).toBe(404)
    expect((await door.admin('PATCH', { id, scopes: [] })).status).toBe(404)
    expect((await door.admin('GET')).json).toEqual({ keys: [] })
  })

  it('AU7 a key ends by the time of the log', async () => {
    await using door = await startDoor()
    const { key } = await door.makeKey({ ...GOOD, durationMs: 5_000 })
    const holder = await door.whoIs({ 'x-api-key': key })
    await door.test.advance(4_999)
    expect(holder.isValid).toBe(true)
    await door.test.advance(1)
    expect(holder.isValid).toBe(false)
    expect((await door.ask({ headers: { 'x-api-key': key } })).status).toBe(401)
  })

  it('AU12 what another process makes, changes and revokes counts here within a second', async () => {
    await using door = await startDoor()
    await using other = await startDoor({ store: door.test.store, clock: door.test.clock })
    const { id, key } = await door.makeKey({ scopes: ['read:topic:a'] })
    const headers = { 'x-api-key': key }
    await door.test.advance(1_000)
    const holder = await other.whoIs(headers)
    await door.admin('PATCH', { id, scopes: ['read:topic:b'] })
    await door.test.advance(1_000)
    expect(holder.mayReadTopic('a', 'x')).toBe(false)
    expect(holder.mayReadTopic('b', 'x')).toBe(true)
    await door.admin('DELETE', undefined, `/admin/keys?id=${id}`)
    await door.test.advance(1_000)
    expect(holder.isValid).toBe(false)
    expect((await other.ask({ headers })).status).toBe(401)
  })

  it('AU13 while the store is away, known keys hold and none is made', async () => {
    await using door = await startDoor()
    const { key } = await door.makeKey(GOOD)
    door.test.faults.isAway = true
    expect((await door.admin('POST', GOOD)).status).toBe(503)
    await door.test.advance(5_000)
    expect((await door.ask({ headers: { 'x-api-key': key } })).status).toBe(200)
  })

  it("AU14 keys are made by the operator's own key alone", async () => {
    await using door = await startDoor()
    const { key, id } = await door.makeKey({ scopes: ['admin'] })
    const headers = { 'x-api-key': key }
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
      const path = '/admin/keys'
      expect((await door.ask({ method, path })).status).toBe(401)
      expect((await door.ask({ method, path, headers })).status).toBe(403)
    }
    // Everything else is open to it.
    expect((await door.ask({ path: '/admin/bans', headers })).status).toBe(200)
    expect((await door.ask({ path: '/metrics', headers })).status).toBe(200)
    const plain = await door.makeKey(GOOD)
    const told = await door.ask({ path: '/metrics', headers: { 'x-api-key': plain.key } })
    expect([told.status, codeOf(told)]).toEqual([403, 'forbidden'])
    expect((await door.admin('GET')).json).toMatchObject({ keys: [{ id }, { id: plain.id }] })
  })

  it('AU14 what is done with keys is audited, without their text', async () => {
    const entries: unknown[] = []
    await using door = await startDoor({ audit: (entry) => void entries.push(entry) })
    const { id, key } = await door.makeKey({ scopes: ['read:topic:a', 'admin'] })
    await door.admin('PATCH', { id, scopes: ['read:topic:a'] })
    await door.ask({ method: 'POST', path: '/admin/keys', headers: { 'x-api-key': key }, body: {} })
    await door.admin('DELETE', undefined, `/admin/keys?id=${id}`)
    await door.admin('GET')
    expect(entries).toMatchObject([
      { action: 'key.create', target: { id }, reason: 'read:topic:a admin', result: 'done' },
      { action: 'key.change', target: { id }, reason: 'read:topic:a', result: 'done' },
      { action: 'key.create', by: `key:${id}`, result: 'forbidden' },
      { action: 'key.revoke', target: { id }, result: 'done' },
      { action: 'key.list', result: 'done' },
    ])
    expect(JSON.stringify([entries, door.test.logged])).not.toContain(key.slice(`rk_${id}_`.length))
  })

  it('AU15 a request for a key is checked, field by field', async () => {
    await using door = await startDoor()
    const { id } = await door.makeKey(GOOD)
    const bad = [
      {},
      { scopes: 'admin' },
      { scopes: ['nonsense'] },
      { scopes: [7] },
      { scopes: Array.from({ length: 65 }, (_, index) => `read:topic:t${index}`) },
      { scopes: [], name: 7 },
      { scopes: [], name: 'x'.repeat(101) },
      { scopes: [], durationMs: 0 },
      { scopes: [], durationMs: 1.5 },
      { scopes: [], durationMs: '60' },
      { scopes: [], duration: 60 },
      { scopes: [], id: 'mine' },
    ]
    for (const fields of bad)
      expect([fields, (await door.admin('POST', fields)).status]).toEqual([fields, 400])
    for (const fields of [{ scopes: [] }, { id: '../x' }, { id, scopes: null }, { id, secret: 1 }])
      expect([fields, (await door.admin('PATCH', fields)).status]).toEqual([fields, 400])
    expect((await door.admin('DELETE', undefined, '/admin/keys')).status).toBe(400)
  })
})
