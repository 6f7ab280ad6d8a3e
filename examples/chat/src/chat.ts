import { reject } from '@ringside/server'
import type { Clock, Server, Session } from '@ringside/server'
import { checkMessage, checkName, readMessage, readName } from './chat-message.ts'

/** Command ids of the chat; every payload is JSON in UTF-8. */
export const chatCommands = {
  /** {username, message}; broadcast to all with `timestamp` added. */
  message: 0x0001,
  /** {id, username, joinedAt}, from the server. */
  joined: 0x0003,
  /** {id, username}, from the server. */
  left: 0x0004,
  /** Empty; answered with `users`. */
  listUsers: 0x0005,
  /** [{id, username, joinedAt}], to the asker. */
  users: 0x0006,
  /** {username}: the session's name from here on; announced by `joined`. */
  setName: 0x0008,
} as const

interface Member {
  readonly id: string
  username: string
  readonly joinedAt: string
  /** Until the client names itself, a message may carry a name of its own. */
  isNamed: boolean
}

/** A few bytes that make the server send many cost so many tokens; ten a second are plenty. */
const LARGE_ANSWER_COST = 10

/** Registers the chat on a server: plain commands, no room, any client that speaks 4-byte commands. */
export function registerChat(server: Server, clock: Clock): void {
  const members = new Map<string, Member>()
  /** The encoded list, until it changes. */
  let users: Uint8Array | null = null

  server.onConnect((session) => {
    const member: Member = {
      id: session.id,
      username: `Guest-${session.id.slice(0, 4)}`,
      joinedAt: timeOf(clock),
      isNamed: false,
    }
    members.set(session.id, member)
    users = null
    server.broadcast(chatCommands.joined, encode(publicPart(member)))
  })

  server.onDisconnect((session) => {
    const member = members.get(session.id)
    members.delete(session.id)
    users = null
    if (!member) return
    const { id, username } = member
    server.broadcast(chatCommands.left, encode({ id, username }))
  })

  server.command(chatCommands.message, (session, bytes) => {
    const member = memberOf(session)
    const payload = readMessage(bytes)
    const message = checkMessage(payload.message)
    const isOwnName = member.isNamed || payload.username === undefined
    const username = isOwnName ? member.username : checkName(payload.username)
    const timestamp = timeOf(clock)
    server.broadcast(chatCommands.message, encode({ username, message, timestamp }))
  })

  server.command(
    chatCommands.listUsers,
    (session) => {
      users ??= encode(Array.from(members.values(), publicPart))
      session.send(chatCommands.users, users)
    },
    { cost: LARGE_ANSWER_COST },
  )

  server.command(
    chatCommands.setName,
    (session, bytes) => {
      const member = memberOf(session)
      member.username = checkName(readName(bytes).username)
      member.isNamed = true
      users = null
      server.broadcast(chatCommands.joined, encode(publicPart(member)))
    },
    { cost: LARGE_ANSWER_COST },
  )

  function memberOf(session: Session): Member {
    const member = members.get(session.id)
    if (!member) throw reject('not_connected')
    return member
  }
}

function publicPart({ id, username, joinedAt }: Member) {
  return { id, username, joinedAt }
}

function timeOf(clock: Clock): string {
  return new Date(clock.wallNow?.() ?? clock.now()).toISOString()
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
