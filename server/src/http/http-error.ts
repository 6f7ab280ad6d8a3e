import { errorCodes, isErrorCode } from '@ringside/protocol'
import type { ErrorCode } from '@ringside/protocol'
import { Rejection, RingsideError, TooManyRequests, clientText } from '../process/errors.ts'
import type { HttpResponse } from '../transport/contract.ts'
import { sendJson } from './json.ts'

/** A failed request is answered with this. */
export interface HttpError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}

const NO_HEADERS = Object.freeze({})

/** Gives the answer to an error that the client may know; null = unexpected, to be logged. */
export function toHttpError(error: unknown): HttpError | null {
  if (error instanceof TooManyRequests) return fromCode('too_many_requests', error)
  if (error instanceof Rejection)
    return {
      status: 409,
      code: error.code,
      message: clientText(error.message),
      headers: NO_HEADERS,
    }
  if (!(error instanceof RingsideError)) return null
  const { code } = error
  if (!isErrorCode(code) || code === 'internal') return null
  return fromCode(code, error)
}

/** The answer for a code of the table. */
export function fromCode(code: ErrorCode, error?: RingsideError): HttpError {
  const { status, text } = errorCodes[code]
  const seconds = error instanceof TooManyRequests ? error.retryAfterSeconds : 1
  const headers = status === 429 || status === 503 ? { 'retry-after': `${seconds}` } : NO_HEADERS
  return { status, code, message: clientText(error?.message ?? text), headers }
}

/** Answers with the error as JSON. */
export function sendError(response: HttpResponse, error: HttpError): void {
  const { status, code, message, headers } = error
  sendJson(response, { status, headers, body: { error: { code, message } } })
}
