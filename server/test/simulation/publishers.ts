import type { NewMessage } from '../../src/outbox/contract/messages.ts'
import { messageKeyText } from '../../src/outbox/contract/store.ts'
import type { Random } from '../../src/process/random.ts'
import type { Cluster } from './cluster.ts'
import type { Ledger } from './ledger.ts'
import { markedMessage } from './mark.ts'
import type { SimProcess } from './sim-process.ts'
import { createRandom } from './sim-random.ts'

const PRINCIPALS = ['key:a', 'key:b']
/** A retry is of one of the last so many ids of its principal. */
const RETRIED = 20

export interface PublishersParts {
  readonly seed: number
  readonly ledger: Ledger
  readonly cluster: Cluster
}

/**
 * Publishers that send the same message again and again, to any process, at once or much later, whether it was answered
 * or not, as clients behind a load balancer do. They draw from a generator of their own.
 */
export class Publishers {
  readonly #parts: PublishersParts
  readonly #random: Random
  readonly #ids = new Map(PRINCIPALS.map((principal) => [principal, [] as string[]]))
  readonly #waiting = new Set<{ readonly process: SimProcess; readonly number: number }>()
  /** Most seeds publish now and then, some all the time. */
  readonly #pace: number
  #callCount = 0
  newCount = 0
  duplicateCount = 0
  unknownCount = 0

  constructor(parts: PublishersParts) {
    this.#parts = parts
    this.#random = createRandom(parts.seed ^ 0x2545f491)
    this.#pace = [0.1, 0.4, 0.9][this.#random.int(0, 2)] ?? 0
  }

  /** Calls to processes that run which nobody has answered yet. */
  get waitingCount(): number {
    return [...this.#waiting].filter(({ process }) => !process.isDead && !process.isLeft).length
  }

  /** Once a turn of the simulation. */
  act(): void {
    const random = this.#random
    if (random.next() >= this.#pace) return
    // Now and then many at once, most of them known: they must not hold the rooms up.
    const count = random.next() < 0.02 ? random.int(20, 80) : random.int(1, 3)
    for (let left = count; left > 0; left--) this.#publish()
  }

  #publish(): void {
    const { cluster } = this.#parts
    const random = this.#random
    const { running } = cluster
    const process = running[random.int(0, running.length - 1)]
    const principal = PRINCIPALS[random.int(0, PRINCIPALS.length - 1)] ?? ''
    const ids = this.#ids.get(principal)
    if (!process || !ids) return
    const number = ++this.#callCount
    const retried = random.next() < 0.6 ? ids.at(-random.int(1, RETRIED)) : undefined
    const messageId = retried ?? `id-${number}`
    if (retried === undefined) ids.push(messageId)
    const isRefused = random.next() < 0.005
    this.#ask(
      process,
      {
        ...markedMessage(number, isRefused),
        topic: 'public',
        to: random.next() < 0.2 ? 'somebody' : null,
        messageId,
        principal,
        trace: null,
      },
      number,
    )
  }

  #ask(process: SimProcess, message: NewMessage, number: number): void {
    const { ledger } = this.#parts
    const { findings } = process
    const call = { process, number }
    this.#waiting.add(call)
    const text = (what: string) => () => `call ${number} of ${messageKeyText(message)} ${what}`
    process.outbox.publish(message).then(
      ({ duplicate }) => {
        this.#waiting.delete(call)
        if (duplicate) this.duplicateCount++
        else this.newCount++
        const written = ledger.messageNumbers(message)
        findings.check(
          written.has(number) === !duplicate,
          'OB107',
          text(
            duplicate ? 'is written, and passes for a duplicate' : 'was answered, and is in no log',
          ),
        )
        findings.check(written.size > 0, 'OB107', text('is a duplicate of nothing'))
      },
      () => {
        this.#waiting.delete(call)
        this.unknownCount++
      },
    )
  }
}
