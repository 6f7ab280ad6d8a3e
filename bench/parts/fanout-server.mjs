// SSE under test, in a process of its own: `node fanout-server.mjs ours|bare`. Ours is the whole path from a
// room's log to the socket; bare writes the same bytes, encoded once, corked, in a turn of its own.
import uws from 'uWebSockets.js'

const kind = process.argv[2]
// One event is some 200 bytes on the wire.
const PAD = 'x'.repeat(Number(process.env.FANOUT_PAD ?? 96))
const TURN_MS = 10
const start = kind === 'ours' ? startOurs : startBare
const { port, publish, streams } = await start()
// A server in use has compiled its code long ago: in the first seconds the compiler's threads are a good part of what is
// measured. No stream is open yet, so that for bare there is nothing to do.
for (let turn = 0; turn < 200; turn++) {
  for (let index = 0; index < 40; index++) publish(Date.now())
  await new Promise((resolve) => setTimeout(resolve, TURN_MS))
}
process.send({ port })

let timer = null
process.on('message', (question) => {
  if (question === 'cpu') process.send({ cpu: process.cpuUsage() })
  else if (question === 'streams') process.send({ streams: streams() })
  else if (question === 'memory') {
    for (let round = 0; round < 4; round++) globalThis.gc?.()
    process.send({ rss: process.memoryUsage.rss() })
  } else if (question === 'stop') {
    clearInterval(timer)
    process.send({ stopped: true })
  } else if (question.perTurn) play(question.perTurn)
})
process.on('disconnect', () => process.exit(0))

/** So many events come every 10 ms. A late turn is not made up for: bunched events would flatter a server that joins them. */
function play(perTurn) {
  timer = setInterval(() => {
    for (let index = 0; index < perTurn; index++) publish(Date.now())
  }, TURN_MS)
  process.send({ playing: true })
}

function startBare() {
  const all = new Set()
  let seq = Date.now() * 1000
  const app = uws.App()
  app.get('/*', (response) => {
    response.cork(() => response.writeHeader('Content-Type', 'text/event-stream').write(': ok\n\n'))
    all.add(response)
    response.onAborted(() => all.delete(response))
  })
  const publish = (now) => {
    seq++
    const data = `{"room":"bench","n":${seq % 10_000},"at":${now},"data":{"text":"${PAD}"}}`
    const bytes = Buffer.from(`id: ${seq}\nevent: note\ndata: ${data}\n\n`)
    for (const response of all) response.cork(() => response.write(bytes))
  }
  return new Promise((resolve) => {
    app.listen('127.0.0.1', 0, (socket) =>
      resolve({ port: uws.us_socket_local_port(socket), publish, streams: () => all.size }),
    )
  })
}

async function startOurs() {
  const from = (path) => import(new URL(`../../server/dist/${path}`, import.meta.url).href)
  const { UwsTransport } = await from('transport/uws/transport.js')
  const { createFeed } = await from('feed/create-feed.js')
  const { feedRoutes } = await from('feed/routes.js')
  const { Router } = await from('http/router.js')
  const { createMetrics } = await from('process/metrics.js')
  const { createOutbox } = await from('outbox/create-outbox.js')
  const { MemoryStore } = await from('outbox/stores/memory/store.js')
  const { SystemClock } = await from('process/clock.js')
  const { silentLogger } = await from('process/logger.js')
  const { checkLimits } = await from('process/limits.js')
  const clock = new SystemClock()
  const logger = silentLogger
  const limits = checkLimits({
    maxStreams: 100_000,
    maxStreamsPerIp: 100_000,
    readsPerSecondPerIp: 100_000,
  })
  let ids = 0
  const outbox = createOutbox(new MemoryStore({ clock }), limits, {
    clock,
    logger,
    randomId: () => `bench-own-${ids++}-000000`,
  })
  await outbox.start()
  const facts = { type: 'bench', delayMs: 0, isPrivate: false, isLive: true }
  const directory = {
    list: () => [],
    find: (id) => (id === 'bench' ? facts : null),
    ids: () => ['bench'],
    onChange: () => () => {},
  }
  const parts = createFeed({
    outbox,
    directory,
    clock,
    limits,
    logger,
    keyFor: () => Buffer.alloc(32),
  })
  const router = new Router({
    logger,
    metrics: createMetrics(),
    isOriginAllowed: () => true,
    checkKey: () => {},
  })
  router.addAll(feedRoutes(parts))
  const transport = new UwsTransport({
    maxMessageBytes: 1024,
    maxBufferedBytes: 65_536,
    idleTimeoutMs: 60_000,
  })
  const refuse = { upgrade: () => ({ accept: false, status: 403, code: 'forbidden' }) }
  const port = await transport.listen(
    { host: '127.0.0.1', port: 0 },
    { ...refuse, http: router.handle },
  )
  const room = await outbox.openRoom('bench', {
    onFenced() {},
    onGivenUp() {},
    onWritable() {},
    onRefused() {},
    onSnapshotDue: () => snapshot(),
  })
  const snapshot = () => room.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' })
  room.append({ type: 'patch', data: '{}' })
  const data = `{"text":"${PAD}"}`
  return {
    port,
    publish: () => room.append({ type: 'note', data }),
    streams: () => parts.feed.streamCount,
  }
}
