import { connect } from '@ringside/client'
import { createServer } from '@ringside/server'
import { game } from './game.ts'

const server = createServer(game)
server.room('counter', {
  onCreate: () => ({ total: 0, players: {} }),
  onJoin(room, session) {
    room.state.players[session.id] = { name: session.name, clicks: 0 }
  },
  commands: {
    add(room, session, { by }) {
      room.state.total += by
      room.emit('added', { by, who: session.id })
      return { total: room.state.total }
    },
  },
})
const port = await server.listen({ port: 0 })
const room = await connect(game, `http://127.0.0.1:${port}`).joinOrCreate('counter')
const { total } = await room.request('add', { by: 42 })
const doubled: number = total * 2
if (doubled !== 84) throw new Error(`Expected 84, got ${doubled}`)
await room.leave()
await server.close()
console.log('ok: typed consumer')
