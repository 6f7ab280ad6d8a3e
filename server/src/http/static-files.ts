import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { checkBoolean, checkMembers, checkText, invalid, shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import type { RouteHandler } from './contract.ts'

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}

/** Pages get their own scripts, styles and connections only; textures and sounds may be `blob:` and `data:`. */
const DEFAULT_POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' ws: wss:; " +
  "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"

/** A folder is served by these. */
export interface StaticOptions {
  /** The folder; it is read once, whole, when the server starts. */
  readonly folder: string
  /** Content-Security-Policy of pages. Default: own scripts, styles and connections only. */
  readonly policy?: string
  /** File for paths that name no file but look like a page (no dot): `index.html`. Default none. */
  readonly fallback?: string
  /**
   * Puts a `<base>` into every page that leads back to the root of the folder, relative to the path that was asked for
   * (`../` for `/play/abc`). One page at paths of any depth then finds its scripts, links and routes by relative
   * addresses, also under a path prefix that a proxy strips. Default false.
   */
  readonly relativeBase?: boolean
}

interface StaticFile {
  /** Gives it as it is for a path with so many folders; null where that makes no difference. */
  readonly atDepth: ((depth: number) => StaticFile) | null
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** A page is made and kept for each depth at which it is asked for: not for as many as somebody likes. */
const MAX_DEPTH = 8

const HASHED = /[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

/**
 * Makes a handler for `GET /*` that serves a folder from memory: a path is only ever looked up in the
 * list of files that exist, so none can lead outside. What begins with a dot is not of the page (`.env`, `.git`) and is not
 * read, but for `.well-known` (RFC 8615) (HT16).
 * @throws RingsideError option_invalid for a folder or a fallback that is not there.
 */
export function serveFolder(options: StaticOptions): RouteHandler {
  checkFolder(options)
  const files = new Map<string, StaticFile>()
  readFolder(options, '', files)
  const fallback = options.fallback === undefined ? undefined : files.get(`/${options.fallback}`)
  if (options.fallback !== undefined && !fallback)
    throw invalid(`Expected fallback as a file of the folder, got ${shownText(options.fallback)}`)
  return (request, response) => {
    const found =
      files.get(request.path) ??
      files.get(request.path.endsWith('/') ? `${request.path}index.html` : '') ??
      files.get(`${request.path}.html`) ??
      (request.path.includes('.') ? undefined : fallback)
    if (!found) throw new RingsideError('not_found')
    const file = found.atDepth ? found.atDepth(depthOf(request.path)) : found
    const known = request.header('if-none-match')
    if (known !== '' && known === file.headers['etag']) response.send(304, file.headers, '')
    else response.send(200, file.headers, file.bytes)
  }
}

/** The compiler holds this list to {@link StaticOptions}. */
const optionNames = {
  folder: true,
  policy: true,
  fallback: true,
  relativeBase: true,
} satisfies Readonly<Record<keyof Required<StaticOptions>, true>>

function checkFolder(options: StaticOptions): void {
  checkMembers('an option of serveFolder', options, Object.keys(optionNames))
  const { folder, policy, fallback, relativeBase } = options
  checkText('folder', folder)
  if (policy !== undefined) checkText('policy', policy)
  if (fallback !== undefined) checkText('fallback', fallback)
  if (relativeBase !== undefined) checkBoolean('relativeBase', relativeBase)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw invalid(`Expected folder as one that exists, got ${shownText(folder)}`)
}

function readFolder(options: StaticOptions, under: string, files: Map<string, StaticFile>): void {
  for (const entry of readdirSync(join(options.folder, under), { withFileTypes: true })) {
    if (entry.name.startsWith('.') && entry.name !== '.well-known') continue
    const path = `${under}/${entry.name}`
    if (entry.isDirectory()) readFolder(options, path, files)
    else if (entry.isFile()) files.set(encodeURI(path), readFile(options, path))
  }
}

function readFile(options: StaticOptions, path: string): StaticFile {
  const bytes = readFileSync(join(options.folder, path))
  const extension = extname(path)
  const isHashed = path.includes('/assets/') && HASHED.test(path)
  const headers: Record<string, string> = {
    'content-type': MEDIA_TYPES[extension] ?? 'application/octet-stream',
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: etagOf(bytes),
  }
  if (extension !== '.html') return { bytes, headers, atDepth: null }
  headers['content-security-policy'] = options.policy ?? DEFAULT_POLICY
  return { bytes, headers, atDepth: options.relativeBase ? basedPages(bytes, headers) : null }
}

/** Makes a page for each depth, once. */
function basedPages(page: Uint8Array, headers: Readonly<Record<string, string>>) {
  const made = new Map<number, StaticFile>()
  return (depth: number): StaticFile => {
    let file = made.get(depth)
    if (file) return file
    const href = '../'.repeat(depth) || './'
    const text = Buffer.from(page).toString().replace('<head>', `<head><base href="${href}">`)
    const bytes = Buffer.from(text)
    file = { bytes, headers: { ...headers, etag: etagOf(bytes) }, atDepth: null }
    made.set(depth, file)
    return file
  }
}

/** Counts the folders of a path: `/play/abc` has one. @throws RingsideError not_found beyond every real page. */
function depthOf(path: string): number {
  const depth = path.split('/').length - 2
  if (depth > MAX_DEPTH) throw new RingsideError('not_found')
  return depth
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
}
