import { describe, expect, it } from 'vitest'
import { SECRET, codeOf, startDoor, tokenOf } from './rig.ts'

const NAME = '__Host-token'
const options = {
  jwt: { secret: SECRET },
  cookie: { name: NAME },
  allowedOrigins: ['https://friend.test', 'https://*.friend.test'],
}
const OWN = { host: 'game.test' }

async function startJar(more: object = {}) {
  const door = await startDoor({ ...options, ...more })
  const token = await tokenOf(door.test.clock.now())
  const cookie = `${NAME}=${token}`
  /** Who a request with the cookie comes from, or its refusal. */
  const as = async (method: string, headers: Record<string, string>): Promise<string> => {
    await door.test.advance(1_000)
    const told = await door.ask({ method, headers: { ...OWN, cookie, ...headers } })
    return told.status === 200 ? (told.json as { kind: string }).kind : String(codeOf(told))
  }
  return { ...door, token, cookie, as }
}

describe('cookies', () => {
  it('AU30 a page of the own host, or of an allowed origin, acts as its user', async () => {
    await using jar = await startJar()
    for (const method of ['GET', 'POST']) {
      expect(await jar.as(method, { origin: 'http://game.test' })).toBe('user')
      expect(await jar.as(method, { origin: 'https://friend.test' })).toBe('user')
      expect(await jar.as(method, { origin: 'https://a.friend.test' })).toBe('user')
      expect(await jar.as(method, { 'sec-fetch-site': 'same-origin' })).toBe('user')
    }
  })

  it('AU30 a simple POST of a foreign page does nothing', async () => {
    await using jar = await startJar()
    for (const origin of [
      'https://evil.test',
      'null',
      'http://game.test.evil.test',
      'http://game.test:81',
    ])
      expect([origin, await jar.as('POST', { origin })]).toEqual([origin, 'forbidden'])
    for (const site of ['cross-site', 'same-site', 'strange'])
      expect(await jar.as('POST', { 'sec-fetch-site': site })).toBe('forbidden')
    // Neither header: whoever it is, they do not say where from.
    expect(await jar.as('POST', {})).toBe('forbidden')
    expect(jar.seen).toEqual([])
  })

  it('AU30 for a foreign page that only reads, the cookie does not count', async () => {
    await using jar = await startJar()
    expect(await jar.as('GET', { origin: 'https://evil.test' })).toBe('anonymous')
    expect(await jar.as('GET', { 'sec-fetch-site': 'cross-site' })).toBe('anonymous')
    expect(await jar.as('GET', {})).toBe('user')
  })

  it('AU31 `*` among the allowed origins lets a page read, and never act as its user', async () => {
    await using jar = await startJar({ allowedOrigins: ['*', 'https://friend.test'] })
    const origin = 'https://evil.test'
    expect(await jar.as('GET', { origin })).toBe('anonymous')
    expect(await jar.as('POST', { origin })).toBe('forbidden')
    expect(await jar.as('POST', { origin: 'https://friend.test' })).toBe('user')
    const { headers } = await jar.ask({ headers: { ...OWN, origin } })
    expect(headers['access-control-allow-origin']).toBe(origin)
    expect(headers['access-control-allow-credentials']).toBeUndefined()
    const friend = await jar.ask({ headers: { ...OWN, origin: 'https://friend.test' } })
    expect(friend.headers).toMatchObject({
      'access-control-allow-origin': 'https://friend.test',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
  })

  it('AU32 a cookie is found among others, whatever their syntax, and two of its name are none', async () => {
    await using jar = await startJar()
    const { token } = jar
    const status = async (cookie: string): Promise<unknown> => {
      await jar.test.advance(1_000)
      const told = await jar.ask({ headers: { ...OWN, cookie } })
      return told.status === 200 ? (told.json as { kind: string }).kind : told.status
    }
    for (const cookie of [
      `a=b; ${NAME}=${token}; c=d`,
      `;;a;=; =x;${NAME}=${token};`,
      `  ${NAME} = ${token}  `,
      `${NAME}="${token}"`,
      `${NAME.toLowerCase()}=x; ${NAME}=${token}`,
    ])
      expect([cookie.slice(0, 20), await status(cookie)]).toEqual([cookie.slice(0, 20), 'user'])
    for (const cookie of [
      '',
      ';',
      '=',
      NAME,
      `${NAME}=`,
      `x${NAME}=${token}`,
      `a="${NAME}=${token}"`,
      `a=${NAME}=${token}`,
      `${NAME}%3D${token}`,
    ])
      expect([cookie.slice(0, 20), await status(cookie)]).toEqual([
        cookie.slice(0, 20),
        'anonymous',
      ])
    for (const cookie of [
      `${NAME}=${token}; ${NAME}=${token}`,
      `${NAME}=x; a=b; ${NAME}=${token}`,
      `${NAME}=${token}x`,
      `${NAME}=${token}, a=b`,
      `${NAME}="${token}`,
    ])
      expect([cookie.slice(0, 20), await status(cookie)]).toEqual([cookie.slice(0, 20), 401])
  })

  it('AU30 without the option a cookie says nothing', async () => {
    await using jar = await startJar({ cookie: undefined })
    expect(await jar.as('GET', { origin: 'http://game.test' })).toBe('anonymous')
    await expect(startDoor({ cookie: { name: NAME } })).rejects.toThrow(
      'Expected jwt beside cookie',
    )
    await expect(startDoor({ ...options, cookie: { name: 'a b' } })).rejects.toThrow('cookie.name')
  })
})
