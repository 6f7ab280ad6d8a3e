/**
 * A fetch for the options of `connect` and `openFeed`, which asks for a token before each request and sends it as
 * `Authorization: Bearer`.
 */
export function withToken(
  token: () => string | Promise<string>,
  fetcher?: typeof fetch,
): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers)
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${await token()}`)
    return (fetcher ?? fetch)(input, { ...init, headers })
  }
}
