import { batchText } from './answer-text.ts'

/** Takes the answer to one text: the JSON, and whether it is a single error. Null says that there is none. */
export type SendAnswer = (text: string | null, isError: boolean) => void

/**
 * The answers to one text. It sends once all of its members are done, in their order; of a text of
 * notifications alone it says that there is nothing to send.
 */
export class RpcAnswers {
  readonly #texts: (string | null)[]
  readonly #isBatch: boolean
  readonly #send: SendAnswer
  #waiting: number
  #isError = false

  constructor(count: number, isBatch: boolean, send: SendAnswer) {
    this.#texts = Array.from({ length: count }, () => null)
    this.#waiting = count
    this.#isBatch = isBatch
    this.#send = send
  }

  /** Member `index` is done, once; null for a notification. */
  done(index: number, text: string | null, isError: boolean): void {
    this.#texts[index] = text
    this.#isError = isError
    if (--this.#waiting > 0) return
    const told = this.#texts.filter((text) => text !== null)
    if (told.length === 0) this.#send(null, false)
    else if (this.#isBatch) this.#send(batchText(told), false)
    else this.#send(told[0] ?? null, this.#isError)
  }
}
