import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomType } from '../room/type.ts'
import { Host } from './host.ts'
import type { HostParts } from './host.ts'
import { RecordWriter } from './record-writer.ts'
import { Records } from './records.ts'

/** The rooms of a process are made with these. */
export interface HostContext extends Omit<HostParts, 'records' | 'outbox'> {
  readonly outbox: HostParts['outbox'] &
    Pick<Outbox, 'saveRoom' | 'livingRooms' | 'endedRooms' | 'sealed'>
}

/** Makes the host of a process's rooms, with what it is made of. Nothing runs before `restore`. */
export function createHost(types: ReadonlyMap<string, RoomType>, context: HostContext): Host {
  const { outbox } = context
  const { clock, logger }: { readonly clock: Clock; readonly logger: Logger } = context.context
  const writer = new RecordWriter({ outbox, clock, logger })
  const records = new Records({ outbox, writer })
  return new Host(types, { ...context, records })
}
