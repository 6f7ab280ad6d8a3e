import { decodeSystem, encodeMessage, encodeSystem, system } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import type { EventInfo, StatusInfo } from '../src/index.ts'
import { FakeServer, game } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

interface Counted {
  readonly epoch?: number
  readonly index?: number | undefined
  readonly eventsMissed?: boolean
  readonly sessionId?: string
}

async function joinedRoom(counted: Counted, options = {}) {
  const server = new FakeServer()
  const joining = server.client(options).joinOrCreate('arena', { name: 'Ada' })
  await settle()
  const greet = (given: Counted): void => {
    server.socket.open()
    server.socket.deliver(
      encodeSystem('joined', {
        roomId: 'r1',
        type: 'arena',
        sessionId: 's1',
        name: 'Ada',
        epoch: 1,
        reconnectToken: 'k',
        tickHz: 30,
        patchHz: 20,
        now: 0,
        roster: [],
        ...given,
      }),
    )
    server.fullState()
  }
  greet(counted)
  const room = await joining
  const heard: EventInfo[] = []
  const connected: StatusInfo[] = []
  room.on('kill', (_payload, info) => heard.push(info))
  room.onStatus((status, info) => status === 'connected' && connected.push(info))
  const emit = (index?: number): void =>
    server.socket.deliver(
      encodeSystem('event', {
        name: 'kill',
        at: 7,
        payload: encodeMessage(game.rooms.arena.events.kill.payload, { by: 'a' }),
        index,
      }),
    )
  /** Breaks the connection; resolves with the position that the next JOIN tells. */
  const redial = async () => {
    server.socket.serverClose(1006)
    await server.timers.advance(3_000)
    await settle()
    const { socket } = server
    socket.readyState = 1
    socket.onopen?.()
    const { epoch, index } = decodeSystem('join', socket.frames(system.join.id)[0] as Uint8Array)
    socket.readyState = 0
    return { epoch, index }
  }
  return { server, room, heard, connected, emit, greet, redial }
}

describe('CN46: events that were missed', () => {
  it('JOIN tells the last event that was seen; those up to the index of JOINED are marked', async () => {
    const { heard, connected, emit, greet, redial } = await joinedRoom({ epoch: 3, index: 7 })
    expect(await redial()).toEqual({ epoch: 3, index: 7 })
    greet({ epoch: 3, index: 9 })
    emit(8)
    emit(9)
    emit(10)
    await settle()
    expect(heard).toEqual([
      { at: 7, index: 8, replayed: true },
      { at: 7, index: 9, replayed: true },
      { at: 7, index: 10, replayed: false },
    ])
    expect(connected).toEqual([{}])
    expect(await redial()).toEqual({ epoch: 3, index: 10 })
  })

  it('a break before they have come asks for them again', async () => {
    const { emit, greet, redial } = await joinedRoom({ epoch: 3, index: 7 })
    await redial()
    greet({ epoch: 4, index: 9 })
    await settle()
    expect(await redial()).toEqual({ epoch: 3, index: 7 })
    greet({ epoch: 4, index: 9 })
    emit(8)
    await settle()
    expect(await redial()).toEqual({ epoch: 4, index: 8 })
  })

  it('when the room does not have them the game is told, and goes on from there', async () => {
    const { connected, greet, redial } = await joinedRoom({ epoch: 1, index: 7 })
    await redial()
    greet({ epoch: 2, index: 90, eventsMissed: true })
    await settle()
    expect(connected).toEqual([{ eventsMissed: true }])
    expect(await redial()).toEqual({ epoch: 2, index: 90 })
  })

  it('an event that is not in the log has no index and moves nothing', async () => {
    const { heard, emit, redial } = await joinedRoom({ epoch: 1, index: 7 })
    emit()
    expect(heard).toEqual([{ at: 7, index: undefined, replayed: false }])
    expect(await redial()).toEqual({ epoch: 1, index: 7 })
  })

  it('a server that counts no events is told nothing', async () => {
    const { heard, emit, greet, redial } = await joinedRoom({})
    emit()
    expect(heard).toHaveLength(1)
    expect(await redial()).toEqual({ epoch: undefined, index: undefined })
    // The next one does count.
    greet({ epoch: 5, index: 4 })
    await settle()
    expect(await redial()).toEqual({ epoch: 5, index: 4 })
  })

  it('a new seat has missed nothing', async () => {
    const { server, greet, redial } = await joinedRoom({ epoch: 1, index: 7 }, { rejoin: true })
    server.answers = [{ status: 410, code: 'reconnect_refused' }, 'ok']
    expect(await redial()).toEqual({ epoch: undefined, index: undefined })
    greet({ epoch: 1, index: 20, sessionId: 's9' })
    await settle()
    expect(await redial()).toEqual({ epoch: 1, index: 20 })
  })
})
