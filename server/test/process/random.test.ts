import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createRandom, createServer } from '../../src/index.ts'
import type { Random } from '../../src/index.ts'
import { createSeeds } from '../../src/process/random.ts'
import { testGame } from '../support/test-game.ts'

const SEED = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'

function draws(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.int(0, 1e9))
}

describe('createRandom', () => {
  // Computed by a second implementation of HMAC-SHA-256 and ChaCha20, in Python.
  it.each([
    [
      1,
      [0.7896901769726363, 0.10991566407762676, 0.8652207229973765, 0.8050902824834621],
      [6, 1, 1, 4, 3, 1, 6, 2, 6, 3, 2, 2],
      [-226590632293270, 3226854420649736],
      0.6278616518868221,
    ],
    [
      2,
      [0.22278771390025887, 0.34521439701454215, 0.0315205415340174, 0.6937813560799779],
      [5, 2, 1, 5, 2, 2, 1, 3, 5, 5, 2, 2],
      [3962726462618385, -2358875041080951],
      0.3096790400670608,
    ],
  ])(
    'OB20 the draws of a seed in epoch %i are these, for ever',
    (epoch, next, dice, wide, later) => {
      const random = createRandom(SEED, epoch)
      expect(next.map(() => random.next())).toEqual(next)
      expect(dice.map(() => random.int(1, 6))).toEqual(dice)
      expect(wide.map(() => random.int(-(2 ** 52), 2 ** 52 - 1))).toEqual(wide)
      for (let count = 0; count < 1_000; count++) random.next()
      expect(random.next()).toBe(later)
    },
  )

  it('OB20 a number is a seed too, the same as its digits; the epoch is 0 where none is given', () => {
    const expected = draws(createRandom('7', 0), 50)
    expect(draws(createRandom(7), 50)).toEqual(expected)
    expect(draws(createRandom(7, 1), 50)).not.toEqual(expected)
  })

  it('OB20 every bit of the seed counts, not the first 32 alone: each change gives other draws', () => {
    const half = SEED.slice(0, 32)
    const seeds = [
      SEED,
      `${SEED.slice(0, 63)}e`,
      `1${SEED.slice(1)}`,
      half,
      `${half}${half}`,
      1,
      2 ** 32 + 1,
      2 ** 52 + 1,
      -1,
      2 ** 32 - 1,
      0.5,
    ]
    const all = seeds.flatMap((seed) =>
      [0, 1, 2].flatMap((epoch) => draws(createRandom(seed, epoch), 20)),
    )
    // 660 draws of 10^9 numbers: 0.0002 of them would be doubled by chance, and none is with these seeds.
    expect(new Set(all).size).toBe(all.length)
  })

  it('OB20 draws spread evenly (seeded)', () => {
    const random = createRandom(SEED, 3)
    for (const sides of [2, 3, 6, 52, 1_000]) {
      const counts = Array.from({ length: sides }, () => 0)
      const each = 400
      for (let count = 0; count < sides * each; count++) {
        const index = random.int(1, sides) - 1
        counts[index] = (counts[index] ?? 0) + 1
      }
      const chiSquare = counts.reduce((sum, count) => sum + (count - each) ** 2 / each, 0)
      const freedom = sides - 1
      expect(Math.abs(chiSquare - freedom), `${sides} sides`).toBeLessThan(
        4 * Math.sqrt(2 * freedom),
      )
    }
    let sum = 0
    let product = 0
    let before = random.next()
    for (let count = 0; count < 100_000; count++) {
      const number = random.next()
      sum += number
      product += (number - 0.5) * (before - 0.5)
      before = number
    }
    expect(sum / 100_000).toBeCloseTo(0.5, 2)
    expect(product / 100_000).toBeCloseTo(0, 2)
  })

  it('OB20 no number of a range that does not divide 2^53 is likelier than another', () => {
    // The remainder of a 53-bit number would be in the lower half two times of three.
    const size = Math.floor((2 ** 53 / 3) * 2)
    const random = createRandom(SEED, 4)
    let lower = 0
    for (let count = 0; count < 10_000; count++) if (random.int(1, size) <= size / 2) lower++
    expect(lower / 10_000).toBeCloseTo(0.5, 1)
  })

  it('OB20 int takes ranges of whole numbers only', () => {
    const random = createRandom(1)
    expect(random.int(5, 5)).toBe(5)
    expect([0, 1]).toContain(random.int(0, 1))
    expect(random.int(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toBe(2 ** 53 - 1)
    const wrong: [number, number][] = [
      [2, 1],
      [0.5, 2],
      [0, 1.5],
      [Number.NaN, 1],
      [0, Number.NaN],
      [0, Infinity],
      [-Infinity, 0],
      [-(2 ** 52), 2 ** 52],
      [0, 2 ** 53],
    ]
    for (const [min, max] of wrong)
      expect(() => random.int(min, max), `${min} to ${max}`).toThrow(/min <= max/)
  })

  it('OB20 a generator that is printed or encoded tells nothing', () => {
    const random = createRandom(SEED, 1)
    random.next()
    const text = inspect(random, { showHidden: true, depth: 9 }) + JSON.stringify(random)
    expect(text).not.toContain(SEED)
    expect(text.replaceAll(/\s/g, '')).toBe('ChaChaRandom{}{}')
    expect(Reflect.ownKeys(random)).toEqual([])
  })
})

describe('seeds of rooms', () => {
  const secret = 'a secret for tests, 32 characters long'

  it("OB20 a room's seed is the server's HMAC over its id: the same again, and another for each room", () => {
    const seedOf = createSeeds(secret)
    expect(seedOf('r1')).toBe('d2c8503d683c3150921a39c9e3c83273e1b4fc36fc2dae1a3caf829de21c534e')
    const seeds = [
      seedOf('r1'),
      seedOf('r2'),
      createSeeds(`${secret}.`)('r1'),
      createSeeds('7')('r1'),
    ]
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it("OB20 without a server's seed each is 256 bits of the system's randomness", () => {
    const seedOf = createSeeds(null)
    const seeds = [seedOf('r1'), seedOf('r1'), createSeeds(null)('r1')]
    for (const seed of seeds) expect(seed).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it.each(['', 'a secret of few characters', Number.NaN, Infinity])(
    'OB20 a server refuses the seed %j',
    (seed) => {
      expect(() => createServer(testGame, { seed })).toThrow(
        /Expected (a seed of 32 characters|seed as text)/,
      )
    },
  )

  it('OB20 a refused seed is not in the message', () => {
    expect(() => createServer(testGame, { seed: 'hunter2' })).toThrow(/^(?!.*hunter2)/)
  })
})
