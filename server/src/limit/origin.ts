/** These may connect from a browser: the server's own host, and the origins of the list. */
export interface OriginOptions {
  /** `https://example.com` (with a port when it is not the scheme's own); `*` allows all. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Refuses requests that carry no Origin header. Default false: they are not from a browser. */
  readonly requireOrigin?: boolean | undefined
}

/** Decides by the Origin and Host headers; '' = absent. */
export type OriginCheck = (origin: string, host: string) => boolean

export function createOriginCheck(options: OriginOptions = {}): OriginCheck {
  const allowed = new Set(options.allowedOrigins?.map((origin) => origin.toLowerCase()))
  const allowsAll = allowed.has('*')
  const { requireOrigin = false } = options
  return (origin, host) => {
    if (origin === '') return !requireOrigin
    if (allowsAll) return true
    const lower = origin.toLowerCase()
    if (allowed.has(lower)) return true
    const own = hostOf(lower)
    return own !== '' && own === host.toLowerCase()
  }
}

/** The host and port of an origin; '' for `null` and anything that is not one. */
function hostOf(origin: string): string {
  const match = /^https?:\/\/([^/?#@]+)$/.exec(origin)
  return match?.[1] ?? ''
}
