// Spectators that note how old each event is when it reaches their socket.
// node durable-load.mjs <windows, JSON> <port> <streams> <room> ...
import { connect } from 'node:net'
import { Windows, now } from './windows.mjs'

/** What is still under way when the last window ends. */
const GRACE_MS = 2_000

const [plan, port, streams, ...rooms] = process.argv.slice(2)
const windows = new Windows(JSON.parse(plan))

for (let index = 0; index < Number(streams); index++) {
  const room = rooms[index % rooms.length]
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /rooms/${room}/feed HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  let rest = ''
  socket.on('data', (bytes) => {
    const at = now()
    const text = rest + bytes.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    rest = text.slice(end)
    for (const [, t] of text.slice(0, end).matchAll(/"t":([\d.]+)/g)) windows.add(Number(t), at - t)
  })
  socket.on('error', () => {})
}
setTimeout(
  () => {
    console.log(JSON.stringify(windows.results()))
    process.exit(0)
  },
  windows.end + GRACE_MS - now(),
)
