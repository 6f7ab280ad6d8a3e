/** setTimeout calls at once when it is given more. */
export const MAX_TIMER_MS = 2_147_483_647

/**
 * Checks a delay in ms (HT23): one that is over is 0, and Infinity never ends.
 * @throws RangeError for what is no number: setTimeout would call at once, and whoever waits in a loop would spin.
 */
export function checkDelay(ms: number): number {
  if (ms >= 0) return ms
  if (ms < 0) return 0
  throw new RangeError(`Expected a delay in ms, got ${String(ms)}`)
}

/**
 * Calls once after `ms`, however long that is: setTimeout itself takes 24.8 days at most. The returned function cancels.
 * @throws RangeError as {@link checkDelay}.
 */
export function callAfter(ms: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>
  const wait = (leftMs: number): void => {
    const partMs = Math.min(leftMs, MAX_TIMER_MS)
    timer = setTimeout(partMs < leftMs ? () => wait(leftMs - partMs) : callback, partMs)
  }
  wait(checkDelay(ms))
  return () => clearTimeout(timer)
}
