import { decodeSystem, encodeFrame, readCommandId, system } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { maskAddress } from '@ringside/server/mongo'
import { game } from './dist/game.js'

if (maskAddress('mongodb://user:secret@db') !== 'mongodb://***@db')
  throw new Error('Expected a masked address')
const server = createServer(game)
server.command(0x0001, (session, bytes) => session.send(0x0001, bytes))
const port = await server.listen({ port: 0 })
const { default: WebSocket } = await import('ws')
const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
socket.on('open', () => {
  socket.send(encodeFrame(0x0001, new Uint8Array([7])))
  socket.send(encodeFrame(0x0002))
})
const frames = []
await new Promise((resolve, reject) => {
  socket.on('error', reject)
  socket.on('message', (data) => frames.push(new Uint8Array(data)) === 2 && resolve())
})
if (readCommandId(frames[0]) !== 0x0001 || frames[0][4] !== 7) throw new Error('Expected the echo')
if (readCommandId(frames[1]) !== system.error.id) throw new Error('Expected an ERROR')
if (decodeSystem('error', frames[1]).code !== 'unknown_command')
  throw new Error('Expected its code')
socket.close()
await server.close()
console.log('ok: plain consumer')
