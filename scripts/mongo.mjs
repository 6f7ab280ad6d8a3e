// A real replica set in a temporary folder, for as long as the command runs. Usage: npm run mongo [-- --members 1]
import { parseArgs } from 'node:util'

const log = (line) => console.error(line)
try {
  await main()
} catch (error) {
  log(`mongo: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function main() {
  const { values } = parseArgs({ options: { members: { type: 'string', default: '3' } } })
  const count = Number(values.members)
  if (![1, 3, 5].includes(count))
    throw new Error(`expected --members 1, 3 or 5, got '${values.members}'`)
  // Signals are ours from the start, for nothing may be left running when it is interrupted early, or its terminal closed.
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, resolve)
  })
  // A terminal that is gone takes no more lines, but the folders are removed all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const { startReplicaSet } = await import('./replica-set.mjs')
  const set = await startReplicaSet({ count, log })
  console.log(`MongoDB replica set of ${count} is up. Ctrl-C ends it and removes its data.`)
  console.log('')
  console.log(`  MONGODB_URI='${set.uri}' npm start`)
  console.log('')
  await interrupted
  log('mongo: ending')
  await set.stop()
}
