import { parseArgs } from 'node:util'
import { randomId } from './process/ids.ts'
import { markRestored, planRestored } from './outbox/history/restored.ts'
import { maskText } from './outbox/stores/mongo/address.ts'
import { MongoStore } from './outbox/stores/mongo/store.ts'
import type { MongoStoreOptions } from './outbox/stores/mongo/store.ts'

const USAGE = `Usage: ringside-log restored [options]

Run it once after a backup of the log was restored, before a server is started on it: what was
written after the backup is void from then on, spectators who have seen it start over, and servers
that still run on the log as it was stop.

  --uri <address>  MongoDB connection string (default: the environment variable MONGODB_URI, which
                   other users of the machine cannot see)
  --prefix <text>  the collectionPrefix of the log (default: the environment variable
                   MONGODB_COLLECTION_PREFIX, else none)
  --dry-run        say what would be done, and change nothing
  --help           print this text`

/** Exit codes of the command. */
const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

export interface LogCommand {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** It prints one line. No line has a credential. */
  readonly print: (line: string) => void
  readonly printError: (line: string) => void
}

/** Runs `ringside-log` and gives its exit code: 0 done, 1 it could not be carried out, 2 wrong usage. */
export async function runLogCommand(command: LogCommand): Promise<number> {
  const { environment, print, printError } = command
  let asked: ReturnType<typeof parse>
  try {
    asked = parse(command.args)
  } catch (error) {
    printError(`ringside-log: ${messageOf(error)}`)
    return WRONG_USAGE
  }
  if (asked.values.help) {
    print(USAGE)
    return DONE
  }
  const uri = asked.values.uri ?? environment['MONGODB_URI']
  if (asked.positionals.join(' ') !== 'restored' || !uri) {
    printError(uri ? USAGE : `${USAGE}\n\nExpected --uri or MONGODB_URI`)
    return WRONG_USAGE
  }
  try {
    const collectionPrefix = asked.values.prefix ?? environment['MONGODB_COLLECTION_PREFIX']
    // An empty variable is one that is not set.
    const place = collectionPrefix ? { uri, collectionPrefix } : { uri }
    await restored(place, asked.values['dry-run'] ?? false, print)
    return DONE
  } catch (error) {
    printError(`ringside-log: ${maskText(messageOf(error), uri)}`)
    return FAILED
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      uri: { type: 'string' },
      prefix: { type: 'string' },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

async function restored(
  place: MongoStoreOptions,
  isDryRun: boolean,
  print: (line: string) => void,
): Promise<void> {
  const store = new MongoStore(place)
  await store.openExisting()
  try {
    const plan = await planRestored(store, randomId())
    const { end, strayCount, next } = plan
    print(`The log at ${store.address} ends at ${end}, and goes on at ${next.base + 1}`)
    if (strayCount > 0)
      print(`${strayCount} documents after a number that is missing are of no use, and are deleted`)
    if (isDryRun) {
      print('Nothing was changed (--dry-run)')
      return
    }
    await markRestored(store, plan)
    print(
      `Done: everything in between is void. Restores that the log knows of: ${next.voids.length}`,
    )
  } finally {
    await store.close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
