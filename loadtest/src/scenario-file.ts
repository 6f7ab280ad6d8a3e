import { register } from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RunFailure, exitCodes, textOf } from './failure.ts'
import type { Scenario } from './options.ts'

/** k6's modules that this runner has. */
const MODULES = ['k6', 'k6/http', 'k6/metrics', 'k6/timers', 'k6/websockets'] as const

/**
 * Runs on the loader's own thread, and so is a text by itself: k6's names lead to the files of this runner, everything
 * else is Node's business.
 */
const HOOKS = `
let files = {}
export function initialize(data) { files = data }
export async function resolve(specifier, context, next) {
  if (specifier !== 'k6' && !specifier.startsWith('k6/')) return next(specifier, context)
  const url = files[specifier]
  if (url) return next(url, context)
  throw new Error("This runner does not have '" + specifier + "'; it has " + Object.keys(files).join(', '))
}
`

let isRegistered = false

/** What a scenario file exports, as far as it is called. */
export interface ScenarioFile {
  readonly options: unknown
  readonly setup: (() => unknown) | null
  readonly teardown: ((data: unknown) => unknown) | null
  readonly handleSummary: ((summary: unknown) => unknown) | null
  /** @throws RunFailure unless the file exports a function of that name. */
  bodyOf(scenario: Scenario): (data: unknown) => unknown
}

/**
 * Loads a scenario file with this runner's modules in the place of k6's.
 * @throws RunFailure when it cannot be loaded.
 */
export async function loadScenarioFile(path: string): Promise<ScenarioFile> {
  if (!isRegistered) {
    isRegistered = true
    // The files beside this one have its ending: `.ts` from source, `.js` when built.
    const ending = extname(import.meta.url)
    const data = Object.fromEntries(
      MODULES.map((name) => [
        name,
        new URL(`./modules/${name.replace('k6/', '')}${ending}`, import.meta.url).href,
      ]),
    )
    register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, import.meta.url, { data })
  }
  let exported: Record<string, unknown>
  try {
    exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    throw new RunFailure(`Could not load ${path}: ${textOf(error)}`, exitCodes.scriptFailed, error)
  }
  const optional = (name: string): ((given?: unknown) => unknown) | null => {
    const value = exported[name]
    if (value === undefined) return null
    if (typeof value === 'function') return value as (given?: unknown) => unknown
    throw new RunFailure(`Expected ${name} of ${path} as a function`)
  }
  return {
    options: exported['options'],
    setup: optional('setup'),
    teardown: optional('teardown'),
    handleSummary: optional('handleSummary'),
    bodyOf({ name, exec }) {
      const body = optional(exec)
      if (!body)
        throw new RunFailure(`${path} exports no function '${exec}', which scenario '${name}' runs`)
      return body
    },
  }
}
