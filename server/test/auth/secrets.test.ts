import { inspect } from 'node:util'
import { encodeFrame } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { eventually } from '../../src/testing/index.ts'
import { OPERATOR, SECRET, startDoor, tokenOf } from './rig.ts'

it('AU38 no key, token or secret is in a log line, an answer or what is audited, whatever becomes of it', async () => {
  const audited: unknown[] = []
  await using door = await startDoor({
    jwt: { secret: SECRET },
    cookie: { name: 't' },
    allowQueryToken: true,
    audit: (entry) => void audited.push(entry),
    authorizeConnection: ({ path, query }) => {
      if (query.has('fail')) throw new Error(`of a game, at ${path}`)
    },
    setUp: (server) => {
      server.route('GET', '/fail', async (_request, _response, context) => {
        await context.authenticate()
        throw new Error('of a game')
      })
      server.rpc('fail', () => {
        throw new Error('of a game')
      })
    },
  })
  const { test } = door
  const answers: unknown[] = []
  const now = test.clock.now()
  const { id, key } = await door.makeKey({ scopes: ['read:topic:a'] })
  const tokens = [
    await tokenOf(now),
    await tokenOf(now, {}, { lifeMs: -60_000 }),
    await tokenOf(now, {}, { secret: 'another secret of tokens, which is wrong' }),
    `${(await tokenOf(now)).slice(0, -4)}AAAA`,
  ]
  const keys = [OPERATOR, key, `${key.slice(0, -6)}Wrong1`, 'a key that is nobody’s, and wrong']
  let count = 0
  const ask = async (asked: Parameters<typeof door.ask>[0]): Promise<void> => {
    const remoteAddress = `10.0.0.${count++ % 250}`
    answers.push(await door.ask({ remoteAddress, ...asked }))
  }
  for (const path of ['/who', '/fail', '/metrics', '/admin/keys', '/nowhere']) {
    for (const text of keys) {
      await ask({ path, headers: { 'x-api-key': text } })
      await ask({ path: `${path}?apikey=${encodeURIComponent(text)}` })
    }
    for (const text of tokens) {
      await ask({ path, headers: { authorization: `Bearer ${text}` } })
      await ask({ path, headers: { cookie: `t=${text}` } })
      await ask({ path: `${path}?token=${text}` })
    }
  }
  for (const [index, text] of [...keys, ...tokens].entries()) {
    await ask({
      method: 'POST',
      path: `/rpc?token=${text}`,
      headers: { 'content-type': 'application/json', 'x-api-key': text },
      body: { jsonrpc: '2.0', id: 1, method: 'fail', params: { token: text } },
    })
    await ask({
      method: 'POST',
      path: '/admin/keys',
      headers: { 'x-api-key': OPERATOR },
      body: { id: text },
    })
    for (const query of [`token=${text}`, `token=${text}&fail=1`, `apikey=${text}`]) {
      const dialled: unknown[] = []
      const remoteAddress = `10.1.${index}.1`
      test.transport.handshake({ query, remoteAddress }, (answer) => void dialled.push(answer))
      await eventually(() => dialled.length === 1)
    }
  }
  const sockets: unknown[] = []
  test.transport.handshake({ remoteAddress: '10.2.0.1' }, (answer) => {
    if ('status' in answer) throw new Error('refused')
    answer.onmessage = ({ data }) => void sockets.push(Buffer.from(data).toString())
    answer.onopen = () => {
      for (const token of tokens) {
        const call = { jsonrpc: '2.0', id: 1, method: 'auth.refresh', params: { token } }
        answer.send(encodeFrame(0xffffffff, Buffer.from(JSON.stringify(call))))
      }
    }
  })
  await eventually(() => sockets.length === tokens.length)
  await door.admin('DELETE', undefined, `/admin/keys?id=${id}`)
  test.faults.isAway = true
  await door.admin('POST', { scopes: [], name: 'late' })
  await test.advance(5_000)
  expect(test.logged.length).toBeGreaterThan(20)
  const told = inspect([test.logged, audited, answers, sockets], {
    depth: 12,
    maxStringLength: null,
    maxArrayLength: null,
  })
  const secrets = [...keys, ...tokens, SECRET, 'another secret of tokens']
  // A part of one would do as well: what is random in it, or its signature.
  for (const secret of secrets)
    for (const part of [secret, secret.slice(-20)]) expect(told).not.toContain(part)
})
