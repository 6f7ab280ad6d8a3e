/** Tells the fate of a promise so far: `pending`, `resolved`, or the code (or message) of its rejection. */
export function fateOf(promise: Promise<unknown>): { now: string } {
  const fate = { now: 'pending' }
  promise.then(
    () => (fate.now = 'resolved'),
    (error: Error & { code?: string }) => (fate.now = error.code ?? error.message),
  )
  return fate
}
