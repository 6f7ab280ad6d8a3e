import {
  command,
  decodeMessage,
  defineGame,
  event,
  int,
  schema,
  str,
  system,
} from '@ringside/protocol'
import type { ClientRoom } from '@ringside/client'
import type { RoomOf, RoomSession, Server, ServerOptions } from '../../../src/index.ts'
import { createServer } from '../../../src/server.ts'
import type { TestFrame } from '../../../src/testing/index.ts'

export const TEXT_ID = 0x0200

/** A game whose hooks send everything that a game can send. */
export const greetingGame = defineGame({
  commands: { ask: command(0x0100, { what: str(1) }, { reply: { what: str(1) } }) },
  rooms: {
    hall: { state: schema({ count: int(1) }), events: { note: event({ what: str(1) }) } },
  },
})

export type Hall = RoomOf<typeof greetingGame, 'hall'>
type HallRoom = ClientRoom<typeof greetingGame, 'hall'>

const text = (what: string): Uint8Array => new TextEncoder().encode(what)

/** Sends one of each kind, marked with `mark`. */
function sayAll(room: Hall, session: RoomSession, mark: string): void {
  room.state.count++
  session.send(TEXT_ID, text(`${mark} send`))
  room.broadcast(TEXT_ID, text(`${mark} all`))
  room.emit('note', { what: `${mark} emit` })
  room.broadcast(TEXT_ID, text(`${mark} after`), { afterPatch: true })
  room.broadcast(TEXT_ID, text(`${mark} to`), { to: [session.id] })
  room.emit('note', { what: `${mark} at once` }, { atOnce: true })
  room.broadcast(TEXT_ID, text(`${mark} except`), { except: 'nobody' })
}

/** The order in which they arrive: those that wait for the patch come last. */
export function said(mark: string): string[] {
  return ['send', 'all', 'to', 'at once', 'except', 'emit', 'after'].map(
    (kind) => `${mark} ${kind}`,
  )
}

export interface GreetingOptions {
  /** `onJoin` sends after a wait of so long, in ms; 0: in its turn; null: no hook sends anything. */
  readonly waitMs: number | null
  readonly wait: (ms: number) => Promise<void>
  /** It is made, or restored. */
  readonly onRoom?: (room: Hall) => void
}

/** Makes a server of this game. */
export function greetingServer(
  settings: ServerOptions,
  { waitMs, wait, onRoom }: GreetingOptions,
): Server<typeof greetingGame> {
  const server = createServer(greetingGame, settings)
  const isQuiet = waitMs === null
  server.onConnect((session) => {
    if (!isQuiet) session.send(TEXT_ID, text('connect'))
  })
  server.room('hall', {
    maxClients: 64,
    onCreate(room) {
      onRoom?.(room as Hall)
      return { count: 0 }
    },
    onRestore: (room) => onRoom?.(room),
    onJoin(room, session) {
      if (isQuiet) return
      if (waitMs === 0) return sayAll(room, session, session.name)
      return wait(waitMs).then(() => {
        sayAll(room, session, session.name)
      })
    },
    onReconnect(room, session) {
      if (!isQuiet) sayAll(room, session, `${session.name} back`)
    },
    commands: { ask: (_room, _session, { what }) => ({ what: `${what}!` }) },
  })
  return server
}

/** What a raw client got, in order: the text of what the game sent, and JOINED and STATE by name. */
export function heard(frames: readonly Pick<TestFrame, 'id' | 'name' | 'payload'>[]): string[] {
  const result: string[] = []
  for (const { id, name, payload } of frames)
    if (id === TEXT_ID) result.push(new TextDecoder().decode(payload))
    else if (name === 'joined' || name === 'state') result.push(name)
    else if (name === 'event') {
      const { payload: bytes } = decodeMessage(system.event.payload, payload)
      result.push(decodeMessage(greetingGame.rooms.hall.events.note.payload, bytes).what)
    }
  return result
}

/** Everything that a room of the SDK hears from here on, in order. */
export function listen(room: HallRoom): string[] {
  const result: string[] = []
  room.on('note', ({ what }, { replayed }) => result.push(replayed ? `${what} (replayed)` : what))
  room.onMessage(TEXT_ID, (payload) => result.push(new TextDecoder().decode(payload)))
  return result
}

/** What is of this player, by its mark. */
export function ofMark(all: readonly string[], mark: string): string[] {
  return all.filter((what) => what.startsWith(`${mark} `))
}
