// Spectators that note how old each event is when it reaches their socket. Prints a line once all of them are shown
// something, takes the windows (JSON) as a line, and prints what it noted in them.
// node durable-load.mjs <port> <streams> <room> ...
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Windows, now } from './windows.mjs'

/** Events may still be under way for this long when the last window ends, in ms. */
const GRACE_MS = 2_000

const [port, streams, ...rooms] = process.argv.slice(2)
let windows = null

function watch(room) {
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /rooms/${room}/feed HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  let rest = ''
  socket.on('data', (bytes) => {
    const at = now()
    const text = rest + bytes.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    rest = text.slice(end)
    for (const [, t] of text.slice(0, end).matchAll(/"t":([\d.]+)/g))
      windows?.add(Number(t), at - t)
  })
  socket.on('close', () => {
    throw new Error(`Expected a stream of room '${room}' that stays open`)
  })
  return once(socket, 'data')
}

await Promise.all(
  Array.from({ length: Number(streams) }, (_, index) => watch(rooms[index % rooms.length])),
)
console.log(JSON.stringify({ streams: Number(streams) }))
const [plan] = await once(createInterface({ input: process.stdin }), 'line')
windows = new Windows(JSON.parse(plan))
setTimeout(
  () => {
    console.log(JSON.stringify(windows.results()))
    process.exit(0)
  },
  windows.end + GRACE_MS - now(),
)
