import { wallNow } from '../process/clock.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { TransportHandlers } from '../transport/contract.ts'

/**
 * The life of one process of a test. Once it is over nothing that was made here calls into it or does anything for
 * it: timers are gone, answers of the store do not come, sockets and requests reach nobody.
 */
export class Lifetime {
  #isOver = false
  readonly #timers = new Set<() => void>()
  readonly #views = new WeakMap<object, object>()

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  /** The same time, with timers that end with the process. */
  clock(clock: Clock): Clock {
    const plan = (how: (callback: () => void) => () => void, callback: () => void) => {
      if (this.#isOver) return () => {}
      const cancel = how(() => {
        this.#timers.delete(cancel)
        callback()
      })
      this.#timers.add(cancel)
      return () => {
        this.#timers.delete(cancel)
        cancel()
      }
    }
    return {
      now: () => clock.now(),
      wallNow: () => wallNow(clock),
      after: (ms, callback) => plan((run) => clock.after(ms, run), callback),
      soon: (callback) => plan((run) => clock.soon(run), callback),
    }
  }

  /**
   * The same store as this process sees it: what it has asked for is done, and its end hears no answer. The store's
   * contract is not named here, so that this holds for every store, and for those of its parts that are objects.
   */
  store<S extends object>(store: S): S {
    const known = this.#views.get(store)
    if (known) return known as S
    const target = Object.create(Object.getPrototypeOf(store) as object) as S
    const view = new Proxy(target, {
      has: (_, key) => Reflect.has(store, key),
      get: (_, key) => {
        const member: unknown = Reflect.get(store, key, store)
        if (typeof member === 'function')
          return (...given: unknown[]) => this.#answer(Reflect.apply(member, store, given))
        return typeof member === 'object' && member !== null ? this.store(member) : member
      },
    })
    this.#views.set(store, view)
    return view
  }

  logger(logger: Logger): Logger {
    const unlessOver = (level: keyof Logger) => (fields: object, message: string) => {
      if (!this.#isOver) logger[level](fields, message)
    }
    return {
      debug: unlessOver('debug'),
      info: unlessOver('info'),
      warn: unlessOver('warn'),
      error: unlessOver('error'),
    }
  }

  handlers(handlers: TransportHandlers): TransportHandlers {
    return {
      upgrade: (request) =>
        this.#isOver
          ? { accept: false, status: 503, code: 'unavailable' }
          : handlers.upgrade(request),
      open: (connection) => this.#isOver || handlers.open(connection),
      message: (connection, message, isBinary) =>
        this.#isOver || handlers.message(connection, message, isBinary),
      drain: (connection) => this.#isOver || handlers.drain(connection),
      control: (connection) => this.#isOver || handlers.control?.(connection),
      malformed: (what) => this.#isOver || handlers.malformed?.(what),
      dropped: (connection) => this.#isOver || handlers.dropped(connection),
      close: (connection, code, reason) => this.#isOver || handlers.close(connection, code, reason),
      http: (request, response) => this.#isOver || handlers.http(request, response),
    }
  }

  /** Answers never come to a process that is over, and asking them of it does no more work. */
  #answer(result: unknown): unknown {
    if (!(result instanceof Promise)) return result
    return new Promise((resolve, reject) => {
      result.then(
        (value: unknown) => this.#isOver || resolve(value),
        (error: unknown) => this.#isOver || reject(error as Error),
      )
    })
  }
}
