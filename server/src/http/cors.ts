/** Gives the headers that let a page of this origin read the answer. Credentials are never allowed. */
export function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Retry-After, ETag, Ringside-Feed',
    vary: 'Origin',
  }
}

/** Answers a preflight for a path with these methods. */
export function preflightHeaders(allow: string): Record<string, string> {
  return {
    'access-control-allow-methods': allow,
    'access-control-allow-headers': 'Content-Type, X-API-Key, Authorization, Last-Event-ID',
    'access-control-max-age': '600',
    allow,
  }
}
