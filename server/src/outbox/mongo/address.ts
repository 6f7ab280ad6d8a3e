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

function secretsOf(uri: string): string[] {
  const rest = uri.replace(/^mongodb(?:\+srv)?:\/\//, '')
  const at = rest.lastIndexOf('@')
  if (at < 0) return []
  const credentials = rest.slice(0, at)
  const password = credentials.slice(credentials.indexOf(':') + 1)
  if (password === '' || !credentials.includes(':')) return []
  return [password, safeDecode(password)]
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
