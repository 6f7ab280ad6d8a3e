import type { Outbox } from '../outbox/contract/outbox.ts'
import type { Part } from '../process/part.ts'
import type { Host } from './host.ts'

/**
 * The rooms of a process and their log, as one part: rooms are restored from the log once it runs, and what they
 * hand over at the end is stored before anything after them is drained.
 */
export function roomsPart(host: Host, outbox: Pick<Outbox, 'start' | 'stop'>): Part<never> {
  return {
    name: 'rooms and log',
    async start() {
      await outbox.start()
      await host.restore()
    },
    async drain() {
      await host.drain()
      await outbox.stop(() => host.settled())
    },
    stop() {
      host.dispose()
    },
    gauges: [
      { name: 'rooms', help: 'Living rooms', read: () => host.rooms.size },
      { name: 'players', help: 'Seats taken in rooms', read: () => host.playerCount },
    ],
    counters: [
      {
        name: 'rooms_fenced_total',
        help: 'Rooms that another server has taken',
        read: () => host.fencedCount,
      },
    ],
  }
}
