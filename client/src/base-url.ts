import { checksArguments } from '#checks'

/**
 * Makes the one base of everything that a server is asked (CN57): the folder in which its routes lie, with a slash at
 * its end. On a page it may be relative (`/games/`, `./`), to the page or its `<base>`; empty is the folder of the page.
 * Without an address it is the page's origin.
 * @throws TypeError on what is no http(s) address, or has a query, a fragment or a user in it.
 */
export function baseUrl(address?: string): string {
  const { document, location } = globalThis as { document?: Document; location?: Location }
  // The address of a worker may be one that nothing is relative to, but it has an origin.
  const given = address ?? (document ? '/' : location?.origin)
  let url
  try {
    url = new URL(given || './', pageUrl())
  } catch {
    // It is told as one of another scheme is.
  }
  const isText = given === undefined || typeof given === 'string'
  if (!isText || !url || !/^https?:[^?#]*$/.test(url.href) || url.username || url.password) {
    const wanted = "Expected an http(s) address like 'https://host/games/'"
    if (!checksArguments) throw new TypeError(wanted)
    // A password is not to be seen in a log.
    const got = url?.username ? 'one with a user' : isText ? `'${given}'` : `a ${typeof given}`
    throw new TypeError(`${wanted}, no query, fragment or user, got ${got}`)
  }
  return url.href.replace(/\/?$/, '/')
}

/** Relative addresses start from this one: the page's, or its `<base>`. It is undefined where there is no page. */
export function pageUrl(): string | undefined {
  const { document, location } = globalThis as { document?: Document; location?: Location }
  return document?.baseURI ?? location?.href
}

/**
 * Makes an address below a base. What begins with a slash is below it too: a server does not know the prefix at which a
 * proxy shows it. A whole address stays as it is.
 */
export function below(base: string, path: string): string {
  return new URL(path.replace(/^\/(?!\/)/, ''), base).href
}
