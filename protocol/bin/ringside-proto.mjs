#!/usr/bin/env node
// Prints a game's contract as .proto, or compares it with an earlier one. Exit codes: 0 fine, 1 the
// comparison found something that breaks, 2 the command could not be carried out.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compareContracts, describeContract, parseProto, printProto } from '@ringside/protocol'

const usage = `Usage: ringside-proto <module.js> [export] [options]

Prints the contract that the module exports (by default: its only contract) as a .proto file.

  --json             print it as JSON instead
  --package <name>   package of the .proto file (ringside)
  --compare <file>   compare with an earlier .proto or .json that this command printed: lists what
                     breaks old clients or old logs and exits with 1 when there is anything`

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`ringside-proto: ${error.message}`)
  process.exitCode = 2
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      package: { type: 'string', default: 'ringside' },
      compare: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [file, name] = positionals
  if (values.help || file === undefined || positionals.length > 2) {
    console.log(usage)
    return values.help ? 0 : 2
  }
  const messages = describeContract(pick(await import(pathToFileURL(resolve(file)).href), name))
  if (values.compare !== undefined) return compare(await previous(values.compare), messages)
  process.stdout.write(
    values.json ? `${JSON.stringify(messages, null, 2)}\n` : printProto(messages, values.package),
  )
  return 0
}

function pick(module, name) {
  if (name !== undefined) {
    if (isContract(module[name])) return module[name]
    throw new Error(`expected a contract (defineGame) as export '${name}'`)
  }
  const found = [...new Set(Object.values(module).filter(isContract))]
  if (found.length === 1) return found[0]
  throw new Error(`expected one contract among the exports, got ${found.length}; name the export`)
}

function isContract(value) {
  return typeof value === 'object' && value !== null && 'commands' in value && 'rooms' in value
}

async function previous(file) {
  const text = await readFile(file, 'utf8')
  const messages = file.endsWith('.json') ? JSON.parse(text) : parseProto(text)
  if (!Array.isArray(messages) || messages.length === 0)
    throw new Error(`expected a contract that this command printed in ${file}`)
  return messages
}

function compare(old, messages) {
  const changes = compareContracts(old, messages)
  for (const { path, change, breaks } of changes)
    console.log(`${path}: ${change} (breaks old ${breaks.join(' and ')})`)
  console.log(changes.length === 0 ? 'nothing breaks' : `${changes.length} breaking changes`)
  return changes.length === 0 ? 0 : 1
}
