import { createHmac } from 'node:crypto'
import { SignJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose'
import type { JWTPayload } from 'jose'
import { describe, expect, it } from 'vitest'
import type { JwtOptions } from '../../src/index.ts'
import { eventually } from '../../src/testing/index.ts'
import { SECRET, codeOf, startDoor, tokenOf } from './rig.ts'

const jwt: JwtOptions = { secret: SECRET }

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token whose every byte is the test's, signed as HS256 with any secret. */
function handmade(header: object, claims: object, secret: string | Buffer = SECRET): string {
  const text = `${part(header)}.${part(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

describe('tokens', () => {
  it('AU20 a token names its user, whose scopes are those of its claim', async () => {
    await using door = await startDoor({ jwt })
    const now = door.test.clock.now()
    const token = await tokenOf(now, {
      scope: 'openid read:topic:a.* publish:topic:b',
      name: 'Ada',
    })
    const principal = await door.whoIs({ authorization: `Bearer ${token}` })
    expect(principal).toMatchObject({ id: 'user:ada', kind: 'user', isValid: true })
    expect(principal.claims).toMatchObject({ name: 'Ada' })
    expect(principal.mayReadTopic('a.b', 'x')).toBe(true)
    expect(principal.mayPublish({ topic: 'b', type: 'x', to: null })).toBe(true)
    expect(principal.mayPublish({ topic: 'a.b', type: 'x', to: null })).toBe(false)
    const listed = await tokenOf(now, { scopes: ['admin', 7, null] })
    expect((await door.whoIs({ authorization: `bearer ${listed}` })).isOperator).toBe(true)
  })

  it('AU20 the scopes may be in another claim, and then only there', async () => {
    await using door = await startDoor({ jwt: { ...jwt, scopesClaim: 'https://x.test/rights' } })
    const claims = { scope: 'admin', 'https://x.test/rights': ['read:topic:a'] }
    const token = await tokenOf(door.test.clock.now(), claims)
    const principal = await door.whoIs({ authorization: `Bearer ${token}` })
    expect(principal.isOperator).toBe(false)
    expect(principal.mayReadTopic('a', 'x')).toBe(true)
  })

  it('AU20 `none`, whatever its letters, is no algorithm, with a signature or without', async () => {
    await using door = await startDoor({ jwt })
    const claims = { sub: 'ada', exp: Math.floor(door.test.clock.now() / 1000) + 60 }
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, ['HS256'], {}])
      for (const token of [
        `${part({ alg })}.${part(claims)}.`,
        `${part({ alg })}.${part(claims)}.AA`,
        handmade({ alg }, claims),
      ])
        await door.test.advance(1_000).then(async () => {
          const told = await door.bearer(token)
          expect([alg, told.status, codeOf(told)]).toEqual([alg, 401, 'unauthorized'])
        })
    const told = await door.bearer(handmade({ alg: 'HS256' }, { ...claims, exp: claims.exp + 60 }))
    expect(told.status).toBe(200)
  })

  it('AU22 a public key is no secret: who signs with its text is refused', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' }
    await using door = await startDoor({ jwt: { jwks: { keys: [jwk] } } })
    const claims = { sub: 'ada', exp: Math.floor(door.test.clock.now() / 1000) + 60 }
    const pem = await exportSPKI(publicKey)
    const secrets = [pem, pem.trim(), JSON.stringify(jwk), jwk.n ?? '']
    for (const secret of secrets)
      for (const alg of ['HS256', 'HS384', 'RS256', 'RS512'])
        await door.test.advance(1_000).then(async () => {
          const told = await door.bearer(handmade({ alg, kid: 'one' }, claims, secret))
          expect([alg, told.status]).toEqual([alg, 401])
        })
    const right = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' })
    expect((await door.bearer(await right.sign(privateKey))).status).toBe(200)
  })

  it('AU22 a token may not bring its own key', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const mine = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(mine.publicKey)
    await using door = await startDoor({ jwt: { jwks: { keys: [await exportJWK(publicKey)] } } })
    const claims = { sub: 'ada', exp: Math.floor(door.test.clock.now() / 1000) + 60 }
    const header = { alg: 'ES256', jwk, jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9/' }
    const forged = await new SignJWT(claims).setProtectedHeader(header).sign(mine.privateKey)
    expect((await door.bearer(forged)).status).toBe(401)
    const right = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    expect((await door.bearer(right)).status).toBe(200)
  })

  it('AU22 of a set with several keys a token without a kid is tried with some, and one that fits is found', async () => {
    const pairs = await Promise.all(
      [1, 2, 3].map(() => generateKeyPair('ES256', { extractable: true })),
    )
    const keys = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)))
    await using door = await startDoor({ jwt: { jwks: { keys } } })
    const claims = { sub: 'ada', exp: Math.floor(door.test.clock.now() / 1000) + 60 }
    for (const { privateKey } of pairs) {
      const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
      expect((await door.bearer(token)).status).toBe(200)
    }
    const other = await generateKeyPair('ES256')
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256' })
      .sign(other.privateKey)
    expect((await door.bearer(token)).status).toBe(401)
  })

  it('AU21 issuer and audience must be those that are named', async () => {
    await using door = await startDoor({
      jwt: { ...jwt, issuer: 'https://id.test', audience: ['game', 'chat'] },
    })
    const right = { iss: 'https://id.test', aud: 'game' }
    const ask = async (claims: JWTPayload): Promise<number> => {
      await door.test.advance(1_000)
      return (await door.bearer(await tokenOf(door.test.clock.now(), claims))).status
    }
    expect(await ask(right)).toBe(200)
    expect(await ask({ ...right, aud: ['other', 'chat'] })).toBe(200)
    for (const claims of [
      { aud: 'game' },
      { iss: 'https://id.test' },
      { ...right, iss: 'https://id.test/' },
      { ...right, iss: ['https://id.test'] },
      { ...right, aud: 'Game' },
      { ...right, aud: 'game chat' },
      { ...right, aud: [] },
      { ...right, aud: 7 },
    ])
      expect([claims, await ask(claims as JWTPayload)]).toEqual([claims, 401])
  })

  it('AU21 a token has an end and a subject, and begins when it says so', async () => {
    await using door = await startDoor({ jwt })
    const seconds = Math.floor(door.test.clock.now() / 1000)
    const right = { sub: 'ada', exp: seconds + 1_000 }
    const ask = async (claims: object): Promise<string> => {
      await door.test.advance(1_000)
      const told = await door.bearer(handmade({ alg: 'HS256' }, claims))
      return told.status === 200 ? 'in' : String(codeOf(told))
    }
    expect(await ask(right)).toBe('in')
    for (const claims of [
      { sub: 'ada' },
      { ...right, exp: null },
      { ...right, exp: '9999999999' },
      { ...right, exp: 1e300 },
      { ...right, nbf: seconds + 500 },
      { ...right, nbf: 'soon' },
      { exp: right.exp },
      { ...right, sub: '' },
      { ...right, sub: 7 },
      { ...right, sub: { toString: 'ada' } },
      { ...right, sub: 'a\nb' },
      { ...right, sub: 'ada\u202e' },
      { ...right, sub: ' ada' },
      { ...right, sub: 'x'.repeat(201) },
      { ...right, scope: Array.from({ length: 65 }, (_, at) => `read:topic:t${at}`) },
      [],
      'ada',
      null,
    ])
      expect([claims, await ask(claims as object)]).toEqual([claims, 'unauthorized'])
    expect(await ask({ sub: 'ada', exp: seconds - 1 })).toBe('token_expired')
  })

  it('AU7 AU26 a token ends to the second, by the time of the log, and a tolerance is added', async () => {
    for (const clockToleranceMs of [0, 5_000]) {
      await using door = await startDoor({ jwt: { ...jwt, clockToleranceMs } })
      const { clock } = door.test
      await door.test.advance(1_000 - (clock.now() % 1_000))
      const token = await tokenOf(clock.now(), {}, { lifeMs: 10_000 })
      const headers = { authorization: `Bearer ${token}` }
      const principal = await door.whoIs(headers)
      expect(principal.expiresAt).toBe(clock.now() + 10_000 + clockToleranceMs)
      await door.test.advance(9_999 + clockToleranceMs)
      expect(principal.isValid).toBe(true)
      await door.test.advance(1)
      expect(principal.isValid).toBe(false)
      expect(principal.mayReadTopic('public', 'x')).toBe(false)
      expect(codeOf(await door.ask({ headers }))).toBe('token_expired')
    }
  })

  it('AU23 what is no token, or a huge one, is refused before anything is decoded', async () => {
    await using door = await startDoor({ jwt })
    const token = await tokenOf(door.test.clock.now())
    const huge = await tokenOf(door.test.clock.now(), { fill: 'x'.repeat(8_192) })
    const [header = '', claims = '', signature = ''] = token.split('.')
    for (const authorization of [
      'Bearer',
      'Bearer ',
      'Bearer  ',
      `Bearer ${token} `.repeat(2),
      `Bearer ${token}, Bearer ${token}`,
      `Bearer ${token}=`,
      `Bearer "${token}"`,
      `Bearer ${header}.${claims}`,
      `Bearer ${header}.${claims}.`,
      `Bearer ${header}..${signature}`,
      `Bearer ${header}.${claims}.${signature}.x.y`,
      `Bearer ${huge}`,
      'Bearer ..',
      `Bearer ${part('x')}.${claims}.${signature}`,
      `Bearer ${part({ alg: 'HS256', crit: ['x'], x: 1 })}.${claims}.${signature}`,
      `Bearer ${Buffer.from([0xff, 0xfe]).toString('base64url')}.${claims}.${signature}`,
    ]) {
      await door.test.advance(1_000)
      const told = await door.ask({ headers: { authorization } })
      expect([authorization.slice(0, 60), told.status]).toEqual([authorization.slice(0, 60), 401])
    }
  })

  it('AU2 one credential counts: the key before the token; other schemes are a proxy’s', async () => {
    await using door = await startDoor({ jwt })
    const token = await tokenOf(door.test.clock.now())
    const { key } = await door.makeKey({ scopes: [] })
    const authorization = `Bearer ${token}`
    expect((await door.whoIs({ authorization, 'x-api-key': key })).kind).toBe('key')
    expect((await door.ask({ headers: { authorization, 'x-api-key': 'wrong' } })).status).toBe(401)
    expect((await door.whoIs({ authorization: 'Basic YTpi' })).kind).toBe('anonymous')
    expect((await door.whoIs({ authorization: 'BEARER-ISH x' }).catch(() => null))?.kind).not.toBe(
      'user',
    )
  })

  it('AU2 without `jwt` no token is believed', async () => {
    await using door = await startDoor()
    expect((await door.bearer(await tokenOf(door.test.clock.now()))).status).toBe(401)
  })

  it('AU3 a token or key in the query counts only where that is switched on, and there is one', async () => {
    const query = async (allowQueryToken: boolean, text: string): Promise<unknown> => {
      await using door = await startDoor({ jwt, allowQueryToken })
      const token = await tokenOf(door.test.clock.now())
      const { key } = await door.makeKey({ scopes: [] })
      const told = await door.ask({
        path: `/who?${text.replaceAll('$T', token).replaceAll('$K', key)}`,
      })
      return told.status === 200 ? (told.json as { kind: string }).kind : told.status
    }
    for (const text of ['token=$T', 'apikey=$K', 'token=wrong'])
      expect(await query(false, text)).toBe('anonymous')
    expect(await query(true, 'token=$T')).toBe('user')
    expect(await query(true, 'apikey=$K')).toBe('key')
    for (const text of ['token=wrong', 'token=', 'token=$T&token=$T', 'token=$T&apikey=$K'])
      expect([text, await query(true, text)]).toEqual([text, 401])
  })

  it('AU27 so many tokens of one address are checked at once, and the rest is told to come again', async () => {
    await using door = await startDoor({ jwt })
    const token = await tokenOf(door.test.clock.now())
    const headers = { authorization: `Bearer ${token}` }
    const all = Array.from({ length: 300 }, () =>
      door.test.transport.request({ path: '/who', headers }),
    )
    await eventually(() => all.every(({ isOpen }) => !isOpen))
    const count = (status: number): number => all.filter((each) => each.status === status).length
    expect([count(200), count(429)]).toEqual([256, 44])
    expect((await door.ask({ headers })).status).toBe(200)
  })

  it.each([
    [{}, /one of secret, jwksUrl and jwks, got 0/],
    [{ secret: SECRET, jwksUrl: 'https://x.test' }, /got 2/],
    [{ secret: 'short' }, /32 characters or more, got 5/],
    [{ secret: 7 }, /jwt.secret as text/],
    [{ jwksUrl: 'x' }, /jwksUrl like/],
    [{ jwksUrl: 'file:///etc/passwd' }, /jwksUrl like/],
    [{ jwks: {} }, /set of public keys/],
    [{ jwks: { keys: [7] } }, /set of public keys/],
    [{ secret: SECRET, algorithms: ['none'] }, /among HS256, HS384, HS512, got 'none'/],
    [{ secret: SECRET, algorithms: ['RS256'] }, /among HS256/],
    [{ secret: SECRET, algorithms: [] }, /algorithms as a list/],
    [{ jwks: { keys: [] }, algorithms: ['HS256'] }, /among RS256/],
    [{ secret: SECRET, audience: [] }, /audience/],
    [{ secret: SECRET, issuer: '' }, /issuer/],
    [{ secret: SECRET, clockToleranceMs: 1_500 }, /clockToleranceMs/],
    [{ secret: SECRET, clockToleranceMs: 600_000 }, /clockToleranceMs/],
    [{ secret: SECRET, audiance: 'x' }, /did you mean|audience/],
  ])('AU20 the option jwt is checked at the start: %j', async (options, message) => {
    const started = startDoor({ jwt: options as JwtOptions })
    await expect(started).rejects.toThrow(message)
    await expect(started).rejects.not.toThrow(SECRET)
  })
})
