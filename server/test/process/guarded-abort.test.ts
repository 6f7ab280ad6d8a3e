import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { guardedAbort } from '../../src/process/guarded-abort.ts'

/** A guarded controller, and what its listeners threw. */
function make() {
  const errors: unknown[] = []
  return { errors, abort: guardedAbort((error) => errors.push(error)) }
}

const bug = new Error('listener')
const throws = (): never => {
  throw bug
}

/** Lets what Node reports in a later turn come. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('CA11', () => {
  test.each<[string, (signal: AbortSignal) => void]>([
    ['a function', (signal) => signal.addEventListener('abort', throws)],
    ['an object', (signal) => signal.addEventListener('abort', { handleEvent: throws })],
    ['onabort', (signal) => Object.assign(signal, { onabort: throws })],
    [
      'an async function',
      (signal) => signal.addEventListener('abort', () => Promise.reject(bug) as never),
    ],
  ])('CA11 %s that throws is told of, and ends nothing', async (_what, listen) => {
    const { abort, errors } = make()
    const escaped: unknown[] = []
    const note = (error: unknown): void => void escaped.push(error)
    process.on('uncaughtException', note)
    onTestFinished(() => void process.off('uncaughtException', note))
    listen(abort.signal)
    let isCalled = false
    abort.signal.addEventListener('abort', () => {
      isCalled = true
    })
    abort.abort()
    await turn()
    expect(errors).toEqual([bug])
    expect([isCalled, escaped]).toEqual([true, []])
  })

  test('CA11 listeners are added once, called once, and removed as on any signal', () => {
    const { abort } = make()
    const { signal } = abort
    const seen: string[] = []
    const [one, two, three] = ['one', 'two', 'three'].map((name) => (event: Event) => {
      seen.push(`${name} ${event.type} ${String(event.target === signal)}`)
    })
    if (!one || !two || !three) throw new Error('Expected three')
    signal.addEventListener('abort', one)
    signal.addEventListener('abort', one)
    signal.addEventListener('abort', two)
    signal.removeEventListener('abort', two)
    signal.onabort = two
    expect(signal.onabort).toBe(two)
    signal.onabort = null
    signal.addEventListener('abort', three, { once: true })
    abort.abort('why')
    signal.dispatchEvent(new Event('abort'))
    expect(seen).toEqual(['one abort true', 'three abort true', 'one abort true'])
    expect(signal.reason).toBe('why')
  })

  test('CA11 it works with fetch, once, timers and AbortSignal.any', async () => {
    const { abort, errors } = make()
    const { signal } = abort
    const gone = { name: 'AbortError' }
    const waiting = [
      fetch('http://127.0.0.1:1/', { signal }),
      once(new EventEmitter(), 'never', { signal }),
      delay(60_000, undefined, { signal }),
    ]
    const both = AbortSignal.any([signal, new AbortController().signal])
    abort.abort()
    for (const promise of waiting) await expect(promise).rejects.toMatchObject(gone)
    expect([both.aborted, errors]).toEqual([true, []])
    expect(() => signal.throwIfAborted()).toThrow()
  })

  test('CA11 a hundred listeners bring no warning', async () => {
    const warnings: unknown[] = []
    const note = (warning: unknown): void => void warnings.push(warning)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const { abort } = make()
    for (let count = 0; count < 100; count++) abort.signal.addEventListener('abort', () => {})
    await turn()
    expect(warnings).toEqual([])
  })
})
