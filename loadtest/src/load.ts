import type { Clock } from './clock.ts'
import { RunFailure, textOf } from './failure.ts'
import { execute, mostUsers, userId } from './executors.ts'
import type { Segment } from './executors.ts'
import type { IterationErrors } from './messages.ts'
import type { MetricSet } from './metrics/metric-set.ts'
import type { RunOptions, Scenario } from './options.ts'
import type { ScenarioFile } from './scenario-file.ts'
import { VirtualUser } from './virtual-user.ts'

/** Texts of errors that are kept; the rest is counted. */
const MAX_ERROR_TEXTS = 5

export interface LoadOptions {
  readonly clock: Clock
  readonly metrics: MetricSet
  readonly file: ScenarioFile
  readonly options: RunOptions
  readonly segment: Segment
  readonly env: Readonly<Record<string, string>>
  /** Users take turns with them, so that ports and limits by address suffice. */
  readonly localAddresses: readonly string[]
  /** What `setup` returned. */
  readonly data: unknown
}

/**
 * Runs this segment of all scenarios of a file, each beside the others.
 * @throws RunFailure when a scenario used what this runner does not have.
 */
export async function runLoad(load: LoadOptions): Promise<IterationErrors> {
  const { clock, metrics, file, options, segment, data } = load
  const errors = { count: 0, texts: [] as string[] }
  let fault: RunFailure | null = null

  /** Ids are those of one process that has all users: scenarios after each other, each without a gap. */
  const newUser = (scenario: Scenario, id: number): VirtualUser => {
    return new VirtualUser({
      id,
      clock,
      env: { ...load.env, ...scenario.env },
      tags: { scenario: scenario.name, ...scenario.tags },
      localAddress: load.localAddresses[id % load.localAddresses.length] ?? null,
    })
  }

  const iterate = async (user: VirtualUser, body: (data: unknown) => unknown): Promise<void> => {
    if (fault) return
    const begunAt = clock.now()
    const outcome = await user.run(() => body(data))
    if (outcome.kind === 'interrupted') return
    metrics.add('iterations', 1, user.tags)
    metrics.add('iteration_duration', clock.now() - begunAt, user.tags)
    if (outcome.kind === 'done') return
    if (outcome.error instanceof RunFailure) fault = outcome.error
    errors.count++
    if (errors.texts.length < MAX_ERROR_TEXTS) errors.texts.push(textOf(outcome.error))
  }

  let before = 0
  await Promise.all(
    options.scenarios.map((scenario) => {
      const body = file.bodyOf(scenario)
      const lastId = before
      let users = 0
      before += mostUsers(scenario)
      return execute(scenario, {
        clock,
        segment,
        newUser: () => newUser(scenario, lastId + userId(users++, segment)),
        iterate: (user) => iterate(user, body),
        dropped: (count) => {
          if (count > 0) metrics.add('dropped_iterations', count, { scenario: scenario.name })
        },
      })
    }),
  )
  if (fault) throw fault
  return errors
}
