import { closeCodes, errorCodes, isErrorCode, mayRedial, mayRetry } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'

describe('codes', () => {
  it('PR10: every error code has an HTTP status of an error and a text without a final period', () => {
    for (const [code, { status, text }] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[a-z][a-z_]*$/)
      expect(status, code).toBeGreaterThanOrEqual(400)
      expect(status, code).toBeLessThan(600)
      expect(text, code).toMatch(/^[A-Z].*[^.]$/)
    }
  })

  it('PR10: a request over HTTP may be sent again when the table says so', () => {
    for (const [code, { status, retry }] of Object.entries(errorCodes))
      expect(mayRetry(status, code), code).toBe(retry)
  })

  it('PR10: names that every object inherits are no error codes', () => {
    expect(isErrorCode('room_full')).toBe(true)
    for (const name of ['constructor', 'toString', '__proto__', '', 'ROOM_FULL'])
      expect(isErrorCode(name), name).toBe(false)
  })

  it('PR10: close codes are those that RFC 6455 lets a server send, with a reason that fits', () => {
    for (const [cause, { code, reason }] of Object.entries(closeCodes)) {
      const isAllowed = [1000, 1001, 1002, 1008, 1009].includes(code)
      expect(isAllowed || (code >= 4000 && code <= 4999), cause).toBe(true)
      expect(Buffer.byteLength(reason), cause).toBeLessThanOrEqual(123)
    }
  })

  it('PR10: causes that share a close code agree on whether the client may dial again', () => {
    for (const { code, retry } of Object.values(closeCodes)) expect(mayRedial(code)).toBe(retry)
  })

  it('PR10: a connection that broke without a close frame may be dialled again, an unknown code not', () => {
    expect(mayRedial(1006)).toBe(true)
    expect(mayRedial(1005)).toBe(true)
    for (const code of [0, 1003, 1007, 1010, 1011, 1012, 1013, 1014, 1015, 3000, 3999, 4999, -1])
      expect(mayRedial(code)).toBe(true)
  })
})
