import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MAX_TIMER_MS, callAfter, checkDelay } from '../src/index.ts'

const DAY_MS = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([0, 1, 1_000, MAX_TIMER_MS, MAX_TIMER_MS + 1, 30 * DAY_MS, 400 * DAY_MS])(
  'HT23 a delay of %d ms is that long',
  (ms) => {
    const called = vi.fn()
    callAfter(ms, called)
    if (ms > 0) vi.advanceTimersByTime(ms - 1)
    expect(called).toHaveBeenCalledTimes(0)
    vi.advanceTimersByTime(1)
    expect(called).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  },
)

test('HT23 a delay without end never ends, and is cancelled in any part of it', () => {
  const called = vi.fn()
  const cancels = [callAfter(Infinity, called), callAfter(60 * DAY_MS, called)]
  vi.advanceTimersByTime(50 * DAY_MS)
  for (const cancel of cancels) cancel()
  expect(vi.getTimerCount()).toBe(0)
  expect(called).not.toHaveBeenCalled()
})

test('HT23 what is no number is refused, and what is over is due', () => {
  expect(() => callAfter(NaN, () => {})).toThrow('Expected a delay in ms, got NaN')
  expect(() => callAfter(undefined as never, () => {})).toThrow(RangeError)
  expect(checkDelay(-5)).toBe(0)
  const called = vi.fn()
  callAfter(-5, called)
  vi.advanceTimersByTime(1)
  expect(called).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})

test('HT23 no other file makes a timer with a delay that it works out', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const packages = ['protocol', 'server', 'client', 'loadtest', 'examples']
  const files = packages.flatMap((name) =>
    readdirSync(`${root}${name}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => /(^|\/)src\/.*\.tsx?$/.test(file) && !file.includes('node_modules'))
      .map((file) => `${name}/${file}`),
  )
  expect(files.length).toBeGreaterThan(300)
  const found = files.flatMap((file) => {
    const text = readFileSync(root + file, 'utf8')
    // The timeout of a response is Node's own, and `maxBehindMs` a minute at most.
    const made = [...text.matchAll(/(?<!response\.)\bset(?:Timeout|Interval)\(([^\n]*)/g)]
    const isKept = (rest: string): boolean => /, (?:[A-Z_]+|[\d_]+)\)/.test(rest) || isOpen(rest)
    return made.filter(([, rest = '']) => !isKept(rest)).map(([line]) => `${file}: ${line}`)
  })
  expect(found.filter((line) => !line.startsWith('protocol/src/delay.ts'))).toEqual([])
})

/** Its delay stands on another line, or it is the declaration of a function. */
function isOpen(rest: string): boolean {
  return rest === '' || rest.endsWith('{')
}
