// A server on real sockets, attacked by the tests of this folder. Run as a child: node attacked-server.ts <options as JSON>.
// Prints its port; then, for each line that it reads, one line of JSON with what it holds and what it has logged.
import { readdirSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { attackedGame } from './attacked-game.ts'
import { createServer, reject } from '../../src/index.ts'
import type { ServerOptions } from '../../src/index.ts'

const logged: string[] = []
const note = (level: string) => (fields: object, message: string) =>
  void logged.push(JSON.stringify({ level, message, ...fields }))
const uncaught: string[] = []
process.on('uncaughtException', (error) => void uncaught.push(String(error)))
process.on('unhandledRejection', (error) => void uncaught.push(String(error)))

const server = createServer(attackedGame, {
  isDevelopment: true,
  logger: { debug() {}, info: note('info'), warn: note('warn'), error: note('error') },
  ...(JSON.parse(process.argv[2] ?? '{}') as ServerOptions),
})
server.command(0x0001, (_, payload) => payload)
server.command(attackedGame.commands.typed, () => undefined)
server.rpc('echo', (params) => params ?? null)
server.room('arena', {
  maxClients: 100,
  onCreate: (_room, options) => ({ said: JSON.stringify(options), players: {} }),
  onJoin(room, session) {
    room.state.players[session.id] = { name: session.name, x: 0 }
  },
  onLeave(room, session) {
    delete room.state.players[session.id]
  },
  commands: {
    say(room, session, { text }) {
      if (text === 'nothing') throw reject('rejected', 'Nothing was said')
      room.state.said = text
      room.setMetadata({ said: text })
      room.emit('said', { by: session.name, text })
      return { text }
    },
    move(room, session, { x }) {
      const player = room.state.players[session.id]
      if (player) player.x = x
      return { x }
    },
  },
})
const port = await server.listen({ port: 0 })
writeSync(1, `${port}\n`)
createInterface({ input: process.stdin })
  .on('line', () => {
    globalThis.gc?.()
    const answer = {
      rssBytes: process.memoryUsage.rss(),
      sessions: server.sessionCount,
      descriptors: readdirSync('/proc/self/fd').length,
      timers: process.getActiveResourcesInfo().length,
      logged: logged.splice(0),
      uncaught: uncaught.splice(0),
    }
    writeSync(1, `${JSON.stringify(answer)}\n`)
  })
  .on('close', () => process.exit(0))
