import { MAX_TIMER_MS, SUBPROTOCOL } from '@ringside/protocol'
import type { GameContract } from '@ringside/protocol'
import { checkOptions } from './argument-check.ts'
import type { OptionKinds } from './argument-check.ts'
import { baseUrl, below } from './base-url.ts'
import type { ConnectOptions, RequestOptions, WhileAway } from './client-types.ts'
import { RequestError } from './request-error.ts'
import type { SocketFactory } from './socket/socket.ts'
import { systemTimers } from './timers.ts'
import type { Timers } from './timers.ts'
import { defaultSocket } from '#default-socket'

const kinds: OptionKinds<ConnectOptions> = {
  socket: 'function',
  fetch: 'function',
  random: 'function',
  timers: 'object',
  headers: 'object',
  joinTimeoutMs: 'number',
  requestTimeoutMs: 'number',
  reconnectForMs: 'number',
  rejoin: 'boolean',
  maxBufferedBytes: 'number',
  whileAway: 'string',
  maxPayloadBytes: 'number',
}

/** The checked options of a client, shared by all of its connections. */
export interface ClientContext {
  readonly game: GameContract
  /** The folder in which the server's routes lie; it ends in a slash. */
  readonly base: string
  readonly socket: SocketFactory
  readonly fetch: typeof fetch
  readonly random: () => number
  readonly timers: Timers
  readonly headers: Readonly<Record<string, string>>
  readonly joinTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly reconnectForMs: number
  readonly rejoin: boolean
  readonly maxBufferedBytes: number
  readonly whileAway: WhileAway
  readonly maxPayloadBytes: number
}

/**
 * Fills in the defaults.
 * @throws TypeError on an address that is not http(s), or a number outside its range.
 */
export function createContext(
  game: GameContract,
  address: string | undefined,
  options: ConnectOptions,
): ClientContext {
  if (typeof (game as Partial<GameContract> | null)?.rooms !== 'object')
    throw new TypeError('Expected a contract of defineGame')
  checkOptions('an option of connect', options, kinds)
  return {
    game,
    base: baseUrl(address),
    socket: options.socket ?? defaultSocket,
    // A browser refuses `globalThis.fetch` when it is called as a method of another object.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    random: options.random ?? Math.random,
    timers: options.timers ?? systemTimers,
    headers: options.headers ?? {},
    joinTimeoutMs: inRange('joinTimeoutMs', options.joinTimeoutMs ?? 10_000, MAX_TIMER_MS),
    requestTimeoutMs: inRange('requestTimeoutMs', options.requestTimeoutMs ?? 15_000, MAX_TIMER_MS),
    reconnectForMs: inRange('reconnectForMs', options.reconnectForMs ?? 30_000, Infinity),
    rejoin: options.rejoin ?? false,
    maxBufferedBytes: inRange('maxBufferedBytes', options.maxBufferedBytes ?? 1_048_576, Infinity),
    whileAway: checkWhileAway(options.whileAway ?? 'reject'),
    maxPayloadBytes: inRange('maxPayloadBytes', options.maxPayloadBytes ?? 65_536, Infinity),
  }
}

function inRange(name: string, value: number, max: number): number {
  if (!(value > 0 && value <= max))
    throw new TypeError(`Expected ${name} above 0 and at most ${max}, got ${value}`)
  return value
}

/** @throws TypeError unless it is 'reject' or 'keep'. */
export function checkWhileAway(value: WhileAway): WhileAway {
  if (value === 'reject' || value === 'keep') return value
  throw new TypeError(`Expected whileAway as 'reject' or 'keep', got '${String(value)}'`)
}

/** @throws TypeError on an option that a request has not. */
export function checkRequest(options: RequestOptions): RequestOptions {
  checkOptions('an option of a request', options, { timeoutMs: 'number', whileAway: 'string' })
  return options
}

/** @throws TypeError on a time that no timer takes. */
export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS) return timeoutMs
  throw new TypeError(`Expected timeoutMs from 1 to ${MAX_TIMER_MS}, got ${timeoutMs}`)
}

/**
 * The WebSocket address of a path or address that the server named.
 * @throws RequestError bad_answer on what no WebSocket is opened to.
 */
export function socketUrl(context: ClientContext, path: string): string {
  let url = ''
  try {
    url = below(context.base, path).replace(/^http/, 'ws')
  } catch {
    // It is no address, and told as one of another scheme is.
  }
  if (/^wss?:/.test(url)) return url
  throw new RequestError('bad_answer', 'Expected the address of a WebSocket', true)
}

/** Opens a socket with the SDK's subprotocol. */
export function openSocket(context: ClientContext, path: string): ReturnType<SocketFactory> {
  return context.socket(socketUrl(context, path), SUBPROTOCOL)
}
