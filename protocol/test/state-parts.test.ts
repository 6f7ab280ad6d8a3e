import { describe, expect, it } from 'vitest'
import { PayloadError, StateParts, encodeFrame, encodeSystem, system } from '../src/index.ts'

const bytes = Uint8Array.from({ length: 10 }, (_, index) => index)

function piece(offset: number, end: number, total = 10): Uint8Array {
  return encodeSystem('statePart', { offset, total, payload: bytes.subarray(offset, end) })
}

describe('a STATE in pieces', () => {
  it('SL11 is whole with its last piece, whatever their sizes, and the next one begins anew', () => {
    const parts = new StateParts()
    const whole = encodeFrame(system.state.id, bytes)
    for (const size of [1, 3, 4, 10])
      for (let at = 0; at < 10; at += size) {
        const state = parts.take(piece(at, Math.min(at + size, 10)))
        expect(state).toEqual(at + size < 10 ? null : whole)
      }
  })

  it('SL11 a piece at offset 0 makes the unfinished one void, as does reset', () => {
    const parts = new StateParts()
    parts.take(piece(0, 4))
    parts.take(piece(4, 7))
    expect(parts.take(piece(0, 6))).toBeNull()
    expect(parts.take(piece(6, 10))).toEqual(encodeFrame(system.state.id, bytes))
    parts.take(piece(0, 4))
    parts.reset()
    expect(() => parts.take(piece(4, 10))).toThrow(PayloadError)
  })

  it.each([
    ['a gap', [piece(0, 4), piece(5, 10)]],
    ['the same piece again', [piece(0, 4), piece(4, 6), piece(4, 6)]],
    ['no beginning', [piece(4, 10)]],
    ['another total', [piece(0, 4), piece(4, 6, 11)]],
    ['more than there is', [piece(0, 4), piece(4, 10, 8)]],
    ['no bytes', [piece(0, 0)]],
    ['a total beyond all bounds', [piece(0, 4, 2 ** 31)]],
    ['bytes that are none', [encodeFrame(system.statePart.id, Uint8Array.of(255))]],
  ])('SL11 %s is refused', (_, frames) => {
    const parts = new StateParts()
    expect(() => {
      for (const frame of frames) parts.take(frame)
    }).toThrow(PayloadError)
  })
})
