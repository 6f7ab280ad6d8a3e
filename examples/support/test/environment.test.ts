import { expect, test } from 'vitest'
import { readEnvironment } from '../src/environment.ts'

test('EX1 without variables it is a development server on this machine, with a key made for it', () => {
  const settings = readEnvironment({}, 8080)
  expect(settings).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    isKeyMade: true,
    logLevel: 'warn',
    mongodbUri: null,
    collectionPrefix: null,
    options: { isDevelopment: true, allowedOrigins: [], trustedProxies: [], nodeName: 'node-1' },
  })
  const { apiKey } = settings.options
  expect(apiKey).toMatch(/^[\w-]{24}$/)
  expect(readEnvironment({}, 8080).options.apiKey).not.toBe(apiKey)
})

test('EX1 every variable is taken, and an empty one is as good as none', () => {
  const given = readEnvironment(
    {
      PORT: '0',
      HOST: '0.0.0.0',
      API_KEY: 'k'.repeat(16),
      ALLOWED_ORIGINS: 'https://a.example, https://b.example,',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      NODE_NAME: 'n2',
      LOG_LEVEL: 'debug',
      NODE_ENV: 'production',
      MONGODB_URI: 'mongodb://db/x',
      MONGODB_COLLECTION_PREFIX: 'arena_',
    },
    8080,
  )
  expect(given).toEqual({
    port: 0,
    host: '0.0.0.0',
    mongodbUri: 'mongodb://db/x',
    collectionPrefix: 'arena_',
    isKeyMade: false,
    logLevel: 'debug',
    options: {
      apiKey: 'k'.repeat(16),
      isDevelopment: false,
      aliasRoutes: true,
      allowedOrigins: ['https://a.example', 'https://b.example'],
      trustedProxies: ['10.0.0.0/8', '::1'],
      nodeName: 'n2',
    },
  })
  expect(readEnvironment({ ALLOWED_ORIGINS: '*' }, 8080).options.allowedOrigins).toEqual(['*'])
  expect(readEnvironment({ PORT: '', HOST: '' }, 8080)).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
  })
})

test.each([
  [{ NODE_ENV: 'production' }, 'API_KEY is required when NODE_ENV is production'],
  [{ API_KEY: 'short' }, 'Expected API_KEY of 16 characters or more, got 5'],
  [{ PORT: '65536' }, "Expected PORT from 0 to 65535, got '65536'"],
  [{ PORT: '80a' }, "Expected PORT from 0 to 65535, got '80a'"],
  [{ PORT: '-1' }, "Expected PORT from 0 to 65535, got '-1'"],
  [{ ALLOWED_ORIGINS: 'a.example' }, "got 'a.example'"],
  [{ ALLOWED_ORIGINS: 'https://a.example/path' }, "got 'https://a.example/path'"],
  [{ LOG_LEVEL: 'loud' }, 'Expected LOG_LEVEL as one of'],
])('EX1 %j is refused with a plain word', (env, message) => {
  expect(() => readEnvironment(env, 8080)).toThrow(message)
})

test.each([
  [{ PORT: '99999' }, "Expected PORT from 0 to 65535, got '99999'"],
  [{ PORT: 'abc' }, "got 'abc'"],
  [{ HOST: 'http://localhost' }, "Expected HOST as a name or address like '127.0.0.1'"],
  [{ HOST: 'localhost:80' }, "got 'localhost:80'"],
  [{ NODE_NAME: 'my node' }, "Expected NODE_NAME like 'node-1', got 'my node'"],
  [{ NODE_ENV: 'producton' }, 'Expected NODE_ENV as one of production, development, test'],
  [{ ALLOWED_ORIGINS: 'https://a.example/' }, "got 'https://a.example/'"],
  [{ ALLOWED_ORIGINS: '*.a.example' }, "got '*.a.example'"],
  [{ ALLOWED_ORIGINS: 'https://a.*.example' }, "got 'https://a.*.example'"],
  [{ TRUSTED_PROXIES: '10.0.0.0/33' }, "got '10.0.0.0/33'"],
  [{ TRUSTED_PROXIES: 'proxy.local' }, "Expected TRUSTED_PROXIES like '10.0.0.7,10.0.0.0/8'"],
])('EX4 %j is refused before anything starts', (env, message) => {
  expect(() => readEnvironment(env, 8080)).toThrow(message)
})

test('EX4 a wildcard for subdomains is an origin', () => {
  const { options } = readEnvironment({ ALLOWED_ORIGINS: 'https://*.a.example' }, 8080)
  expect(options.allowedOrigins).toEqual(['https://*.a.example'])
})

test('EX1 tokens are believed by JWT_SECRET or JWKS_URL, and what is wrong with them is said without the secret', () => {
  const jwtOf = (env: Record<string, string>) => readEnvironment(env, 8080).options.jwt
  const secret = 's'.repeat(32)
  const jwksUrl = 'https://id.example/keys'
  expect(jwtOf({ JWT_SECRET: '', JWKS_URL: '' })).toBeUndefined()
  expect(jwtOf({ JWT_SECRET: secret, JWT_AUDIENCE: 'game' })).toEqual({ secret, audience: 'game' })
  expect(jwtOf({ JWKS_URL: jwksUrl, JWT_ISSUER: 'id' })).toEqual({ jwksUrl, issuer: 'id' })
  expect(() => jwtOf({ JWT_SECRET: secret, JWKS_URL: jwksUrl })).toThrow('got both')
  expect(() => jwtOf({ JWT_SECRET: 'hush' })).toThrow(/^Expected JWT_SECRET .* got 4$/)
  expect(() => jwtOf({ JWKS_URL: 'file:///keys' })).toThrow('JWKS_URL like')
})
