import { MongoServerError } from 'mongodb'
import type { ChangeStream, Collection } from 'mongodb'
import type { Clock } from '../../../process/clock.ts'
import { briefOf } from '../../../process/failure.ts'
import type { Logger } from '../../../process/logger.ts'
import type { WakeSource } from '../../contract/store.ts'
import type { EventDocument } from './documents.ts'

const RESTART_MS = 1_000
/** A quiet server answers this often, so that a dead connection is noticed. */
const MAX_AWAIT_MS = 1_000
/** "The $changeStream stage is only supported on replica sets", and its kin. */
const UNSUPPORTED = new Set([40573, 20, 40324])

export interface WakeStreamContext {
  readonly events: Collection<EventDocument>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One change stream per process that says "something was inserted" and no more (OB5): what it loses
 * while it is down, the polling underneath finds. States: running -> waiting to restart -> running;
 * stopped, or unsupported (a standalone server), for good.
 */
export class WakeStream implements WakeSource {
  readonly #context: WakeStreamContext
  readonly #listeners = new Set<() => void>()
  #stream: ChangeStream | null = null
  #cancelRestart: (() => void) | null = null
  #isStopped = true
  /** False on a standalone server: known once it was asked, or refused. */
  isSupported = true

  constructor(context: WakeStreamContext) {
    this.#context = context
  }

  subscribe(wake: () => void): () => void {
    const listener = (): void => wake()
    this.#listeners.add(listener)
    if (this.#isStopped && this.isSupported) {
      this.#isStopped = false
      void this.#run()
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#halt()
    }
  }

  /** Ends the stream for good. */
  async stop(): Promise<void> {
    this.#listeners.clear()
    const stream = this.#stream
    this.#halt()
    await stream?.close().catch(() => {})
  }

  #halt(): void {
    this.#isStopped = true
    this.#cancelRestart?.()
    this.#cancelRestart = null
    const stream = this.#stream
    this.#stream = null
    stream?.close().catch(() => {})
  }

  async #run(): Promise<void> {
    const stream = this.#context.events.watch(
      // Once for each insert, not for each event: at 1,000 events a second the rest would cost more
      // than reading the log does. What a partial insert does not tell, the polling finds.
      [
        { $match: { operationType: 'insert', 'fullDocument.wake': true } },
        { $project: { _id: 1 } },
      ],
      { maxAwaitTimeMS: MAX_AWAIT_MS },
    )
    this.#stream = stream
    try {
      while (!this.#isStopped && this.#stream === stream) {
        // tryNext answers null after maxAwaitTimeMS: a stream that is only quiet is not restarted.
        const change = await stream.tryNext()
        if (change !== null) for (const listener of this.#listeners) listener()
      }
    } catch (error) {
      this.#failed(error, stream)
    } finally {
      stream.close().catch(() => {})
    }
  }

  #failed(error: unknown, stream: ChangeStream): void {
    if (this.#isStopped || this.#stream !== stream) return
    this.#stream = null
    const { clock, logger } = this.#context
    if (error instanceof MongoServerError && UNSUPPORTED.has(Number(error.code))) {
      this.isSupported = false
      this.#isStopped = true
      logger.warn({}, 'MongoDB has no change streams here: the log is polled')
      return
    }
    logger.debug({ err: briefOf(error) }, 'change stream ended, restarting')
    this.#cancelRestart = clock.after(RESTART_MS, () => {
      if (this.#isStopped) return
      // What came meanwhile is looked for at once.
      for (const listener of this.#listeners) listener()
      void this.#run()
    })
  }
}
