/**
 * A connection string fit for a log or an error: user, password and every query parameter are hidden.
 * Works on malformed strings too, since those are what errors show.
 */
export function maskAddress(uri: string): string {
  const match = /^(mongodb(?:\+srv)?:\/\/)(.*)$/s.exec(uri)
  if (!match) return '(not a MongoDB address)'
  const [, scheme = '', rest = ''] = match
  // A password may itself hold '/' or '?' when it was not encoded: the last '@' ends it.
  const hostAndMore = rest.slice(rest.lastIndexOf('@') + 1)
  const credentials = rest.includes('@') ? '***@' : ''
  const [hosts = ''] = hostAndMore.split('?')
  return `${scheme}${credentials}${hosts}`
}

/** Removes the address and its secrets from a text that a driver wrote. */
export function maskText(text: string, uri: string): string {
  let masked = text.split(uri).join(maskAddress(uri))
  for (const secret of secretsOf(uri)) masked = masked.split(secret).join('***')
  return masked
}

/**
 * Says whether the part before the last `@` can only be a user and a password. A driver ends them at the first `/` or
 * `@`, so that a part of a password that was not percent-encoded becomes a host: looked up, and named in errors.
 */
export function hasEncodedCredentials(uri: string): boolean {
  const rest = uri.replace(/^mongodb(?:\+srv)?:\/\//, '')
  const at = rest.lastIndexOf('@')
  return at < 0 || /^[^@/?#:]*(?::[^@/?#:]*)?$/.test(rest.slice(0, at))
}

/** The database that the string itself names, or null. */
export function databaseIn(uri: string): string | null {
  const [, path = ''] =
    afterCredentials(uri)
      .split('?')[0]
      ?.split(/\/(.*)/s) ?? []
  return path === '' ? null : safeDecode(path)
}

/**
 * The names of the options that the string sets, in lower case, for a driver reads them without regard to
 * it.
 */
export function optionsIn(uri: string): Set<string> {
  return new Set(parametersOf(uri).map(([name]) => name.toLowerCase()))
}

/** The same with their values: of an option that is given twice, the first. */
export function optionValuesIn(uri: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of parametersOf(uri)) {
    const key = name.toLowerCase()
    if (!values.has(key)) values.set(key, safeDecode(value))
  }
  return values
}

/** The string without options of these names, which are in lower case. */
export function withoutOptions(uri: string, names: ReadonlySet<string>): string {
  const parameters = parametersOf(uri)
  const kept = parameters.filter(([name]) => !names.has(name.toLowerCase()))
  if (kept.length === parameters.length) return uri
  const query = kept.map(([name, value]) => `${name}=${value}`).join('&')
  const base = uri.slice(0, uri.length - afterCredentials(uri).length)
  const [hosts = ''] = afterCredentials(uri).split('?')
  return `${base}${hosts}${query === '' ? '' : `?${query}`}`
}

function secretsOf(uri: string): string[] {
  const secrets = parametersOf(uri)
    .filter(([name]) => SECRET_OPTION.test(name))
    .map(([, value]) => value)
  const rest = uri.replace(/^mongodb(?:\+srv)?:\/\//, '')
  const at = rest.lastIndexOf('@')
  const colon = rest.indexOf(':')
  if (at >= 0 && colon >= 0 && colon < at) secrets.push(rest.slice(colon + 1, at))
  return secrets.filter(Boolean).flatMap((secret) => [secret, safeDecode(secret)])
}

/** The values of these options are secrets: a key file's password, a proxy's, session tokens. */
const SECRET_OPTION = /password|authmechanismproperties/i

function parametersOf(uri: string): [name: string, value: string][] {
  const query = afterCredentials(uri).split('?')[1] ?? ''
  return query
    .split('&')
    .filter(Boolean)
    .map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      return [name, value]
    })
}

function afterCredentials(uri: string): string {
  const rest = uri.replace(/^mongodb(?:\+srv)?:\/\//, '')
  return rest.slice(rest.lastIndexOf('@') + 1)
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
