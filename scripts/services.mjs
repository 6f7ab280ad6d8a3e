// Tests need a browser and a proxy besides Node: this finds them, or tells how to get them.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * Finds the path of a Chromium, or null. CHROMIUM_PATH comes first; a wrong CHROMIUM_PATH is not papered over.
 */
export function findChromium(environment = process.env) {
  return find(environment.CHROMIUM_PATH, names, environment)
}

/** Finds the path of an nginx, or null. NGINX_PATH comes first, as CHROMIUM_PATH does. */
export function findNginx(environment = process.env) {
  return find(environment.NGINX_PATH, ['nginx'], environment)
}

function find(given, programs, { PATH = '' }) {
  if (given) return existsSync(given) ? given : null
  const folders = ['/usr/bin', '/usr/sbin', ...PATH.split(delimiter)].filter(Boolean)
  for (const name of programs)
    for (const folder of folders) {
      const path = join(folder, name)
      if (existsSync(path)) return path
    }
  return null
}

/** Messages tell by this how to get Chromium. */
export const chromiumHint =
  'Chromium was not found (looked at CHROMIUM_PATH and for chromium, chromium-browser, google-chrome). ' +
  'Debian and Ubuntu: apt-get install chromium. Elsewhere: set CHROMIUM_PATH to its executable.'

/** Messages tell by this how to get nginx. */
export const nginxHint =
  'nginx was not found (looked at NGINX_PATH and for nginx). Debian and Ubuntu: apt-get install nginx-light. ' +
  'Elsewhere: set NGINX_PATH to its executable.'
