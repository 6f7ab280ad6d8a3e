import { onTestFailed } from 'vitest'

/**
 * Numbers from 0 to 1 (mulberry32). A failing test prints the seed; `TEST_SEED=<seed>` repeats it.
 */
export function seededRandom(): () => number {
  const given = Number(process.env['TEST_SEED'])
  const seed =
    Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31) + 1
  onTestFailed(() => console.error(`TEST_SEED=${seed}`))
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
