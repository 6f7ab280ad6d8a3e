import type { EventPage, RoomStateAnswer } from '@ringside/protocol'

/** The server answered with an error, or not at all (`status` 0). */
export class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Longest wait for an answer in ms. */
const TIMEOUT_MS = 10_000

async function getJson<T>(path: string): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch {
    throw new HttpError(0, 'The server is away')
  }
  if (!response.ok) throw new HttpError(response.status, `The server answered ${response.status}`)
  return (await response.json()) as T
}

const roomPath = (room: string): string => `/rooms/${encodeURIComponent(room)}`

/** The room's public state at a position of its log. @throws HttpError */
export function fetchState(room: string, seq: number): Promise<RoomStateAnswer> {
  return getJson(`${roomPath(room)}/state?at=${seq}`)
}

/** The room's events after a position, at most 1,000. @throws HttpError */
export function fetchEvents(room: string, after: number, limit: number): Promise<EventPage> {
  return getJson(`${roomPath(room)}/events?after=${after}&limit=${limit}`)
}
