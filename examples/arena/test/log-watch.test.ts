import { expect, test } from 'vitest'
import { LogWatch, waitingWords } from '../src/web/view/log-watch.ts'

/** A watch whose questions are noted, and answered in order; the last answer stays. */
function watchOf(...answers: (boolean | null)[]): { watch: LogWatch; asked: number[]; at: At } {
  const asked: number[] = []
  let now = 0
  const watch = new LogWatch(async () => {
    asked.push(now)
    return (answers.length > 1 ? answers.shift() : answers[0]) ?? null
  })
  const at: At = async (ms, isLive = true) => {
    for (; now <= ms; now += 1_000) {
      watch.check(now, isLive)
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { watch, asked, at }
}
type At = (ms: number, isLive?: boolean) => Promise<void>

test('AR54 a stream that brings events asks nothing', async () => {
  const { watch, asked, at } = watchOf(false)
  for (let ms = 0; ms < 60_000; ms += 2_000) {
    watch.heard(ms)
    await at(ms)
  }
  expect(asked).toEqual([])
  expect(watch.isWaiting).toBe(false)
})

test('AR54 a quiet one asks after 3 s and every 5 s, and is live as long as the log works', async () => {
  const { watch, asked, at } = watchOf(true)
  await at(20_000)
  expect(asked).toEqual([4_000, 9_000, 14_000, 19_000])
  expect(watch.isWaiting).toBe(false)
})

test('AR54 a quiet one waits while the log is away, whatever is not known, until an event comes', async () => {
  const { watch, asked, at } = watchOf(true, false, null, true, false)
  await at(8_000)
  expect(watch.isWaiting).toBe(false)
  await at(9_000)
  expect(watch.isWaiting).toBe(true)
  expect(waitingWords(watch.quietMs(9_400), 5_000)).toMatch(/ 14 s old$/)
  await at(14_000)
  expect(watch.isWaiting, 'no answer: as before').toBe(true)
  await at(19_000)
  expect(watch.isWaiting, 'a quiet room of a server whose log works').toBe(false)
  await at(24_000)
  expect(watch.isWaiting).toBe(true)
  watch.heard(24_500)
  expect(watch.isWaiting).toBe(false)
  expect(asked).toHaveLength(5)
})

test('AR54 a stream that is not live asks nothing; an answer that comes after an event is void', async () => {
  const { asked, at } = watchOf(false)
  await at(20_000, false)
  expect(asked).toEqual([])
  const answers: ((works: boolean) => void)[] = []
  const late = new LogWatch(() => new Promise((resolve) => answers.push(resolve)))
  late.heard(0)
  late.check(4_000, true)
  late.heard(4_100)
  answers[0]?.(false)
  await Promise.resolve()
  await Promise.resolve()
  expect(answers).toHaveLength(1)
  expect(late.isWaiting).toBe(false)
})
