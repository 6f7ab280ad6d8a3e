import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { Part } from '../process/part.ts'
import type { RoomType } from '../room/type.ts'
import { Host } from './host.ts'
import type { HostParts } from './host.ts'
import { RecordWriter } from './record-writer.ts'
import { Records } from './records.ts'
import type { RecordsParts } from './records.ts'

/** The rooms of a process are made with these. */
export interface HostContext extends Omit<HostParts, 'records' | 'outbox'> {
  readonly outbox: HostParts['outbox'] &
    RecordsParts['outbox'] &
    Pick<Outbox, 'saveRoom' | 'start' | 'stop'>
  /** The log is open, and no room goes on yet: what all rooms need is read from it here. */
  readonly onLogStarted?: () => Promise<void>
  /** The rooms are over here, and the log is about to stop: who reads it still has a moment. */
  readonly lastReads?: () => Promise<void>
  /** A room is over, and the log and its record say so. Default: nobody is told. */
  readonly onEnded?: (record: RoomRecord) => void
}

/** Makes the host of a process's rooms, with what it is made of. Nothing runs before the part starts. */
export function createHost(
  types: ReadonlyMap<string, RoomType>,
  context: HostContext,
): { readonly host: Host; readonly part: Part<never> } {
  const { outbox } = context
  const { clock, logger } = context.context
  const writer = new RecordWriter({ outbox, clock, logger })
  const { onEnded = () => {} } = context
  const records = new Records({
    outbox,
    writer,
    onEnded: (record) => {
      host.tell(record.room)
      onEnded(record)
    },
  })
  const host: Host = new Host(types, { ...context, records })
  return { host, part: partOf(host, context) }
}

/**
 * The rooms of a process and their log, as one part: rooms are restored from the log once it runs, and what they
 * hand over at the end is stored before anything after them is drained.
 */
function partOf(host: Host, { outbox, onLogStarted, lastReads }: HostContext): Part<never> {
  return {
    name: 'rooms and log',
    async start() {
      await outbox.start()
      await onLogStarted?.()
      await host.restore()
    },
    async drain() {
      await host.drain()
      await outbox.stop(async () => {
        await host.settled()
        await lastReads?.()
      })
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
