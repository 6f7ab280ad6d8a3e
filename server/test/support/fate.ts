/** What has become of a promise so far: `resolved`, or the code (or message) of what it was rejected with. */
export function fateOf(promise: Promise<unknown>): { now: string } {
  const fate = { now: 'pending' }
  promise.then(
    () => (fate.now = 'resolved'),
    (error: Error & { code?: string }) => (fate.now = error.code ?? error.message),
  )
  return fate
}
