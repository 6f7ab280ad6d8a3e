import { cleanLine, kindOf } from '@ringside/protocol'
import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload, JWTVerifyOptions } from 'jose'
import { checkMembers, checkText, invalid, shownNumber, shownText } from '../process/argument.ts'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import type { Logger } from '../process/logger.ts'
import type { VerifiedToken } from './asker.ts'
import { RemoteSet, secretSource, setSource } from './key-source.ts'
import type { KeySource } from './key-source.ts'
import { Scopes } from './scope.ts'

/** Tokens (JWT, RFC 7519) are believed by these. Exactly one of `secret`, `jwksUrl` and `jwks` is given. */
export interface JwtOptions {
  /** Shared with whoever issues the tokens, 32 characters or more: HS256, HS384, HS512. */
  readonly secret?: string
  /** Address of a set of public keys (RFC 7517), fetched when it is first needed and kept up to date. */
  readonly jwksUrl?: string
  /** The set itself. */
  readonly jwks?: { readonly keys: readonly object[] }
  /** `iss` must be this, or one of these. Default: any. */
  readonly issuer?: string | readonly string[]
  /** `aud` must name this, or one of these. Default: any, of which `listen` warns where keys are public. */
  readonly audience?: string | readonly string[]
  /** Default: every algorithm that fits the keys. `none` is never one. */
  readonly algorithms?: readonly string[]
  /** Clocks may differ by so many ms, 0-300,000, in whole seconds. Default 0. */
  readonly clockToleranceMs?: number
  /** The claim that has the scopes: text with spaces, or a list. Default: `scope`, and `scopes`. */
  readonly scopesClaim?: string
}

/** A header of HTTP holds hardly more, and every byte is decoded and hashed for whoever sends it. */
const MAX_TOKEN_CHARACTERS = 8_192
const MAX_SUBJECT_CHARACTERS = 200
const MAX_TOLERANCE_MS = 300_000
const MIN_SECRET_CHARACTERS = 32
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
/** Later than that a date is none. */
const MAX_SECONDS = 8.64e12

export interface TokenCheckParts {
  readonly options: JwtOptions
  readonly clock: Clock
  readonly logger: Logger
  /** The store's time in ms. */
  readonly now: () => number
}

/** The check of tokens: signature, algorithm, issuer, audience and times, by jose; subject and scopes here. */
export class TokenCheck {
  readonly #parts: TokenCheckParts
  readonly #source: KeySource
  readonly #remote: RemoteSet | null
  readonly #rules: JWTVerifyOptions
  readonly #toleranceMs: number
  readonly #claims: readonly string[]

  /** @throws RingsideError option_invalid. */
  constructor(parts: TokenCheckParts) {
    checkOptions(parts.options)
    const { issuer, audience, clockToleranceMs = 0, scopesClaim } = parts.options
    this.#parts = parts
    this.#remote = remoteOf(parts)
    this.#source = this.#remote ?? localSource(parts.options)
    this.#toleranceMs = clockToleranceMs
    this.#claims = scopesClaim === undefined ? ['scope', 'scopes'] : [scopesClaim]
    this.#rules = {
      algorithms: algorithmsOf(parts.options, this.#source),
      // A token without an end could never be taken back.
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockToleranceMs / 1000,
      ...(issuer === undefined ? {} : { issuer: listOf(issuer) }),
      ...(audience === undefined ? {} : { audience: listOf(audience) }),
    }
  }

  /**
   * @throws RingsideError unauthorized for what is no token of ours; token_expired for one that was; unavailable while
   * the keys cannot be had.
   */
  async verify(text: string): Promise<VerifiedToken> {
    if (text.length > MAX_TOKEN_CHARACTERS || !TOKEN.test(text)) throw unauthorized()
    try {
      return this.#read(await this.#claimsOf(text))
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new RingsideError('token_expired')
      if (error instanceof RingsideError) throw error
      throw unauthorized(error)
    }
  }

  stop(): void {
    this.#remote?.stop()
  }

