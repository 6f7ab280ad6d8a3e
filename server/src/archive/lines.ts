import { WHO, isLogType, readWho } from '../outbox/contract/room-who.ts'
import type { RoomWho } from '../outbox/contract/room-who.ts'
import type { LogEvent, Snapshot } from '../outbox/contract/store.ts'

/** A line of this type is the public state at its n, and no event: types of the log's own begin with `_`. */
const STATE = '_state'
const LINE_ENDS = /[\r\n]/g
const DATA = ',"data":'

/** What a line carries beside its data. */
type Head = Pick<LogEvent, 'seq' | 'n' | 'epoch' | 'own' | 'type' | 'at' | 'prev' | 'who'>

/**
 * One event as a line of NDJSON, with what spectators may ever see of it: the hidden part stays behind (FE121), and
 * so does the data of the log's own types. Data is the last member, as it was recorded: what is made of it has the
 * same bytes as what is made of the log.
 */
export function eventLine({ seq, n, epoch, own, type, at, prev, data, who }: LogEvent): string {
  const isKept = !isLogType(type) || type === WHO
  return lineOf({ seq, n, epoch, own, type, at, prev, ...withWho(who) }, isKept ? data : '')
}

/** The public state after the event n as a line. */
export function stateLine({ seq, n, epoch, at, patchN, publicState, who }: ArchivedState): string {
  const head = { seq, n, epoch, own: '', type: STATE, at, prev: patchN, ...withWho(who) }
  return lineOf(head, publicState)
}

/** Who saw the room there is kept with it: what it did while it was private stays private (FE133). */
function withWho(who: RoomWho | undefined): { readonly who?: RoomWho } {
  return who ? { who } : {}
}

/** The public part of a snapshot. */
export type ArchivedState = Omit<Snapshot, 'room' | 'hiddenState' | 'runtime'>

function lineOf(head: Head, data: string): string {
  const text = JSON.stringify(head)
  return data === '' ? text : `${text.slice(0, -1)}${DATA}${data.replace(LINE_ENDS, ' ')}}`
}

/** The content of a chunk. */
export interface ChunkContent {
  readonly state: ArchivedState | null
  readonly events: readonly LogEvent[]
}

/** Reads a chunk's text. @throws SyntaxError for what is none. */
export function readLines(room: string, text: string): ChunkContent {
  let state: ArchivedState | null = null
  const events: LogEvent[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const { head, data } = readLine(line)
    const { seq, n, epoch, own, type, at, prev } = head
    const who = head.who === undefined ? {} : { who: readWho(head.who) }
    if (type === STATE) state = { seq, n, epoch, at, patchN: prev, publicState: data, ...who }
    else events.push({ seq, room, n, epoch, own, type, at, data, hidden: null, prev, ...who })
  }
  return { state, events }
}

function readLine(line: string): { readonly head: Head; readonly data: string } {
  // Nothing before it can hold these characters: an id, a type and numbers.
  const at = line.indexOf(DATA)
  const head = JSON.parse(at < 0 ? line : `${line.slice(0, at)}}`) as Partial<Head> | null
  const { seq, n, epoch, at: time, prev, own, type } = head ?? {}
  const numbers: unknown[] = [seq, n, epoch, time, prev]
  if (!numbers.every(Number.isSafeInteger) || typeof own !== 'string' || typeof type !== 'string')
    throw new SyntaxError('Expected a line of an archive')
  return { head: head as Head, data: at < 0 ? '' : line.slice(at + DATA.length, -1) }
}
