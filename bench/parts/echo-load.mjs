// The load, in a process of its own: raw sockets with frames built beforehand, so that the generator
// costs far less than the server. Parent's messages: {echo}, {idle}, {listen}, 'pause', 'resume', 'count', 'stop'.
import net from 'node:net'

let sockets = []
let received = 0
/** While it is set, answers are counted and what they are due waits. */
let isPaused = false
/** Per socket, what it is due. */
const due = new Map()
/** The reason that the run counts for nothing: a closed connection or another answer would pass for an echo. */
let fault = null

process.on('message', (order) => {
  if (order === 'stop') {
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
    sockets = []
    process.send({ stopped: true })
  } else if (order === 'pause') {
    isPaused = true
    process.send({ paused: true })
  } else if (order === 'resume') {
    isPaused = false
    for (const [socket, bytes] of due) socket.write(bytes)
    due.clear()
    process.send({ resumed: true })
  } else if (order === 'count') process.send({ received, fault })
  else void open(order).then(() => process.send({ ready: true }))
})
process.on('disconnect', () => process.exit(0))

async function open({ port, connections, inFlight, payload, id }) {
  received = 0
  const message = Buffer.alloc(4 + (payload?.length ?? 0))
  message.writeUInt32BE(id ?? 0)
  if (payload) Buffer.from(payload).copy(message, 4)
  const frame = maskedFrame(message)
  const burst = Buffer.concat(Array.from({ length: Math.max(1, inFlight) }, () => frame))
  const replyBytes = 2 + message.length
  const all = []
  for (let index = 0; index < connections; index++) {
    all.push(
      dial(port, { id, burst, frameBytes: frame.length, replyBytes, isEchoing: inFlight > 0 }),
    )
    if (all.length % 200 === 0) await Promise.all(all)
  }
  sockets = await Promise.all(all)
  for (const socket of sockets) if (inFlight > 0) socket.write(burst)
}

/** An all-zero mask leaves the bytes as they are; the server unmasks all the same. */
function maskedFrame(message) {
  if (message.length > 125) throw new Error('Expected a short message')
  return Buffer.concat([Buffer.from([0x82, 0x80 | message.length, 0, 0, 0, 0]), message])
}

function dial(port, { id, burst, frameBytes, replyBytes, isEchoing }) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.write(
      'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    let rest = 0
    socket.once('data', (head) => {
      if (!head.includes('101 Switching')) reject(new Error(head.toString()))
      socket.once('data', (chunk) => {
        const isEcho = chunk[0] === 0x82 && chunk[1] === replyBytes - 2
        if (!isEcho || (isEchoing && chunk.readUInt32BE(2) !== id))
          fault ??= `Expected the same command of ${replyBytes - 6} bytes, got ${chunk.toString('hex', 0, 24)}`
      })
      socket.on('close', () => {
        fault ??= 'A connection was closed'
      })
      socket.on('data', (chunk) => {
        rest += chunk.length
        const count = Math.floor(rest / replyBytes)
        rest -= count * replyBytes
        received += count
        if (!isEchoing || count === 0) return
        const bytes = burst.subarray(0, count * frameBytes)
        if (!isPaused) socket.write(bytes)
        else due.set(socket, due.has(socket) ? Buffer.concat([due.get(socket), bytes]) : bytes)
      })
      resolve(socket)
    })
  })
}
