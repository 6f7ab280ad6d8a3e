import { Simulation } from './simulation.ts'

/**
 * Runs seeds one after the other: `--seeds 20000` (default 200), `--from 1`, `--stop` at the first failure,
 * `--restores` with a log that is restored now and then, `--publishes` with publishers that repeat themselves.
 * Prints progress, each failure with its seed and what was done to the system, and a summary; exit code 1 if
 * a seed failed.
 */
async function main(): Promise<void> {
  const seedCount = numberOf('--seeds', 200)
  const from = numberOf('--from', 1)
  const isRestored = process.argv.includes('--restores')
  const isPublished = process.argv.includes('--publishes')
  const startedAt = Date.now()
  const totals = new Map<string, number>()
  const failed: number[] = []
  for (let seed = from; seed < from + seedCount; seed++) {
    const result = await new Simulation(seed, { isRestored, isPublished }).run()
    for (const [name, count] of Object.entries(result.counts))
      totals.set(name, (totals.get(name) ?? 0) + count)
    if (result.failure) {
      failed.push(seed)
      console.log(`seed ${seed} FAILED ${result.failure}`)
      if (failed.length <= 3)
        for (const operation of result.operations) console.log(`  ${operation}`)
      if (process.argv.includes('--stop')) break
    }
    const done = seed - from + 1
    if (done % 500 === 0 && done < seedCount)
      console.log(`${done} of ${seedCount} seeds, ${failed.length} failed, ${seconds(startedAt)} s`)
  }
  const met = [...totals].map(([name, count]) => `${name} ${count}`).join(', ')
  console.log(`${seedCount} seeds from ${from} in ${seconds(startedAt)} s: ${met}`)
  console.log(failed.length === 0 ? 'no rule was broken' : `FAILED seeds: ${failed.join(' ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

function numberOf(name: string, fallback: number): number {
  const at = process.argv.indexOf(name)
  const value = at < 0 ? fallback : Number(process.argv[at + 1])
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`Expected ${name} <number>`)
  return value
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1)
}

await main()
