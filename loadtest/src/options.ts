import { RunFailure } from './failure.ts'

/** A time over which the number of virtual users goes to a target. */
export interface Stage {
  readonly durationMs: number
  readonly target: number
}

interface ScenarioBase {
  readonly name: string
  /** The exported function that an iteration calls. */
  readonly exec: string
  readonly startMs: number
  /** Iterations that are on their way at the end may take so much longer, then they are interrupted. */
  readonly gracefulStopMs: number
  readonly env: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
}

/** One scenario of the `options` of a file, with its defaults filled in. */
export type Scenario = ScenarioBase &
  (
    | { readonly executor: 'constant-vus'; readonly vus: number; readonly durationMs: number }
    | {
        readonly executor: 'per-vu-iterations' | 'shared-iterations'
        readonly vus: number
        readonly iterations: number
        readonly maxDurationMs: number
      }
    | {
        readonly executor: 'ramping-vus'
        readonly startVus: number
        readonly stages: readonly Stage[]
        readonly gracefulRampDownMs: number
      }
  )

/** What this runner reads of a scenario file's `options`. */
export interface RunOptions {
  readonly scenarios: readonly Scenario[]
  readonly thresholds: readonly { readonly metric: string; readonly sources: readonly string[] }[]
  /** The figures of a trend that the summary shows. */
  readonly summaryTrendStats: readonly string[]
}

/** Virtual users of one process at most: each is an object and its sockets. */
const MAX_VUS = 100_000
const MAX_ITERATIONS = 1e9
const GRACE_MS = 30_000
const MAX_DURATION_MS = 600_000
const TREND_STATS = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)']
const READ = ['vus', 'duration', 'iterations', 'stages', 'scenarios', 'thresholds']
const IGNORED = [
  'discardResponseBodies',
  'noConnectionReuse',
  'systemTags',
  'userAgent',
  'setupTimeout',
  'teardownTimeout',
  'tags',
  'summaryTrendStats',
  'summaryTimeUnit',
]

type Given = Readonly<Record<string, unknown>>

/**
 * Reads the `options` that a scenario file exports.
 * @throws RunFailure for an executor or option that this runner does not have, and for values that cannot be.
 */
export function readOptions(given: unknown): RunOptions {
  const options = asObject(given ?? {}, 'options')
  for (const name of Object.keys(options))
    if (!READ.includes(name) && !IGNORED.includes(name))
      throw new RunFailure(
        `This runner does not have the option '${name}'; it has ${[...READ, ...IGNORED].join(', ')}`,
      )
  const stats = options['summaryTrendStats'] ?? TREND_STATS
  if (!Array.isArray(stats) || !stats.every(isTrendStat))
    throw new RunFailure(`Expected summaryTrendStats like ${TREND_STATS.join(', ')}`)
  return {
    scenarios: readScenarios(options),
    thresholds: Object.entries(asObject(options['thresholds'] ?? {}, 'thresholds')).map(
      ([metric, sources]) => ({ metric, sources: readThresholds(metric, sources) }),
    ),
    summaryTrendStats: stats,
  }
}

function isTrendStat(stat: unknown): stat is string {
  return typeof stat === 'string' && /^(?:avg|min|med|max|count|p\(\d+(?:\.\d+)?\))$/.test(stat)
}

function readThresholds(metric: string, given: unknown): string[] {
  if (!Array.isArray(given))
    throw new RunFailure(`Expected a list of thresholds of '${metric}', got '${String(given)}'`)
  return given.map((entry: unknown) => {
    if (typeof entry === 'string') return entry
    const { threshold, abortOnFail } = asObject(entry, `thresholds of '${metric}'`)
    if (typeof threshold !== 'string')
      throw new RunFailure(`Expected a threshold of '${metric}' as text`)
    if (abortOnFail === true)
      throw new RunFailure(`This runner does not have abortOnFail ('${metric}': '${threshold}')`)
    return threshold
  })
}

function readScenarios(options: Given): Scenario[] {
  const { scenarios } = options
  if (scenarios === undefined) return [readScenario('default', shortcutOf(options))]
  const entries = Object.entries(asObject(scenarios, 'scenarios'))
  if (entries.length === 0) throw new RunFailure('Expected one scenario or more')
  return entries.map(([name, given]) => readScenario(name, asObject(given, `scenario '${name}'`)))
}

