import { encodeFrame, encodeMessage, encodeSystem, schema, str, system } from '@ringside/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFeedState } from '../src/feed/index.ts'
import { Listeners } from '../src/listeners.ts'
import { FakeServer } from './support/fake-server.ts'
import { settle } from './support/test-timers.ts'

type Subscribe = (listener: () => void) => () => void
interface Api {
  readonly subscribe: Subscribe
  /** Brings about one call. */
  fire(): void
  /** Once only, as the end of a connection. */
  readonly firesOnce?: true
}

/** Every API of the SDK that takes listeners. */
const apis: Record<string, () => Promise<Api>> = {
  async on() {
    const { server, room } = await joined()
    const payload = encodeMessage(schema({ by: str(1) }), { by: 'a' })
    const frame = encodeSystem('event', { name: 'kill', at: 1, payload })
    return { subscribe: (l) => room.on('kill', l), fire: () => server.socket.deliver(frame) }
  },
  async onChange() {
    const { server, room } = await joined()
    return {
      subscribe: (l) => room.onChange((state) => state.round, l),
      fire() {
        server.state.round++
        server.patch()
      },
    }
  },
  async onAdd() {
    const { server, room } = await joined()
    let count = 0
    return {
      subscribe: (l) => room.onAdd((state) => state.players, l, { immediate: false }),
      fire() {
        server.state.players[`p${++count}`] = { name: 'B', score: 0, x: 0, mines: [] }
        server.patch()
      },
    }
  },
  async onRemove() {
    const { server, room } = await joined()
    let count = 0
    const add = (): void => {
      server.state.players[`p${++count}`] = { name: 'B', score: 0, x: 0, mines: [] }
    }
    add()
    server.patch()
    return {
      subscribe: (l) => room.onRemove((state) => state.players, l),
      fire() {
        delete server.state.players[`p${count}`]
        add()
        server.patch()
      },
    }
  },
  async onPatch() {
    const { server, room } = await joined()
    return { subscribe: (l) => room.onPatch(l), fire: () => server.fullState() }
  },
  async onJoined() {
    const { server, room } = await joined()
    let count = 0
    return {
      subscribe: (l) => room.onJoined(l),
      fire: () => presence(server, `new-${++count}`, true),
    }
  },
  async onLeft() {
    const { server, room } = await joined()
    return {
      subscribe: (l) => room.onLeft(l),
      fire() {
        presence(server, 's2', true)
        presence(server, 's2', false)
      },
    }
  },
  async onPaused() {
    const { server, room } = await joined()
    let isPaused = false
    return {
      subscribe: (l) => room.onPaused(l),
      fire() {
        isPaused = !isPaused
        server.socket.deliver(encodeSystem('paused', { paused: isPaused }))
      },
    }
  },
  async onStatus() {
    const { server, room } = await joined()
    return {
      subscribe: (l) => room.onStatus(l),
      fire: () => server.socket.deliver(encodeSystem('goingAway', { retryMs: 5 })),
    }
  },
  async 'onMessage of a room'() {
    const { server, room } = await joined()
    return {
      subscribe: (l) => room.onMessage(7, l),
      fire: () => server.socket.deliver(encodeFrame(7)),
    }
  },
  async 'onError of a room'() {
    const { server, room } = await joined()
    return { subscribe: (l) => room.onError(l), fire: () => server.socket.deliver(refusal) }
  },
  async 'onMessage of a session'() {
    const { server, session } = await opened()
    return {
      subscribe: (l) => session.onMessage(7, l),
      fire: () => server.socket.deliver(encodeFrame(7)),
    }
  },
  async 'onError of a session'() {
    const { server, session } = await opened()
    return { subscribe: (l) => session.onError(l), fire: () => server.socket.deliver(refusal) }
  },
  async 'onClose of a session'() {
    const { server, session } = await opened()
    return {
      subscribe: (l) => session.onClose(l),
      fire: () => server.socket.serverClose(1006),
      firesOnce: true,
    }
  },
  async 'onChange of a feed state'() {
    const state = createFeedState()
    let n = 0
    return {
      subscribe: (l) => state.onChange(l),
      fire: () =>
        state.apply({
          type: 'snapshot',
          id: null,
          data: { room: 'r', n: ++n, at: 1, state: {} },
        }),
    }
  },
  async 'the class itself'() {
    const listeners = new Listeners<[]>()
    return { subscribe: (l) => listeners.add(l), fire: () => listeners.call() }
  },
}

