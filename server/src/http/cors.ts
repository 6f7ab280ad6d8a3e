/**
 * Gives the headers that let a page of this origin read the answer; with cookies only where the origin is trusted, which
 * `*` makes nobody (AU31).
 */
export function corsHeaders(origin: string, isTrusted: boolean): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    ...(isTrusted ? { 'access-control-allow-credentials': 'true' } : {}),
    'access-control-expose-headers': 'Retry-After, ETag, Ringside-Feed',
    vary: 'Origin',
  }
}

/** Answers a preflight for a path with these methods. */
export function preflightHeaders(allow: string): Record<string, string> {
  return {
    'access-control-allow-methods': allow,
    'access-control-allow-headers':
      'Content-Type, X-API-Key, Authorization, Last-Event-ID, Cache-Control, traceparent, Stream-Key',
    'access-control-max-age': '600',
    allow,
  }
}
