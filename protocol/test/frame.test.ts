import {
  FIRST_RESERVED_ID,
  encodeFrame,
  framePayload,
  isGameCommandId,
  readCommandId,
  system,
  writeCommandId,
} from '@ringside/protocol'
import { describe, expect, it } from 'vitest'

describe('frame', () => {
  it('PR1: a message is the id as uint32 big-endian, then the payload, and nothing else', () => {
    expect([...encodeFrame(0x01020304, new Uint8Array([9, 8]))]).toEqual([1, 2, 3, 4, 9, 8])
    expect([...encodeFrame(0)]).toEqual([0, 0, 0, 0])
  })

  it.each([0, 1, 0x7fffffff, 0x80000000, 0xfffeffff, 0xffff0000, 0xffffffff])(
    'PR1: id %i is read as it was written, above 2^31 too',
    (id) => {
      const frame = encodeFrame(id, new Uint8Array(3))
      expect(readCommandId(frame)).toBe(id)
      expect(framePayload(frame)).toHaveLength(3)
    },
  )

  it('PR1: fewer than four bytes have no id', () => {
    for (let length = 0; length < 4; length++)
      expect(readCommandId(new Uint8Array(length))).toBe(-1)
  })

  it('PR1: encodeFrame copies, framePayload does not', () => {
    const payload = new Uint8Array([1])
    const frame = encodeFrame(7, payload)
    payload[0] = 2
    expect(frame[4]).toBe(1)
    framePayload(frame)[0] = 3
    expect(frame[4]).toBe(3)
  })

  it('PR1: writing an id leaves the payload alone', () => {
    const frame = encodeFrame(1, new Uint8Array([5]))
    writeCommandId(frame, 0xfedcba98)
    expect([...frame]).toEqual([0xfe, 0xdc, 0xba, 0x98, 5])
  })

  it('PR2: games own whole numbers from 0 to 0xFFFEFFFF and no others', () => {
    expect(isGameCommandId(0)).toBe(true)
    expect(isGameCommandId(FIRST_RESERVED_ID - 1)).toBe(true)
    for (const id of [-1, 0.5, FIRST_RESERVED_ID, 0xffffffff, 2 ** 32, Number.NaN, Infinity])
      expect(isGameCommandId(id), String(id)).toBe(false)
  })

  it('PR2: every system message has an id of its own in the reserved range below JSON-RPC', () => {
    const ids = Object.values(system).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) {
      expect(id).toBeGreaterThanOrEqual(FIRST_RESERVED_ID)
      expect(id).toBeLessThan(0xfffffffe)
    }
  })
})
