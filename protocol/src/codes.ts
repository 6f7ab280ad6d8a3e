import {
  CLOSE_CONTRACT_MISMATCH,
  CLOSE_MOVED,
  CLOSE_NORMAL,
  CONTRACT_MISMATCH_TEXT,
} from './close-code.ts'

/**
 * Every code a client can meet, in one table. `retry` answers "may the same request succeed if it is
 * sent again later, unchanged?"; `status` is the HTTP status where the code can end an HTTP request.
 */
export const errorCodes = {
  unknown_command: { status: 404, retry: false, text: 'No such command' },
  invalid_payload: { status: 400, retry: false, text: 'The payload does not decode or validate' },
  rate_limited: { status: 429, retry: true, text: 'Too many messages; slow down' },
  internal: { status: 500, retry: true, text: 'The server failed; the failure was logged' },
  timeout: { status: 504, retry: true, text: 'The handler did not answer in time' },
  rejected: { status: 409, retry: false, text: 'The game refused the command' },
  not_in_room: { status: 409, retry: false, text: 'This command needs a room; join one first' },
  already_in_room: { status: 409, retry: false, text: 'The connection is in a room already' },
  room_not_found: { status: 404, retry: false, text: 'No such room' },
  room_type_not_found: { status: 404, retry: false, text: 'No such type of room' },
  room_full: { status: 409, retry: true, text: 'The room has no free seat' },
  room_locked: { status: 409, retry: true, text: 'The room takes no new players' },
  room_paused: { status: 503, retry: true, text: 'The room waits for its log' },
  room_released: { status: 503, retry: true, text: 'The room is not run here any more' },
  room_limit: { status: 503, retry: true, text: 'The server holds as many rooms as it may' },
  contract_mismatch: { status: 409, retry: false, text: CONTRACT_MISMATCH_TEXT },
  banned: { status: 403, retry: false, text: 'Banned' },
  muted: { status: 403, retry: true, text: 'Muted: chat is refused for now' },
  auth_failed: { status: 403, retry: false, text: 'The room refused the player' },
  ticket_invalid: { status: 401, retry: false, text: 'The ticket is not one of this server' },
  ticket_expired: { status: 401, retry: false, text: 'The ticket has expired; ask for a new one' },
  ticket_used: { status: 401, retry: false, text: 'The ticket was used before' },
  reconnect_refused: { status: 410, retry: false, text: 'The seat is gone; join again' },
  bad_request: { status: 400, retry: false, text: 'The request is malformed' },
  unauthorized: { status: 401, retry: false, text: 'A valid key or token is needed' },
  token_expired: { status: 401, retry: false, text: 'The token has expired; come with a new one' },
  forbidden: { status: 403, retry: false, text: 'Not allowed' },
  not_found: { status: 404, retry: false, text: 'Not found' },
  method_not_allowed: { status: 405, retry: false, text: 'Method not allowed' },
  upgrade_required: { status: 426, retry: false, text: 'Expected a WebSocket handshake' },
  misdirected: { status: 421, retry: false, text: 'This server does not answer for that host' },
  headers_too_large: { status: 431, retry: false, text: 'The headers are too large' },
  body_too_large: { status: 413, retry: false, text: 'The body is too large' },
  unsupported_media_type: { status: 415, retry: false, text: 'Expected application/json' },
  too_many_requests: { status: 429, retry: true, text: 'Too many requests; see Retry-After' },
  past_retention: { status: 410, retry: false, text: 'That part of the log is no longer kept' },
  not_yet_visible: { status: 404, retry: true, text: 'That part of the log may not be seen yet' },
  draining: { status: 503, retry: true, text: 'The server is shutting down' },
  unavailable: { status: 503, retry: true, text: 'The log cannot be reached' },
} as const

/** A code of the table above. */
export type ErrorCode = keyof typeof errorCodes

/**
 * The codes of requests over HTTP that may succeed later although their status does not say so (429 and 5xx do). A client
 * that knows them needs no table with all the texts.
 */
const RETRIED_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'room_full',
  'room_locked',
  'muted',
  'not_yet_visible',
])

/** May a request over HTTP that was refused with this status, and code, succeed if it is sent again later, unchanged? */
export function mayRetry(status: number, code: string): boolean {
  return status >= 500 || status === 429 || RETRIED_CODES.has(code)
}

/** True for a code of the table. Codes that a game passes to `reject` need not be of it. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code)
}

/**
 * WebSocket close codes (RFC 6455 section 7.4; 4000-4999 are private use). `retry` answers "may the
 * client dial again by itself?".
 */
export const closeCodes = {
  normal: { code: CLOSE_NORMAL, retry: false, reason: 'Closed' },
  going_away: { code: 1001, retry: true, reason: 'Server is shutting down' },
  invalid_format: { code: 1002, retry: false, reason: 'Invalid message format' },
  rate_limited: { code: 1008, retry: false, reason: 'Rate limit exceeded' },
  too_many_invalid: { code: 1008, retry: false, reason: 'Too many invalid messages' },
  too_large: { code: 1009, retry: false, reason: 'Message too large' },
  kicked: { code: 4000, retry: false, reason: 'Kicked' },
  room_ended: { code: 4001, retry: false, reason: 'The room has ended' },
  slow: { code: 4002, retry: true, reason: 'The connection could not keep up' },
  rejoin: { code: 4003, retry: true, reason: 'The room has a new owner; join again' },
  /** Only clusters send it, for one server has every room itself. The reason is the node's name. */
  moved: { code: CLOSE_MOVED, retry: true, reason: 'The room lives on another node' },
  join_refused: { code: 4005, retry: false, reason: 'The ticket was refused' },
  replaced: { code: 4006, retry: false, reason: 'The seat was taken over by another connection' },
  banned: { code: 4007, retry: false, reason: 'Banned' },
  contract_mismatch: {
    code: CLOSE_CONTRACT_MISMATCH,
    retry: false,
    reason: CONTRACT_MISMATCH_TEXT,
  },
  unauthorized: { code: 4010, retry: false, reason: 'The token or key is over' },
  idle: { code: 4009, retry: true, reason: 'Nothing was said in time' },
} as const

/** Name of a close cause of the table above. */
export type CloseCause = keyof typeof closeCodes