const refusal = encodeSystem('error', {
  command: 7,
  correlation: undefined,
  code: 'rejected',
  message: '',
  retry: false,
})

async function joined() {
  const server = new FakeServer()
  return { server, room: await server.room() }
}

async function opened() {
  const server = new FakeServer()
  const session = server.client().open()
  await settle()
  server.socket.open()
  return { server, session: await session }
}

function presence(server: FakeServer, sessionId: string, present: boolean): void {
  server.socket.deliver(encodeSystem('presence', { sessionId, name: 'B', present }))
}

/** Keeps the errors that reach the process, as a global handler of the application does. */
const uncaught: unknown[] = []
const note = (error: unknown): void => {
  uncaught.push(error)
}
let others: NodeJS.UncaughtExceptionListener[] = []
beforeEach(() => {
  uncaught.length = 0
  others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note)
})
afterEach(() => {
  process.off('uncaughtException', note)
  for (const other of others) process.on('uncaughtException', other)
})

describe.each(Object.entries(apis))('CN54: %s', (_name, make) => {
  it('calls a listener that subscribes anew from within once for each call', async () => {
    const { subscribe, fire, firesOnce } = await make()
    let calls = 0
    const again = (): void => {
      // Without a bound of its own this would never end where the set is live.
      if (++calls > 50) return
      off()
      off = subscribe(again)
    }
    let off = subscribe(again)
    fire()
    expect(calls).toBe(1)
    if (firesOnce) return
    fire()
    expect(calls).toBe(2)
  })

  it('does not call what was taken out during the call, and calls what was added at the next one', async () => {
    const { subscribe, fire, firesOnce } = await make()
    const calls: string[] = []
    subscribe(() => {
      calls.push('first')
      offThird()
      offFirstAdded ??= subscribe(() => calls.push('added'))
    })
    let offFirstAdded: (() => void) | null = null
    subscribe(() => calls.push('second'))
    const offThird = subscribe(() => calls.push('third'))
    fire()
    expect(calls).toEqual(['first', 'second'])
    if (firesOnce) return
    fire()
    expect(calls.slice(2)).toEqual(['first', 'second', 'added'])
  })

  it('calls a function that was added twice twice, and takes each addition out by itself, once', async () => {
    const { subscribe, fire } = await make()
    let calls = 0
    const count = (): void => {
      calls++
    }
    const off = subscribe(count)
    subscribe(count)
    subscribe(count)
    off()
    off()
    fire()
    expect(calls).toBe(2)
  })

  it('calls the others when one throws; the error reaches the global handler', async () => {
    const { subscribe, fire } = await make()
    const error = new Error('a mistake of the game')
    let calls = 0
    subscribe(() => {
      throw error
    })
    subscribe(() => calls++)
    fire()
    expect(calls).toBe(1)
    await new Promise(setImmediate)
    expect(uncaught).toEqual([error])
  })
})

it('CN54: the end of a room is the last that its listeners hear, whoever brings it about', async () => {
  const { server, room } = await joined()
  const heard: string[] = []
  room.onStatus((status) => {
    heard.push(`1 ${status}`)
    if (status === 'reconnecting') void room.leave()
  })
  room.onStatus((status) => heard.push(`2 ${status}`))
  server.socket.serverClose(1006)
  await settle()
  expect(heard).toEqual(['1 reconnecting', '1 closed', '2 closed'])
  expect(server.socket.frames(system.leave.id)).toHaveLength(0)
})

it('CN54: a listener that is taken out by one entry hears nothing of the others of the same patch', async () => {
  const { server, room } = await joined()
  const seen: string[] = []
  const off = room.onAdd(
    (state) => state.players,
    (_player, key) => {
      seen.push(key)
      off()
    },
    { immediate: false },
  )
  for (const key of ['a', 'b', 'c'])
    server.state.players[key] = { name: key, score: 0, x: 0, mines: [] }
  server.patch()
  expect(seen).toHaveLength(1)
})
