// Fills rooms of a running arena with bots that connect by WebSocket, until it is stopped.
//
//   node examples/arena/scripts/bots.mjs http://127.0.0.1:8080 [rooms] [bots in each]
//
// Prints the ids of the rooms as one line of JSON once all bots are seated.
import { SystemClock } from '@ringside/server'
import { connect } from '@ringside/client'
import { BotSquad } from '../dist/server/bots.js'
import { game } from '../dist/shared/game.js'

const [address = 'http://127.0.0.1:8080', rooms = '1', bots = '8'] = process.argv.slice(2)
/** This stays below the server's limit of joins a second from one address. */
const JOIN_PAUSE_MS = 30

const client = connect(game, address)
const logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.error(message, fields),
  error: (fields, message) => console.error(message, fields),
}
const squads = []
const roomIds = []
for (let index = 0; index < Number(rooms); index++) {
  let roomId = null
  const squad = new BotSquad({
    join: async (name) => {
      await new Promise((resolve) => {
        setTimeout(resolve, JOIN_PAUSE_MS)
      })
      const room =
        roomId === null
          ? await client.create('arena', { name })
          : await client.joinById(roomId, { name })
      roomId = room.id
      return room
    },
    clock: new SystemClock(),
    logger,
    count: Number(bots),
    seed: index,
  })
  await squad.start()
  squads.push(squad)
  roomIds.push(roomId)
}
process.stdout.write(`${JSON.stringify(roomIds)}\n`)

process.on('SIGTERM', () => {
  void Promise.all(squads.map((squad) => squad.stop())).then(() => process.exit(0))
})
