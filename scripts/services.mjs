// Tests need a browser besides Node: this finds one, or tells how to get it.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * Finds the path of a Chromium, or null. CHROMIUM_PATH comes first; a wrong CHROMIUM_PATH is not papered over.
 */
export function findChromium(environment = process.env) {
  const given = environment.CHROMIUM_PATH
  if (given) return existsSync(given) ? given : null
  const folders = ['/usr/bin', ...(environment.PATH ?? '').split(delimiter)].filter(Boolean)
  for (const name of names)
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
