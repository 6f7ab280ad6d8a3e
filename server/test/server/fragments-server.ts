// A server on real sockets that says how much memory it has. Run as a child: node fragments-server.ts <options as JSON>.
// Prints its port; then, for each line that it reads, its resident bytes and open sessions.
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createServer } from '../../src/index.ts'
import type { ServerOptions } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'

const server = createServer(testGame, JSON.parse(process.argv[2] ?? '{}') as ServerOptions)
const port = await server.listen({ port: 0 })
writeSync(1, `${port}\n`)
createInterface({ input: process.stdin })
  .on('line', () => {
    globalThis.gc?.()
    writeSync(1, `${process.memoryUsage.rss()} ${server.sessionCount}\n`)
  })
  .on('close', () => process.exit(0))