/** `vus`, `duration`, `iterations` and `stages` at the top stand for one scenario, as in k6. */
function shortcutOf({ vus = 1, duration, iterations, stages }: Given): Given {
  if (stages !== undefined) return { executor: 'ramping-vus', startVUs: vus, stages }
  if (iterations !== undefined)
    return { executor: 'shared-iterations', vus, iterations, maxDuration: duration ?? '10m' }
  if (duration !== undefined) return { executor: 'constant-vus', vus, duration }
  return { executor: 'shared-iterations', vus, iterations: vus }
}

function readScenario(name: string, given: Given): Scenario {
  const at = `scenario '${name}'`
  const base: ScenarioBase = {
    name,
    exec: asText(given['exec'] ?? 'default', `exec of ${at}`),
    startMs: durationMs(given['startTime'] ?? 0, `startTime of ${at}`),
    gracefulStopMs: durationMs(given['gracefulStop'] ?? GRACE_MS, `gracefulStop of ${at}`),
    env: asTexts(given['env'] ?? {}, `env of ${at}`),
    tags: asTexts(given['tags'] ?? {}, `tags of ${at}`),
  }
  const vus = (): number => whole(given['vus'] ?? 1, `vus of ${at}`, MAX_VUS)
  const { executor } = given
  switch (executor) {
    case 'constant-vus':
      return {
        ...base,
        executor,
        vus: vus(),
        durationMs: durationMs(given['duration'], `duration of ${at}`),
      }
    case 'per-vu-iterations':
    case 'shared-iterations':
      return {
        ...base,
        executor,
        vus: vus(),
        iterations: whole(given['iterations'] ?? 1, `iterations of ${at}`, MAX_ITERATIONS),
        maxDurationMs: durationMs(given['maxDuration'] ?? MAX_DURATION_MS, `maxDuration of ${at}`),
      }
    case 'ramping-vus': {
      const { stages } = given
      if (!Array.isArray(stages) || stages.length === 0)
        throw new RunFailure(`Expected stages of ${at}, one or more`)
      return {
        ...base,
        executor,
        startVus: whole(given['startVUs'] ?? 1, `startVUs of ${at}`, MAX_VUS),
        gracefulRampDownMs: durationMs(
          given['gracefulRampDown'] ?? GRACE_MS,
          `gracefulRampDown of ${at}`,
        ),
        stages: stages.map((stage: unknown) => {
          const { duration, target } = asObject(stage, `a stage of ${at}`)
          return {
            durationMs: durationMs(duration, `duration of a stage of ${at}`),
            target: whole(target, `target of a stage of ${at}`, MAX_VUS),
          }
        }),
      }
    }
    default:
      throw new RunFailure(
        `This runner does not have the executor '${String(executor)}' of ${at}; it has constant-vus, per-vu-iterations, ramping-vus and shared-iterations`,
      )
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * Reads a duration of k6 in ms: `1m30s`, `500ms`, `0`, or a number of ms.
 * @throws RunFailure when it is none.
 */
export function durationMs(given: unknown, what: string): number {
  if (typeof given === 'number' && Number.isFinite(given) && given >= 0) return given
  if (given === '0') return 0
  if (typeof given === 'string' && /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(given)) {
    let total = 0
    for (const [, amount, unit = ''] of given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
      total += Number(amount) * (UNITS[unit] ?? 0)
    return total
  }
  throw new RunFailure(`Expected ${what} like '1m30s', got '${String(given)}'`)
}

function whole(given: unknown, what: string, max: number): number {
  if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= max)
    return given
  throw new RunFailure(
    `Expected ${what} as a whole number from 0 to ${max}, got '${String(given)}'`,
  )
}

function asObject(given: unknown, what: string): Given {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Given
  throw new RunFailure(`Expected ${what} as an object, got '${String(given)}'`)
}

function asText(given: unknown, what: string): string {
  if (typeof given === 'string') return given
  throw new RunFailure(`Expected ${what} as text, got '${String(given)}'`)
}

function asTexts(given: unknown, what: string): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(given, what))
  return Object.fromEntries(
    entries.map(([name, text]) => [name, asText(text, `${what}, '${name}'`)]),
  )
}
