import { checkFunction, invalid, shownText } from '../process/argument.ts'
import type { RouteHandler } from './contract.ts'

/** The route found for a method and path. */
export interface Match {
  /** Method and path of the route, as they were added; empty without a handler. */
  readonly title: string
  readonly handler: RouteHandler | null
  readonly params: Readonly<Record<string, string>>
  /** Methods of the path when the asked one is not among them; empty = there is no such path. */
  readonly allowed: readonly string[]
}

interface Route {
  readonly title: string
  readonly method: string
  readonly parts: readonly string[]
  /** True when it ends in `/*`: it takes any rest, the empty one too. */
  readonly isOpenEnded: boolean
  readonly handler: RouteHandler
}

const METHOD = /^[A-Z]{3,7}$/
const PART = /^(?::[A-Za-z][A-Za-z0-9]*|[^:*/?#]*)$/

/**
 * Routes in the order in which they were added; the first that fits wins. A route that ends in `/*` only
 * takes paths that no other route has: it neither hides a 405 nor makes one.
 */
export class RouteTable {
  readonly #routes: Route[] = []

  /** @throws RingsideError option_invalid on a method or path that is no route. */
  add(method: string, path: string, handler: RouteHandler): void {
    checkRoute(method, path, handler)
    const parts = path.split('/').slice(1)
    const isOpenEnded = parts.at(-1) === '*'
    if (isOpenEnded) parts.pop()
    this.#routes.push({ title: `${method} ${path}`, method, parts, isOpenEnded, handler })
  }

  /** HEAD is answered by GET's handler; the transport leaves the body out. */
  find(method: string, path: string): Match {
    const wanted = method === 'HEAD' ? 'GET' : method
    const parts = path.split('/').slice(1)
    const allowed = new Set<string>()
    let rest: Match | null = null
    for (const route of this.#routes) {
      if (route.isOpenEnded && (rest || route.method !== wanted)) continue
      const params = paramsOf(route, parts)
      if (!params) continue
      const match = { title: route.title, handler: route.handler, params, allowed: [] }
      if (route.isOpenEnded) rest = match
      else if (route.method === wanted) return match
      else allowed.add(route.method)
    }
    if (rest && allowed.size === 0) return rest
    if (allowed.has('GET')) allowed.add('HEAD')
    if (allowed.size > 0) allowed.add('OPTIONS')
    return { title: '', handler: null, params: {}, allowed: Array.from(allowed) }
  }
}

/**
 * Checks a route where it is added.
 * @throws RingsideError option_invalid on a method, path or handler that is none.
 */
export function checkRoute(method: unknown, path: unknown, handler: unknown): void {
  if (typeof method !== 'string' || !METHOD.test(method))
    throw invalid(`Expected a route's method like 'GET', got ${shownText(method)}`)
  if (typeof path !== 'string' || !isPath(path))
    throw invalid(`Expected a route's path like '/scores/:id', got ${shownText(path)}`)
  checkFunction(`the handler of route '${method} ${path}'`, handler)
}

function isPath(path: string): boolean {
  const parts = path.split('/').slice(1)
  if (parts.at(-1) === '*') parts.pop()
  return path.startsWith('/') && parts.every((part) => PART.test(part))
}

/** The path's parameters when it fits the route, else null. */
function paramsOf(route: Route, parts: readonly string[]): Record<string, string> | null {
  const { parts: pattern, isOpenEnded } = route
  if (isOpenEnded ? parts.length < pattern.length : parts.length !== pattern.length) return null
  const params: Record<string, string> = {}
  for (let index = 0; index < pattern.length; index++) {
    const expected = pattern[index] as string
    const part = parts[index] as string
    if (!expected.startsWith(':')) {
      if (expected !== part) return null
      continue
    }
    const value = decode(part)
    if (value === null || value === '') return null
    params[expected.slice(1)] = value
  }
  if (isOpenEnded) params['*'] = parts.slice(pattern.length).join('/')
  return params
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
