import type { ClientContext } from './client-context.ts'

/** Calls once when the signal aborts; at once when it has. The result takes the listener away. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/**
 * Waits for work that cannot be stopped; `discard` gets what comes after the signal has aborted.
 * @throws the signal's reason, or what the work rejects with.
 */
export function unlessAborted<T>(
  work: T | Promise<T>,
  signal: AbortSignal | undefined,
  discard: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal?.reason))
    Promise.resolve(work).then(
      (value) => {
        stop()
        if (signal?.aborted) discard(value)
        resolve(value)
      },
      (error: unknown) => {
        stop()
        reject(error)
      },
    )
  })
}

/** Waits. @throws the signal's reason. */
export function pause(context: ClientContext, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimer = context.timers.after(ms, () => {
      stop()
      resolve()
    })
    const stop = onAbort(signal, () => {
      cancelTimer()
      reject(signal?.reason)
    })
  })
}
