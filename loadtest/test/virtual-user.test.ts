import { expect, test } from 'vitest'
import { ManualClock } from '@ringside/server'
import { advance, settle } from '@ringside/server/testing'
import { VirtualUser } from '../src/virtual-user.ts'
import type { Outcome } from '../src/virtual-user.ts'

function userOn(clock: ManualClock): VirtualUser {
  return new VirtualUser({ id: 1, clock, env: {}, tags: {}, localAddress: null })
}

/** A resource that remembers whether it was stopped. */
function resource() {
  const it = { isStopped: false, stop: () => void (it.isStopped = true) }
  return it
}

test('LT2 an iteration lasts as long as something that it opened', async () => {
  const clock = new ManualClock()
  const user = userOn(clock)
  const [first, second] = [resource(), resource()]
  let outcome: Outcome | null = null
  void user.run(() => user.add(first)).then((given) => (outcome = given))
  await advance(clock, 1_000)
  expect(outcome).toBeNull()
  user.call(() => user.add(second))
  user.delete(first)
  await advance(clock, 0)
  expect(outcome).toBeNull()
  user.delete(second)
  await advance(clock, 0)
  expect(outcome).toEqual({ kind: 'done' })
  expect([first.isStopped, second.isStopped]).toEqual([false, false])
})

test('LT2 an interrupted iteration stops what is open, calls no listener and opens nothing more', async () => {
  const clock = new ManualClock()
  const user = userOn(clock)
  const [first, late] = [resource(), resource()]
  const running = user.run(() => user.add(first))
  await settle()
  user.interrupt()
  expect(await running).toEqual({ kind: 'interrupted' })
  let calls = 0
  user.call(() => calls++)
  user.add(late)
  expect([first.isStopped, late.isStopped, calls]).toEqual([true, true, 0])
})

test('LT2 what a function or a listener throws ends the iteration', async () => {
  const clock = new ManualClock()
  const user = userOn(clock)
  const error = new Error('no')
  expect(await user.run(() => Promise.reject(error))).toEqual({ kind: 'failed', error })
  const socket = resource()
  const running = user.run(() => user.add(socket))
  await settle()
  user.call(() => {
    throw error
  })
  expect(await running).toEqual({ kind: 'failed', error })
  expect(socket.isStopped).toBe(true)
  expect(user.iteration).toBe(1)
})

test('LT2 the end of a function that was interrupted does not end the next iteration', async () => {
  const clock = new ManualClock()
  const user = userOn(clock)
  let finish = (): void => undefined
  const first = user.run(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve
      }),
  )
  user.interrupt()
  await first
  let isOver = false
  void user.run(() => new Promise(() => undefined)).then(() => (isOver = true))
  finish()
  await advance(clock, 10)
  expect(isOver).toBe(false)
})
