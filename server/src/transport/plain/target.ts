/** What a request is for, as its first line says it. */
export interface Target {
  readonly path: string
  /** Without its question mark. */
  readonly query: string
  /** That of an absolute target; null for a path. */
  readonly host: string | null
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** Reads the target of a request (RFC 9112 section 3.2): a path, an absolute target or `*`. */
export function readTarget(target: string): Target {
  const [prefix = '', host = null] = ABSOLUTE.exec(target) ?? []
  const rest = target.slice(prefix.length)
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  const query = mark < 0 ? '' : rest.slice(mark + 1)
  return { path: path === '' ? '/' : path, query, host }
}
