import { fileURLToPath } from 'node:url'
import { addressOf, closeOnSignal, openProgram, runProgram } from '@ringside/example-support'
import { defineGame } from '@ringside/protocol'
import { createServer, serveFolder } from '@ringside/server'
import { registerChat } from './chat.ts'

const PAGES = fileURLToPath(new URL('../public', import.meta.url))

runProgram(async () => {
  const { environment, clock, logger, options, dead } = await openProgram(8081)
  const server = createServer(defineGame({}), options)
  registerChat(server, clock)
  server.route('GET', '/*', serveFolder({ folder: PAGES }))
  closeOnSignal(() => server.close(), logger, dead)
  const { host } = environment
  const address = addressOf(host, await server.listen({ port: environment.port, host }))
  process.stdout.write(`The chat is open: ${address}/\n`)
  if (environment.isKeyMade) process.stdout.write(`API key: ${server.apiKey} (header X-API-Key)\n`)
})
