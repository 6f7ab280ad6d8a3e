import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { Part } from '../process/part.ts'
import { Waits } from '../process/wait.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import { ArchiveKeeper } from './archive-keeper.ts'
import { ArchiveReader } from './archive-reader.ts'
import { Archivist } from './archivist.ts'
import type { ArchiveStore } from './contract.ts'
import { Pins } from './pins.ts'

export interface ArchiveContext {
  readonly store: ArchiveStore
  readonly outbox: Outbox
  readonly clock: Clock
  readonly logger: Logger
  readonly newId: () => string
  /** For how long matches of a type are kept, in ms; null: they are not archived. */
  readonly keepMsOf: (type: string) => number | null
  readonly holdMs: number
}

/** The archive of a process. */
export interface Archive {
  readonly reader: ArchiveReader
  readonly archivist: Archivist
  readonly keeper: ArchiveKeeper
  readonly pins: Pins
  readonly part: Part<never>
}

/** A store that could not be opened is tried again after so long, in ms. */
const OPEN_AGAIN_MS = 10_000

/**
 * Makes the archive with what it is made of. It stands beside the log: the reader gives what has left that, the
 * archivist takes in what is about to, the keeper lets go of what is too old.
 */
export function createArchive(context: ArchiveContext): Archive {
  const { store, outbox, clock, logger, newId, keepMsOf, holdMs } = context
  const now = (): number => outbox.now()
  const reader = new ArchiveReader({ store, logger, now })
  const archivist = new Archivist({ store, reader, outbox, clock, logger, keepMsOf, holdMs })
  const keeper = new ArchiveKeeper({ store, reader, archivist, clock, logger, now })
  const pins = new Pins({ store, reader, archivist, newId, now })
  return { reader, archivist, keeper, pins, part: partOf({ context, archivist, keeper, reader }) }
}

function partOf({
  context,
  archivist,
  keeper,
  reader,
}: Omit<Archive, 'pins' | 'part'> & {
  readonly context: ArchiveContext
}): Part<never> {
  const { store, clock } = context
  const waits = new Waits(clock)
  let isStopped = false
  let opening: Promise<void> | null = null
  /** A folder or a database that is away does not keep the game from its players. */
  const open = async (): Promise<void> => {
    while (!isStopped) {
      try {
        await store.open()
        archivist.noteSuccess()
        archivist.begin()
        keeper.begin()
        return
      } catch (error) {
        archivist.noteFailure(error, 'it could not be opened')
        await waits.sleep(OPEN_AGAIN_MS)
      }
    }
  }
  return {
    name: 'archive',
    start() {
      opening = open()
    },
    async stop() {
      isStopped = true
      waits.release()
      archivist.stop()
      await keeper.stop()
      await opening
      await store.close()
    },
    gauges: [
      { name: 'archive_matches', help: 'Matches in the archive', read: () => keeper.stats.matches },
      {
        name: 'archive_bytes',
        help: 'Bytes of the matches in the archive',
        read: () => keeper.stats.bytes,
      },
      {
        name: 'archive_waiting',
        help: 'Matches that wait to be archived',
        read: () => archivist.dueCount,
      },
      {
        name: 'archive_failing',
        help: '1 while the archive fails',
        read: () => (archivist.isFailing ? 1 : 0),
      },
    ],
    counters: [
      {
        name: 'archive_written_total',
        help: 'Matches written to the archive',
        read: () => archivist.writtenCount,
      },
      {
        name: 'archive_failures_total',
        help: 'Failed attempts of the archive',
        read: () => archivist.failureCount,
      },
      {
        name: 'archive_lost_total',
        help: 'Times that the log was cut although the archive lacked what went',
        read: () => archivist.lostCount,
      },
      {
        name: 'archive_dropped_total',
        help: 'Matches let go before their time, for want of room',
        read: () => keeper.droppedCount,
      },
      {
        name: 'archive_broken_total',
        help: 'Pieces of the archive that could not be read',
        read: () => reader.brokenCount,
      },
    ],
  }
}
