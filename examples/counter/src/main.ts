import { addressOf, closeOnSignal, openProgram, runProgram } from '@ringside/example-support'
import { createCounter } from './server.ts'

runProgram(async () => {
  const { environment, logger, options, dead, describeLog } = await openProgram(8082)
  const server = createCounter(options)
  closeOnSignal(() => server.close(), logger, dead)
  const { host } = environment
  const address = addressOf(host, await server.listen({ port: environment.port, host }))
  const key = environment.isKeyMade ? ` (API key ${server.apiKey})` : ''
  process.stdout.write(`The counter runs on ${address}${key}\n`)
  process.stdout.write(`Log: ${describeLog(server.rooms.length)}\n`)
  process.stdout.write(`Play: node examples/counter/dist/play.js ${address}\n`)
})
