import type { HttpRequest as UwsRequest } from 'uWebSockets.js'
import { errorCodes } from '@ringside/protocol'
import type { ErrorCode } from '@ringside/protocol'

/** What a request is answered that uWebSockets.js takes and that must not be taken. */
export interface Refusal {
  readonly status: number
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>
}

const MALFORMED = refusal('bad_request', {})
const TOO_LARGE = refusal('headers_too_large', {})
const UPGRADE_WANTED = refusal('upgrade_required', {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
})

/** 16 bytes in base64: of the last of the 22 digits only four values have no spare bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/
/** Such a request has no body, so that its answer need not end the connection (TR40). */
const BODILESS = new Set(['get', 'head'])
/** A header that occurs twice with any of these names is two opinions. */
const SINGLE = new Set([
  'host',
  'origin',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'content-type',
  'x-api-key',
  'authorization',
])

/** A header takes its colon, its space and its line end beside name and value. */
const HEADER_FRAME_BYTES = 4

/**
 * Finds what makes the end of a request's body uncertain (TR39), and a head that is too large (TR43). RFC 9112 section 6.3: uWebSockets.js believes the first
 * of two Content-Length, and takes any Transfer-Encoding for `chunked`, where a proxy in front may not.
 */
export function framingFault(request: UwsRequest, maxHeaderBytes: number): Refusal | null {
  let lengthCount = 0
  let codingCount = 0
  let isStrange = false
  let headBytes = targetBytes(request)
  request.forEach((name, value) => {
    headBytes += name.length + value.length + HEADER_FRAME_BYTES
    if (name === 'content-length') {
      lengthCount++
      isStrange ||= value === ''
    } else if (name === 'transfer-encoding') {
      codingCount++
      isStrange ||= value.toLowerCase() !== 'chunked' || BODILESS.has(request.getMethod())
    }
  })
  if (headBytes > maxHeaderBytes) return TOO_LARGE
  return isStrange || lengthCount > 1 || codingCount > 1 ? MALFORMED : null
}

/**
 * Finds what makes a handshake none (TR41, RFC 6455 section 4.2.1): uWebSockets.js looks at nothing but the length of its
 * key.
 */
export function handshakeFault(request: UwsRequest, maxHeaderBytes: number): Refusal | null {
  const seen = new Set<string>()
  let isStrange = false
  let headBytes = targetBytes(request)
  request.forEach((name, value) => {
    headBytes += name.length + value.length + HEADER_FRAME_BYTES
    if (name === 'transfer-encoding' || (name === 'content-length' && value !== '0'))
      isStrange = true
    if (!SINGLE.has(name)) return
    if (seen.has(name)) isStrange = true
    seen.add(name)
  })
  if (headBytes > maxHeaderBytes) return TOO_LARGE
  if (isStrange) return MALFORMED
  if (!hasToken(request.getHeader('upgrade'), 'websocket')) return UPGRADE_WANTED
  if (request.getHeader('sec-websocket-version') !== '13') return UPGRADE_WANTED
  if (!hasToken(request.getHeader('connection'), 'upgrade')) return MALFORMED
  return KEY.test(request.getHeader('sec-websocket-key')) ? null : MALFORMED
}

function targetBytes(request: UwsRequest): number {
  // Its types do not say that there may be no query.
  const query = request.getQuery() as string | undefined
  return request.getUrl().length + (query?.length ?? 0)
}

/** Does a header that is a list have this name in it? */
export function hasToken(header: string, token: string): boolean {
  return header
    .toLowerCase()
    .split(',')
    .some((part) => part.trim() === token)
}

function refusal(code: ErrorCode, headers: Readonly<Record<string, string>>): Refusal {
  return { status: errorCodes[code].status, code, headers }
}
