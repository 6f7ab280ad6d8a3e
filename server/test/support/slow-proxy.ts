import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

const STEP_MS = 50

/** A real line with a narrow way down: a proxy that takes so many bytes a second from the server, and no more. */
export class SlowProxy implements AsyncDisposable {
  bytesPerSecond: number
  /** Bytes that it has passed on, of all connections. */
  passedBytes = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(toPort: number, bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
    this.#server = createServer((down) => this.#join(down, connect(toPort, '127.0.0.1')))
  }

  static async start(toPort: number, bytesPerSecond: number): Promise<SlowProxy> {
    const proxy = new SlowProxy(toPort, bytesPerSecond)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(down: Socket, up: Socket): void {
    for (const socket of [down, up]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        clearInterval(timer)
        down.destroy()
        up.destroy()
      })
    }
    down.on('data', (chunk) => up.write(chunk))
    // A stream that is paused takes no more from the kernel than its high-water mark.
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      let budget = Math.floor(((now - last) * this.bytesPerSecond) / 1_000)
      if (budget === 0) return
      last = now
      while (budget > 0) {
        const chunk = up.read(Math.min(budget, up.readableLength)) as Buffer | null
        if (chunk === null) break
        budget -= chunk.length
        this.passedBytes += chunk.length
        down.write(chunk)
      }
    }, STEP_MS)
    up.on('readable', () => {})
  }
}
