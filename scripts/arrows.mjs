// Holds the imports inside of server/src to the one table of arrows below; `npm run lint` runs it. It prints each
// import that the table does not allow, types as well as values, with its file and line, and exits with 1.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { argv, exit } from 'node:process'
import { fileURLToPath } from 'node:url'

/**
 * Each place of server/src, in the order of the data path, with the places that it may import; what is not named is
 * forbidden. A place is a folder with all that is in it, but for those folders that are places themselves. Everybody
 * may import its own place and `process`.
 *
 * Nobody lists `outbox`, a store or a transport: only the wiring knows an implementation. Nobody lists `testing`.
 */
export const arrows = {
  process: [],
  transport: [],
  'transport/uws': ['transport'],
  'transport/memory': ['transport'],
  'transport/plain': ['transport'],
  limit: ['transport'],
  auth: ['transport', 'limit'],
  http: ['transport', 'limit', 'auth'],
  call: ['transport', 'limit', 'auth', 'http'],
  session: ['transport', 'limit', 'auth', 'call'],
  state: [],
  'outbox/contract': [],
  outbox: ['outbox/contract'],
  archive: ['outbox/contract'],
  'outbox/stores': ['outbox/contract', 'archive'],
  room: ['call', 'state', 'outbox/contract'],
  host: ['session', 'room', 'state', 'outbox/contract'],
  matchmake: ['transport', 'limit', 'auth', 'http', 'call', 'room', 'host', 'outbox/contract'],
  feed: ['transport', 'limit', 'auth', 'http', 'host', 'archive', 'outbox/contract'],
  publish: ['transport', 'limit', 'auth', 'http', 'outbox/contract'],
  admin: ['transport', 'limit', 'auth', 'http', 'room', 'host', 'outbox/contract'],
  // The files beside the folders, which are no wiring: options, public types, status.
  root: [
    'admin',
    'auth',
    'publish',
    'transport',
    'http',
    'call',
    'session',
    'room',
    'feed',
    'archive',
    'outbox/contract',
  ],
  testing: [
    'root',
    'transport',
    'transport/memory',
    'room',
    'state',
    'feed',
    'archive',
    'outbox/contract',
    'outbox/stores',
  ],
}

/** These files put the places together, and import every one of them but the test kit. Only they import each other. */
const WIRING = new Set(['server.ts', 'game-server.ts', 'index.ts', 'mongo.ts', 'log-command.ts'])

/** Packages that stand for an implementation, each with the one place that knows it. */
const packages = {
  'uWebSockets.js': 'transport/uws',
  mongodb: 'outbox/stores',
  jose: 'auth',
  'prom-client': 'process',
}

const SUFFIX = ' (table: scripts/arrows.mjs)'

/**
 * @param {Iterable<readonly [path: string, text: string]>} sources Paths from server/src, with `/`.
 * @returns {string[]} A line for each import that is not allowed: `path:line: the rule in words`.
 */
export function findForbidden(sources) {
  const found = []
  for (const [path, text] of sources) {
    const from = placeOf(path)
    for (const { target, line } of importsOf(text)) {
      const broken = target.startsWith('.')
        ? brokenRule(from, placeOf(posix.join(posix.dirname(path), target)))
        : brokenPackageRule(from, target)
      if (broken !== null) found.push(`${path}:${line}: ${broken}${SUFFIX}`)
    }
  }
  return found
}

/**
 * @param {Readonly<Record<string, readonly string[]>>} [table]
 * @returns {string[] | null} Places that lead around a circle, the first of them again at the end.
 */
export function findCircle(table = arrows) {
  const done = new Set()
  const visit = (place, trail) => {
    if (trail.includes(place)) return [...trail.slice(trail.indexOf(place)), place]
    if (done.has(place)) return null
    for (const next of table[place] ?? []) {
      const circle = visit(next, [...trail, place])
      if (circle) return circle
    }
    done.add(place)
    return null
  }
  for (const place of Object.keys(table)) {
    const circle = visit(place, [])
    if (circle) return circle
  }
  return null
}

function placeOf(path) {
  const folders = path.split('/').slice(0, -1)
  if (folders.length === 0) return WIRING.has(path) ? 'wiring' : 'root'
  const inner = folders.slice(0, 2).join('/')
  return Object.hasOwn(arrows, inner) ? inner : (folders[0] ?? '')
}

function brokenRule(from, to) {
  if (from === to) return null
  if (to === 'testing') return 'nothing of the server imports testing/, the test kit'
  if (to === 'wiring') return `nobody imports a file of the wiring`
  if (from === 'wiring' || to === 'process') return null
  const allowed = arrows[from]
  if (allowed === undefined) return `${nameOf(from)} has no row in the table of arrows`
  if (allowed.includes(to)) return null
  const names = ['process', ...allowed].map(nameOf).join(', ')
  return `${nameOf(from)} may import ${names}; not ${nameOf(to)}`
}

function nameOf(place) {
  return place === 'root' ? 'a file beside the folders' : `${place}/`
}

function brokenPackageRule(from, name) {
  const owner = packages[name]
  return owner === undefined || owner === from ? null : `only ${owner}/ imports ${name}`
}

// An import or re-export at the beginning of a line, and `import('...')` anywhere.
const IMPORT =
  /^(?:import|export)\s+(?:type\s+)?(?:[\w$]+|\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})(?:\s*,\s*\{[^}]*\})?\s+from\s+['"](?<from>[^'"]+)['"]|^import\s+['"](?<bare>[^'"]+)['"]|\bimport\(\s*['"](?<call>[^'"]+)['"]/gm

function* importsOf(text) {
  for (const match of text.matchAll(IMPORT)) {
    const { from, bare, call } = match.groups ?? {}
    const end = match.index + match[0].length
    yield { target: from ?? bare ?? call ?? '', line: text.slice(0, end).split('\n').length }
  }
}

function* sourcesIn(folder) {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.ts'))
      yield [name.replaceAll(sep, '/'), readFileSync(join(folder, name), 'utf8')]
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const folder = argv[2] ?? join(root, 'server', 'src')
  const circle = findCircle()
  if (circle) console.error(`The table of arrows has a circle: ${circle.join(' -> ')}${SUFFIX}`)
  const found = findForbidden(sourcesIn(folder))
  for (const line of found) console.error(argv[2] ? line : `server/src/${line}`)
  if (circle || found.length > 0) exit(1)
}
