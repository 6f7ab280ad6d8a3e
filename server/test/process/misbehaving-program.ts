// A program whose game fails in every place where it is called, and in what it leaves behind there. It prints its log
// as lines of JSON and ends with 0 when it is still alive at the end. The test beside it runs it.
import { command, defineGame, num, schema } from '@ringside/protocol'
import { connect } from '../../../client/src/index.ts'
import { createServer } from '../../src/index.ts'

const Empty = schema({})
const game = defineGame({
  commands: { act: command(0x0100, {}), open: command(0x0101, {}, { reply: { x: num(1) } }) },
  rooms: { bad: { state: schema({ x: num(1) }) }, good: { state: schema({ x: num(1) }) } },
})

const print =
  (level: string) =>
  (fields: object, message?: string): void => {
    const { err, ...rest } = fields as { err?: Error }
    const text = err instanceof Error ? err.message : err === undefined ? undefined : String(err)
    process.stdout.write(`${JSON.stringify({ level, message, err: text, ...rest })}\n`)
  }
const logger = { debug() {}, info() {}, warn: print('warn'), error: print('error') }

/** Fails at `place` in each way there is; the last one is what the hook itself does. */
function fail(place: string, room?: { state: { x: number } }): never {
  setTimeout(() => {
    throw new Error(`${place}: bare timeout`)
  }, 0)
  setTimeout(() => {
    if (room) room.state.x = 'bad' as never
  }, 0)
  void Promise.reject(new Error(`${place}: bare promise`))
  queueMicrotask(() => {
    throw new Error(`${place}: microtask`)
  })
  setImmediate(() => {
    void (async () => {
      await Promise.resolve()
      throw new Error(`${place}: after an await`)
    })()
  })
  throw new Error(`${place}: itself`)
}

/** The same in a promise, where the types do not allow one. */
const late = (place: string): never =>
  (async () => {
    await Promise.resolve()
    throw new Error(`${place}: promised`)
  })() as never

const whenUncaught = process.argv[2] === 'crash' ? 'crash' : 'log'
const server = createServer(game, { logger, isDevelopment: true, whenUncaught })
let isGoodTicking = 0
server.room('good', {
  emptyTimeoutMs: null,
  tickHz: 20,
  onCreate: () => ({ x: 0 }),
  onTick: () => void isGoodTicking++,
})
let ticks = 0
server.room('bad', {
  emptyTimeoutMs: null,
  reconnectGraceMs: 100,
  tickHz: 20,
  onCreate: (_room, options) => (options === 'fail' ? fail('onCreate') : { x: 0 }),
  onAuth: (_room, { options }) => options !== 'refuse' || fail('onAuth'),
  onJoin(room) {
    room.after(10, () => fail('timer', room))
    room.after(20, () => late('timer'))
    late('onJoin')
    return fail('onJoin', room)
  },
  onDrop: (room) => fail('onDrop', room),
  onReconnect: (room) => fail('onReconnect', room),
  onLeave: (room) => fail('onLeave', room),
  onTick: (room) =>
    ticks++ === 3 ? fail('onTick', room) : ticks === 5 ? late('onTick') : undefined,
  onDispose: (room) => fail('onDispose', room),
  onDrain: (room) => fail('onDrain', room),
  onError: () => late('onError'),
  commands: {
    act: (room) => fail('act', room),
    open: async () => {
      await Promise.resolve()
      return fail('open')
    },
  },
})
server.command(7, () => fail('raw'))
server.route('GET', '/fails', () => fail('route'))
server.route('GET', '/late', async () => late('route'))
server.rpc('fails', Empty, () => fail('method'))
server.onConnect(() => fail('onConnect'))
server.onDisconnect(() => fail('onDisconnect'))

const port = await server.listen({ port: 0, host: '127.0.0.1' })
const base = `http://127.0.0.1:${port}`
const client = connect(game, base)
const ignore = (): void => {}
await server.createRoom('good')
await client.create('bad', { options: 'fail' }).catch(ignore)
const room = await client.create('bad')
await client.joinById(room.id, { options: 'refuse' }).catch(ignore)
room.send('act', {})
room.send(7, new Uint8Array(1))
await room.request('open', {}).catch(ignore)
await fetch(`${base}/fails`)
await fetch(`${base}/late`)
await client.rpc('fails').catch(ignore)
await new Promise((resolve) => setTimeout(resolve, 400))
await room.leave()
// Nothing of the framework has called this.
setTimeout(() => {
  throw new Error('outside: bare timeout')
}, 0)
await new Promise((resolve) => setTimeout(resolve, 200))
const before = isGoodTicking
await new Promise((resolve) => setTimeout(resolve, 300))
await server.close()
process.stdout.write(`${JSON.stringify({ level: 'end', ticked: isGoodTicking - before })}\n`)
