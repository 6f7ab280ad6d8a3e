// Spectators that note how old each event is when it reaches their socket.
// node durable-load.mjs <port> <streams> <warm-up ms> <measured ms> <room> ...
import { connect } from 'node:net'

const [port, streams, warmUpMs, measureMs, ...rooms] = process.argv.slice(2)
const latencies = []
let isMeasuring = false

for (let index = 0; index < Number(streams); index++) {
  const room = rooms[index % rooms.length]
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /rooms/${room}/feed HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  let rest = ''
  socket.on('data', (bytes) => {
    const now = performance.timeOrigin + performance.now()
    const text = rest + bytes.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    rest = text.slice(end)
    if (isMeasuring)
      for (const [, t] of text.slice(0, end).matchAll(/"t":([\d.]+)/g)) latencies.push(now - t)
  })
  socket.on('error', () => {})
}
setTimeout(() => {
  isMeasuring = true
}, Number(warmUpMs))
setTimeout(
  () => {
    latencies.sort((a, b) => a - b)
    const at = (part) => latencies[Math.floor(latencies.length * part)] ?? null
    console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), count: latencies.length }))
    process.exit(0)
  },
  Number(warmUpMs) + Number(measureMs),
)
