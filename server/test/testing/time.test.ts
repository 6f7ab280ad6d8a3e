import { expect, test } from 'vitest'
import { ManualClock } from '../../src/index.ts'
import { advance, during, eventually, until } from '../../src/testing/index.ts'

test('TK13 until moves time no further than the timer that makes it true, and returns what it gave', async () => {
  const clock = new ManualClock(0)
  let value = 0
  const count = (): void => {
    value++
    clock.after(10, count)
  }
  clock.after(10, count)
  expect(await until(clock, () => value === 3 && `seen ${value}`)).toBe('seen 3')
  expect(clock.now()).toBe(30)
})

test('TK13 until says what it waited for, and what its condition threw', async () => {
  const clock = new ManualClock(0)
  const isThere = false
  const source = until(clock, () => isThere, { limitMs: 500 })
  await expect(source).rejects.toThrow("Waited 500 ms of the test's time in vain for: isThere")
  await expect(until(clock, () => false, { what: 'the moon' })).rejects.toThrow('for: the moon')
  const failing = until(clock, () => {
    throw new Error('not yet 5')
  })
  await expect(failing).rejects.toMatchObject({ cause: new Error('not yet 5') })
  await expect(failing).rejects.toThrow('not yet 5')
})

test('TK13 a condition that throws at first may hold later', async () => {
  const clock = new ManualClock(0)
  const seen: string[] = []
  clock.after(100, () => seen.push('a'))
  await until(clock, () => {
    expect(seen).toEqual(['a'])
    return true
  })
  expect(clock.now()).toBe(100)
})

test('TK13 timers that make each other without end fail instead of hanging', async () => {
  const clock = new ManualClock(0)
  const again = (): void => void clock.soon(again)
  clock.soon(again)
  await expect(advance(clock, 1)).rejects.toThrow('without end')
})

test('TK13 during gives what a promise gives, and fails when time does not help', async () => {
  const clock = new ManualClock(0)
  const later = new Promise<string>((resolve) => clock.after(70, () => resolve('done')))
  expect(await during(clock, later)).toBe('done')
  expect(clock.now()).toBe(70)
  const bad = new Promise<never>((_, reject) => clock.after(5, () => reject(new Error('bad'))))
  await expect(during(clock, bad)).rejects.toThrow('bad')
  const never = during(clock, new Promise(() => {}), { what: 'nothing' })
  await expect(never).rejects.toThrow('in vain for: nothing')
})

test('TK13 eventually waits in real time, by turns, and has a deadline', async () => {
  let turns = 0
  expect(await eventually(() => ++turns > 20)).toBe(true)
  const vain = eventually(() => false, { what: 'the sea', deadlineMs: 20 })
  await expect(vain).rejects.toThrow('Waited 20 ms in vain for: the sea')
})
