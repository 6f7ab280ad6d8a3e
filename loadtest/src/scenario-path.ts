import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunFailure } from './failure.ts'

const folder = fileURLToPath(new URL('../scenarios', import.meta.url))

/**
 * The file of a scenario of `loadtest/scenarios`, by its name, or the file that is named.
 * @throws RunFailure when there is neither.
 */
export function scenarioPath(name: string): string {
  const own = resolve(folder, `${name}.js`)
  if (/^[a-z-]+$/.test(name) && existsSync(own)) return own
  if (existsSync(name)) return resolve(name)
  const names = readdirSync(folder).filter((file) => file.endsWith('.js'))
  throw new RunFailure(
    `Expected a file or one of ${names.map((file) => file.replace('.js', '')).join(', ')}, got '${name}'`,
  )
}
