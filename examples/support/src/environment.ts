import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { ServerOptions } from '@ringside/server'

/** The environment asks for these. */
export interface Environment {
  readonly port: number
  readonly host: string
  readonly logLevel: string
  /** Address of the log's database; null = in memory. It holds a password: never print it. */
  readonly mongodbUri: string | null
  /** Text before the names of the log's collections, or null. */
  readonly collectionPrefix: string | null
  /** True when the key was made up here, because none was given, and so must be printed. */
  readonly isKeyMade: boolean
  readonly options: Required<
    Pick<
      ServerOptions,
      'allowedOrigins' | 'trustedProxies' | 'nodeName' | 'isDevelopment' | 'aliasRoutes'
    >
  > &
    Pick<ServerOptions, 'allowedHosts' | 'jwt'> & { readonly apiKey: string }
}

/** A variable has a value that cannot be; the message is for the person who starts the program. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']
const MIN_KEY_CHARACTERS = 16

/**
 * Reads PORT, HOST, MONGODB_URI, MONGODB_COLLECTION_PREFIX, API_KEY, JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE,
 * ALLOWED_ORIGINS, ALLOWED_HOSTS, TRUSTED_PROXIES, NODE_NAME, LOG_LEVEL and
 * NODE_ENV; an empty variable is as good as none.
 * @throws EnvironmentError that names the variable and what it held.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  defaultPort: number,
): Environment {
  const isDevelopment = readMode(env['NODE_ENV'] || 'development')
  const apiKey = env['API_KEY'] || null
  if (!apiKey && !isDevelopment)
    throw new EnvironmentError('API_KEY is required when NODE_ENV is production')
  if (apiKey && apiKey.length < MIN_KEY_CHARACTERS)
    throw new EnvironmentError(
      `Expected API_KEY of ${MIN_KEY_CHARACTERS} characters or more, got ${apiKey.length}`,
    )
  return {
    port: readPort(env['PORT'] || String(defaultPort)),
    host: readHost(env['HOST'] || '127.0.0.1'),
    logLevel: readLevel(env['LOG_LEVEL'] || (isDevelopment ? 'warn' : 'info')),
    mongodbUri: env['MONGODB_URI'] || null,
    collectionPrefix: env['MONGODB_COLLECTION_PREFIX'] || null,
    isKeyMade: apiKey === null,
    options: {
      apiKey: apiKey ?? randomBytes(18).toString('base64url'),
      ...readTokens(env),
      allowedOrigins: readOrigins(env['ALLOWED_ORIGINS'] ?? ''),
      ...(env['ALLOWED_HOSTS'] ? { allowedHosts: readList(env['ALLOWED_HOSTS']) } : {}),
      trustedProxies: readProxies(env['TRUSTED_PROXIES'] ?? ''),
      nodeName: readNodeName(env['NODE_NAME'] || 'node-1'),
      isDevelopment,
      // Clients of other servers find the routes by the names that they know.
      aliasRoutes: true,
    },
  }
}

const MIN_SECRET_CHARACTERS = 32

/** What tokens are believed by. A wrong value is not shown: it may be a secret. */
function readTokens(env: Readonly<Record<string, string | undefined>>): Pick<ServerOptions, 'jwt'> {
  const secret = env['JWT_SECRET'] || null
  const jwksUrl = env['JWKS_URL'] || null
  if (secret !== null && jwksUrl !== null)
    throw new EnvironmentError('Expected JWT_SECRET or JWKS_URL, got both')
  if (secret === null && jwksUrl === null) return {}
  if (secret !== null && secret.length < MIN_SECRET_CHARACTERS)
    throw new EnvironmentError(
      `Expected JWT_SECRET of ${MIN_SECRET_CHARACTERS} characters or more, got ${secret.length}`,
    )
  if (jwksUrl !== null && !/^https?:\/\/[^\s/]+/.test(jwksUrl))
    throw new EnvironmentError("Expected JWKS_URL like 'https://id.example/.well-known/jwks.json'")
  const issuer = env['JWT_ISSUER'] || null
  const audience = env['JWT_AUDIENCE'] || null
  return {
    jwt: {
      ...(secret === null ? {} : { secret }),
      ...(jwksUrl === null ? {} : { jwksUrl }),
      ...(issuer === null ? {} : { issuer }),
      ...(audience === null ? {} : { audience }),
    },
  }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (port >= 0 && port <= 65_535) return port
  throw new EnvironmentError(`Expected PORT from 0 to 65535, got '${text}'`)
}

function readOrigins(text: string): string[] {
  const given = readList(text)
  for (const origin of given)
    if (origin !== '*' && !isOrigin(origin.replace('://*.', '://any.')))
      throw new EnvironmentError(
        `Expected ALLOWED_ORIGINS like 'https://a.example,https://*.b.example', got '${origin}'`,
      )
  return given
}

/** Addresses and networks of proxies. */
function readProxies(text: string): string[] {
  const given = readList(text)
  for (const entry of given) {
    const [address = '', prefix = '0', ...rest] = entry.split('/')
    const bits = isIP(address) === 4 ? 32 : 128
    if (
      isIP(address) === 0 ||
      !/^\d{1,3}$/.test(prefix) ||
      Number(prefix) > bits ||
      rest.length > 0
    )
      throw new EnvironmentError(
        `Expected TRUSTED_PROXIES like '10.0.0.7,10.0.0.0/8', got '${entry}'`,
      )
  }
  return given
}

function readHost(text: string): string {
  if (isIP(text) !== 0 || /^[^\s/[\]@?#:]{1,255}$/.test(text)) return text
  throw new EnvironmentError(`Expected HOST as a name or address like '127.0.0.1', got '${text}'`)
}

function readNodeName(text: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/.test(text)) return text
  throw new EnvironmentError(`Expected NODE_NAME like 'node-1', got '${text}'`)
}

const MODES = ['production', 'development', 'test']

/** A misspelt `producton` would open to everybody what production closes. */
function readMode(text: string): boolean {
  if (MODES.includes(text)) return text !== 'production'
  throw new EnvironmentError(`Expected NODE_ENV as one of ${MODES.join(', ')}, got '${text}'`)
}

function readList(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '')
}

function isOrigin(text: string): boolean {
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text.toLowerCase()
}

function readLevel(text: string): string {
  if (LOG_LEVELS.includes(text)) return text
  throw new EnvironmentError(`Expected LOG_LEVEL as one of ${LOG_LEVELS.join(', ')}, got '${text}'`)
}
