import { expect, test } from 'vitest'
import { HostPatterns, readHostPattern } from '../../src/limit/host-pattern.ts'
import { createOriginCheck } from '../../src/limit/origin.ts'

test.each([
  ['https://x.example/', 'https://x.example'],
  ['https://x.example/path?q#f', 'https://x.example'],
  ['x.example', 'https://x.example'],
  ['*.x.example', 'https://*.x.example'],
  ['https://*.x.example/', 'https://*.x.example'],
  ['  https://x.example', 'https://x.example'],
  ['https://*x.example', null],
  ['https://a.*.x.example', null],
  ['https://*.*.x.example', null],
  ['https://**.x.example', null],
  ['https://*.com', null],
  ['https://*', null],
  ['https://*.10.0.0.1', null],
  ['https://*.[::1]', null],
  ['https://x.example:*', null],
  ['*://x.example', null],
  ['https://x.example:99999', null],
  ['https://', null],
  ['null', null],
  ['', null],
  ['https://x.example,https://y.example', null],
  [`https://${'x'.repeat(400)}.example`, null],
])('SE37 %.40s is no origin: the message says what to write', (entry, instead) => {
  const make = () => createOriginCheck({ allowedOrigins: ['https://good.example', entry] })
  expect(make).toThrow(
    expect.objectContaining({
      code: 'option_invalid',
      message: expect.stringContaining(
        instead === null ? 'allowedOrigins like' : `: did you mean '${instead}'?`,
      ) as string,
    }),
  )
})

test('SE37 a list of origins is a list of text, and the message keeps a password to itself', () => {
  const make = (allowedOrigins: unknown) => () =>
    createOriginCheck({ allowedOrigins: allowedOrigins as string[] })
  expect(make('https://x.example')).toThrow('as a list of origins, got a string')
  expect(make([7])).toThrow('as text, got a number')
  expect(make([new URL('https://x.example')])).toThrow('as text, got an object')
  expect(make(['https://me:hunter2@x.example'])).toThrow(
    /^(?!.*hunter2).*did you mean 'https:\/\/x/,
  )
  expect(() => createOriginCheck({ requireOrigin: 'yes' as never })).toThrow('got a string')
})

const origins = [
  ['https://x.example', 'https://x.example', true],
  ['https://x.example', 'http://x.example', false],
  ['https://x.example', 'https://x.example:8443', false],
  ['https://x.example', 'https://x.example:443', true],
  ['https://x.example:443', 'https://x.example', true],
  ['https://X.Example', 'HTTPS://x.EXAMPLE', true],
  ['https://bücher.example', 'https://xn--bcher-kva.example', true],
  ['https://x.example', 'https://x.example/', false],
  ['https://x.example', 'https://x.example.evil.test', false],
  ['https://x.example', 'https://evil-x.example', false],
  ['http://[::1]:3000', 'http://[0:0::1]:3000', true],
  ['capacitor://localhost', 'capacitor://localhost', true],
  ['capacitor://localhost', 'https://localhost', false],
  ['https://*.x.example', 'https://a.x.example', true],
  ['https://*.x.example', 'https://a.b.c.x.example', true],
  ['https://*.x.example', 'HTTPS://A.X.example', true],
  ['https://*.x.example', 'https://x.example', false],
  ['https://*.x.example', 'https://.x.example', false],
  ['https://*.x.example', 'https://a..x.example', false],
  ['https://*.x.example', 'https://ax.example', false],
  ['https://*.x.example', 'http://a.x.example', false],
  ['https://*.x.example', 'https://a.x.example:8443', false],
  ['https://*.x.example:8443', 'https://a.x.example:8443', true],
  ['https://*.x.example:8443', 'https://a.x.example', false],
  ['https://*.x.example', 'https://evil.test/.x.example', false],
  ['https://*.x.example', 'https://evil.test?.x.example', false],
  ['https://*.x.example', 'https://evil.test#.x.example', false],
  ['https://*.x.example', 'https://evil.test\\.x.example', false],
  ['https://*.x.example', 'https://evil.test@a.x.example', false],
  ['https://*.x.example', 'https://evil.test:443.x.example', false],
  ['https://*.x.example', 'https://a.x.example.evil.test', false],
  ['https://*.x.example', 'https://*.x.example', false],
  ['https://*.bücher.example', 'https://a.xn--bcher-kva.example', true],
  ['http://*.localhost:5173', 'http://game.localhost:5173', true],
  ['https://*.x.example', 'null', false],
  ['https://*.x.example', `https://${'a.'.repeat(50_000)}x.example`, false],
  ['*', 'https://anybody.test', true],
] as const

test.each(origins)('SE38 %s lets %.40s in: %s', (allowed, origin, isAllowed) => {
  expect(createOriginCheck({ allowedOrigins: [allowed] })(origin, 'game.test')).toBe(isAllowed)
})

test.each([
  ['play.example.com', 'PLAY.example.com', true],
  ['play.example.com', 'play.example.com:8080', false],
  ['play.example.com:8080', 'play.example.com:8080', true],
  ['*.example.com', 'a.b.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.example.com:21', false],
  ['*.example.com:21', 'a.example.com:21', true],
  ['[::1]:8080', '[::1]:8080', true],
  ['127.0.0.1', '127.0.0.1', true],
] as const)('SE38 a host %s means %s: %s', (pattern, host, isMeant) => {
  const read = readHostPattern(pattern)
  expect(read).not.toBeNull()
  expect(new HostPatterns(read ? [read] : []).has(host)).toBe(isMeant)
})
