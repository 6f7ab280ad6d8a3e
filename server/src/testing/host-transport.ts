import type { ListenAddress, TransportHandlers, TransportOptions } from '../transport/contract.ts'
import { MemoryTransport } from '../transport/memory/transport.ts'
import type { Lifetime } from './lifetime.ts'
import type { Network } from './network/network.ts'

/** Says where and how long a server of a test is found. */
export interface HostParts {
  readonly network: Network
  readonly name: string
  readonly lifetime: Lifetime
}

/** The transport of a test's server: found in its network while it listens, and gone with its process. */
export class HostTransport extends MemoryTransport {
  readonly #options: TransportOptions
  readonly #parts: HostParts

  constructor(options: TransportOptions, parts: HostParts) {
    super(options)
    this.#options = options
    this.#parts = parts
  }

  override async listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    const { network, name, lifetime } = this.#parts
    const port = await super.listen(address, lifetime.handlers(handlers))
    network.add(name, { transport: this, idleTimeoutMs: this.#options.idleTimeoutMs })
    return port
  }

  override async close(): Promise<void> {
    this.#parts.network.remove(this.#parts.name, this)
    await super.close()
  }
}
