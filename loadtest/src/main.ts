// npm run loadtest -- <scenario or file> [--url <server>] [-e NAME=value]... [--workers n] [--local-ips a-b]
//                     [--summary-export file]
// Without --url it runs against a server that it starts. Exit codes are k6's: 99 when a threshold does not hold.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { RunFailure, exitCodes, interruption, textOf } from './failure.ts'
import { readLocalAddresses } from './local-addresses.ts'
import { run } from './run.ts'
import { scenarioPath } from './scenario-path.ts'
import { startLoadServer } from './stress/server-process.ts'

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
// Whoever started this one is gone.
process.on('disconnect', () => abort.abort())
// To listen to that must not keep a run alive that has ended.
process.channel?.unref()

try {
  process.exitCode = await main()
} catch (cause) {
  // What ends because of an interruption has reasons of its own.
  const error = abort.signal.aborted ? interruption(cause) : cause
  const isOurs = error instanceof RunFailure
  process.stderr.write(`loadtest: ${isOurs ? error.message : textOf(error)}\n`)
  process.exitCode = isOurs ? error.exitCode : exitCodes.scriptFailed
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const [name = '', ...others] = positionals
  if (!name || others.length > 0) throw new RunFailure('Expected one scenario or file')
  const path = scenarioPath(name)
  const workers = Number(values.workers)
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64))
    throw new RunFailure(`Expected --workers from 1 to 64, got '${values.workers}'`)
  const localAddresses = values['local-ips'] ? readLocalAddresses(values['local-ips']) : []
  const env = Object.fromEntries((values.env ?? []).map(readVariable))
  const own = values.url || env['URL'] ? null : await startLoadServer(abort.signal)
  try {
    const result = await run({
      path,
      env: { ...env, URL: own?.url ?? values.url ?? env['URL'] ?? '' },
      workers,
      localAddresses,
      say: (line) => process.stdout.write(`${line}\n`),
      signal: abort.signal,
    })
    const file = values['summary-export']
    if (file) writeFileSync(file, JSON.stringify(result.summary))
    return result.exitCode
  } finally {
    await own?.stop()
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        env: { type: 'string', short: 'e', multiple: true },
        workers: { type: 'string', default: '1' },
        'local-ips': { type: 'string' },
        'summary-export': { type: 'string' },
      },
    })
  } catch (error) {
    throw new RunFailure(error instanceof Error ? error.message : String(error))
  }
}

function readVariable(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new RunFailure(`Expected -e NAME=value, got '${text}'`)
  return [text.slice(0, at), text.slice(at + 1)]
}
