import { createHash, randomBytes } from 'node:crypto'

const ROOM_ID = /^[A-Za-z0-9_-]{1,64}$/
const FACTS = '.match.json'
const DATA = '.ndjson.gz'
const PART = '.part'

/**
 * Names the files of one match in its folder. Ids that differ in case alone have files of their own also where the
 * file system takes them for one, and no id is a name that means something to a system.
 * @throws RangeError for what is no id of a room: it could lead out of the folder.
 */
export function fileStem(room: string): string {
  if (!ROOM_ID.test(room)) throw new RangeError('Expected an id of a room')
  return `${room}.${createHash('sha256').update(room).digest('hex').slice(0, 8)}`
}

/** The file of the facts of a match. */
export function factsName(room: string): string {
  return `${fileStem(room)}${FACTS}`
}

/** A new name for the events of a match: no other commit has it. */
export function newDataName(room: string): string {
  return `${fileStem(room)}.${randomBytes(6).toString('hex')}${DATA}`
}

/** A file is called so while it is written. */
export function partName(name: string): string {
  return `${name}${PART}`
}

/** A file of a folder, by its name alone; null for a foreign one. */
export function parseName(
  name: string,
): { readonly kind: 'facts' | 'data' | 'part'; readonly room: string } | null {
  const found = /^([A-Za-z0-9_-]{1,64})\.([0-9a-f]{8})(.*)$/.exec(name)
  if (!found) return null
  const [, room = '', , rest = ''] = found
  if (!name.startsWith(fileStem(room))) return null
  if (rest === FACTS) return { kind: 'facts', room }
  if (/^\.[0-9a-f]{12}\.ndjson\.gz$/.test(rest)) return { kind: 'data', room }
  return /^\.(?:[0-9a-f]{12}\.ndjson\.gz|match\.json\.[0-9a-f]{12})\.part$/.test(rest)
    ? { kind: 'part', room }
    : null
}

/** Says whether a name that stands in facts is one of the room's own data files. */
export function isDataName(name: unknown, room: string): name is string {
  if (typeof name !== 'string') return false
  const parsed = parseName(name)
  return parsed?.kind === 'data' && parsed.room === room
}
