import { expect, test } from 'vitest'
import { Histogram } from '../src/metrics/histogram.ts'

/** Numbers of 0 to 1 that are the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

test('LT4 percentiles are within 0.4 % of the value at that rank, over twelve powers of ten', () => {
  const seed = 7
  const random = randomOf(seed)
  const values = Array.from({ length: 5_000 }, () => 10 ** (random() * 12 - 4))
  const histogram = new Histogram()
  for (const value of values) histogram.add(value)
  const sorted = values.toSorted((left, right) => left - right)
  for (const percent of [0, 1, 25, 50, 90, 95, 99, 99.9, 100]) {
    const exact = sorted[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)] ?? NaN
    expect(
      Math.abs(histogram.percentile(percent) / exact - 1),
      `p${percent}, seed ${seed}`,
    ).toBeLessThan(0.004)
  }
})

test('LT4 histograms of several processes add up to the histogram of all values', () => {
  const random = randomOf(11)
  const whole = new Histogram()
  const parts = [new Histogram(), new Histogram(), new Histogram()]
  for (let index = 0; index < 3_000; index++) {
    const value = Math.round(random() * 1_000) - 10
    whole.add(value)
    parts[index % 3]?.add(value)
  }
  const merged = new Histogram()
  for (const part of parts) merged.merge(structuredClone(part.record()))
  expect(merged.record()).toEqual(whole.record())
  expect(merged.count).toBe(3_000)
})

test('LT4 zero, less than zero, the smallest and the largest are counted, what is no number is not', () => {
  const histogram = new Histogram()
  for (const value of [0, -5, 1e-300, 1e300, NaN, Infinity]) histogram.add(value)
  expect(histogram).toMatchObject({ count: 4, min: -5, max: 1e300 })
  expect(histogram.percentile(100)).toBe(1e300)
  expect(histogram.percentile(1)).toBeLessThanOrEqual(0)
})

test('LT4 each whole number up to 100 is its own percentile', () => {
  const histogram = new Histogram()
  for (let value = 1; value <= 100; value++) histogram.add(value)
  for (let value = 1; value <= 100; value++)
    expect(Math.abs(histogram.percentile(value) / value - 1)).toBeLessThan(0.008)
})

test('LT4 nothing has 0 in all figures', () => {
  expect(new Histogram().percentile(95)).toBe(0)
})
