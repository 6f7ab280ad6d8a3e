// Readers of event streams, in a process of their own: raw sockets that count the ends of events and, on a few
// of them, how late events came.
import net from 'node:net'

let sockets = []
let received = 0
let lateness = []
const SAMPLED = 20
const AT = Buffer.from('"at":')

process.on('message', (order) => {
  if (order === 'stop') {
    for (const socket of sockets) socket.destroy()
    sockets = []
    process.send({ stopped: true })
  } else if (order === 'count') {
    lateness.sort((a, b) => a - b)
    const p99 = lateness[Math.floor(lateness.length * 0.99)] ?? 0
    process.send({ received, p99 })
    lateness = []
  } else void open(order).then(() => process.send({ ready: true }))
})
process.on('disconnect', () => process.exit(0))

const DIAL_AT_ONCE = 100

async function open({ port, streams }) {
  const every = Math.max(1, Math.floor(streams / SAMPLED))
  for (let opened = 0; opened < streams;) {
    const batch = []
    for (; batch.length < DIAL_AT_ONCE && opened < streams; opened++)
      batch.push(dial(port, opened % every === 0))
    sockets.push(...(await Promise.all(batch)))
  }
}

function dial(port, isSampled) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.write('GET /rooms/bench/feed HTTP/1.1\r\nHost: bench\r\n\r\n')
    let endsInLf = false
    socket.on('data', (chunk) => {
      if (endsInLf && chunk[0] === 10) received++
      endsInLf = chunk[chunk.length - 1] === 10 && chunk[chunk.length - 2] !== 10
      for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) received++
      if (isSampled) sample(chunk)
    })
    socket.once('data', () => resolve(socket))
  })
}

/** The last event of the chunk: ms since it was published, both processes on one machine's clock. */
function sample(chunk) {
  const at = chunk.lastIndexOf(AT)
  if (at < 0) return
  const sentAt = Number.parseInt(chunk.toString('latin1', at + 5, at + 18), 10)
  if (sentAt > 1e12) lateness.push(Date.now() - sentAt)
}
