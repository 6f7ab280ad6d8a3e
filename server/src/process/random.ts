/** Seeded randomness of a room: the same seed gives the same numbers on every machine. */
export interface Random {
  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number
  /** A whole number from `min` to `max`, both inclusive. */
  int(min: number, max: number): number
  /** Its whole state, for a snapshot; pass it to {@link createRandom} to go on from here. */
  readonly seed: number
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough for a game, not for secrets. */
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
    get seed() {
      return state
    },
  }
}
