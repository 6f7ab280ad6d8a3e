import type { Clock, Logger, PublishOrder, Server } from '@ringside/server'

export interface DemoNewsOptions {
  readonly server: Pick<Server, 'publish' | 'rooms'>
  readonly clock: Clock
  readonly logger: Logger
}

/** So often something is published, in ms. */
const NEWS_MS = 4_000

/**
 * Publishes what belongs to no room while the demo runs, to the topic `public`: notifications, alerts and data updates in
 * turn, so that whoever opens `/feed` sees each of them within some seconds.
 */
export class DemoNews {
  readonly #options: DemoNewsOptions
  #cancel: (() => void) | null = null
  #count = 0

  constructor(options: DemoNewsOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#cancel !== null
  }

  /** Begins with the first of them at once; does nothing while it runs. */
  start(): void {
    if (this.#cancel === null) this.#next()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #next(): void {
    const { server, clock, logger } = this.#options
    this.#cancel = clock.after(NEWS_MS, () => this.#next())
    server
      .publish(this.#order())
      .catch((err: unknown) => logger.warn({ err }, 'Demo news was not published'))
  }

  #order(): PublishOrder {
    const count = this.#count++
    const { rooms } = this.#options.server
    const players = rooms.reduce((sum, { clients }) => sum + clients, 0)
    const [room] = rooms
    switch (count % 3) {
      case 0:
        return {
          type: 'notification',
          data: {
            id: `demo-${count}`,
            title: 'The arena is open',
            message: `${players} in ${rooms.length} rooms`,
            level: 'info',
          },
        }
      case 1:
        return {
          type: 'data-update',
          data: {
            entity: 'room',
            id: room?.id ?? 'none',
            change: 'updated',
            data: { clients: room?.clients ?? 0, tickLagP99Ms: room?.tickLagP99Ms ?? 0 },
          },
        }
      default:
        return {
          type: 'alert',
          data: {
            severity: room !== undefined && room.tickLagP99Ms > 50 ? 'warning' : 'info',
            title: 'Tick',
            message: `Ticks are ${Math.round(room?.tickLagP99Ms ?? 0)} ms late at most`,
          },
        }
    }
  }
}
