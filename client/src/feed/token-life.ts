/** A JWT says so of itself; nobody checks it here. */
interface Claims {
  readonly exp?: unknown
  readonly iat?: unknown
}

/**
 * How long the token is good for from now, in ms; null where it does not tell. A clock of this machine that is wrong makes it
 * neither longer than the whole life of the token, nor shorter than a tenth of it.
 */
export function tokenLifeMs(token: string, nowMs: number): number | null {
  const { exp, iat } = claimsOf(token)
  if (typeof exp !== 'number') return null
  const leftMs = exp * 1_000 - nowMs
  if (typeof iat !== 'number' || iat >= exp) return Math.max(0, leftMs)
  const wholeMs = (exp - iat) * 1_000
  return Math.max(wholeMs / 10, Math.min(wholeMs, leftMs))
}

function claimsOf(token: string): Claims {
  try {
    const part = token.split('.')[1] ?? ''
    return (JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/'))) ?? {}) as Claims
  } catch {
    return {}
  }
}
