import type { Clock } from '../../process/clock.ts'
import { createRandom } from '../../process/random.ts'
import type { MemoryTransport } from '../../transport/memory/transport.ts'
import { Link } from './link.ts'
import type { LinkOptions, NetworkHost } from './link.ts'

/** The names of a test's servers, and the links to them. */
export class Network {
  readonly clock: Clock
  readonly #seed: number
  readonly #hosts = new Map<string, NetworkHost>()
  readonly #links: Link[] = []

  constructor(clock: Clock, seed: number) {
    this.clock = clock
    this.#seed = seed
  }

  find(host: string): NetworkHost | null {
    return this.#hosts.get(host) ?? null
  }

  /** A server listens under this name; the one before it is found no more. */
  add(name: string, host: NetworkHost): void {
    this.#hosts.set(name, host)
  }

  /** This server is found no more. */
  remove(name: string, transport: MemoryTransport): void {
    if (this.#hosts.get(name)?.transport === transport) this.#hosts.delete(name)
  }

  /** Everybody's connections to this host break. */
  cut(name: string): void {
    for (const link of this.#links) link.cut(name)
  }

  link(options: LinkOptions = {}): Link {
    const index = this.#links.length + 1
    // Documentation's addresses (RFC 5737) as long as they last, then private ones.
    const address =
      index < 255
        ? `192.0.2.${index}`
        : `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
    const random = createRandom(`${this.#seed} link ${index}`)
    const { clock } = this
    const find = (host: string): NetworkHost | null => this.find(host)
    const link = new Link({ clock, random, find }, { address, ...options })
    this.#links.push(link)
    return link
  }
}
