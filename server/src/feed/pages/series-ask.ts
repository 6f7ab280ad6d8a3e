import { clipText } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import type { RoomPlace } from '../position/room-id.ts'
import { parsePlace } from '../stream/ask.ts'

/** A question for the values of a state over time; it has been checked. */
export interface SeriesAsk {
  /** Each is the words of a path; `*` stands for every key of one level. */
  readonly paths: readonly (readonly string[])[]
  /** A value is taken so often, in ms of the log. */
  readonly everyMs: number
  /** It begins with the state after this event; null: with the room, or `agoMs`. */
  readonly from: RoomPlace | null
  /** It begins so many ms before now, or the room's end; null: it does not. */
  readonly agoMs: number | null
  /** It ends with the state after this event; null: with the newest that may be seen. */
  readonly to: RoomPlace | null
  readonly format: 'ndjson' | 'csv'
}

const MAX_PATHS = 10
const MAX_PATH_WORDS = 8
const MAX_PATH_CHARACTERS = 200
const MIN_EVERY_MS = 100
const MAX_EVERY_MS = 3_600_000
const EVERY = /^([1-9][0-9]{0,6})(ms|s|m|h)$/
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const AGO = /^-([1-9][0-9]{0,4})s$/

/** Reads the parameters of `GET /rooms/:id/series` (FE100). @throws RingsideError bad_request. */
export function parseSeriesAsk(request: Pick<HttpRequest, 'query' | 'header'>): SeriesAsk {
  const { query } = request
  const paths = query.getAll('path')
  if (paths.length === 0 || paths.length > MAX_PATHS)
    throw bad(`Expected path=players.*.score, 1 to ${MAX_PATHS} of them, got ${paths.length}`)
  const from = one(query, 'from')
  const ago = from === null ? null : AGO.exec(from)
  const isWhole = from === null || from === 'start'
  return {
    paths: paths.map(readPath),
    everyMs: readEvery(one(query, 'every') ?? '1s'),
    from: isWhole || ago ? null : parsePlace(query, 'from'),
    agoMs: ago ? Number(ago[1]) * 1_000 : null,
    to: parsePlace(query, 'to'),
    format: readFormat(one(query, 'format'), request.header('accept')),
  }
}

function readPath(text: string): readonly string[] {
  const words = text.split('.')
  const isPath =
    text.length <= MAX_PATH_CHARACTERS && words.length <= MAX_PATH_WORDS && !words.includes('')
  if (!isPath)
    throw bad(
      `Expected path as 1 to ${MAX_PATH_WORDS} words with dots between them, got '${clipText(text, 40)}'`,
    )
  return words
}

function readEvery(text: string): number {
  const [, count = '', unit = ''] = EVERY.exec(text) ?? []
  const everyMs = Number(count) * (UNITS[unit] ?? Number.NaN)
  if (!(everyMs >= MIN_EVERY_MS && everyMs <= MAX_EVERY_MS))
    throw bad(`Expected every from 100ms to 1h, as 1s, got '${clipText(text, 40)}'`)
  return everyMs
}

function readFormat(format: string | null, accept: string): 'ndjson' | 'csv' {
  if (format === 'csv' || format === 'ndjson') return format
  if (format !== null) throw bad(`Expected format=ndjson or csv, got '${clipText(format, 40)}'`)
  return /^\s*text\/csv\s*(?:[;,]|$)/i.test(accept) ? 'csv' : 'ndjson'
}

/** @throws RingsideError bad_request for a parameter that comes twice. */
function one(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name)
  if (values.length > 1) throw bad(`Expected ${name} once, got it ${values.length} times`)
  return values[0] ?? null
}

function bad(message: string): RingsideError {
  return new RingsideError('bad_request', message)
}
