import { runtime } from '../runtime.ts'
import { currentUser } from '../virtual-user.ts'
import type { Resource, VirtualUser } from '../virtual-user.ts'

interface Timer extends Resource {
  readonly user: VirtualUser
}

/** The timers that run, by the number that the scenario has of each. Each leaves with its end, or its iteration's. */
const timers = new Map<number, Timer>()
let lastId = 0

/** k6's `setTimeout`. The iteration lasts until it has run. */
export function setTimeout<A extends unknown[]>(
  callback: (...args: A) => void,
  delayMs = 0,
  ...args: A
): number {
  const user = currentUser('setTimeout')
  const id = ++lastId
  const cancel = runtime().clock.after(Math.max(0, delayMs) || 0, () => {
    timers.delete(id)
    user.call(() => callback(...args))
    user.delete(timer)
  })
  const timer = addTimer(id, user, () => cancel())
  return id
}

/** k6's `setInterval`. The iteration lasts until it is cleared. */
export function setInterval<A extends unknown[]>(
  callback: (...args: A) => void,
  delayMs: number,
  ...args: A
): number {
  const user = currentUser('setInterval')
  const id = ++lastId
  let isRunning = true
  let cancel = (): void => undefined
  const again = (): void => {
    cancel = runtime().clock.after(Math.max(1, delayMs) || 1, () => {
      user.call(() => callback(...args))
      if (isRunning) again()
    })
  }
  again()
  addTimer(id, user, () => {
    isRunning = false
    cancel()
  })
  return id
}

function addTimer(id: number, user: VirtualUser, cancel: () => void): Timer {
  const timer: Timer = {
    user,
    stop: () => {
      timers.delete(id)
      cancel()
    },
  }
  timers.set(id, timer)
  user.add(timer)
  return timer
}

/** k6's `clearTimeout`; an unknown number is nothing. */
export function clearTimeout(id: number): void {
  const timer = timers.get(id)
  if (!timer) return
  timer.stop()
  timer.user.delete(timer)
}

/** k6's `clearInterval`. */
export const clearInterval = clearTimeout
