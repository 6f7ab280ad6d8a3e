// Spectators that wait, in a process of their own: {port, rooms, streams, isSlow} opens so many more, spread over the
// rooms; slow ones never read again once they are open. 'late' gives how late events came, in ms, and 'ended' how many
// streams that read the server has closed.
import net from 'node:net'

const DIAL_AT_ONCE = 100
const T = /"t":([\d.]+)/g
let times = []
const ended = { others: 0 }

process.on('message', (order) => {
  if (order === 'late') {
    times.sort((a, b) => a - b)
    const at = (part) => times[Math.floor(times.length * part)] ?? null
    process.send({ count: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) })
    times = []
  } else if (order === 'ended') process.send(ended)
  else void open(order).then(() => process.send({ ready: true }))
})
process.on('disconnect', () => process.exit(0))

async function open({ port, paths, streams, isSlow = false }) {
  for (let opened = 0; opened < streams;) {
    const batch = []
    for (; batch.length < DIAL_AT_ONCE && opened < streams; opened++)
      batch.push(dial({ port, path: paths[opened % paths.length], isSlow }))
    await Promise.all(batch)
  }
}

function dial({ port, path, isSlow }) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!isSlow) ended.others++
      reject(new Error(`The stream of ${path} was closed`))
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`)
    socket.once('data', (head) => {
      if (!head.includes(' 200 ')) return reject(new Error(head.toString().slice(0, 80)))
      if (isSlow) socket.pause()
      else socket.on('data', note)
      resolve()
    })
  })
}

function note(bytes) {
  const now = performance.timeOrigin + performance.now()
  for (const [, t] of bytes.toString('latin1').matchAll(T)) times.push(now - Number(t))
}
