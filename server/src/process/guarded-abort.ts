import { setMaxListeners } from 'node:events'
import { isPromise } from './promise.ts'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }
type Guarded = (event: Event) => void

/**
 * Makes an AbortController whose signal goes to the game (CA11). Node ends the process when a listener of an
 * AbortSignal throws or rejects, and a client could bring that about by hanging up; here the error goes to
 * `onError`, and the other listeners are called all the same. Any number of listeners may be added.
 *
 * The guard is on the signal itself, so it holds for whatever adds listeners to it (`fetch`, `events.once`, timers), but
 * not for a signal that the game derives of it with `AbortSignal.any`.
 */
export function guardedAbort(onError: (error: unknown) => void): AbortController {
  const controller = new AbortController()
  guard(controller.signal, onError)
  return controller
}

function guard(signal: AbortSignal, onError: (error: unknown) => void): void {
  // As weak as the listeners themselves: Node holds some of its own by nothing else.
  const known = new WeakMap<object, Guarded>()
  const guarded = (listener: unknown): unknown => {
    if (!isListener(listener)) return listener
    let made = known.get(listener)
    if (made === undefined) {
      made = (event) => call(listener, event)
      known.set(listener, made)
    }
    return made
  }
  const call = (listener: Listener, event: Event): void => {
    try {
      const result =
        typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event)
      if (isPromise(result)) Promise.resolve(result).catch(onError)
    } catch (error) {
      onError(error)
    }
  }
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  let onabort: unknown = null
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: unknown, options?: never) =>
        add(type, guarded(listener) as Guarded, options),
    },
    removeEventListener: {
      value: (type: string, listener: unknown, options?: never) =>
        remove(type, guarded(listener) as Guarded, options),
    },
    onabort: {
      get: () => onabort,
      set: (listener: unknown) => {
        if (isListener(onabort)) signal.removeEventListener('abort', onabort)
        onabort = listener
        if (isListener(listener)) signal.addEventListener('abort', listener)
      },
    },
  })
  // Each call that waits may listen: a warning at the eleventh says nothing.
  setMaxListeners(0, signal)
}

function isListener(value: unknown): value is Listener {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
