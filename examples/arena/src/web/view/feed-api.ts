import type { EventPage, RoomListing, RoomStateAnswer } from '@ringside/protocol'

/** The server answered with an error, or not at all (`status` 0). */
export class HttpError extends Error {
  readonly status: number
  /** The server's own word for it; empty when it gave none. */
  readonly code: string

  constructor(status: number, message: string, code = '') {
    super(message)
    this.status = status
    this.code = code
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
  if (!response.ok) {
    const answer = (await response.json().catch(() => null)) as { error?: { code?: string } } | null
    const { status } = response
    throw new HttpError(status, `The server answered ${status}`, answer?.error?.code)
  }
  return (await response.json()) as T
}

const roomPath = (room: string): string => `rooms/${encodeURIComponent(room)}`

/** The room's public state at a position of its log (null = the newest). @throws HttpError */
export function fetchState(room: string, n: number | null): Promise<RoomStateAnswer> {
  return getJson(`${roomPath(room)}/state${n === null ? '' : `?at=${n}`}`)
}

/** The room's events after a position (null = from the first that is kept), at most 1,000. @throws HttpError */
export function fetchEvents(room: string, after: number | null, limit: number): Promise<EventPage> {
  const position = after === null ? '' : `after=${after}&`
  return getJson(`${roomPath(room)}/events?${position}limit=${limit}`)
}

/** The rooms' titles by id: they stand in the list of rooms, not in a feed. Empty when it cannot be read. */
export async function fetchTitles(): Promise<Map<string, string>> {
  const titles = new Map<string, string>()
  try {
    const { rooms } = await getJson<{ rooms: RoomListing[] }>('rooms')
    for (const { roomId, metadata } of rooms) {
      if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) continue
      if (typeof metadata['title'] === 'string') titles.set(roomId, metadata['title'])
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
  }
  return titles
}

interface Health {
  readonly phase?: string
  readonly outbox?: { readonly isFailing?: boolean }
}

/** Asks whether the server's log takes and shows events now; null when the server does not say. */
export async function fetchLogWorks(): Promise<boolean | null> {
  try {
    const response = await fetch('health/ready', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const { phase, outbox } = (await response.json()) as Health
    // A server that starts or stops says so in other ways.
    if (phase !== 'listening' || !outbox) return null
    return response.ok && outbox.isFailing !== true
  } catch {
    return null
  }
}
