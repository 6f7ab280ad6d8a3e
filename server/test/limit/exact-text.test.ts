import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { KeyCheck } from '../../src/auth/key-check.ts'
import { TicketOffice } from '../../src/matchmake/ticket.ts'
import { decodeBase64Url, isSameSecret } from '../../src/process/exact-text.ts'
import { createServer } from '../../src/server.ts'
import { testGame } from '../support/test-game.ts'
import { mutationsOf } from '../support/mutations.ts'
import { TestServer } from '../support/test-server.ts'

const KEY = 'a key for tests only'

test('LI5 a ticket is opened by one text', () => {
  const office = new TicketOffice('0123456789abcdef0123456789abcdef')
  const facts = { room: 'r1', node: 'n', boot: 'b', epoch: 1, session: 's', id: 't', expiresAt: 9 }
  const ticket = office.sign(facts)
  expect(office.verify(ticket, 0)).toEqual(facts)
  const [body = '', signature = ''] = ticket.split('.')
  const attacks = [
    ...mutationsOf(ticket),
    ...mutationsOf(body).map(([what, text]) => [what, `${text}.${signature}`] as const),
    ...mutationsOf(signature).map(([what, text]) => [what, `${body}.${text}`] as const),
  ]
  expect(attacks.length).toBeGreaterThan(500)
  for (const [what, text] of attacks)
    expect(() => office.verify(text, 0), what).toThrowError(
      expect.objectContaining({ code: 'ticket_invalid' }),
    )
})

test('LI5 bytes have one text of base64url', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Buffer.alloc(length, 0xa5 + length)
    const text = bytes.toString('base64url')
    expect(decodeBase64Url(text)).toEqual(bytes)
    if (length === 0) continue
    for (const [what, other] of mutationsOf(text)) {
      const read = decodeBase64Url(other)
      expect(read === null || !read.equals(bytes), `${what}: ${other}`).toBe(true)
    }
  }
})

test('LI5 a secret is its text, unit by unit; none is no secret', () => {
  expect([isSameSecret(KEY, KEY), isSameSecret('', '')]).toEqual([true, false])
  for (const [what, text] of mutationsOf(KEY)) expect(isSameSecret(text, KEY), what).toBe(false)
  expect(isSameSecret('\u{D800}', '\u{D801}')).toBe(false)
})

test('LI5 a key opens by its own text; one that a header changes on its way is refused at the start', async () => {
  const server = await TestServer.start({ isDevelopment: false })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ask = async (key: string): Promise<number> => {
    const exchange = server.transport.request({
      path: '/metrics',
      headers: { 'x-api-key': key },
      remoteAddress: `10.0.${count >> 8}.${count++ & 255}`,
    })
    await server.during(exchange.done)
    return exchange.status
  }
  let count = 0
  expect(await ask(KEY)).toBe(200)
  for (const [what, text] of mutationsOf(KEY)) expect(await ask(text), what).toBe(401)
  const guesses = { checkLeft() {}, take: () => true }
  for (const key of [`${KEY} `, ` ${KEY}`, `${KEY}é`, `${KEY}\n`, `${KEY}\0`, `${KEY}\u{FFFD}`])
    expect(
      () => new KeyCheck({ apiKey: key, guesses, everybody: { topics: [] } }),
      JSON.stringify(key),
    ).toThrowError(expect.objectContaining({ code: 'option_invalid' }))
})

test('LI5 a seat is taken back by its token alone, as it was written', async () => {
  const server = await TestServer.start({ joinsPerSecondPerIp: 10_000 })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ada = await server.join('Ada')
  const { roomId, reconnectToken: token } = ada.all('joined')[0] as {
    roomId: string
    reconnectToken: string
  }
  const path = `/matchmake/reconnect/${roomId}`
  for (const [what, text] of mutationsOf(token))
    expect((await server.http('POST', path, { token: text })).status, what).toBe(410)
  for (const wrong of [[token], { token }, 0, null, true])
    expect((await server.http('POST', path, { token: wrong })).status).toBe(400)
  expect((await server.http('POST', path, { token })).status).toBe(200)
})

test('LI5, TR34 on real sockets: white space around a key is no part of it, and two keys are none', async () => {
  const server = createServer(testGame, { apiKey: KEY })
  const port = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  const ask = async (lines: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    socket.end(
      `GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`,
      'latin1',
    )
    let got = ''
    for await (const chunk of socket) {
      got += String(chunk)
      if (got.includes('\r\n\r\n')) break
    }
    return got.slice(9, 12)
  }
  const named = 'X-API-Key'
  expect(await ask(`${named}: ${KEY}\r\n`)).toBe('200')
  expect(await ask(`x-api-key: \t ${KEY}  \r\n`)).toBe('200')
  // uWebSockets.js takes bytes over 0x7f at a value's ends for white space, and nobody gets to see them.
  expect(await ask(`${named}: \xa0${KEY}\xe9\r\n`)).toBe('200')
  const refused = [
    `${named}: ${KEY}\r\n${named}: ${KEY}\r\n`,
    `${named}: ${KEY}\r\n${named}: another key of a stranger\r\n`,
    `${named}: another key of a stranger\r\n${named}: ${KEY}\r\n`,
    `${named}:\r\n${named}: ${KEY}\r\n`,
    `${named}: ${KEY.slice(0, 5)}\xa0${KEY.slice(5)}\r\n`,
    `${named}: ${KEY}.\r\n`,
    `${named}: ${KEY.toUpperCase()}\r\n`,
  ]
  for (const lines of refused) expect(await ask(lines), lines).toBe('401')
})
