import type { Logger } from './logger.ts'

/** One step of closing, with what it is called in the log. */
export type CloseStep = readonly [name: string, run: () => void | Promise<void>]

/**
 * Takes every step in order, also after one that failed: a log that could not be written must not leave a
 * socket open. Each failure is logged.
 * @throws the first of them, at the end.
 */
export async function takeSteps(steps: readonly CloseStep[], logger: Logger): Promise<void> {
  const failures: unknown[] = []
  for (const [step, run] of steps) {
    try {
      await run()
    } catch (error) {
      logger.error({ step, err: error }, 'a step of closing failed')
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
