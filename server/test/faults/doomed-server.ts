// A server that dies by kill -9 of itself soon after a player has joined, or left. Run as a child:
// node doomed-server.ts <uri> <database> <join or leave> <ms>. Prints the room's id.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeSystem, readCommandId, system } from '@ringside/protocol'
import { createServer } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'

const [uri = '', database = '', what = '', delayMs = '0'] = process.argv.slice(2)

const server = createServer(testGame, { store: new MongoStore({ uri, database }) })
server.room('arena', { ...arenaHandlers(), tickHz: 0, onTick: () => {} })
await server.listen({ port: 0 })
const room = await server.createRoom('arena')
writeSync(1, `room ${room}\n`)
// Its first state must be in the log: without that there is no room.
await sleep(300)
const { ticket } = await server.reserveSeat(room, { name: 'Ada' })
const socket = server.loopback()
socket.onopen = () => socket.send(encodeSystem('join', { ticket }))
socket.onmessage = ({ data }) => {
  const id = readCommandId(new Uint8Array(data))
  if (id === (what === 'join' ? system.joined.id : system.left.id)) void die()
  else if (id === system.joined.id) void leave()
}

async function leave(): Promise<void> {
  await sleep(500)
  socket.send(encodeSystem('leave', {}))
}

async function die(): Promise<void> {
  if (Number(delayMs) > 0) await sleep(Number(delayMs))
  process.kill(process.pid, 'SIGKILL')
}
