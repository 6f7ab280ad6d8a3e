import type { Random } from '../../src/process/random.ts'

/**
 * The draws of a simulation: mulberry32 (Tommy Ettinger, public domain). It stays as it is whatever rooms draw
 * with, so that a seed that was found once is the same run for ever. `int` of an empty range gives one of its ends.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = state
      mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
    },
    int(min, max) {
      return min + Math.floor(this.next() * (max - min + 1))
    },
  }
}
