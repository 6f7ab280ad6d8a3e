import { MongoServerError } from 'mongodb'
import type { ChangeStream, Collection } from 'mongodb'
import type { Clock } from '../../../process/clock.ts'
import { Listeners } from '../../../process/listeners.ts'
import { briefOf } from '../../../process/log-line.ts'
import type { Logger } from '../../../process/logger.ts'
import { LoopPace } from '../../../process/loop-pace.ts'
import type { WakeSource } from '../../contract/store.ts'
import type { EventDocument } from './documents.ts'

const RESTART_MS = 1_000
/** A quiet server answers this often, so that a dead connection is noticed, in ms. */
const MAX_AWAIT_MS = 1_000
/**
 * A cursor that says "nothing" so often in a row without waiting has died. The first answer of a new one
 * may be early.
 */
const MAX_EARLY_ANSWERS = 10
/** "The $changeStream stage is only supported on replica sets", and its kin. */
const UNSUPPORTED = new Set([40573, 20, 40324])

export interface WakeStreamContext {
  readonly events: Pick<Collection<EventDocument>, 'watch'>
  readonly clock: Clock
  readonly logger: Logger
  /** Makes what the collections lack after they were dropped, renamed or restored. */
  readonly repair: () => Promise<void>
}

/** The cursor answers, and at once, but it will never tell of anything any more. */
class DeadCursorError extends Error {}

/**
 * One change stream per process that says "something was inserted" and no more (OB5): the polling underneath finds
 * what it loses while it is down. States: running -> waiting to restart -> running; stopped, or unsupported (a
 * standalone server), for good. A stream whose collection is dropped, renamed or restored dies without an error:
 * its cursor answers at once that there is nothing. It is told by that, and said once (OB96).
 */
export class WakeStream implements WakeSource {
  readonly #context: WakeStreamContext
  readonly #pace: LoopPace
  readonly #listeners = new Listeners<[]>()
  #stream: ChangeStream<EventDocument> | null = null
  #cancelRestart: (() => void) | null = null
  #isStopped = true
  /** Counts the runs; one that was halted finds that it is not the current one. */
  #generation = 0
  /** The cursor has died, and none since has been seen to live. */
  #isDead = false
  /** It is false on a standalone server, which is known once it was asked, or has refused. */
  isSupported = true

  constructor(context: WakeStreamContext) {
    this.#context = context
    this.#pace = new LoopPace(context.clock)
  }

  subscribe(wake: () => void): () => void {
    const remove = this.#listeners.add(wake)
    if (this.#isStopped && this.isSupported) {
      this.#isStopped = false
      void this.#run()
    }
    return () => {
      remove()
      if (this.#listeners.size === 0) this.#halt()
    }
  }

  /** Ends the stream for good. */
  async stop(): Promise<void> {
    this.#listeners.clear()
    this.#pace.release()
    const stream = this.#stream
    this.#halt()
    await stream?.close().catch(() => {})
  }

  #halt(): void {
    this.#isStopped = true
    this.#generation++
    this.#cancelRestart?.()
    this.#cancelRestart = null
    const stream = this.#stream
    this.#stream = null
    stream?.close().catch(() => {})
  }

  async #run(): Promise<void> {
    const generation = ++this.#generation
    let stream: ChangeStream<EventDocument> | null = null
    try {
      if (this.#isDead) await this.#context.repair()
      if (generation !== this.#generation) return
      stream = this.#stream = this.#watch()
      await this.#follow(stream, generation)
    } catch (error) {
      if (generation === this.#generation) this.#failed(error)
    } finally {
      stream?.close().catch(() => {})
    }
  }

  #watch(): ChangeStream<EventDocument> {
    return this.#context.events.watch(
      // It tells of each insert once, not of each event: at 1,000 events a second the rest would cost more
      // than reading the log does. The polling finds what a partial insert does not tell.
      [
        { $match: { operationType: 'insert', 'fullDocument.wake': true } },
        { $project: { _id: 1 } },
      ],
      { maxAwaitTimeMS: MAX_AWAIT_MS },
    )
  }

  async #follow(stream: ChangeStream<EventDocument>, generation: number): Promise<void> {
    const { clock } = this.#context
    let earlyCount = 0
    while (generation === this.#generation) {
      const askedAt = clock.now()
      // tryNext answers null after maxAwaitTimeMS: a stream that is only quiet is not restarted.
      const change = await stream.tryNext()
      const isEarly = change === null && clock.now() - askedAt < MAX_AWAIT_MS / 2
      earlyCount = isEarly ? earlyCount + 1 : 0
      if (change !== null) this.#wakeAll()
      if (!isEarly) this.#noteAlive()
      else if (earlyCount === MAX_EARLY_ANSWERS) throw new DeadCursorError()
      else await this.#pace.turn()
    }
  }

  #failed(error: unknown): void {
    this.#stream = null
    const { clock, logger } = this.#context
    if (error instanceof MongoServerError && UNSUPPORTED.has(Number(error.code))) {
      this.isSupported = false
      this.#isStopped = true
      logger.warn({}, 'MongoDB has no change streams here: the log is polled')
      return
    }
    if (error instanceof DeadCursorError && !this.#isDead) {
      this.#isDead = true
      logger.error({}, 'the events of the log were dropped, renamed or restored under this process')
    } else logger.debug({ err: briefOf(error) }, 'change stream ended, restarting')
    this.#cancelRestart = clock.after(RESTART_MS, () => {
      if (this.#isStopped) return
      // The listeners look at once for what came meanwhile.
      this.#wakeAll()
      void this.#run()
    })
  }

  #noteAlive(): void {
    if (!this.#isDead) return
    this.#isDead = false
    this.#context.logger.warn({}, 'the change stream of the log is back')
  }

  #wakeAll(): void {
    this.#listeners.call()
  }
}
