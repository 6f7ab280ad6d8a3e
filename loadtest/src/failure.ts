/** The exit codes of k6 that this runner has too. */
export const exitCodes = {
  passed: 0,
  thresholdsFailed: 99,
  invalidConfig: 104,
  interrupted: 105,
  scriptFailed: 107,
} as const

/** A run that cannot begin or go on, with the code that the process exits with. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.invalidConfig, cause?: unknown) {
    super(message, { cause })
    this.exitCode = exitCode
  }
}

/** What a run that was interrupted ends with, whatever it was in the middle of. */
export function interruption(cause: unknown): RunFailure {
  return new RunFailure('Interrupted', exitCodes.interrupted, cause)
}

/** The text of whatever was thrown, with the stack where there is one. */
export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