  async #claimsOf(text: string): Promise<JWTPayload> {
    const header = decodeProtectedHeader(text)
    // Before anything is fetched for it.
    if (!this.#rules.algorithms?.includes(header.alg ?? '')) throw unauthorized()
    const rules = { ...this.#rules, currentDate: new Date(this.#parts.now()) }
    let failure: unknown
    for (const key of await this.#source.keysFor(header))
      try {
        return (await jwtVerify(text, key, rules)).payload
      } catch (error) {
        failure = error
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
      }
    throw failure ?? unauthorized()
  }

  #read(claims: JWTPayload): VerifiedToken {
    const { sub, exp } = claims
    if (typeof sub !== 'string' || sub === '' || sub !== cleanLine(sub, MAX_SUBJECT_CHARACTERS))
      throw unauthorized()
    if (typeof exp !== 'number' || !(exp <= MAX_SECONDS)) throw unauthorized()
    const scopes = Scopes.among(this.#claims.flatMap((name) => textsIn(claims[name])))
    if (scopes === null) throw unauthorized()
    return { subject: sub, scopes, expiresAt: exp * 1000 + this.#toleranceMs, claims }
  }
}

function unauthorized(cause?: unknown): RingsideError {
  return new RingsideError('unauthorized', undefined, cause === undefined ? {} : { cause })
}

function textsIn(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ')
  return Array.isArray(claim) ? claim.filter((item) => typeof item === 'string') : []
}

function listOf(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value]
}

/** The compiler holds this list to {@link JwtOptions}. */
const optionNames = {
  secret: true,
  jwksUrl: true,
  jwks: true,
  issuer: true,
  audience: true,
  algorithms: true,
  clockToleranceMs: true,
  scopesClaim: true,
} satisfies Readonly<Record<keyof Required<JwtOptions>, true>>

/** What is shown of a wrong value is never a secret. */
function checkOptions(options: unknown): void {
  checkMembers('a member of jwt', options, Object.keys(optionNames))
  const {
    secret,
    jwksUrl,
    jwks,
    issuer,
    audience,
    clockToleranceMs = 0,
    scopesClaim,
  } = options as JwtOptions
  const count = [secret, jwksUrl, jwks].filter((source) => source !== undefined).length
  if (count !== 1)
    throw invalid(`Expected jwt with one of secret, jwksUrl and jwks, got ${count} of them`)
  if (secret !== undefined) {
    checkText('jwt.secret', secret)
    if (secret.length < MIN_SECRET_CHARACTERS)
      throw invalid(
        `Expected a jwt.secret of ${MIN_SECRET_CHARACTERS} characters or more, got ${secret.length}`,
      )
  }
  if (jwksUrl !== undefined) checkUrl(jwksUrl)
  for (const [name, value] of [
    ['issuer', issuer],
    ['audience', audience],
  ] as const)
    if (value !== undefined) checkNames(`jwt.${name}`, value)
  const isTolerance =
    Number.isInteger(clockToleranceMs / 1000) &&
    clockToleranceMs >= 0 &&
    clockToleranceMs <= MAX_TOLERANCE_MS
  if (typeof clockToleranceMs !== 'number' || !isTolerance)
    throw invalid(
      `Expected jwt.clockToleranceMs from 0 to ${MAX_TOLERANCE_MS}, in whole seconds, got ${shownNumber(clockToleranceMs)}`,
    )
  if (scopesClaim !== undefined) checkText('jwt.scopesClaim', scopesClaim)
}

function checkUrl(url: unknown): void {
  const parsed = typeof url === 'string' ? parseUrl(url) : null
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:')
    throw invalid(
      `Expected jwt.jwksUrl like 'https://example.com/.well-known/jwks.json', got ${kindOf(url)}`,
    )
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function checkNames(name: string, value: unknown): void {
  const list = Array.isArray(value) ? (value as unknown[]) : [value]
  if (list.length === 0)
    throw invalid(`Expected ${name} as text or a list of it, got an empty list`)
  for (const item of list) checkText(name, item)
}

function algorithmsOf({ algorithms }: JwtOptions, source: KeySource): string[] {
  if (algorithms === undefined) return [...source.algorithms]
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw invalid(`Expected jwt.algorithms as a list, got ${kindOf(algorithms)}`)
  for (const name of algorithms as unknown[])
    if (typeof name !== 'string' || !source.algorithms.includes(name))
      throw invalid(
        `Expected jwt.algorithms among ${source.algorithms.join(', ')}, got ${shownText(name)}`,
      )
  return [...(algorithms as string[])]
}

function remoteOf({ options, clock, logger }: TokenCheckParts): RemoteSet | null {
  return options.jwksUrl === undefined
    ? null
    : new RemoteSet({ url: options.jwksUrl, clock, logger })
}

function localSource({ secret, jwks }: JwtOptions): KeySource {
  if (secret !== undefined) return secretSource(secret)
  try {
    return setSource(jwks as JSONWebKeySet)
  } catch {
    throw invalid("Expected jwt.jwks as a set of public keys, like { keys: [{ kty: 'EC', ... }] }")
  }
}
