/** A response body that is written to; after its end or failure nothing reaches it. */
export class OpenBody {
  /** The reader wants no more. */
  onCancel: () => void = () => {}
  /** It was ended, or failed. */
  onOver: () => void = () => {}
  readonly stream: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null

  constructor() {
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
      cancel: () => {
        this.#controller = null
        this.onCancel()
      },
    })
  }

  push(bytes: Uint8Array): void {
    this.#controller?.enqueue(bytes)
  }

  end(): void {
    this.#over((controller) => controller.close())
  }

  fail(reason: unknown): void {
    this.#over((controller) => controller.error(reason))
  }

  #over(close: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void {
    const controller = this.#controller
    if (!controller) return
    this.#controller = null
    close(controller)
    this.onOver()
  }
}
