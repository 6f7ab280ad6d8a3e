import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveFolder } from '@ringside/server'
import type { Server } from '@ringside/server'
import type { game } from '../shared/game.ts'

/** Paths that show the one page; its script looks at the address. */
const PAGE_PATHS = ['/', '/play', '/play/:room', '/watch', '/watch/:room']

/**
 * Serves the built pages from `folder`.
 * @throws Error when they have not been built.
 */
export function addPages(server: Server<typeof game>, folder: string): void {
  if (!existsSync(join(folder, 'index.html')))
    throw new Error(`Expected the built pages in ${folder}: run npm start, which builds them`)
  const page = serveFolder({ folder, fallback: 'index.html', relativeBase: true })
  for (const path of PAGE_PATHS) server.route('GET', path, page)
  server.route('GET', '/*', serveFolder({ folder, relativeBase: true }))
}
