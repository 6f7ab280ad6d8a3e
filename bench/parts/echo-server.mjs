// The server under test, in a process of its own: `node echo-server.mjs ours|bare`. Answers the
// parent's messages 'cpu', 'memory' and 'broadcast'.
import uws from 'uWebSockets.js'

const kind = process.argv[2]
const PAYLOAD_BYTES = 32
const start = kind === 'ours' ? startOurs : startBare
const { port, publish } = await start()
process.send({ port })

process.on('message', (question) => {
  if (question === 'cpu') process.send({ cpu: process.cpuUsage() })
  else if (question === 'memory') {
    for (let round = 0; round < 4; round++) globalThis.gc?.()
    process.send({ rss: process.memoryUsage.rss() })
  } else if (question.broadcast) void broadcast(question.broadcast)
})
process.on('disconnect', () => process.exit(0))

async function broadcast({ turns, perTurn, everyMs }) {
  const payload = new Uint8Array(PAYLOAD_BYTES)
  for (let turn = 0; turn < turns; turn++) {
    for (let index = 0; index < perTurn; index++) publish(payload)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  process.send({ done: true })
}

function startBare() {
  const app = uws.App()
  app.ws('/*', {
    maxPayloadLength: 1024 * 1024,
    idleTimeout: 60,
    open: (ws) => ws.subscribe('all'),
    message: (ws, message, isBinary) => ws.send(message, isBinary),
  })
  return new Promise((resolve) => {
    app.listen('127.0.0.1', 0, (socket) =>
      resolve({
        port: uws.us_socket_local_port(socket),
        publish: (payload) => {
          const frame = new Uint8Array(4 + payload.length)
          frame.set(payload, 4)
          app.publish('all', frame, true)
        },
      }),
    )
  })
}

async function startOurs() {
  const from = (path) => import(new URL(`../../server/dist/${path}`, import.meta.url).href)
  const { UwsTransport } = await from('transport/uws/transport.js')
  const { SessionTable } = await from('session/session-table.js')
  const { CommandRegistry } = await from('call/command-table.js')
  const { Dispatcher } = await from('call/dispatcher.js')
  const { createOriginCheck } = await from('limit/origin.js')
  const { PrometheusMetrics } = await from('process/metrics.js')
  const { SystemClock } = await from('process/clock.js')
  const { silentLogger } = await from('process/logger.js')
  const { checkLimits } = await from('process/limits.js')
  const { typedGame } = await import('./typed-game.mjs')
  const limits = checkLimits({
    ratePerSecond: 1e9,
    rateBurst: 1e9,
    connectionsPerSecondPerIp: 1e6,
    maxConnectionsPerIp: 1e6,
    // Idle sessions of one address, which say nothing.
    maxSilentPerIp: 1e6,
    firstMessageMs: 60_000,
    maxConnections: 100_000,
  })
  const registry = new CommandRegistry(typedGame.commands)
  registry.addRaw(1, (_, payload) => payload)
  // An array of its own, as a game that answers with something else than it was sent.
  const kept = new Uint8Array(PAYLOAD_BYTES)
  registry.addRaw(3, () => kept)
  registry.addTyped(typedGame.commands.move, (_, move) => ({
    x: move.x,
    y: move.y,
    tick: move.tick,
    name: move.name,
  }))
  registry.seal()
  const transport = new UwsTransport({
    maxMessageBytes: limits.maxPayloadBytes + 4,
    maxBufferedBytes: limits.maxQueuedBytes,
    idleTimeoutMs: limits.idleTimeoutMs,
  })
  const shared = {
    limits,
    clock: new SystemClock(),
    logger: silentLogger,
    metrics: new PrometheusMetrics(),
  }
  const table = new SessionTable({
    ...shared,
    registry,
    dispatcher: new Dispatcher(shared),
    desk: {
      take() {
        throw new Error('no rooms here')
      },
    },
    hooks: { onConnect: null, onDisconnect: null },
    isOriginAllowed: createOriginCheck(),
    random: Math.random,
    isFull: () => false,
    publish: (topic, frame) => transport.publish(topic, frame),
  })
  const http = (_, response) => response.send(404, {}, '')
  const port = await transport.listen({ host: '127.0.0.1', port: 0 }, { ...table.handlers, http })
  return { port, publish: (payload) => table.broadcast(9, payload) }
}
