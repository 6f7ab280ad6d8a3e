import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { binaryName, listBinaries, thisSystem } from './binaries.ts'
import { uwsFolder } from './load.ts'

const USAGE = `Usage: ringside-prune [options]

Removes the binaries of uWebSockets.js that are for other platforms and versions of Node than the
one that runs this command: most of what an installed server weighs. Run it in the image that the
server is to run in, after the install.

  --keep <name>  keep this one (linux_arm64_115) instead; repeat it for more
  --dry-run      say what would be removed, and remove nothing
  --help         print this text`

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

export interface PruneCommand {
  readonly args: readonly string[]
  readonly print: (line: string) => void
  readonly printError: (line: string) => void
  /** Where the binaries are; tests have another. Default: the package that the server loads. */
  readonly folder?: string | null
}

/**
 * Runs `ringside-prune` and gives its exit code. It removes nothing unless all that is to be kept is there: a slip of
 * the pen would leave a server without any.
 */
export function runPruneCommand(command: PruneCommand): number {
  const { print, printError } = command
  let asked: ReturnType<typeof parse>
  try {
    asked = parse(command.args)
  } catch (error) {
    printError(`ringside-prune: ${messageOf(error)}`)
    return WRONG_USAGE
  }
  if (asked.help) {
    print(USAGE)
    return DONE
  }
  const folder = command.folder === undefined ? uwsFolder() : command.folder
  if (folder === null) {
    printError('ringside-prune: Expected uWebSockets.js beside @ringside/server, got none')
    return FAILED
  }
  try {
    return prune(folder, asked, command)
  } catch (error) {
    printError(`ringside-prune: ${messageOf(error)}`)
    return FAILED
  }
}

function prune(
  folder: string,
  { keep, 'dry-run': isDryRun = false }: ReturnType<typeof parse>,
  { print, printError }: PruneCommand,
): number {
  const kept = keep ? keep.map((name) => `uws_${name}.node`) : [binaryName(thisSystem())]
  const there = listBinaries(folder)
  const missing = kept.filter((name) => !there.includes(name))
  if (missing.length > 0) {
    printError(`ringside-prune: Expected ${missing.join(', ')} in ${folder}, got none of it`)
    return FAILED
  }
  const others = there.filter((name) => !kept.includes(name))
  let bytes = 0
  for (const name of others) {
    bytes += statSync(join(folder, name)).size
    if (!isDryRun) rmSync(join(folder, name))
  }
  const size = `${others.length} files, ${(bytes / 1e6).toFixed(0)} MB`
  print(`${isDryRun ? 'would remove' : 'removed'} ${size}; kept ${kept.join(', ')}`)
  return DONE
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      keep: { type: 'string', multiple: true },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }).values
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
