import type { RoomListing } from '@ringside/protocol'

/** A room as the lobby shows it. */
export interface LobbyRoom {
  readonly id: string
  readonly title: string
  readonly players: number
  readonly bots: number
  readonly seats: number
  readonly spectators: number
  readonly isLocked: boolean
  readonly round: number
  readonly phase: string
  /** Server time in ms; 0 = not known. */
  readonly endsAt: number
  readonly leader: string
  readonly leaderScore: number
  readonly delayMs: number
}

/** A stream that is silent for longer than this, in ms, is given up for polling. */
const FIRST_ANSWER_MS = 6_000
const POLL_MS = 3_000

type Listener = (rooms: readonly LobbyRoom[], isOnline: boolean) => void

/**
 * Follows the list of live rooms over one stream, or by asking now and then where none opens. Returns the
 * function that ends it.
 */
export function followRooms(onChange: Listener): () => void {
  const list = new RoomList(onChange)
  return () => list.close()
}

/**
 * Finds the way on from a room that is no more: a room of the same title, else the fullest; null when there
 * is none. `needsSeat` leaves out rooms that take no player.
 */
export function nextRoom(
  rooms: readonly LobbyRoom[],
  lost: { readonly id: string; readonly title: string; readonly needsSeat: boolean },
): LobbyRoom | null {
  const open = rooms.filter(
    (room) =>
      room.id !== lost.id && !(lost.needsSeat && (room.isLocked || room.players >= room.seats)),
  )
  const fullest = open.toSorted((a, b) => b.players - a.players)
  return fullest.find(({ title }) => title === lost.title) ?? fullest[0] ?? null
}

class RoomList {
  readonly #onChange: Listener
  readonly #rooms = new Map<string, LobbyRoom>()
  #source: EventSource | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(onChange: Listener) {
    this.#onChange = onChange
    this.#open()
  }

  close(): void {
    this.#isClosed = true
    this.#source?.close()
    clearTimeout(this.#timer)
  }

  #open(): void {
    const source = new EventSource('rooms/stream')
    this.#source = source
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#poll(), FIRST_ANSWER_MS)
    source.addEventListener('rooms', (event) => {
      clearTimeout(this.#timer)
      this.#setAll(parse(event))
    })
    source.addEventListener('room', (event) => {
      const room = lobbyRoom(parse(event))
      if (room) this.#rooms.set(room.id, room)
      this.#tell(true)
    })
    source.addEventListener('room-removed', (event) => {
      const data = parse(event)
      if (isRecord(data)) this.#rooms.delete(String(data['roomId']))
      this.#tell(true)
    })
    source.addEventListener('error', () => {
      this.#tell(false)
      // The browser tries again by itself, unless the answer was an error: then polling goes on.
      if (source.readyState === EventSource.CLOSED) this.#later(() => this.#poll())
    })
  }

  #later(what: () => void): void {
    clearTimeout(this.#timer)
    if (!this.#isClosed) this.#timer = setTimeout(what, POLL_MS)
  }

  #poll(): void {
    this.#source?.close()
    fetchListing()
      .then((listing) => {
        this.#setAll(listing)
        // The server answers again, so the stream is opened once more.
        this.#later(() => this.#open())
      })
      .catch(() => {
        this.#tell(false)
        this.#later(() => this.#poll())
      })
  }

  #setAll(data: unknown): void {
    this.#rooms.clear()
    for (const room of roomsOf(data)) this.#rooms.set(room.id, room)
    this.#tell(true)
  }

  #tell(isOnline: boolean): void {
    if (this.#isClosed) return
    const rooms = [...this.#rooms.values()].sort(
      (a, b) => b.players - a.players || (a.title < b.title ? -1 : 1),
    )
    this.#onChange(rooms, isOnline)
  }
}

/** The rooms as they are now. @throws Error while the server is away. */
export async function fetchRooms(): Promise<LobbyRoom[]> {
  return roomsOf(await fetchListing())
}

async function fetchListing(): Promise<unknown> {
  const response = await fetch('rooms', { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(String(response.status))
  return response.json()
}

function roomsOf(data: unknown): LobbyRoom[] {
  const list: unknown[] = isRecord(data) && Array.isArray(data['rooms']) ? data['rooms'] : []
  return list.map(lobbyRoom).filter((room) => room !== null)
}

function lobbyRoom(data: unknown): LobbyRoom | null {
  if (!isRecord(data) || typeof data['roomId'] !== 'string' || data['type'] !== 'arena') return null
  const listing = data as unknown as RoomListing
  const metadata = isRecord(listing.metadata) ? listing.metadata : {}
  const text = (key: string): string => (typeof metadata[key] === 'string' ? metadata[key] : '')
  const number = (key: string): number =>
    typeof metadata[key] === 'number' && Number.isFinite(metadata[key]) ? metadata[key] : 0
  return {
    id: listing.roomId,
    title: text('title') || listing.roomId,
    players: listing.clients,
    bots: number('bots'),
    seats: listing.maxClients,
    spectators: listing.spectators,
    isLocked: listing.locked,
    round: number('round'),
    phase: text('phase'),
    endsAt: number('endsAt'),
    leader: text('leader'),
    leaderScore: number('leaderScore'),
    delayMs: listing.delayMs,
  }
}

function parse(event: MessageEvent): unknown {
  try {
    return JSON.parse(String(event.data))
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
